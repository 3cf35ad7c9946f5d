"""Any cutting of any transcript gives the same; any garbage ends in a clear error. For every HTTP dialect."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nbstream
from nbstream.errors import KINDS, NbstreamError
from nbstream.providers import registry
from nbstream.wire.lines import NDJSON
from nbstream.wire.sse import SSE
from tests.fakes import vectors
from tests.fakes.loopback import Exchange, Loopback

DIALECTS = ("openai", "anthropic", "gemini", "ollama")
STREAMS = [
    name for dialect in DIALECTS for name in vectors.names(dialect) if vectors.load(name)["status"] < 300
]
BODIES = {name: b"".join(vectors.pieces(vectors.load(name))) for name in STREAMS}


def made_of(name: str, pieces: list[bytes]) -> list[Any]:
    """The events of a body that comes in `pieces`; an error is the last of them."""
    decoder = NDJSON() if name.startswith("ollama") else SSE()
    frames = [frame for piece in pieces for frame in decoder.feed(piece)] + decoder.flush()
    events: list[Any] = []
    try:
        for event in registry.get(name.partition("-")[0]).events(iter(frames)):
            if event is not None:
                events.append(event)
    except NbstreamError as error:
        events.append((error.kind, str(error)))
    return events


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(STREAMS), st.data())
def test_any_cutting_of_any_transcript_gives_the_same_events(name: str, data: st.DataObject) -> None:
    body = BODIES[name]
    cuts = sorted(data.draw(st.sets(st.integers(0, len(body)), max_size=30), label="cuts"))
    pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert made_of(name, pieces) == made_of(name, [body])


def test_a_transcript_gives_more_than_nothing() -> None:
    assert all(made_of(name, [body]) for name, body in BODIES.items())


# --- garbage, over a real socket ----------------------------------------------------------------------


class Saying(Loopback):
    """Answers everything with the same bytes."""

    status, headers, body = 200, {"Content-Type": "text/event-stream"}, b""

    async def respond(self, exchange: Exchange) -> None:
        await exchange.whole(self.status, self.body, self.headers)


@pytest.fixture(scope="module")
def saying() -> Iterator[Saying]:
    with ExitStack() as stack:
        yield stack.enter_context(Saying())


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
HANDLES = (
    *("type", "error", "message", "delta", "index", "content", "content_block", "usage", "text", "choices"),
    *("candidates", "parts", "finishReason", "usageMetadata", "promptFeedback", "functionCall", "details"),
    *("done", "done_reason", "tool_calls", "function", "arguments", "input", "name", "id", "thinking"),
)


def broken(value: Any, place: int, by: Any) -> Any:
    """`value` with what stands at `place`, counted through all its members, replaced `by` something."""
    left = [place]

    def walk(one: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            return by
        if isinstance(one, dict):
            return {name: walk(member) for name, member in one.items()}
        return [walk(member) for member in one] if isinstance(one, list) else one

    return walk(value)


@st.composite
def spoiled(draw: st.DrawFn) -> tuple[str, bytes]:
    """A dialect, and a body that is nearly, or not at all, what it should be."""
    name = draw(st.sampled_from(STREAMS))
    dialect, body = name.partition("-")[0], BODIES[name]
    how = draw(st.sampled_from(["bytes", "hole", "noise", "value", "member"]))
    if how == "bytes":
        body = draw(st.binary(max_size=200))
    elif how in ("hole", "noise"):
        a, b = sorted(draw(st.tuples(*[st.integers(0, len(body))] * 2)))
        body = body[:a] + (draw(st.binary(max_size=20)) if how == "noise" else b"") + body[b:]
    else:
        lines = []
        for line in body.splitlines():
            start = line.find(b"{")
            try:
                value = json.loads(line[start:]) if start >= 0 else None
            except ValueError:
                value = None
            if isinstance(value, dict) and draw(st.integers(0, 2)) == 0:
                odd = draw(VALUES)
                if how == "value":
                    value = broken(value, draw(st.integers(1, 20)), odd)
                else:
                    value[draw(st.sampled_from(HANDLES))] = odd
                line = line[:start] + json.dumps(value).encode()
            lines.append(line)
        body = b"\n".join(lines) + b"\n\n"
    return dialect, body


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spoiled(), st.sampled_from(["text/event-stream", "application/json", "application/x-ndjson"]))
def test_any_garbage_ends_in_an_answer_or_a_clear_error(
    saying: Saying, garbage: tuple[str, bytes], kind: str
) -> None:
    dialect, saying.body = garbage
    saying.headers = {"Content-Type": kind}
    stream = nbstream.stream("hi", model=f"{dialect}:m", base_url=saying.origin, retries=0, timeout=20)
    try:
        stream.wait()
    except NbstreamError as error:
        assert error.kind in KINDS and error.kind not in ("config", "connection", "timeout"), repr(error)
        assert error.provider == dialect and error.what and error.why and error.fix
    assert stream.done
    (stream.answer.text + stream.answer.reasoning).encode()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(DIALECTS),
    st.sampled_from([400, 401, 404, 418, 429, 500, 503, 529]),
    st.binary(max_size=100)
    | VALUES.map(lambda value: json.dumps({"error": value}).encode())
    | st.dictionaries(st.sampled_from(HANDLES), VALUES, max_size=4).map(lambda one: json.dumps(one).encode())
    | st.dictionaries(st.sampled_from(HANDLES), VALUES, max_size=4).map(
        lambda one: json.dumps([{"error": one | {"details": [one]}}]).encode()
    ),
)
def test_any_refusal_is_a_clear_error(saying: Saying, dialect: str, status: int, body: bytes) -> None:
    saying.status, saying.body = status, body
    try:
        with pytest.raises(NbstreamError) as caught:
            nbstream.ask("hi", model=f"{dialect}:m", base_url=saying.origin, retries=0, timeout=20)
    finally:
        saying.status = 200
    assert caught.value.status == status and caught.value.provider == dialect
    assert caught.value.what and caught.value.why and caught.value.fix
