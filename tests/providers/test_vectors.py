"""Every golden transcript of the four dialects, over a real socket, the way a person would read it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from importlib import import_module
from typing import Any

import pytest

import nbstream
from nbstream.messages import ReasoningDelta
from nbstream.show.words import footer
from tests.fakes import vectors
from tests.fakes.behaviours import Behaving

DIALECTS = ("openai", "anthropic", "gemini", "ollama")
KINDS = {
    "quota": "quota_exhausted",
    "server": "server_error",
    "bad_request": "invalid_request",
    "truncated": "interrupted",
}
"""Words of the transcripts that differ from ours."""


class Servers(dict[str, Behaving]):
    """The fake of each dialect, started when it is first asked for."""

    def __init__(self, stack: ExitStack) -> None:
        super().__init__()
        self._stack = stack

    def __missing__(self, dialect: str) -> Behaving:
        made: Behaving = import_module(f"tests.fakes.{dialect}_server").SERVER()
        self[dialect] = self._stack.enter_context(made)
        return made


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(stack)


def played(servers: Servers, name: str, how: str = "vector") -> nbstream.Stream:
    dialect = name.partition("-")[0]
    model, url = f"{dialect}:{how}:{name}", servers[dialect].url
    return nbstream.stream("hi", model=model, base_url=url, retries=0)


def read_with_for(stream: nbstream.Stream) -> str:
    return "".join(text for text in stream)


def read_with_async_for(stream: nbstream.Stream) -> str:
    async def read() -> str:
        return "".join([text async for text in stream])

    return asyncio.run(read())


@pytest.mark.parametrize(
    ("how", "read"),
    [
        ("vector", read_with_for),
        ("vector", read_with_async_for),
        ("vector-bytes", read_with_async_for),
        ("vector-close", read_with_for),
    ],
    ids=["cut-as-given", "async-for", "byte-by-byte", "closed-at-the-end"],
)
@pytest.mark.parametrize("name", [name for dialect in DIALECTS for name in vectors.names(dialect)])
def test_a_transcript_gives_what_it_should(name: str, how: str, read: Any, servers: Servers) -> None:
    expect = vectors.load(name)["expect"]
    stream = played(servers, name, how)
    error: nbstream.NbstreamError | None = None
    try:
        assert read(stream) == expect["text"]
    except nbstream.NbstreamError as caught:
        error = caught
    answer = stream.answer
    assert answer.text == expect["text"]  # also what came before an error
    assert answer.reasoning == expect["reasoning"]
    # After an error there is no finish reason, also where the service has a word for the error.
    finish = (None, None) if expect["error"] else (expect["finish"], expect["finish_norm"])
    assert (answer.raw_finish_reason, answer.finish_reason) == finish
    usage = answer.usage and {"input": answer.usage.input_tokens, "output": answer.usage.output_tokens}
    assert usage == expect["usage"]
    calls = [
        {"id": call.id or None, "name": call.name, "arguments": json.loads(call.arguments)}
        for call in answer.tool_calls
    ]
    assert calls == expect["tool_calls"]
    (answer.text + answer.reasoning).encode()
    compare(error, expect["error"], name.partition("-")[0])
    if error is not None:
        assert error.answer.text == expect["text"]
        assert answer.error is error


def compare(error: nbstream.NbstreamError | None, expected: dict[str, Any] | None, dialect: str) -> None:
    if expected is None or error is None:
        assert (error is None) == (expected is None), error
        return
    assert error.kind == KINDS.get(expected["kind"], expected["kind"])
    assert expected["message_contains"] in str(error)
    assert error.status == expected["status"]
    assert error.retry_after == expected["retry_after"]
    assert error.provider == dialect


@pytest.mark.parametrize(
    "name", ["openai-reasoning_content", "anthropic-thinking", "gemini-thoughts", "ollama-thinking"]
)
def test_reasoning_comes_as_it_is_thought_and_before_the_text(name: str, servers: Servers) -> None:
    stream = played(servers, name)
    kinds = [type(event) for event in stream.events()]
    assert [kind for kind in kinds if kind.__name__.endswith("Delta")][:2] == [ReasoningDelta] * 2
    assert stream.answer.text and kinds.index(ReasoningDelta) < len(kinds) - 1


def test_tokens_of_thinking_are_told_where_the_service_tells_them(servers: Servers) -> None:
    told = {}
    for name in ("openai-reasoning_content", "gemini-thoughts", "anthropic-thinking"):
        usage = played(servers, name).wait().usage
        assert usage is not None
        told[name] = usage.reasoning_tokens
    assert told == {"openai-reasoning_content": 12, "gemini-thoughts": 9, "anthropic-thinking": None}


@pytest.mark.parametrize("name", ["gemini-max-tokens-in-thought", "anthropic-refusal"])
def test_what_a_person_must_know_of_the_end_stands_under_the_answer(name: str, servers: Servers) -> None:
    answer = played(servers, name).wait()
    (note,) = answer.notes
    assert footer(answer).endswith(note)
