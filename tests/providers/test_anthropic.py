"""Anthropic's Messages API: the request, the stream, the refusals, and a turn with tools end to end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

import nbstream
from nbstream.chat.session import Session
from nbstream.credentials import Secret
from nbstream.errors import NbstreamError
from nbstream.i18n import set_language
from nbstream.messages import (
    Finish,
    Message,
    Note,
    Opaque,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from nbstream.providers import registry
from nbstream.wire.request import BODY, Frame
from tests.fakes.anthropic_server import AnthropicServer

from .speaking import KEY, WEATHER, Speaker, talk_with_a_tool

claude = Speaker("anthropic")
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "sig=="}


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    set_language("en")
    yield
    set_language(None)


@pytest.fixture(scope="module")
def server() -> Iterator[AnthropicServer]:
    with AnthropicServer("sk-ant-the-right-key-0123") as running:
        yield running


def start(index: int, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": f"{kind}_delta", **fields}}


def stop(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def ended(reason: str = "end_turn", usage: Any = None, **more: Any) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": reason, **more}, "usage": usage}


STOP = {"type": "message_stop"}


class TestTheRequest:
    def test_a_plain_question(self) -> None:
        request = claude.asked("claude-sonnet-5-5", system="Be brief.")
        assert request.url == "https://api.anthropic.com/v1/messages"
        assert (request.transport, request.method) == ("sse", "POST")
        assert request.headers["anthropic-version"] == "2023-06-01"
        assert request.headers["Content-Type"] == "application/json"
        assert json.loads(request.body or b"") == {
            "model": "claude-sonnet-5-5",
            "max_tokens": 32_000,
            "system": "Be brief.",
            "messages": [{"role": "user", "content": "hi"}],
            "stream": True,
        }

    def test_a_key_has_its_header_and_a_token_is_a_bearer(self) -> None:
        headers = claude.asked().headers
        assert isinstance(headers["x-api-key"], Secret) and "Authorization" not in headers
        headers = claude.asked(key={"auth_token": Secret("tok-0123456789")}).headers
        assert isinstance(bearer := headers["Authorization"], Secret)
        assert bearer.reveal() == "Bearer tok-0123456789" and "x-api-key" not in headers
        assert "0123456789" not in repr(headers) + repr(claude.asked())

    @pytest.mark.parametrize("variable", ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"])
    def test_either_is_enough(self, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
        assert "anthropic" not in Session().ready()
        monkeypatch.setenv(variable, "sk-ant-0123456789abcdef")
        assert "anthropic" in Session().ready()

    def test_several_plain_keys_are_several_keys(self) -> None:
        session = Session()
        name, kept = session.login("claude", ["sk-ant-0123456789abcdef", "sk-ant-abcdef0123456789"])
        assert (name, list(kept)) == ("anthropic", ["api_key"])

    @pytest.mark.parametrize(
        "base_url",
        ["", "/", "/v1", "/v1/", "/v1/messages", "/v1/messages/"],
    )
    def test_the_address_may_have_the_version_or_not(self, base_url: str) -> None:
        url = "https://h.example" + base_url
        assert claude.asked(base_url=url).url == "https://h.example/v1/messages"
        listing = claude.provider.models_request(KEY, url)
        assert listing is not None and listing.url == "https://h.example/v1/models?limit=1000"
        url = "https://h.example/anthropic" + base_url
        assert claude.asked(base_url=url).url == "https://h.example/anthropic/v1/messages"

    @pytest.mark.parametrize(
        ("model", "options", "room"),
        [
            ("claude-opus-5-5", {}, 32_000),
            ("claude-3-5-haiku-latest", {}, 8_192),
            ("claude-3-haiku-20240307", {}, 4_096),
            ("deepseek-v4-flash", {}, 8_192),
            ("m", {"thinking": {"type": "enabled", "budget_tokens": 20_000}}, 24_096),
            ("m", {"max_tokens": 7}, 7),
        ],
    )
    def test_there_is_always_a_number_of_tokens(self, model: str, options: dict[str, Any], room: int) -> None:
        assert claude.body(model, options=options)["max_tokens"] == room
        assert claude.body(model, max_tokens=9)["max_tokens"] == 9

    def test_thinking_is_asked_for_by_an_option_and_waited_for(self) -> None:
        request = claude.asked(options={"thinking": {"type": "adaptive"}})
        assert json.loads(request.body or b"")["thinking"] == {"type": "adaptive"}
        assert request.slow_start and not claude.asked().slow_start

    def test_neighbours_of_one_role_are_one_message_and_system_stands_apart(self) -> None:
        said = [
            Message("system", "Be kind."),
            Message("user", "one"),
            Message("user", "two"),
            Message("assistant", "three"),
            Message("assistant", "  "),
            Message("user", "four"),
        ]
        sent = claude.body(messages=said, system="Be brief.")
        assert sent["system"] == "Be brief.\n\nBe kind."
        assert sent["messages"] == [
            {"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]},
            {"role": "assistant", "content": "three"},
            {"role": "user", "content": "four"},
        ]

    def test_an_unfinished_answer_at_the_end_has_no_blanks_behind_it(self) -> None:
        sent = claude.body(messages=[Message("user", "go"), Message("assistant", "And so \n")])
        assert sent["messages"][-1] == {"role": "assistant", "content": "And so"}

    def test_tools_in_the_common_form_get_its_names_and_its_own_stay(self) -> None:
        own = {"type": "web_search_20250305", "name": "web_search"}
        schema = WEATHER["function"]["parameters"]  # type: ignore[index]
        weather = {"name": "weather", "description": "Weather of a city", "input_schema": schema}
        empty = {"type": "object", "properties": {}}
        tools = claude.body(tools=(WEATHER, {"name": "now"}, own, weather))["tools"]
        assert tools == [weather, {"name": "now", "input_schema": empty}, own, weather]

    def test_a_result_is_a_block_and_what_was_thought_stands_in_front_unchanged(self) -> None:
        redacted = {"type": "redacted_thinking", "data": "xyz"}
        opaque = [Opaque("anthropic", THOUGHT), Opaque("gemini", {"call": 0}), Opaque("anthropic", redacted)]
        sent = claude.body(messages=talk_with_a_tool("toolu_1", opaque))["messages"]
        use = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "成都"}}
        result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": '{"celsius": 18}'}
        assert sent[1]["content"] == [THOUGHT, redacted, {"type": "text", "text": "Looking."}, use]
        assert sent[2] == {"role": "user", "content": [result]}

    def test_what_was_thought_stays_at_home_without_a_tool_and_for_another_provider(self) -> None:
        answer = Message("assistant", "42", opaque=(Opaque("anthropic", THOUGHT),))
        asked = (Message("user", "hi"), answer, Message("user", "why?"))
        assert "sig==" not in json.dumps(claude.body(messages=asked))
        for other in ("openai", "gemini", "ollama"):
            talk = talk_with_a_tool(opaque=[Opaque("anthropic", THOUGHT)])
            assert "sig==" not in json.dumps(Speaker(other).body(messages=talk))

    def test_calls_of_another_provider_get_ids_that_are_allowed(self) -> None:
        calls = (ToolCall("", "f", "{}"), ToolCall("functions.g:1", "g", "{oh"))
        talk = (
            Message("user", "hi"),
            Message("assistant", tool_calls=calls),
            Message("tool", "one"),
            Message("tool", "two", tool_call_id="functions.g:1"),
        )
        sent = claude.body(messages=talk)["messages"]
        assert [block["id"] for block in sent[1]["content"]] == ["call_0", "functions_g_1"]
        assert [block["tool_use_id"] for block in sent[2]["content"]] == ["call_0", "functions_g_1"]
        assert sent[1]["content"][1]["input"] == {"INVALID_JSON": "{oh"}

    def test_its_name_among_friends(self) -> None:
        assert registry.get("claude") is registry.get("anthropic")


class TestTheStream:
    def test_blocks_that_alternate_are_told_apart(self) -> None:
        got = claude.events(
            start(0, type="text", text="A"),
            start(1, type="tool_use", id="t1", name="f", input={}),
            start(2, type="tool_use", id="t2", name="g", input={}),
            delta(2, "input_json", partial_json='{"x"'),
            delta(0, "text", text="B"),
            delta(1, "input_json", partial_json=""),
            delta(2, "input_json", partial_json=": 1}"),
            stop(0),
            stop(2),
            stop(1),
            ended("tool_use"),
            STOP,
        )
        assert got == [
            TextDelta("A"),
            ToolCallDelta(0, "t1", "f"),
            ToolCallDelta(1, "t2", "g"),
            ToolCallDelta(1, arguments='{"x"'),
            TextDelta("B"),
            ToolCallDelta(1, arguments=": 1}"),
            ToolCallDelta(0, arguments="{}"),  # nothing at all means no arguments
            Finish("tool_calls", "tool_use"),
        ]

    def test_input_that_came_with_the_start_is_not_lost(self) -> None:
        got = claude.events(start(0, type="tool_use", id="t", name="f", input={"城": 1}), ended("tool_use"))
        assert got[1] == ToolCallDelta(0, arguments='{"城": 1}')

    def test_thinking_keeps_its_signature_however_it_comes(self) -> None:
        got = claude.events(
            start(0, type="thinking", thinking="h", signature=""),
            delta(0, "thinking", thinking="m"),
            delta(0, "signature", signature="si"),
            delta(0, "signature", signature="g=="),
            stop(0),
            start(1, type="redacted_thinking", data="xyz"),
            stop(1),
            start(2, type="text", text="42"),
            ended(),
            STOP,
        )
        assert got == [
            ReasoningDelta("h"),
            ReasoningDelta("m"),
            TextDelta("42"),
            Opaque("anthropic", THOUGHT),
            Opaque("anthropic", {"type": "redacted_thinking", "data": "xyz"}),
            Finish("stop", "end_turn"),
        ]

    def test_an_attempt_that_fails_leaves_no_signatures_to_the_next(self) -> None:
        hidden = [start(0, type="redacted_thinking", data="xyz"), stop(0)]
        error = {"type": "error", "error": {"type": "overloaded_error", "message": "Nope"}}
        frames = iter([Frame(json.dumps(one)) for one in (*hidden, error)])
        got: list[Any] = []
        with pytest.raises(NbstreamError):
            for event in claude.provider.events(frames):
                got.append(event)
        assert got == [None, None]

    def test_usage_is_replaced_and_never_added(self) -> None:
        begun = {"input_tokens": 10, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 85}
        got = claude.events(
            {"type": "message_start", "message": {"usage": begun | {"output_tokens": 1}}},
            ended(usage={"output_tokens": 7}),
        )
        assert got[:2] == [Usage(100, 1, None, 85), Usage(100, 7, None, 85)]
        assert claude.events(ended(usage={"output_tokens": "many"}))[:-1] == []
        assert claude.events(ended(usage={"output_tokens": 3}))[0] == Usage(None, 3)

    @pytest.mark.parametrize(
        ("word", "reason"),
        [
            ("end_turn", "stop"),
            ("stop_sequence", "stop"),
            ("model_context_window_exceeded", "length"),
            ("tool_use", "tool_calls"),
            ("pause_turn", "other"),
            ("brand_new", "other"),
        ],
    )
    def test_words_for_the_end_are_kept_as_they_came(self, word: str, reason: Any) -> None:
        got = claude.events(delta(0, "text", text="a"), ended(word), STOP)
        assert got == [TextDelta("a"), Finish(reason, word)]

    def test_a_refusal_is_told_in_words(self) -> None:
        why = {"type": "refusal", "category": "cyber", "explanation": "It would help an attacker."}
        note, finish = claude.events(ended("refusal", stop_details=why), STOP)
        assert isinstance(note, Note) and "It would help an attacker." in note.text
        assert finish == Finish("content_filter", "refusal")
        assert isinstance(bare := claude.events(ended("refusal"))[0], Note) and "declined" in bare.text

    def test_tokens_that_thinking_used_up_are_told(self) -> None:
        got = claude.events(delta(0, "thinking", thinking="hm"), ended("max_tokens"), STOP)
        assert isinstance(got[1], Note) and "--max-tokens" in got[1].text
        assert not any(
            isinstance(one, Note) for one in claude.events(delta(0, "text", text="a"), ended("max_tokens"))
        )

    def test_a_stop_reason_is_an_end_and_without_one_there_is_none(self) -> None:
        assert claude.events(delta(0, "text", text="a"), ended())[-1] == Finish("stop", "end_turn")
        assert claude.events(delta(0, "text", text="a"), stop(0)) == [TextDelta("a")]

    def test_done_is_accepted_though_the_service_never_sends_it(self) -> None:
        assert claude.events(delta(0, "text", text="a"), ended(), "[DONE]") == [
            TextDelta("a"),
            Finish("stop", "end_turn"),
        ]
        assert claude.events(delta(0, "text", text="a"), "[DONE]")[-1] == Finish("stop")

    def test_the_type_decides_and_not_the_events_name(self) -> None:
        assert claude.events(delta(0, "text", text="a"), ended(), event="ping")[0] == TextDelta("a")

    def test_a_whole_message_instead_of_a_stream_is_shown(self) -> None:
        content = [
            THOUGHT,
            {"type": "text", "text": "42"},
            {"type": "tool_use", "id": "t", "name": "f", "input": {"x": 1}},
        ]
        usage = {"input_tokens": 3, "output_tokens": 2}
        message = {"type": "message", "content": content, "stop_reason": "tool_use", "usage": usage}
        assert claude.events(message, event=BODY) == [
            ReasoningDelta("hm"),
            TextDelta("42"),
            ToolCallDelta(0, "t", "f"),
            ToolCallDelta(0, arguments='{"x": 1}'),
            Usage(3, 2),
            Opaque("anthropic", THOUGHT),
            Finish("tool_calls", "tool_use"),
        ]

    def test_json_that_is_no_message_is_no_answer(self) -> None:
        with pytest.raises(NbstreamError) as caught:
            claude.events({"object": "list", "data": []}, event=BODY)
        assert caught.value.kind == "protocol"

    @pytest.mark.parametrize(
        ("word", "kind"),
        [
            ("overloaded_error", "overloaded"),
            ("rate_limit_error", "rate_limit"),
            ("api_error", "server_error"),
            ("invalid_request_error", "invalid_request"),
            ("gateway_timeout_error", "timeout"),
            ("not_known_yet", "server_error"),
        ],
    )
    def test_an_error_in_mid_stream_is_known_by_its_type(self, word: str, kind: str) -> None:
        error = {"type": "error", "error": {"type": word, "message": "Nope"}, "request_id": "req_1"}
        with pytest.raises(NbstreamError) as caught:
            claude.events(delta(0, "text", text="a"), error)
        assert (caught.value.kind, caught.value.status, caught.value.request_id) == (kind, None, "req_1")
        assert "Nope" in caught.value.why


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "word", "message", "kind"),
        [
            (400, "invalid_request_error", "max_tokens: Field required", "invalid_request"),
            (400, "invalid_request_error", "prompt is too long: 210000 > 200000", "context_length"),
            (400, "invalid_request_error", "Your credit balance is too low", "quota_exhausted"),
            (401, "authentication_error", "invalid x-api-key", "auth"),
            (402, "billing_error", "Payment required", "quota_exhausted"),
            (403, "permission_error", "Not allowed", "permission"),
            (404, "not_found_error", "model: nope", "not_found"),
            (413, "request_too_large", "Too large", "context_length"),
            (429, "rate_limit_error", "Slow down", "rate_limit"),
            (500, "api_error", "Internal", "server_error"),
            (504, "gateway_timeout_error", "Late", "timeout"),
            (529, "overloaded_error", "Overloaded", "overloaded"),
        ],
    )
    def test_each_has_its_kind(self, status: int, word: str, message: str, kind: str) -> None:
        body = {"type": "error", "error": {"type": word, "message": message}}
        error = claude.refused(status, body, request_id="req_7", retry_after="3")
        assert (error.kind, error.status, error.code) == (kind, status, word)
        assert (error.request_id, error.retry_after) == ("req_7", 3.0)
        assert message in error.why

    def test_a_page_from_the_edge_is_told_by_its_status(self) -> None:
        assert claude.refused(413, "<html><title>413 Too Large</title>").kind == "context_length"

    def test_the_service_knows_best_whether_to_try_again(self) -> None:
        body = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
        assert claude.refused(529, body).retryable
        assert not claude.refused(529, body, x_should_retry="false").retryable
        body["error"]["type"] = "invalid_request_error"  # type: ignore[index]
        assert not claude.refused(400, body).retryable
        assert claude.refused(400, body, x_should_retry="true").retryable

    def test_our_own_number_of_tokens_is_lowered_where_a_model_has_less_room(self) -> None:
        said = "max_tokens: 32000 > 8192, which is the maximum allowed number of output tokens for x"
        error = claude.refused(400, {"error": {"type": "invalid_request_error", "message": said}})
        again = claude.provider.again(claude.asked("claude-x"), error)
        assert again is not None and json.loads(again.body or b"")["max_tokens"] == 8192
        assert claude.provider.again(claude.asked("claude-x", max_tokens=9_000), error) is None

    def test_a_budget_of_thinking_becomes_adaptive_where_the_model_wants_that(self) -> None:
        said = "thinking.type: enabled is not supported by this model; use adaptive"
        error = claude.refused(400, {"error": {"type": "invalid_request_error", "message": said}})
        budget = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
        again = claude.provider.again(claude.asked(options=budget), error)
        assert again is not None and json.loads(again.body or b"")["thinking"] == {"type": "adaptive"}
        assert claude.provider.again(again, error) is None

    def test_a_model_that_is_none_is_named_with_what_to_do(self) -> None:
        error = claude.refused(404, {"error": {"type": "not_found_error", "message": "model: nope"}})
        claude.provider.again(claude.asked("nope"), error)
        assert "%llm models anthropic" in error.fix and "nope" in error.fix

    def test_models_with_the_names_people_know_them_by(self) -> None:
        listed = {"data": [{"id": "b", "display_name": "B"}, {"id": "a"}, {"id": None}], "has_more": False}
        assert claude.models(listed) == ["b", "a"]
        assert claude.models({"data": []}) == []


class TestEndToEnd:
    def ask(self, server: AnthropicServer, model: str, prompt: Any = "hi", **options: Any) -> nbstream.Answer:
        credentials = {"api_key": "sk-ant-the-right-key-0123"}
        options = {"credentials": credentials, "base_url": server.url, "retries": 0} | options
        return nbstream.ask(prompt, model=f"anthropic:{model}", **options)

    def test_a_turn_with_thinking_and_a_tool_is_accepted_by_the_service(
        self, server: AnthropicServer
    ) -> None:
        asked = Message("user", "How is the weather?")
        options: dict[str, Any] = {"tools": [WEATHER], "options": {"thinking": {"type": "adaptive"}}}
        thought = self.ask(server, "think:3", asked)
        called = self.ask(server, "tool", asked, **options)
        assert (called.finish_reason, called.tool_calls[0].name) == ("tool_calls", "weather")
        answer = replace(called, opaque=thought.opaque)
        result = {"role": "tool", "content": "18", "tool_call_id": called.tool_calls[0].id}
        assert self.ask(server, "words:5", [asked, answer, result], **options).text
        sent = server.log[-1].body["messages"][1]["content"][0]
        assert (sent["thinking"], sent["signature"]) == (thought.reasoning, "c2lnbmF0dXJl")

    def test_a_wrong_key_is_said_and_never_shown(self, server: AnthropicServer) -> None:
        with pytest.raises(NbstreamError) as caught:
            self.ask(server, "words:5", credentials={"api_key": "sk-ant-the-wrong-key-9876"})
        assert (caught.value.kind, caught.value.fix) == ("auth", "%llm login anthropic")
        assert "wrong-key" not in str(caught.value) + repr(caught.value)

    def test_a_token_opens_too(self, server: AnthropicServer) -> None:
        token = {"auth_token": "sk-ant-the-right-key-0123"}
        assert self.ask(server, "words:5", credentials=token).finish_reason == "stop"

    def test_no_stream_for_those_who_want_none(self, server: AnthropicServer) -> None:
        answer = self.ask(server, "words:5", options={"stream": False})
        assert answer.text and answer.usage is not None and answer.usage.output_tokens
