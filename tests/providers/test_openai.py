"""OpenAI-compatible hosts, from frames and values alone: requests, events, models, names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nbstream.credentials import Secret
from nbstream.errors import NbstreamError
from nbstream.i18n import set_language
from nbstream.messages import Finish, Message, ReasoningDelta, TextDelta, ToolCall, ToolCallDelta, Usage
from nbstream.providers import registry
from nbstream.providers.hosts import HOSTS
from nbstream.wire.request import BARE, BODY, Frame, WireResponse

from .asking import KEY, asked, body, chunk, events, provider


@pytest.fixture(autouse=True)
def english():
    set_language("en")
    yield
    set_language(None)


class TestTheRequest:
    def test_a_plain_question(self) -> None:
        request = asked(model="gpt-6-luna", system="Be brief.")
        assert request.url == "https://api.openai.com/v1/chat/completions"
        assert (request.transport, request.method) == ("sse", "POST")
        assert request.headers["Content-Type"] == "application/json"
        assert request.headers["Accept"] == "text/event-stream"
        assert json.loads(request.body) == {
            "model": "gpt-6-luna",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
            "stream": True,
            "stream_options": {"include_usage": True},
        }

    def test_the_key_is_in_one_header_as_a_secret_and_nowhere_else(self) -> None:
        request = asked()
        header = request.headers["Authorization"]
        assert isinstance(header, Secret) and header.reveal() == "Bearer sk-test-0123456789abcdef"
        assert "0123456789" not in repr(request) + str(request.headers) + str(request.url)

    def test_without_a_key_there_is_no_authorization_header(self) -> None:
        assert "Authorization" not in asked("vllm", key={}).headers
        assert "Authorization" not in asked("vllm", key={"api_key": Secret("")}).headers

    def test_nothing_is_sent_that_was_not_asked_for(self) -> None:
        assert not {"temperature", "max_tokens", "max_completion_tokens", "tools"} & set(body())

    def test_zero_is_a_temperature(self) -> None:
        assert body(temperature=0.0)["temperature"] == 0.0

    @pytest.mark.parametrize(
        ("name", "model", "field"),
        [
            ("openai", "gpt-4o", "max_tokens"),
            ("openai", "o4-mini", "max_completion_tokens"),
            ("openai", "gpt-5-nano", "max_completion_tokens"),
            ("openai", "gpt-6.1-sol", "max_completion_tokens"),
            ("openai", "words:3@0", "max_tokens"),
            ("openrouter", "openai/gpt-5", "max_tokens"),
            ("deepseek", "deepseek-v4-pro", "max_tokens"),
        ],
    )
    def test_only_openais_own_reasoning_models_get_the_new_name_of_max_tokens(
        self, name, model, field
    ) -> None:
        sent = body(name, model, max_tokens=9)
        assert {key: sent[key] for key in sent if "max" in key} == {field: 9}

    def test_options_are_merged_as_they_are_and_win(self) -> None:
        sent = body("qwen", options={"enable_thinking": False, "model": "other", "stream_options": None})
        assert (sent["enable_thinking"], sent["model"], sent["stream_options"]) == (False, "other", None)

    def test_whoever_turns_streaming_off_gets_no_stream_options(self) -> None:
        assert "stream_options" not in body(options={"stream": False})

    def test_hosts_that_refuse_stream_options_are_not_sent_them(self) -> None:
        assert "stream_options" not in body("zhipu")
        assert "stream_options" not in body("mistral")

    def test_tool_calls_and_their_results_go_back(self) -> None:
        call = ToolCall("call_1", "now", '{"tz": "UTC"}')
        messages = (
            Message("user", "time?"),
            Message("assistant", "", reasoning="a clock", tool_calls=(call,)),
            Message("tool", "12:00", tool_call_id="call_1"),
        )
        sent = body(messages=messages)["messages"]
        assert sent[1] == {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "now", "arguments": '{"tz": "UTC"}'},
                }
            ],
        }
        assert sent[2] == {"role": "tool", "content": "12:00", "tool_call_id": "call_1"}

    def test_reasoning_goes_back_only_beside_tool_calls_and_where_the_host_wants_it(self) -> None:
        call = ToolCall("c", "now", "{}")
        thought = Message("assistant", "x", reasoning="hm", tool_calls=(call,))
        plain = Message("assistant", "x", reasoning="hm")
        assert body("deepseek", messages=(thought,))["messages"][0]["reasoning_content"] == "hm"
        later = Message("user", "and?")  # a list that ends with the assistant's word is a prefill
        assert "reasoning_content" not in body("deepseek", messages=(plain, later))["messages"][0]
        assert "reasoning_content" not in body("openai", messages=(thought,))["messages"][0]

    def test_a_bare_tool_gets_its_wrapper(self) -> None:
        bare = {"name": "now", "parameters": {"type": "object"}}
        wrapped = {"type": "function", "function": bare}
        assert body(tools=(bare, wrapped))["tools"] == [wrapped, wrapped]

    def test_text_that_utf8_cannot_hold_is_sent_as_an_escape(self) -> None:
        assert "\\ud83d" in asked(messages=Message.many("half \ud83d")).body.decode()
        assert "你好" in asked(messages=Message.many("你好")).body.decode()

    def test_thinking_models_and_local_servers_may_be_slow_to_start(self) -> None:
        assert asked("openai", "gpt-6.1-sol").slow_start
        assert asked("openrouter", "vendor/some-reasoner").slow_start
        assert asked("deepseek", "anything").slow_start
        assert asked("vllm", "tiny").slow_start
        assert asked("openai", "gpt-4o", options={"reasoning_effort": "high"}).slow_start
        assert not asked("openai", "gpt-4o").slow_start

    def test_a_local_server_without_a_model_name_says_how_to_find_one(self) -> None:
        with pytest.raises(NbstreamError) as caught:
            asked("vllm", "")
        assert caught.value.kind == "config"
        assert "%llm models vllm" in caught.value.fix


class TestTheAddress:
    @pytest.mark.parametrize(
        ("name", "base_url", "url"),
        [
            ("openai", "https://h.example", "https://h.example/v1/chat/completions"),
            ("openai", "https://h.example/", "https://h.example/v1/chat/completions"),
            ("openai", "https://h.example/v2", "https://h.example/v2/chat/completions"),
            ("openai", "https://h.example/api/v3/", "https://h.example/api/v3/chat/completions"),
            ("openai", "https://h.example/v1/chat/completions", "https://h.example/v1/chat/completions"),
            ("openai", "https://h.example/v1/chat/completions/", "https://h.example/v1/chat/completions"),
            (
                "openai",
                "https://h.example/d?api-version=1",
                "https://h.example/d/chat/completions?api-version=1",
            ),
            ("zhipu", "https://h.example", "https://h.example/api/paas/v4/chat/completions"),
            ("qwen", "https://h.example", "https://h.example/compatible-mode/v1/chat/completions"),
            ("vllm", "http://localhost:9", "http://localhost:9/v1/chat/completions"),
            ("vllm", "http://[::1]:9/x", "http://[::1]:9/x/chat/completions"),
        ],
    )
    def test_a_path_is_kept_and_a_missing_one_is_the_hosts_own(self, name, base_url, url) -> None:
        assert asked(name, base_url=base_url).url == url

    def test_models_are_listed_beside_the_chat_endpoint(self) -> None:
        listing = provider().models_request(KEY, "https://h.example/v2/chat/completions")
        assert (listing.url, listing.method, listing.transport) == (
            "https://h.example/v2/models",
            "GET",
            "json",
        )

    def test_the_key_does_not_go_over_plain_http_to_list_models_either(self) -> None:
        with pytest.raises(NbstreamError) as caught:
            provider().models_request(KEY, "http://h.example/v1")
        assert caught.value.kind == "config"

    def test_plain_http_is_for_this_machine_or_for_those_who_say_so(self) -> None:
        with pytest.raises(NbstreamError) as caught:
            asked(base_url="http://h.example/v1?key=hidden")
        assert caught.value.kind == "config"
        assert "hidden" not in str(caught.value)
        assert asked(base_url="http://h.example/v1", allow_insecure=True).url.startswith("http://h.example")
        assert asked(base_url="http://127.0.0.1:1/v1").url.startswith("http://127.0.0.1:1")

    @pytest.mark.parametrize(
        "base_url",
        ["h.example/v1", "ftp://h.example", "https://", "https:///v1", "http://h ost/", "//h", "https://[::"],
    )
    def test_what_is_no_address_is_said_to_be_none(self, base_url: str) -> None:
        with pytest.raises(NbstreamError) as caught:
            asked(base_url=base_url)
        assert caught.value.kind == "config"
        assert "base_url=" in caught.value.fix

    @pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)
    def test_every_row_of_the_table_makes_a_request(self, host) -> None:
        request = asked(host.name, host.default_model or "m")
        assert request.url == host.base_url + "/chat/completions"
        assert host.base_url.startswith(("https://", "http://127.0.0.1:"))
        assert host.key_required == host.base_url.startswith("https://")
        assert all(env.endswith("_API_KEY") and env.isupper() for env in host.key_env)


class TestTheEvents:
    def test_text_and_its_end(self) -> None:
        assert events(
            chunk(role="assistant", content=""), chunk(content="He"), chunk(content="y"), chunk("stop")
        ) == [
            TextDelta("He"),
            TextDelta("y"),
            Finish("stop", "stop"),
        ]

    def test_each_frame_is_followed_by_none_so_that_nothing_waits_for_the_next(self) -> None:
        got: list[Any] = []

        def frames():
            yield Frame(json.dumps(chunk(content="a")))
            assert got == [TextDelta("a"), None]
            yield Frame("")
            assert got[2:] == [None]
            yield Frame("[DONE]")
            raise AssertionError("nothing after the end mark is read")

        for event in provider().events(frames()):
            got.append(event)
        assert got[3:] == [Finish("stop")]

    @pytest.mark.parametrize(
        "choices", [[], None, "missing", [{}], [{"delta": None}], [{"delta": {}}], [None], {}]
    )
    def test_chunks_without_content_are_nothing_special(self, choices: Any) -> None:
        empty = {"id": "x"} if choices == "missing" else {"choices": choices}
        assert events(empty, chunk("stop", content="a"), empty) == [TextDelta("a"), Finish("stop", "stop")]

    def test_other_choices_than_the_first_are_left_out(self) -> None:
        two = {"choices": [{"index": 1, "delta": {"content": "B"}}, {"delta": {"content": "A"}}]}
        assert events(two)[0] == TextDelta("A")

    @pytest.mark.parametrize(
        "delta",
        [
            {"reasoning_content": "hm"},
            {"reasoning": "hm"},
            {"reasoning": "hm", "reasoning_content": "hm"},
            {"reasoning_content": None, "reasoning": "hm", "reasoning_details": [{"text": "hm"}]},
            {"reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]},
        ],
    )
    def test_reasoning_has_many_names_and_is_counted_once(self, delta: dict[str, Any]) -> None:
        assert events(chunk(**delta))[:-1] == [ReasoningDelta("hm")]

    def test_content_in_parts_and_refusals_are_text(self) -> None:
        parts = [{"type": "text", "text": "a"}, {"type": "image"}, "b"]
        assert events(chunk(content=parts), chunk(refusal="no"))[:-1] == [
            TextDelta("a"),
            TextDelta("b"),
            TextDelta("no"),
        ]

    def test_usage_is_found_wherever_it_stands_and_the_details_with_it(self) -> None:
        usage = {
            "prompt_tokens": 8,
            "completion_tokens": 20,
            "completion_tokens_details": {"reasoning_tokens": 12},
            "prompt_tokens_details": {"cached_tokens": 4},
        }
        expected = Usage(8, 20, 12, 4)
        assert events({"choices": [], "usage": usage})[0] == expected
        assert events({"choices": [{"delta": {}, "usage": usage}]})[0] == expected
        assert events({"choices": [{"delta": {}}], "x_groq": {"usage": usage}})[0] == expected

    def test_deepseeks_cache_hits_and_unknown_counts(self) -> None:
        assert events({"usage": {"prompt_tokens": 3, "prompt_cache_hit_tokens": 2}})[0] == Usage(
            3, None, None, 2
        )
        assert events({"usage": {"prompt_tokens": "many", "completion_tokens": None}})[:-1] == []

    @pytest.mark.parametrize(
        ("word", "reason"),
        [
            ("stop", "stop"),
            ("length", "length"),
            ("content_filter", "content_filter"),
            ("sensitive", "content_filter"),
            ("model_context_window_exceeded", "length"),
            ("function_call", "tool_calls"),
            ("insufficient_system_resource", "other"),
            ("something_new", "other"),
        ],
    )
    def test_words_for_the_end_are_kept_as_they_came(self, word: str, reason: str) -> None:
        assert events(chunk(word)) == [Finish(reason, word)]

    def test_a_finish_reason_without_done_is_an_end_and_neither_is_none(self) -> None:
        assert events(chunk("stop", content="a"), done=False) == [TextDelta("a"), Finish("stop", "stop")]
        assert events(chunk(content="a"), done=False) == [TextDelta("a")]

    def test_a_late_null_does_not_wipe_the_finish_reason(self) -> None:
        late = {"choices": [{"finish_reason": None, "index": 0}]}
        assert events(chunk("length"), late)[-1] == Finish("length", "length")

    def test_a_whole_answer_instead_of_a_stream(self) -> None:
        message = {"role": "assistant", "content": "42", "reasoning_content": "hm"}
        answer = {
            "object": "chat.completion",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 2},
        }
        expected = [ReasoningDelta("hm"), TextDelta("42"), Usage(1, 2), Finish("stop", "stop")]
        assert events(answer, event=BODY, done=False) == expected
        assert events(answer, event=BARE, done=False) == expected
        assert events(answer) == expected

    def test_a_whole_message_at_the_end_of_a_stream_does_not_repeat_the_text(self) -> None:
        last = {"choices": [{"index": 0, "message": {"content": "Hey"}, "finish_reason": "stop"}]}
        assert events(chunk(content="Hey"), last) == [TextDelta("Hey"), Finish("stop", "stop")]


def calls(*fragments: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """The tool calls that the fragments add up to."""
    found: dict[int, list[str]] = {}
    for event in events(*[chunk(tool_calls=fragment) for fragment in fragments]):
        if isinstance(event, ToolCallDelta):
            one = found.setdefault(event.index, ["", "", ""])
            one[0], one[1] = event.id or one[0], event.name or one[1]
            one[2] += event.arguments
    return [(one[0], one[1], one[2]) for _, one in sorted(found.items())]


def piece(index: Any = None, id_: Any = None, name: Any = None, arguments: Any = "") -> dict[str, Any]:
    out = {"id": id_, "function": {"name": name, "arguments": arguments}}
    return out if index is None else out | {"index": index}


class TestToolCalls:
    def test_parallel_calls_are_told_apart_by_index(self) -> None:
        got = calls(
            [piece(0, "a", "f"), piece(1, "b", "g")],
            [piece(1, "", None, "{}")],
            [piece(0, None, None, '{"x":1}')],
        )
        assert got == [("a", "f", '{"x":1}'), ("b", "g", "{}")]

    def test_calls_without_an_index_are_told_apart_by_id(self) -> None:
        assert calls(
            [piece(None, "a", "f", "{"), piece(None, "b", "g", "{}")], [piece(None, "a", None, "}")]
        ) == [
            ("a", "f", "{}"),
            ("b", "g", "{}"),
        ]

    def test_a_fragment_with_nothing_to_tell_belongs_to_the_last_call(self) -> None:
        assert calls([piece(None, "a", "f", "{")], [piece(None, None, None, "}")]) == [("a", "f", "{}")]

    def test_two_whole_calls_under_one_index_are_two(self) -> None:
        assert calls([piece(0, "a", "f", "{}")], [piece(0, "b", "f", "{}")]) == [
            ("a", "f", "{}"),
            ("b", "f", "{}"),
        ]

    def test_arguments_as_an_object_and_the_old_function_call(self) -> None:
        assert calls([piece(0, "a", "f", {"城": 1})]) == [("a", "f", '{"城": 1}')]
        old = events(
            chunk(function_call={"name": "f", "arguments": "{"}), chunk(function_call={"arguments": "}"})
        )
        assert [event.arguments for event in old if isinstance(event, ToolCallDelta)] == ["{", "}"]

    def test_empty_defaults_of_a_gateway_are_no_call_and_no_error(self) -> None:
        filled = chunk(content="x", function_call={}, tool_calls=[{}])
        filled["choices"][0]["error"] = {}
        last = chunk("stop")
        last["choices"][0]["error"] = {}
        assert events(filled, last) == [TextDelta("x"), Finish("stop", "stop")]

    def test_a_character_cut_inside_arguments_is_joined(self) -> None:
        assert calls([piece(0, "a", "f", '"\ud83d')], [piece(0, None, None, '\ude00"')], [])[0][2] == '"😀"'
        assert calls([piece(0, "a", "f", "\ud83d")])[0][2] == "\ufffd"

    def test_stop_after_tool_calls_means_tool_calls(self) -> None:
        assert events(chunk("stop", tool_calls=[piece(0, "a", "f")]))[-1] == Finish("tool_calls", "stop")


class TestModels:
    @pytest.mark.parametrize(
        "payload",
        [
            {"data": [{"id": "b"}, {"id": "a", "object": "model"}]},
            [{"id": "a"}, {"id": "b"}],
            {"models": [{"name": "b"}, "a", {"id": None}]},
        ],
    )
    def test_names_in_order_whatever_the_shape(self, payload: Any) -> None:
        response = WireResponse(200, {}, json.dumps(payload).encode())
        assert [model.name for model in provider().models(response)] == ["a", "b"]

    def test_a_refusal_is_an_error_and_an_empty_list_is_none(self) -> None:
        with pytest.raises(NbstreamError) as caught:
            provider().models(WireResponse(401, {}, b'{"error": {"message": "bad key"}}'))
        assert caught.value.kind == "auth"
        assert provider().models(WireResponse(200, {}, b'{"data": []}')) == []
        with pytest.raises(NbstreamError):
            provider().models(WireResponse(200, {"content-type": "text/html"}, b"<html>"))


class TestTheRegistry:
    def test_names_aliases_and_case(self) -> None:
        assert registry.get("KIMI").name == registry.get("moonshot").name == "moonshot"
        assert registry.get("glm").name == "zhipu"
        assert registry.get("silicon").base_url == "https://api.siliconflow.cn/v1"

    def test_a_model_is_split_at_the_first_colon(self) -> None:
        chosen, model = registry.split("openai:vector:openai-plain")
        assert (chosen.name, model) == ("openai", "vector:openai-plain")
        assert registry.split("deepseek") == (registry.get("deepseek"), "deepseek-v4-flash")

    def test_a_misspelled_name_gets_the_nearest_one(self) -> None:
        with pytest.raises(NbstreamError) as caught:
            registry.get("depseek")
        assert caught.value.kind == "config"
        assert caught.value.fix == "%llm use deepseek"
        with pytest.raises(NbstreamError) as caught:
            registry.get("{name}")
        assert "{name}" in caught.value.what

    def test_another_package_may_bring_a_provider(self, monkeypatch) -> None:
        class Entry:
            def load(self):
                return lambda: provider("vllm")

        monkeypatch.setattr(registry, "_others", lambda: {"theirs": Entry()})
        assert registry.get("Theirs").label == "vLLM"
        assert "theirs" in registry.names()
        registry._made.cache_clear()
