"""Ollama's own API: the request, the lines, the refusals, and what is said when it does not run."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

import nbstream
from nbstream.chat import fetch
from nbstream.chat.session import Session
from nbstream.credentials import Secret
from nbstream.errors import NbstreamError
from nbstream.i18n import set_language
from nbstream.messages import (
    Finish,
    Message,
    Note,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from nbstream.providers import registry
from tests.fakes.ollama_server import OllamaServer

from .speaking import KEY, WEATHER, Speaker, talk_with_a_tool

ollama = Speaker("ollama")


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    set_language("en")
    yield
    set_language(None)


@pytest.fixture(scope="module")
def server() -> Iterator[OllamaServer]:
    with OllamaServer() as running:
        yield running


def said(content: str = "", **more: Any) -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": content, **more}, "done": False}


def done(reason: str | None = "stop", content: str = "", **more: Any) -> dict[str, Any]:
    return {"message": {"content": content}, "done": True, "done_reason": reason} | more


class TestTheRequest:
    def test_a_plain_question(self) -> None:
        request = ollama.asked("qwen3:4b", key={}, system="Be brief.")
        assert request.url == "http://127.0.0.1:11434/api/chat"
        assert (request.transport, request.method, request.slow_start) == ("ndjson", "POST", True)
        assert "Authorization" not in request.headers
        assert json.loads(request.body or b"") == {
            "model": "qwen3:4b",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
            "stream": True,
        }

    def test_a_key_is_for_its_cloud(self) -> None:
        bearer = ollama.asked(base_url="https://ollama.com").headers["Authorization"]
        assert isinstance(bearer, Secret) and bearer.reveal() == f"Bearer {KEY['api_key'].reveal()}"
        assert not Session().keys.missing(ollama.provider, {})

    @pytest.mark.parametrize("path", ["", "/", "/api", "/api/", "/api/chat", "/v1"])
    def test_the_address_may_have_its_path_or_not(self, path: str) -> None:
        for url in ("http://localhost:9", "https://h.example/ollama"):
            assert ollama.asked(base_url=url + path).url == f"{url}/api/chat"
            listing = ollama.provider.models_request({}, url + path)
            assert listing is not None and listing.url == f"{url}/api/tags"

    def test_options_of_the_model_are_nested_and_the_rest_is_not(self) -> None:
        options = {
            "think": "low",
            "format": "json",
            "keep_alive": "5m",
            "num_ctx": 8192,
            "options": {"seed": 1, "temperature": 0.9},
        }
        sent = ollama.body(temperature=0.0, max_tokens=9, options=options)
        assert (sent["think"], sent["format"], sent["keep_alive"]) == ("low", "json", "5m")
        assert sent["options"] == {"temperature": 0.9, "num_predict": 9, "seed": 1, "num_ctx": 8192}
        assert not {"temperature", "max_tokens", "num_ctx"} & set(sent)
        assert "options" not in ollama.body() and "think" not in ollama.body()

    def test_a_turn_with_a_tool_has_objects_for_arguments_and_names_for_results(self) -> None:
        sent = ollama.body(messages=talk_with_a_tool(), tools=(WEATHER, WEATHER["function"]))
        call = {"id": "call_1", "function": {"name": "weather", "arguments": {"city": "成都"}}}
        assert sent["messages"][1] == {"role": "assistant", "content": "Looking.", "tool_calls": [call]}
        result = {"role": "tool", "content": '{"celsius": 18}', "tool_call_id": "call_1"}
        assert sent["messages"][2] == result | {"tool_name": "weather"}
        assert sent["tools"] == [WEATHER, WEATHER]

    def test_what_was_thought_before_a_call_goes_back_with_it(self) -> None:
        call = ToolCall("", "f", "")
        thought = Message("assistant", "", reasoning="hm", tool_calls=(call,))
        sent = ollama.body(messages=[Message("user", "hi"), thought, Message("tool", "1")])["messages"]
        assert (sent[1]["thinking"], sent[1]["tool_calls"]) == (
            "hm",
            [{"function": {"name": "f", "arguments": {}}}],
        )
        assert sent[2]["tool_name"] == "f"
        plain = [Message("user", "hi"), Message("assistant", "a", reasoning="hm"), Message("user", "b")]
        assert "thinking" not in ollama.body(messages=plain)["messages"][1]

    def test_without_a_model_the_way_to_find_one_is_told(self) -> None:
        with pytest.raises(NbstreamError) as caught:
            ollama.asked("")
        assert caught.value.kind == "config" and "%llm models ollama" in caught.value.fix

    def test_its_name_is_its_own_and_the_other_route_has_another(self) -> None:
        assert registry.get("ollama").dialect == "ollama"
        assert registry.get("ollama-openai").dialect == "openai"


class TestTheAddress:
    @pytest.mark.parametrize(
        ("given", "url"),
        [
            ("localhost", "http://localhost:11434"),
            ("127.0.0.1:9", "http://127.0.0.1:9"),
            (":9", "http://127.0.0.1:9"),
            ("0.0.0.0", "http://127.0.0.1:11434"),
            ("0.0.0.0:9", "http://127.0.0.1:9"),
            ("http://0.0.0.0:9/", "http://127.0.0.1:9"),
            ("[::]:9", "http://127.0.0.1:9"),
            ("https://h.example", "https://h.example:443"),
            ("https://h.example/ollama", "https://h.example:443/ollama"),
        ],
    )
    def test_ollama_host_is_read_as_ollama_reads_it(
        self, given: str, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OLLAMA_HOST", given)
        call = Session().call("hi", model="ollama:m")
        assert call.provider.request(call.chat, {}).url == f"{url}/api/chat"

    def test_what_is_said_more_plainly_goes_before_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:1")
        monkeypatch.setenv("OLLAMA_BASE_URL", "http://127.0.0.1:2")
        assert Session().call("hi", model="ollama:m").chat.base_url == "http://127.0.0.1:2"
        given = Session().call("hi", model="ollama:m", base_url="http://127.0.0.1:3")
        assert given.chat.base_url == "http://127.0.0.1:3"
        assert Session().call("hi", model="ollama-openai:m").chat.base_url is None

    def test_a_key_does_not_go_in_the_clear_to_another_machine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OLLAMA_HOST", "gpu.example")
        with pytest.raises(NbstreamError) as caught:
            Session().call("hi", model="ollama:m")
        assert caught.value.kind == "config"
        assert Session().call("hi", model="ollama:m", allow_insecure=True)


class TestTheStream:
    def test_text_thoughts_and_the_end(self) -> None:
        got = ollama.events(
            said(thinking="hm"),
            said("a"),
            done(content="b", prompt_eval_count=3, eval_count=2),
            "never read",
        )
        assert got == [
            ReasoningDelta("hm"),
            TextDelta("a"),
            TextDelta("b"),
            Usage(3, 2),
            Finish("stop", "stop"),
        ]

    def test_the_older_way_of_asking_has_the_same_words_elsewhere(self) -> None:
        got = ollama.events(
            {"thinking": "hm", "response": "", "done": False}, {"response": "a", "done": True}
        )
        assert got == [ReasoningDelta("hm"), TextDelta("a"), Finish("stop")]

    def test_calls_come_whole_with_or_without_an_id(self) -> None:
        first = {"id": "x", "function": {"name": "f", "arguments": {"城": 1}}}
        second: dict[str, Any] = {"function": {"name": "g"}}
        third = {"function": {"name": "h", "arguments": '{"as": "text"}'}}
        got = ollama.events(said(tool_calls=[first, second]), said(tool_calls=[third]), done())
        assert got == [
            ToolCallDelta(0, "x", "f", '{"城": 1}'),
            ToolCallDelta(1, None, "g", "{}"),
            ToolCallDelta(2, None, "h", '{"as": "text"}'),
            Finish("tool_calls", "stop"),
        ]

    @pytest.mark.parametrize(
        ("word", "reason"), [("stop", "stop"), ("length", "length"), ("load", "other"), ("unload", "other")]
    )
    def test_words_for_the_end_are_kept_as_they_came(self, word: str, reason: Any) -> None:
        assert ollama.events(said("a"), done(word)) == [TextDelta("a"), Finish(reason, word)]

    def test_counts_that_are_missing_are_unknown(self) -> None:
        assert ollama.events(done(None, eval_count=1)) == [Usage(None, 1), Finish("stop")]
        assert ollama.events(done(None)) == [Finish("stop")]

    def test_tokens_that_thinking_used_up_are_told(self) -> None:
        got = ollama.events(said(thinking="hm"), done("length"))
        assert isinstance(got[1], Note) and "--max-tokens" in got[1].text

    @pytest.mark.parametrize(
        "error", ["unexpected EOF", {"message": "unexpected EOF"}, {"code": 500, "message": "unexpected EOF"}]
    )
    def test_an_error_in_mid_stream_is_text_or_a_gateways_object(self, error: Any) -> None:
        with pytest.raises(NbstreamError) as caught:
            ollama.events(said("a"), {"error": error})
        assert caught.value.kind == "server_error" and "unexpected EOF" in caught.value.why

    @pytest.mark.parametrize("odd", ['{"object": "list"}', "[1]", "7", '"text"'])
    def test_lines_of_another_language_are_told(self, odd: str) -> None:
        with pytest.raises(NbstreamError) as caught:
            ollama.events(odd)
        assert caught.value.kind == "protocol"


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "message", "kind"),
        [
            (400, '"m" does not support tools', "invalid_request"),
            (401, "unauthorized", "auth"),
            (404, "model 'm' not found", "not_found"),
            (500, "llama runner process has terminated", "server_error"),
            (503, "server busy, please try again.  maximum pending requests exceeded", "overloaded"),
        ],
    )
    def test_each_has_its_kind(self, status: int, message: str, kind: str) -> None:
        error = ollama.refused(status, {"error": message})
        assert (error.kind, error.status) == (kind, status)
        assert " ".join(message.split()) in error.why

    def test_models_with_their_size(self, server: OllamaServer) -> None:
        listed = {
            "models": [
                {"name": "b", "details": {"parameter_size": "4.0B"}},
                {"model": "a", "details": None},
            ]
        }
        assert ollama.models(listed) == ["a", "b"]
        found = fetch.models(ollama.provider, {}, server.url)
        assert found and {model.label for model in found} == {"4.0B"}


class TestEndToEnd:
    def ask(self, url: str, model: str, prompt: Any = "hi", **options: Any) -> nbstream.Answer:
        return nbstream.ask(prompt, model=f"ollama:{model}", base_url=url, retries=0, **options)

    def test_a_model_that_is_not_there_can_be_pulled(self, server: OllamaServer) -> None:
        with pytest.raises(NbstreamError) as caught:
            self.ask(server.url, "qwen3:4b")
        assert (caught.value.kind, caught.value.fix) == ("not_found", "ollama pull qwen3:4b")

    def test_an_address_that_is_not_ollamas_is_no_matter_of_pulling(self, server: OllamaServer) -> None:
        with pytest.raises(NbstreamError) as caught:
            self.ask(f"{server.url}/elsewhere", "qwen3:4b")
        assert caught.value.kind == "not_found" and "ollama pull" not in caught.value.fix

    def test_when_it_does_not_run_one_sentence_says_so(self) -> None:
        with socket.socket() as taken:  # bound and not listening: nobody else gets the port
            taken.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{taken.getsockname()[1]}"
            with pytest.raises(NbstreamError) as caught:
                self.ask(url, "m")
            with pytest.raises(NbstreamError) as listing:
                fetch.models(ollama.provider, {}, url)
            with pytest.raises(NbstreamError) as other:
                nbstream.ask("hi", model="vllm:m", base_url=url, retries=0)
        for error in (caught.value, listing.value):
            assert error.kind == "connection"
            assert error.what.startswith("Ollama is not running") and "ollama serve" in error.what
            assert url in error.why and error.fix.startswith("ollama serve")
        assert "Ollama" not in str(other.value)

    def test_a_turn_with_a_tool_is_accepted_by_the_server(self, server: OllamaServer) -> None:
        asked = Message("user", "How is the weather?")
        called = self.ask(server.url, "tool", asked, tools=[WEATHER])
        assert (called.finish_reason, called.raw_finish_reason) == ("tool_calls", "stop")
        assert self.ask(server.url, "words:5", [asked, called, Message("tool", "18")]).text

    def test_no_stream_for_those_who_want_none(self, server: OllamaServer) -> None:
        answer = self.ask(server.url, "words:5", options={"stream": False})
        assert answer.text and answer.finish_reason == "stop"
