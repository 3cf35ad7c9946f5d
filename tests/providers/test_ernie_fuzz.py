"""However the bytes are cut, the events are the same; whatever comes, it ends, and in one clear error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nbstream
from nbstream.errors import NbstreamError
from nbstream.messages import ChatRequest, Message
from nbstream.providers import registry
from nbstream.wire.request import BARE, BODY, Frame, WireResponse
from nbstream.wire.sse import SSE
from tests.fakes.baidu import transcripts, written
from tests.fakes.loopback import Exchange, Loopback

STREAMS = {
    name: (one["transport"], b"".join(map(written, one["frames"])))
    for name, one in transcripts("ernie-v1", "ernie-v2").items()
    if one["response"]["headers"]["Content-Type"].startswith("text/event-stream")
}
PROVIDERS = {"ernie-v1": registry.get("ernie-v1"), "ernie-v2": registry.get("ernie")}
VOCABULARY = """
id result is_end is_truncated need_clear_history finish_reason usage ban_round flag function_call name
arguments search_info tools_info search_results index url title error_code error_msg code msg error
message choices delta content reasoning_content tool_calls function web_search prompt_tokens
completion_tokens access_token expires_in error_description
"""
NAMES = VOCABULARY.split()
SHORT = st.text(max_size=4)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | SHORT
WORDS = st.sampled_from(["normal", "stop", "content_filter", "function_call", "[DONE]", "\ud83d", "1e999"])
ANYTHING = st.recursive(
    SCALARS | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, min_size=1, max_size=5)
    ),
    max_leaves=14,
)


def outcome(transport: str, frames: Iterator[Frame]) -> list[Any]:
    """The events, then the error, if it came to one."""
    got: list[Any] = []
    try:
        for event in PROVIDERS[transport].events(frames):
            if event is not None:
                got.append(event)
    except NbstreamError as error:
        got.append((error.kind, error.code, error.what, error.why, error.fix))
    return got


def framed(pieces: list[bytes]) -> Iterator[Frame]:
    decoder = SSE()
    for piece in pieces:
        yield from decoder.feed(piece)
    yield from decoder.flush()


@settings(max_examples=150)
@given(st.sampled_from(sorted(STREAMS)), st.lists(st.integers(0, 4000), max_size=30))
def test_any_cutting_gives_the_same_events(name: str, cuts: list[int]) -> None:
    transport, raw = STREAMS[name]
    places = sorted({cut for cut in cuts if cut < len(raw)})
    pieces = [raw[a:b] for a, b in zip([0, *places], [*places, len(raw)], strict=True)]
    assert outcome(transport, framed(pieces)) == outcome(transport, framed([raw]))


@settings(max_examples=150)
@given(st.sampled_from(sorted(STREAMS)), st.integers(0, 4000), st.binary(max_size=12))
def test_a_stream_that_was_damaged_ends_in_events_or_one_error(name: str, at: int, noise: bytes) -> None:
    transport, raw = STREAMS[name]
    at %= len(raw)
    outcome(transport, framed([raw[:at] + noise + raw[at + len(noise) :]]))


@settings(max_examples=300)
@given(st.sampled_from(sorted(PROVIDERS)), st.lists(ANYTHING, max_size=3))
def test_no_json_whatever_breaks_the_reader(transport: str, found: list[Any]) -> None:
    for event in ("", BODY, BARE):
        for event_seen in outcome(transport, iter([Frame(json.dumps(one), event) for one in found])):
            repr(event_seen)


@settings(max_examples=150)
@given(
    st.sampled_from(sorted(PROVIDERS)),
    st.sampled_from([200, 204, 301, 400, 401, 403, 404, 429, 500, 503]),
    ANYTHING.map(lambda one: json.dumps(one).encode()) | st.binary(max_size=30),
    st.dictionaries(
        st.sampled_from(["x-bce-error-code", "x-bce-error-message", "retry-after"]), st.text(max_size=5)
    ),
)
def test_no_refusal_whatever_is_more_than_one_error(
    transport: str, status: int, body: bytes, headers: dict[str, str]
) -> None:
    provider = PROVIDERS[transport]
    error = provider.refused(WireResponse(status, headers, body))
    assert len({error.what, error.why, error.fix}) == 3
    provider.token_refused(error)
    try:
        secret, seconds = PROVIDERS["ernie-v1"].token(WireResponse(status, headers, body))
        assert secret and seconds >= 0
    except NbstreamError as failure:
        assert str(failure)


ROLES = st.sampled_from(["system", "user", "assistant", "tool"])
TALKS = st.lists(st.builds(Message, ROLES, st.sampled_from(["", " ", "a", "你好"])), min_size=1, max_size=8)


@given(TALKS)
def test_any_conversation_is_put_in_the_order_that_the_services_insist_on(talk: list[Message]) -> None:
    from tests.fakes.ernie_server import _in_order
    from tests.fakes.ernie_v1_server import _out_of_order

    chat = ChatRequest(tuple(talk), "m")
    for name in ("ernie", "ernie-v1"):
        try:
            body = json.loads(registry.get(name).request(chat, {}).body or b"")
        except NbstreamError as error:
            assert error.kind == "config"  # nobody has asked anything
            assert not any(one.role == "user" and one.content.strip() for one in talk)
            continue
        assert _in_order(body["messages"]) if name == "ernie" else _out_of_order(body) is None


class Raw(Loopback):
    """Says these bytes to whoever comes, tokens included."""

    body = b""

    async def respond(self, exchange: Exchange) -> None:
        if exchange.record.path.startswith("/oauth/2.0/token"):
            await exchange.json(200, {"access_token": "24.raw", "expires_in": 2_592_000})
        else:
            await exchange.start(200, {"Content-Type": "text/event-stream"})
            for start in range(0, len(self.body), 5):
                await exchange.send(self.body[start : start + 5])
            await exchange.end()


@pytest.fixture(scope="module")
def raw() -> Iterator[Raw]:
    with Raw() as running:
        yield running


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["ernie", "ernie-v1"]),
    st.binary(max_size=40) | st.lists(ANYTHING, max_size=2).map(lambda all_: b"".join(map(as_line, all_))),
)
def test_garbage_over_a_socket_ends_in_an_answer_or_one_error(raw: Raw, name: str, body: bytes) -> None:
    raw.body = body
    keys = {"api_key": "k-0123456789abcdef", **({"secret_key": "s" * 20} if name == "ernie-v1" else {})}
    stream = nbstream.stream(
        "hi", model=f"{name}:m", base_url=raw.origin, credentials=keys, retries=0, timeout=5
    )
    try:
        assert stream.wait().finish_reason
    except NbstreamError as error:
        assert error.provider == name and error.kind not in ("timeout", "config")
        assert error.kind != "protocol" or "nbstream" not in error.why  # no error of our own


def as_line(value: Any) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"
