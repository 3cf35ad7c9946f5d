"""Every transcript of Spark, over real sockets, whole and byte by byte; and the signature by its vectors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

import nbstream
from nbstream.messages import TextDelta
from nbstream.providers.spark_sign import signed
from tests.fakes import spark_http_server, spark_server, vectors
from tests.fakes.spark_frames import transcripts
from tests.fakes.spark_gate import verify

TRANSCRIPTS = transcripts()


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Any]]:
    with spark_server.SparkServer() as sockets, spark_http_server.SparkHTTPServer() as http:
        yield {"spark-ws": sockets, "spark-http": http}


def asked(servers: dict[str, Any], name: str, how: str) -> nbstream.Stream:
    transcript = TRANSCRIPTS[name]
    server = servers[transcript["transport"]]
    options: dict[str, Any] = {"max_tokens": transcript.get("request", {}).get("max_tokens"), "retries": 0}
    if transcript["transport"] == "spark-http":
        given = spark_http_server.CREDENTIALS
        return nbstream.stream(
            "hi", model=f"spark-http:{how}:{name}", base_url=server.url, credentials=given, **options
        )
    address = f"{server.door}/do/{how}:{name}"
    return nbstream.stream(
        "hi", model="spark:any", base_url=address, credentials=spark_server.CREDENTIALS, **options
    )


def read_with_for(stream: nbstream.Stream) -> list[Any]:
    return list(stream.events())


def read_with_async_for(stream: nbstream.Stream) -> list[Any]:
    async def read() -> list[Any]:
        return [event async for event in stream.events()]

    return asyncio.run(read())


@pytest.mark.parametrize("how", ["vector", "vector-bytes"])
@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_a_transcript_gives_what_it_should(name: str, how: str, servers: dict[str, Any]) -> None:
    transcript = TRANSCRIPTS[name]
    expect = transcript["expect"]
    stream = asked(servers, name, how)
    error: nbstream.NbstreamError | None = None
    try:
        # Both faces, in turn: they share one core, and each is whole.
        (read_with_for if how == "vector" else read_with_async_for)(stream)
    except nbstream.NbstreamError as caught:
        error = caught
    answer = stream.answer
    # What came was handed out; what was withdrawn is in the answer no more.
    came = "".join(event.text for event in stream._run.progress.events if isinstance(event, TextDelta))
    assert came == expect["text"]
    assert answer.text == ("" if expect["discard_text"] else expect["text"])
    assert answer.reasoning == expect["reasoning"]
    calls = [{"name": call.name, "arguments": call.arguments} for call in answer.tool_calls]
    assert calls == [{"name": c["name"], "arguments": c["arguments"]} for c in expect["tool_calls"]]
    compare(error, transcript)
    if error is None:
        assert answer.finish_reason in expect.get("finish_reason_any", [expect["finish_reason"]])
        assert answer.raw_finish_reason == expect["raw_finish_reason"]
        usage = answer.usage and [answer.usage.input_tokens, answer.usage.output_tokens]
        wanted = expect["usage"]
        assert usage == (wanted and [wanted["prompt_tokens"], wanted["completion_tokens"]])
        if transcript["transport"] == "spark-ws":
            assert [one.data for one in answer.opaque] == [{"sid": expect["id"]}]
    for source in expect.get("search_results", []):
        assert any(source["url"] in note and source["title"] in note for note in answer.notes)


def compare(error: nbstream.NbstreamError | None, transcript: dict[str, Any]) -> None:
    expected = transcript["expect"]["error"]
    if error is None or expected is None:
        assert (error is None) == (expected is None), error
        return
    assert error.kind in expected.get("class_any", [expected["class"]])
    assert error.code == (None if expected["code"] is None else str(expected["code"]))
    assert error.retryable in expected.get("retriable_any", [expected["retriable"]])
    assert expected.get("message_contains", "") in str(error)
    if (id_ := transcript["expect"]["id"]) is not None and expected["code"] is not None:
        assert error.request_id == id_
    if transcript["response"]["status"] >= 400:
        assert error.status == transcript["response"]["status"]
    assert error.provider == transcript["transport"].removesuffix("-ws")
    assert error.answer.finish_reason is None and error.answer.error is error
    if expected.get("hint") == "clock_skew":
        assert "clock" in error.what or "时钟" in error.what


def load(name: str) -> dict[str, Any]:
    return dict(json.loads((vectors.FOLDER / name).read_text("utf-8")))


@pytest.mark.parametrize("case", load("spark_signed_urls.json")["vectors"], ids=lambda case: case["name"])
def test_the_address_is_signed_as_the_service_documents_it(case: dict[str, Any]) -> None:
    made = signed(case["base_url"], case["api_key"], case["api_secret"], case["unix"], case["method"])
    assert made.signature == case["signature"] == case.get("documented_signature", case["signature"])
    assert made.authorization == case["authorization"]
    assert made.url == case["signed_url"]


@pytest.mark.parametrize("case", load("spark_verify.json")["cases"], ids=lambda case: case["name"])
def test_the_fake_lets_in_whom_the_service_lets_in(case: dict[str, Any]) -> None:
    keys = load("spark_verify.json")
    parts = urlsplit(case["url"])
    target = f"{parts.path}?{parts.query}"
    status, message = verify(target, parts.netloc, case["server_unix"], {keys["api_key"]: keys["api_secret"]})
    assert status == case["expect_status"]
    wanted = (case["expect_body"] or {}).get("message", "")
    if case.get("match") == "prefix":
        assert message.startswith(wanted.partition(":")[0])
    else:
        assert message == wanted


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Shanghai"])
def test_the_date_is_that_of_greenwich_wherever_the_clock_hangs(zone: str, monkeypatch: Any) -> None:
    import time

    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        # In the hour that New York has twice: what goes over local time is wrong by one.
        made = signed("wss://h.example/v1", "k", "s", 1793511000)
        assert parse_qs(urlsplit(made.url).query)["date"] == ["Sun, 01 Nov 2026 05:30:00 GMT"]
    finally:
        monkeypatch.undo()
        time.tzset()
