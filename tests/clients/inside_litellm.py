"""``litellm:…`` over the real LiteLLM. Run by `test_litellm`, in the environment where LiteLLM is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import nbstream
from nbstream.messages import Attachment, Message
from tests.fakes.anthropic_server import AnthropicServer
from tests.fakes.loopback import Exchange, Loopback
from tests.fakes.ollama_server import OllamaServer
from tests.fakes.openai_server import OpenAIServer

KEY = "sk-litellm-0123456789abcdef"


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(KEY) as running:
        yield running


def ask(server: Any, model: str, prompt: str = "hi", **more: Any) -> nbstream.Answer:
    more = {"credentials": {"api_key": KEY}, "base_url": server.url, "retries": 0} | more
    return nbstream.ask(prompt, model=f"litellm:openai/{model}", **more)


def refused(server: Any, model: str, **more: Any) -> nbstream.NbstreamError:
    with pytest.raises(nbstream.NbstreamError) as caught:
        ask(server, model, **more)
    assert KEY not in str(caught.value) + repr(caught.value)
    assert caught.value.provider == "litellm"
    return caught.value


def test_words_thoughts_and_counts_come_through(server: OpenAIServer) -> None:
    assert "你好 😀" in ask(server, "echo", "你好 😀").text
    answer = ask(server, "think:20", "one two three")
    assert answer.reasoning and answer.text and answer.finish_reason == "stop"
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (3, 40)
    assert answer.usage.reasoning_tokens == 20


def test_what_is_asked_arrives(server: OpenAIServer) -> None:
    nbstream.ask(
        [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, "c"],
        model="litellm:openai/words:2",
        base_url=server.url,
        credentials={"api_key": KEY},
        system="be brief",
        temperature=0.5,
        max_tokens=7,
        options={"top_p": 0.9},
    )
    sent = server.log[-1].body
    assert [(m["role"], m["content"]) for m in sent["messages"]] == [
        ("system", "be brief"),
        ("user", "a"),
        ("assistant", "b"),
        ("user", "c"),
    ]
    assert (sent["temperature"], sent["max_tokens"], sent["top_p"]) == (0.5, 7, 0.9)


def test_tool_calls_come_through(server: OpenAIServer) -> None:
    answer = ask(server, "vector:openai-tool-calls-parallel")
    assert answer.usage is None, "LiteLLM would guess it"
    assert [call.name for call in answer.tool_calls] == ["get_weather", "now"]
    assert answer.finish_reason == "tool_calls"


@pytest.mark.parametrize(("service", "kind"), [(AnthropicServer, "anthropic"), (OllamaServer, "ollama_chat")])
def test_its_other_services_come_through_the_same_way(service: Any, kind: str) -> None:
    cut = f"vector:{kind.removesuffix('_chat')}-cut"
    with service() as server:
        more: Any = {"base_url": server.origin, "credentials": {"api_key": KEY}, "retries": 0}
        answer = nbstream.ask("one two", model=f"litellm:{kind}/words:5", **more)
        # Not the last request: LiteLLM asks some services about a model once more, from a thread of its own.
        assert [answer.text] == [one.text for one in server.log if one.text]
        assert answer.finish_reason == "stop"
        assert answer.usage is not None and answer.usage.output_tokens == 5
        with pytest.raises(nbstream.NbstreamError) as caught:
            nbstream.ask("hi", model=f"litellm:{kind}/{cut}", **more)
        assert caught.value.kind == "interrupted" and caught.value.answer.text
        with pytest.raises(nbstream.NbstreamError) as caught:
            nbstream.ask("hi", model=f"litellm:{kind}/status:429", **more)
        assert caught.value.kind == "rate_limit" and "refused with 429" in caught.value.why


@pytest.mark.parametrize(
    ("model", "kind", "status", "retry_after"),
    [
        ("status:401", "auth", 401, None),
        ("status:403", "permission", 403, None),
        ("status:404", "not_found", 404, None),
        ("status:429:3", "rate_limit", 429, 3.0),
        ("status:503:2", "overloaded", 503, 2.0),
        ("status:500", "server_error", 500, None),
        ("status:400", "invalid_request", 400, None),
    ],
)
def test_a_refusal_is_the_same_error_as_everywhere(
    server: OpenAIServer, model: str, kind: str, status: int, retry_after: float | None
) -> None:
    error = refused(server, model)
    assert (error.kind, error.status, error.retry_after) == (kind, status, retry_after)
    assert f"refused with {status}, as asked" in error.why and "litellm." not in error.why


def test_a_failed_request_is_repeated_by_us_and_only_as_often_as_asked(server: OpenAIServer) -> None:
    before = len(server.log)
    assert ask(server, "flaky:1:litellm", retries=1).text
    refused(server, "status:500")
    assert len(server.log) - before == 3


def test_an_error_in_mid_stream_keeps_the_text(server: OpenAIServer) -> None:
    error = refused(server, "vector:openai-error-in-stream")
    assert error.answer.text == "Half an ans" and "EngineCore died" in error.why


def test_a_stream_that_just_ends_is_no_success(server: OpenAIServer) -> None:
    error = refused(server, "vector:openai-cut-no-finish")
    assert error.kind == "interrupted"
    assert error.answer.text == "The connection dropped right he"


def test_silence_is_waited_for_as_long_as_asked(server: OpenAIServer) -> None:
    assert refused(server, "silent", timeout=0.3).kind == "timeout"
    assert server.wait_for(lambda log: log[-1].closed_by == "client")


def test_nobody_there_is_a_connection_that_failed() -> None:
    with OpenAIServer() as gone:
        pass
    assert refused(gone, "words:5").kind == "connection"


def test_a_key_that_litellm_found_by_itself_is_masked_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    class Telltale(Loopback):
        async def respond(self, exchange: Exchange) -> None:
            told = f"bad key {exchange.record.headers['authorization']}!"
            await exchange.json(401, {"error": {"message": told}})

    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with Telltale() as server:
        error = refused(server, "words:5", credentials=None)
    assert "bad key" in error.why and error.kind == "auth"


def test_a_model_of_no_service_says_how_to_name_one(server: OpenAIServer) -> None:
    with pytest.raises(nbstream.NbstreamError) as caught:
        nbstream.ask("hi", model="litellm:nonsense", retries=0)
    assert caught.value.kind == "invalid_request" and "nonsense" in caught.value.why


def test_pictures_arrive_as_chat_completions_have_them(server: OpenAIServer) -> None:
    image = Attachment("image/png", b"\x89PNG one", "one.png")
    nbstream.ask(
        Message("user", "What is it?", attachments=(image,)),
        model="litellm:openai/words:2", base_url=server.url, credentials={"api_key": KEY},
    )  # fmt: skip
    text, picture = server.log[-1].body["messages"][-1]["content"]
    assert text == {"type": "text", "text": "What is it?"}
    assert (
        picture["type"] == "image_url" and picture["image_url"]["url"] == "data:image/png;base64,iVBORyBvbmU="
    )
