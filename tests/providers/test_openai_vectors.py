"""Every golden transcript of chat completions, over a real socket, the way a person would read it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

import nbstream
from nbstream.messages import ReasoningDelta
from tests.fakes import vectors
from tests.fakes.openai_server import OpenAIServer

KINDS = {
    "quota": "quota_exhausted",
    "server": "server_error",
    "bad_request": "invalid_request",
    "truncated": "interrupted",
}
"""Words of the transcripts that differ from ours."""


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as running:
        yield running


def read_with_for(stream: nbstream.Stream) -> str:
    return "".join(text for text in stream)


def read_with_async_for(stream: nbstream.Stream) -> str:
    async def read() -> str:
        return "".join([text async for text in stream])

    return asyncio.run(read())


@pytest.mark.parametrize("read", [read_with_for, read_with_async_for], ids=["for", "async-for"])
@pytest.mark.parametrize("how", ["vector", "vector-bytes", "vector-close"])
@pytest.mark.parametrize("name", vectors.names("openai"))
def test_a_transcript_gives_what_it_should(name: str, how: str, read: Any, server: OpenAIServer) -> None:
    expect = vectors.load(name)["expect"]
    stream = nbstream.stream("hi", model=f"openai:{how}:{name}", base_url=server.url, retries=0)
    error: nbstream.NbstreamError | None = None
    try:
        assert read(stream) == expect["text"]
    except nbstream.NbstreamError as caught:
        error = caught
    answer = stream.answer
    assert answer.text == expect["text"]  # also what came before an error
    assert answer.reasoning == expect["reasoning"]
    assert (answer.raw_finish_reason, answer.finish_reason) == (expect["finish"], expect["finish_norm"])
    usage = answer.usage and {"input": answer.usage.input_tokens, "output": answer.usage.output_tokens}
    assert usage == expect["usage"]
    calls = [
        {"id": call.id, "name": call.name, "arguments": json.loads(call.arguments)}
        for call in answer.tool_calls
    ]
    assert calls == expect["tool_calls"]
    (answer.text + answer.reasoning).encode()
    compare(error, expect["error"])
    if error is not None:
        assert error.answer.text == expect["text"]
        assert answer.error is error


def compare(error: nbstream.NbstreamError | None, expected: dict[str, Any] | None) -> None:
    if expected is None or error is None:
        assert (error is None) == (expected is None), error
        return
    assert error.kind == KINDS.get(expected["kind"], expected["kind"])
    assert expected["message_contains"] in str(error)
    assert error.status == expected["status"]
    assert error.retry_after == expected["retry_after"]
    assert error.provider == "openai"


def test_reasoning_comes_as_it_is_thought_and_before_the_text(server: OpenAIServer) -> None:
    stream = nbstream.stream("hi", model="openai:vector:openai-reasoning_content", base_url=server.url)
    kinds = [type(event) for event in stream.events()]
    assert kinds[:2] == [ReasoningDelta, ReasoningDelta]
    assert stream.answer.usage is not None and stream.answer.usage.reasoning_tokens == 12
