"""Any cut of any transcript of Spark gives the same; any garbage ends in one clear error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nbstream
from nbstream.errors import NbstreamError
from nbstream.messages import TextDelta
from nbstream.providers import registry, spark_frames
from nbstream.wire.request import Frame
from nbstream.wire.sse import SSE
from tests.fakes.spark_frames import encoded, piece, transcripts
from tests.fakes.spark_server import CREDENTIALS, SparkServer
from tests.fakes.websocket_server import PING, TEXT, frame
from tests.fakes.ws import fragments

SLOWLY = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(scope="module")
def server() -> Iterator[SparkServer]:
    with SparkServer() as running:
        yield running


def streamed(server: SparkServer) -> nbstream.Stream:
    return nbstream.stream(
        "hi", model="spark:pieces", base_url=server.url, credentials=CREDENTIALS, retries=0, timeout=5
    )


SOCKETS = [one for one in transcripts().values() if one["transport"] == "spark-ws" and one["frames"]]
OVER_HTTP = [one for one in transcripts().values() if one["transport"] == "spark-http"]


def outcome(name: str, frames: Iterator[Frame]) -> list[str]:
    """All events, and how it ended, in words that can be compared."""
    got: list[str] = []
    try:
        got += [repr(event) for event in registry.get(name).events(frames) if event is not None]
    except NbstreamError as error:
        got.append(f"{error.kind} {error.code}")
    return got


@given(st.data())
@settings(SLOWLY, max_examples=40)
def test_any_cut_of_a_transcript_gives_the_same(server: SparkServer, data: st.DataObject) -> None:
    transcript = data.draw(st.sampled_from(SOCKETS))
    raw = b""
    for one in transcript["frames"]:
        if "text" in one:  # each message in frames of its own, with pings in between
            message = one["text"].encode()
            cuts = sorted(data.draw(st.sets(st.integers(0, len(message)), max_size=4)))
            edges = [0, *cuts, len(message)]
            parts = [message[a:b] for a, b in pairwise(edges)]
            raw += b"".join(fragments(parts, between=frame(PING, b"")))
        elif "abort" not in one:
            raw += encoded(one)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(raw)), max_size=12)))
    server.pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    stream = streamed(server)
    expect = transcript["expect"]
    try:
        stream.wait()
        assert expect["error"] is None
    except NbstreamError as error:
        assert error.kind in expect["error"].get("class_any", [expect["error"]["class"]])
    came = [event.text for event in stream._run.progress.events if isinstance(event, TextDelta)]
    assert "".join(came) == expect["text"]
    assert stream.answer.reasoning == expect["reasoning"]


@given(st.data())
@settings(SLOWLY, max_examples=40)
def test_any_cut_of_a_transcript_over_http_gives_the_same(data: st.DataObject) -> None:
    transcript = data.draw(st.sampled_from(OVER_HTTP))
    raw = "".join(one["text"] for one in transcript["frames"]).encode()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(raw)), max_size=12)))

    def frames(edges: list[int]) -> Iterator[Frame]:
        decoder = SSE()
        for a, b in zip([0, *edges], [*edges, len(raw)], strict=True):
            yield from decoder.feed(raw[a:b])
        yield from decoder.flush()

    assert outcome("spark-http", frames(cuts)) == outcome("spark-http", frames([]))


NAMES = (
    "header code message sid status payload choices text content reasoning_content function_call name"
    " arguments usage plugins prompt_tokens error delta tool_calls index Sid msg"
)
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from([0, 2, 10014]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES.split()), inner, max_size=5)
    ),
    max_leaves=15,
)


ODD = st.sampled_from([0, 1, 2, "2", 10014, "", "好", None, True, {}, [], {"text": {"prompt_tokens": 3}}])
ITEMS = st.dictionaries(st.sampled_from(["content", "reasoning_content", "function_call", "role"]), ODD)
NEARLY = st.fixed_dictionaries(
    {
        "header": st.dictionaries(st.sampled_from(["code", "message", "sid"]), ODD) | ODD,
        "payload": st.fixed_dictionaries(
            {"choices": st.fixed_dictionaries({"status": ODD, "text": st.lists(ITEMS, max_size=2) | ODD})},
            optional={"usage": ODD, "plugins": ODD},
        ),
    }
)


@given(st.lists(NEARLY | ANYTHING, max_size=4))
@settings(SLOWLY, max_examples=200)
def test_no_json_whatever_breaks_the_reader(messages: list[Any]) -> None:
    frames = [Frame(json.dumps(message)) for message in messages]
    outcome("spark-http", iter(frames))
    found = outcome("spark", iter(frames))
    with pytest.MonkeyPatch.context() as patch:  # nor does the short cut for plain text change anything
        patch.setattr(spark_frames, "_plain", lambda data: None)
        assert outcome("spark", iter(frames)) == found


@given(
    st.binary(max_size=200)
    | st.text(max_size=50).map(lambda text: frame(TEXT, text.encode("utf-8", "replace")))
)
@settings(SLOWLY, max_examples=40)
def test_any_garbage_on_the_wire_ends_in_one_clear_error(server: SparkServer, garbage: bytes) -> None:
    server.pieces = [frame(TEXT, piece("before").encode()), garbage]
    with pytest.raises(NbstreamError) as caught:
        streamed(server).wait()
    error = caught.value
    assert error.kind in ("interrupted", "protocol", "server_error")
    assert error.answer.text == "before" and error.what and error.fix
