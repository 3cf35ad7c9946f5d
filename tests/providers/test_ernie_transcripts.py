"""Every transcript of Baidu's protocols, over a real socket, whole and byte by byte."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import nbstream
from nbstream.i18n import set_language
from nbstream.messages import TextDelta
from tests.fakes import ernie_server, ernie_v1_server
from tests.fakes.baidu import transcripts
from tests.fakes.ernie_server import ErnieServer
from tests.fakes.ernie_v1_server import ErnieV1Server

V1, V2 = transcripts("ernie-v1"), transcripts("ernie-v2")
OAUTH = transcripts("baidu-oauth")
HOW = ["transcript", "transcript-bytes"]


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    set_language("en")
    yield
    set_language(None)


@pytest.fixture(scope="module")
def v2() -> Iterator[ErnieServer]:
    with ErnieServer() as running:
        yield running


@pytest.fixture(scope="module")
def v1() -> Iterator[ErnieV1Server]:
    with ErnieV1Server() as running:
        yield running


def test_none_is_left_out() -> None:
    assert len(V1) + len(V2) + len(OAUTH) == 64


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", V2)
def test_what_qianfan_sends_is_what_one_gets(name: str, how: str, v2: ErnieServer) -> None:
    compare(ask(f"ernie:{how}:{name}", v2.origin, ernie_server.CREDENTIALS), V2[name]["expect"])


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", V1)
def test_what_v1_sends_is_what_one_gets(name: str, how: str, v1: ErnieV1Server) -> None:
    stream = ask(f"ernie-v1:{how}:{name}", v1.origin, ernie_v1_server.CREDENTIALS)
    expect = V1[name]["expect"]
    compare(stream, expect)
    fresh = (expect["error"] or {}).get("refresh_token", False)
    asked = [record for record in v1.chats() if record.path.partition("?")[0].endswith(f"%3A{name}")]
    assert len({record.path for record in asked}) == (2 if fresh else 1)  # each token is another URL
    v1.log.clear()


def ask(model: str, origin: str, credentials: dict[str, str]) -> nbstream.Stream:
    return nbstream.stream("hi", model=model, base_url=origin, credentials=dict(credentials), retries=0)


def compare(stream: nbstream.Stream, expect: dict[str, Any]) -> None:
    error, said = None, []
    try:
        said += [event.text for event in stream.events() if isinstance(event, TextDelta)]
        stream.wait()
    except nbstream.NbstreamError as caught:
        error = caught
    answer = stream.answer
    if error is None:
        assert "".join(said) == expect["text"]
    assert answer.text == ("" if expect["discard_text"] else expect["text"])
    assert answer.reasoning == expect["reasoning"]
    assert answer.finish_reason == expect["finish_reason"]
    calls = [{"id": one.id, "name": one.name, "arguments": one.arguments} for one in answer.tool_calls]
    assert [one | wanted for one, wanted in zip(calls, expect["tool_calls"], strict=True)] == calls
    notes = " ".join(answer.notes)
    assert ("%llm reset" in notes) == bool(expect.get("need_clear_history") or expect.get("ban_round"))
    for source in expect.get("search_results", ()):
        assert f"[{source['index']}] {source['title']} {source['url']}" in notes
    if expect["error"] is None:
        assert error is None
        assert answer.raw_finish_reason == expect["raw_finish_reason"]
        got = answer.usage and (answer.usage.input_tokens, answer.usage.output_tokens)
        wanted = expect["usage"]
        assert got == (wanted and (wanted["prompt_tokens"], wanted["completion_tokens"]))
    else:
        assert error is not None and error.answer.text == expect["text"]
        failed_as(error, expect["error"])
        if error.kind != "interrupted":
            assert error.request_id == expect["id"]


def failed_as(error: nbstream.NbstreamError, expect: dict[str, Any]) -> None:
    assert error.kind in expect.get("class_any", [expect["class"]])
    assert error.code == (None if expect["code"] is None else str(expect["code"]))
    assert expect.get("message_contains", "") in error.why
    assert error.retry_after is None  # X-Ratelimit headers are no Retry-After
    if not expect["refresh_token"]:  # that is another kind of repeat
        assert error.retryable in expect.get("retriable_any", [expect["retriable"]])
    assert len({error.what, error.why, error.fix}) == 3


@pytest.mark.parametrize("single", [False, True], ids=["whole", "bytes"])
@pytest.mark.parametrize("name", OAUTH)
def test_what_the_token_service_says(name: str, single: bool, v1: ErnieV1Server) -> None:
    v1.token_answer, v1.token_answer_single = name, single
    v1.log.clear()
    expect = OAUTH[name]["expect"]
    try:
        # A place of its own for each: a token that was fetched is kept.
        address = f"{v1.origin}/oauth/2.0/token?case={name}{single}"
        stream = nbstream.stream(
            "hi",
            model="ernie-v1:words:1",
            base_url=v1.origin,
            credentials={"api_key": "AK", "secret_key": "SK-0123456789abcdef"},
            options={"token_url": address},
            retries=0,
        )
        with pytest.raises(nbstream.NbstreamError) as caught:
            stream.wait()
    finally:
        v1.token_answer = None
    asked = v1.log[0]
    assert asked.method == OAUTH[name]["request"]["method"] == "POST"
    for given in ("grant_type=client_credentials", "client_id=AK", "client_secret=SK-0123456789abcdef"):
        assert given in asked.path.partition("?")[2].split("&")
    if expect["error"] is not None:
        assert v1.chats() == []
        failed_as(caught.value, expect["error"])
    else:  # it was used: the chat, which knows another token only, says that it is none
        assert caught.value.code == "110"
        assert f"access_token={expect['access_token']}" in v1.chats()[0].path
        assert "token_url" not in json.dumps(v1.chats()[0].body)
