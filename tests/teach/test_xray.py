"""The x-ray: what was sent, what came and what it became, when; bounded, and with no secret in it."""

from __future__ import annotations

import base64
import hmac
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from typing import Any

import pytest

from nbstream.chat.background import io_loop
from nbstream.chat.call import Call
from nbstream.chat.session import session
from nbstream.chat.tap import Player
from nbstream.messages import Answer, ChatRequest, TextDelta
from nbstream.providers import registry
from nbstream.providers.base import Provider
from nbstream.teach.xray import AT_ONCE, Beside, Live
from nbstream.teach.xray_page import bundle
from nbstream.teach.xray_record import FIRST, LAST, Record
from nbstream.wire.request import Frame, WireRequest
from tests.fakes.echo_server import EchoServer
from tests.fakes.openai_server import OpenAIServer
from tests.fakes.spark_server import CREDENTIALS as SPARK_KEYS
from tests.fakes.spark_server import SparkServer

KEY = "sk-canary-0123456789abcdef"


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkServer]:
    with SparkServer() as server:
        yield server


@pytest.fixture(scope="module")
def openai() -> Iterator[OpenAIServer]:
    with OpenAIServer() as server:
        yield server


def looked_at(model: str, url: str, keys: dict[str, str], **more: Any) -> tuple[Record, Answer]:
    """A turn under the x-ray."""
    record = Record()
    given = {"retries": 0, "base_url": url, "credentials": dict(keys)} | more
    call = session().call(given.pop("prompt", "hi"), model=model, taps=(record.tap,), **given)
    run = session().run(call)
    run.start()
    assert run.wait(20)
    return record, run.progress.answer()


def on_spark(spark: SparkServer, domain: str, **more: Any) -> tuple[Record, Answer]:
    return looked_at(f"spark:{domain}", spark.url, SPARK_KEYS, **more)


def on_openai(openai: OpenAIServer, model: str, **more: Any) -> tuple[Record, Answer]:
    return looked_at(f"openai:{model}", openai.url, {"api_key": KEY}, **more)


def test_each_frame_is_told_with_what_it_became_and_when(openai: OpenAIServer) -> None:
    record, answer = on_openai(openai, "recite:one%20two", options={})
    shown = bundle(record, "facts")
    for name in ("text/html", "text/markdown", "text/plain"):
        assert "text “one”" in shown[name]
        assert "finish: stop" in shown[name]
        assert "POST http://127.0.0.1" in shown[name]
        assert "stream_options" in shown[name]
    assert "…cdef" in shown["text/plain"]
    assert record.tokens == answer.timing.pieces
    assert 'role="img"' in shown["text/html"]
    assert re.search(r"^0 s [·░█▁▂▃▄▅▆▇ ]+ ", shown["text/markdown"], re.M)


def test_two_frames_of_one_tenth_of_a_second_are_told_apart_and_what_is_kept_is_named(
    spark: SparkServer,
) -> None:
    record, _ = on_spark(spark, "words:3")
    known = record.first[:]
    record.first[:] = [replace(one, at=1.1 + 0.03 * one.number) for one in known]
    shown = bundle(record, "")
    for name in ("text/html", "text/markdown", "text/plain"):
        assert "1.13 s" in shown[name] and "1.16 s" in shown[name]
        assert "kept for the service, not shown: sid" in shown[name]


def test_the_three_lines_are_those_that_were_signed(spark: SparkServer) -> None:
    record, _ = on_spark(spark, "words:3")
    shown = bundle(record, "")["text/plain"]
    lines = re.search(r"host: (.+)\ndate: (.+)\nGET (.+) HTTP/1.1\n", shown)
    assert lines is not None
    assert lines[1] == spark.log[-1].headers["host"]
    # A student who signs them gets the signature whose end is shown.
    secret = SPARK_KEYS["api_secret"].encode()
    digest = hmac.digest(secret, lines[0].rstrip("\n").encode(), "sha256")
    signature = base64.b64encode(digest).decode()
    assert f'signature="…{signature[-4:]}"' in shown
    claim = (
        f'api_key="{SPARK_KEYS["api_key"]}", algorithm="hmac-sha256", '
        f'headers="host date request-line", signature="{signature}"'
    )
    authorization = base64.b64encode(claim.encode()).decode()
    assert f"authorization=…{authorization[-4:]}&date=" in shown
    for name in ("text/html", "text/markdown"):
        assert "GET /v4.0/chat HTTP/1.1" in bundle(record, "")[name]


def test_retries_and_failures_are_attempts_of_their_own(openai: OpenAIServer) -> None:
    record, answer = on_openai(openai, "flaky:1:xray", retries=2)
    assert answer.finish_reason == "stop"
    assert [one.outcome for one in record.attempts] == ["failed", ""]
    shown = bundle(record, "")["text/plain"]
    assert "Request 2" in shown
    assert "failed" in shown
    failed, error = on_openai(openai, "broken:3")
    assert error.error is not None
    assert [one.outcome for one in failed.attempts] == ["failed"]
    assert "failed" in bundle(failed, "")["text/markdown"]


def test_what_was_never_sent_and_what_was_stopped_have_a_page_too(openai: OpenAIServer) -> None:
    assert bundle(Record(), "")["text/markdown"].startswith("**X-ray**")
    record = Record()
    call = session().call("hi", model="openai:silent", base_url=openai.url, credentials={"api_key": KEY},
                          taps=(record.tap,))  # fmt: skip
    run = session().run(call)
    record.changed = lambda: run.cancel() if record.attempts and not run.cancelled else None
    run.start()
    assert run.wait(20)
    assert record.attempts[0].outcome == "stopped"
    assert "stopped" in bundle(record, "")["text/plain"]


class Tape(Player):
    """Plays two words."""

    def plays(self, provider: Provider, chat: ChatRequest) -> bool:
        return True

    def opening(self, call: Call, request: WireRequest, accepted: Any, attempt: int) -> Any:
        from nbstream.wire.transport import Opening

        said = [{"choices": [{"index": 0, "delta": {"content": word}}]} for word in ("from ", "tape")]
        said.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        script = [(0.0, Frame(json.dumps(one))) for one in said]
        return Opening(WireRequest("local", script=script), call.limits, accepted)


def test_of_a_tape_it_is_said_that_nothing_is_sent() -> None:
    for name in ("openai:any", "spark:lite"):
        record = Record()
        call = session().call("hi", model=name, taps=(record.tap,), player=Tape())
        run = session().run(call)
        run.start()
        assert run.wait(20)
        shown = bundle(record, "")["text/plain"]
        assert "played from a tape" in shown
        assert ("GET /v1.1/chat HTTP/1.1" in shown) == (name == "spark:lite")  # signed with stand-ins


def test_where_a_player_lets_the_service_answer_nothing_is_said_of_a_tape(openai: OpenAIServer) -> None:
    class Empty(Tape):
        def opening(self, call: Call, request: WireRequest, accepted: Any, attempt: int) -> Any:
            return None

    record, answer = on_openai(openai, "words:1", player=Empty())
    assert answer.error is None
    assert "tape" not in bundle(record, "")["text/plain"]


def test_without_streaming_the_frames_come_but_nothing_is_seen_before_the_end(spark: SparkServer) -> None:
    record, _ = on_spark(spark, "words:5", stream=False)
    [leg] = record.track().legs
    assert len(leg.held) == record.tokens
    assert list(leg.tokens) == [leg.end]


# --- bounds -----------------------------------------------------------------------------------------------


def test_ten_thousand_frames_keep_a_bounded_record_and_leave_a_bounded_page(openai: OpenAIServer) -> None:
    record, _ = on_openai(openai, "words:10000")
    assert record.frames > 10_000
    assert len(record.first) == FIRST
    assert len(record.last) == LAST
    shown = bundle(record, "")
    assert len(shown["text/html"]) < 150_000
    assert len(shown["text/markdown"]) < 40_000
    assert "more frames" in shown["text/markdown"]


def test_a_message_to_the_page_holds_a_few_frames_and_each_only_once(openai: OpenAIServer) -> None:
    record, _ = on_openai(openai, "words:500")
    live = Live(record)
    sent: list[dict[str, Any]] = []
    while (message := live._news()).get("frames"):
        sent.append(message)
    assert all(len(one["frames"]) <= AT_ONCE for one in sent)
    numbers = [frame[0] for one in sent for frame in one["frames"]]
    assert numbers == [str(number) for number in range(1, FIRST + 1)]
    assert [len(one.get("requests", ())) for one in sent] == [1, *[0] * (len(sent) - 1)]
    # After that a message holds the newest frame alone.
    assert len(message["last"]) == 1
    assert len(json.dumps(message)) < 12_000


def test_a_picture_that_goes_along_is_not_shown_as_a_million_letters(openai: OpenAIServer) -> None:
    record, _ = on_openai(openai, "words:1", prompt="x" * 500_000)
    assert len(bundle(record, "")["text/markdown"]) < 20_000
    assert "more characters" in bundle(record, "")["text/plain"]


# --- what may not be seen -----------------------------------------------------------------------------------

DIALECTS = ("spark", "spark-http", "ernie", "ernie-v1", "openai", "anthropic", "gemini")


def spellings(keys: dict[str, str]) -> list[str]:
    """Each key, and its middle in base64, wherever that begins."""
    found = []
    for name, value in keys.items():
        if name == "app_id":
            found.append(value)
            continue
        found.append(value[:-4])
        for before in range(3):
            found.append(base64.b64encode(b"x" * before + value.encode()).decode()[4:16])
    return found


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("name", DIALECTS)
def test_no_key_is_left_by_a_server_that_repeats_all_of_them(name: str, streams: bool) -> None:
    dialect = registry.get(name).dialect.replace("-", "_")
    keys = dict(import_module(f"tests.fakes.{dialect}_server").CREDENTIALS)
    if name == "ernie-v1":
        keys = {"access_key": "ak-canary-0123456789abcdef", "secret_key": "sk-canary-fedcba9876543210"}
    with EchoServer() as server:
        server.streams = streams
        url = server.origin.replace("http", "ws") if name == "spark" else server.origin
        model = "4.0Ultra" if name == "spark" else "any"
        record, answer = looked_at(f"{name}:{model}", url, keys)
    assert answer.error is not None
    live = Live(record)
    left = json.dumps([bundle(record, live.facts()), live._news()], ensure_ascii=False)
    for secret in spellings(keys):
        assert secret not in left, f"{secret} of {name}"
    if name in ("ernie", "openai"):
        assert "Authorization: Bearer …" in left


def test_a_key_in_the_prompt_or_in_an_unknown_field_of_a_frame_is_not_shown(openai: OpenAIServer) -> None:
    options = {"user": KEY, "metadata": {"note": f"Bearer {KEY}"}}
    record, _ = on_openai(openai, "words:1", options=options)
    look = record.tap(record.attempts[0].call)
    look.attempt(record.attempts[0].call, record.attempts[0].request)
    chunk = {"choices": [{"index": 0, "delta": {"content": "x"}}], "unheard_of": "canary-unknown-77"}
    look.frame(Frame(json.dumps(chunk)), [TextDelta(f"my key is {KEY}")])
    left = json.dumps([bundle(record, ""), Live(record)._news()], ensure_ascii=False)
    assert KEY not in left
    assert "canary-unknown-77" not in left


def test_hostile_words_of_a_server_stay_words(openai: OpenAIServer) -> None:
    record, _ = on_openai(openai, "words:1")
    hostile = (
        "<script>alert(1)</script><img src=x onerror=alert(2)> `a` $\\href{javascript:1}$ | [x](javascript:1)"
    )
    look = record.tap(record.attempts[0].call)
    look.attempt(record.attempts[0].call, record.attempts[0].request)
    chunk = {"choices": [{"index": 0, "delta": {"content": hostile + "\n```\n<b>"}}]}
    look.frame(Frame(json.dumps(chunk)), [TextDelta(hostile)])
    shown = bundle(record, hostile)
    assert not re.search(r"<(script|img|b)\b", shown["text/html"])
    assert shown["text/html"].startswith('<div class="tex2jax_ignore mathjax_ignore">')
    prose = re.sub(r"(?s)<pre.*?</pre>|<svg.*?</svg>", "", shown["text/html"])
    assert "$" in prose and not re.search(r"(?<!<span>)[$\\]", prose), "nothing that MathJax acts on"
    outside = re.sub(r"(?ms)^(`{3,})\w*\n.*?^\1$", "", shown["text/markdown"])
    assert not re.search(r"<(script|img)|(?<!\\)\]\(javascript|(?<!\\)\$\\href", outside)


def test_a_terminal_gets_lines_of_text(openai: OpenAIServer, capsys: pytest.CaptureFixture[str]) -> None:
    record, answer = on_openai(openai, "words:3")
    Beside(record, "terminal").settle(answer)
    said = capsys.readouterr().out
    assert "X-ray" in said
    assert "```" not in said
    assert "<" not in said.replace("<=", "")


def test_a_new_connection_has_its_mark_and_an_old_one_has_none() -> None:
    with OpenAIServer() as server:
        marks = [on_openai(server, "words:3")[0].attempts[0].reached for _ in range(2)]
    assert marks[0] is not None
    assert marks[1] is None
    with SparkServer() as server:
        record, _ = on_spark(server, "words:3")
    [attempt] = record.attempts
    assert attempt.reached is not None
    assert attempt.accepted is not None
    assert 0 < attempt.reached <= attempt.accepted
    assert "connected" in bundle(record, "")["text/markdown"]


def test_the_rounds_of_a_turn_are_requests_in_one_record(openai: OpenAIServer) -> None:
    record = Record()
    for prompt in ("first", "second"):
        call = session().call(
            prompt,
            model="openai:words:2",
            base_url=openai.url,
            credentials={"api_key": KEY},
            taps=(record.tap,),
        )
        run = session().run(call)
        run.start()
        assert run.wait(20)
    shown = bundle(record, "")["text/plain"]
    assert "Request 1" in shown
    assert "Request 2" in shown
    assert [one.leg().outcome for one in record.attempts] == ["", ""]
    assert record.attempts[0].end is not None
    assert record.attempts[1].start >= record.attempts[0].end


def test_a_burst_is_one_message(openai: OpenAIServer) -> None:
    record, _ = on_openai(openai, "words:10")
    live, sent, came = Live(record), list[dict[str, Any]](), threading.Event()

    class Page:
        def send(self, message: dict[str, Any]) -> None:
            sent.append(message)
            came.set()

    live.widget = Page()  # type: ignore[assignment]
    io_loop().call_soon_threadsafe(lambda: [live._changed() for _ in range(1000)])
    assert came.wait(10)
    # What is still to come on the loop comes after this.
    done = threading.Event()
    io_loop().call_soon_threadsafe(done.set)
    assert done.wait(10)
    assert len(sent) == 1
