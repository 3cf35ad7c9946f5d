"""Baidu's V1: its paths, its rules for messages, its words, and that Baidu's own has ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

import nbstream
from nbstream.chat.call import Call
from nbstream.chat.engine import Run
from nbstream.chat.session import Session
from nbstream.chat.stream import Stream
from nbstream.credentials import Secret
from nbstream.errors import NbstreamError
from nbstream.i18n import set_language
from nbstream.messages import ChatRequest, Finish, Message, TextDelta, ToolCall
from nbstream.providers import registry
from nbstream.providers.ernie_v1 import ErnieV1
from nbstream.show import words
from nbstream.wire.request import BARE, BODY, Frame, WireResponse
from tests.fakes.ernie_v1_server import CREDENTIALS, ERRORS, ROOT, ErnieV1Server, frame

KINDS = {
    "server_error": "1 15 336000",
    "overloaded": "2 336100",
    "invalid_request": "3 336001 336002 336003 336005 336006 336101 336104 336105",
    "rate_limit": "4 18 336501 336502",
    "permission": "6 336004",
    "auth": "13 14 100 110 111",
    "quota_exhausted": "17 19",
    "context_length": "336007 336103",
}
KIND = {code: kind for kind, codes in KINDS.items() for code in codes.split()}
RETRIABLE = ["1", "2", "4", "15", "18", "336000", "336100", "336501", "336502"]
TOOL = {"name": "f", "description": "d", "parameters": {"type": "object"}}


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    set_language("en")
    yield
    set_language(None)


@pytest.fixture(scope="module")
def server() -> Iterator[ErnieV1Server]:
    with ErnieV1Server() as running:
        yield running


def stream(server: ErnieV1Server, model: str, prompt: Any = "hi", **options: Any) -> nbstream.Stream:
    given = {"base_url": server.origin, "credentials": dict(CREDENTIALS), "retries": 0} | options
    return nbstream.stream(prompt, model=f"ernie-v1:{model}", **given)


def failure(server: ErnieV1Server, model: str, **options: Any) -> NbstreamError:
    with pytest.raises(NbstreamError) as caught:
        stream(server, model, **options).wait()
    return caught.value


def body(messages: Any = "hi", **what: Any) -> dict[str, Any]:
    chat = ChatRequest(Message.many(messages), "m", **what)
    return json.loads(registry.get("ernie-v1").request(chat, {}).body or b"")


def url(model: str = "m", base_url: str | None = None) -> str:
    chat = ChatRequest(Message.many("hi"), model, base_url=base_url)
    return str(registry.get("ernie-v1").request(chat, {}).url)


def events(*frames: Any, event: str = "") -> list[Any]:
    texts = [one if isinstance(one, str) else json.dumps(one) for one in frames]
    found = registry.get("ernie-v1").events(iter([Frame(text, event) for text in texts]))
    return [one for one in found if one is not None]


class TestWhereItGoes:
    @pytest.mark.parametrize(
        ("model", "word"),
        [
            ("ERNIE-4.0-8K", "completions_pro"),
            ("ernie-bot-4", "completions_pro"),
            ("ERNIE-3.5-8K", "completions"),
            ("ERNIE-4.0-8K-Preview-0518", "completions_adv_pro"),
            ("ERNIE-Speed-8K", "ernie_speed"),
            ("ERNIE-Bot-turbo", "eb-instant"),
            ("ERNIE-Lite-8K", "ernie-lite-8k"),
            ("ERNIE-3.5-128K", "ernie-3.5-128k"),
            ("eb-instant", "eb-instant"),
            ("", "completions_pro"),
            ("My_Deployment-1", "My_Deployment-1"),
            ("with a/slash", "with%20a%2Fslash"),
            ("half \ud83d", "half%20%3F"),
        ],
    )
    def test_a_model_is_a_word_in_the_path(self, model: str, word: str) -> None:
        assert url(model) == f"https://aip.baidubce.com{ROOT}/chat/{word}"

    def test_models_are_listed_by_their_paths_and_by_what_people_call_them(self) -> None:
        listed = {model.name: model.label for model in registry.get("ernie-v1").listed}
        assert listed["completions_pro"] == "ERNIE-4.0-8K" and "ernie-tiny-8k" in listed

    @pytest.mark.parametrize(
        ("base", "wanted"),
        [
            ("https://gw.example", f"https://gw.example{ROOT}/chat/m"),
            ("https://gw.example/", f"https://gw.example{ROOT}/chat/m"),
            ("https://gw.example/baidu/v1/", "https://gw.example/baidu/v1/chat/m"),
            ("https://gw.example/baidu/chat", "https://gw.example/baidu/chat/m"),
            ("https://gw.example/baidu/chat/eb-instant", "https://gw.example/baidu/chat/eb-instant"),
            (f"https://gw.example{ROOT}/chat/own?a=1", f"https://gw.example{ROOT}/chat/own?a=1"),
            ("https://gw.example/chat/v1", "https://gw.example/chat/v1/chat/m"),
            ("https://gw.example/x?tenant=1", "https://gw.example/x/chat/m?tenant=1"),
        ],
    )
    def test_a_gateways_address_is_used_as_it_is(self, base: str, wanted: str) -> None:
        assert url("m", base) == wanted

    def test_the_token_comes_from_the_same_host_and_stands_in_the_query(self, server: ErnieV1Server) -> None:
        assert stream(server, "words:2", base_url=server.url + "?tenant=1").wait().text
        fetch, chat = server.log[-2:]
        assert fetch.path.startswith("/oauth/2.0/token?grant_type=client_credentials&client_id=")
        assert "tenant" not in fetch.path
        assert chat.path.startswith(f"{ROOT}/chat/words%3A2?tenant=1&access_token=24.")
        assert "authorization" not in chat.headers

    def test_keys_come_from_the_environment(self, server: ErnieV1Server, monkeypatch: Any) -> None:
        monkeypatch.setenv("QIANFAN_AK", CREDENTIALS["api_key"])
        assert "ernie-v1" not in Session().ready()
        with pytest.raises(NbstreamError) as caught:
            nbstream.stream("hi", model="ernie-v1")
        assert "QIANFAN_SK" in str(caught.value)
        monkeypatch.setenv("QIANFAN_SK", CREDENTIALS["secret_key"])
        assert "ernie-v1" in Session().ready() and "ernie" not in Session().ready()
        monkeypatch.setenv("ERNIE_V1_BASE_URL", server.origin)
        assert nbstream.ask("hi", model="ernie-v1:words:2").text


class TestWhatIsSent:
    def test_names_of_its_own(self) -> None:
        sent = body(
            [{"role": "system", "content": "Be kind."}, "hi"],
            system="Be brief.",
            temperature=0.3,
            max_tokens=99,
            tools=({"type": "function", "function": TOOL}, TOOL),
            options={"penalty_score": 1.2, "user_id": "u", "token_url": "https://x.example"},
        )
        assert sent == {
            "messages": [{"role": "user", "content": "hi"}],
            "stream": True,
            "system": "Be brief.\n\nBe kind.",
            "temperature": 0.3,
            "max_output_tokens": 99,
            "functions": [TOOL, TOOL],
            "penalty_score": 1.2,
            "user_id": "u",
        }

    @pytest.mark.parametrize("lang", ["en", "zh"])
    @pytest.mark.parametrize("value", [0, 0.0, 1.01, 2])
    def test_a_temperature_that_the_service_refuses_is_refused_before(self, value: float, lang: str) -> None:
        set_language(lang)
        for given in ({"temperature": value}, {"options": {"temperature": value}}):
            with pytest.raises(NbstreamError) as caught:
                nbstream.stream("hi", model="ernie-v1", credentials=CREDENTIALS, **given)
            assert caught.value.kind == "config"
            assert f"{value:g}" in caught.value.what and caught.value.fix.endswith(
                "temperature=1" if value else "temperature=0.01"
            )
        assert body(temperature=1)["temperature"] == 1

    def test_messages_are_odd_in_number_and_take_turns(self) -> None:
        def roles(*talk: Any) -> list[tuple[str, str]]:
            return [(one["role"], one["content"]) for one in body(talk)["messages"]]

        def a(text: str) -> dict[str, str]:
            return {"role": "assistant", "content": text}

        assert roles("x", "y") == [("user", "x\n\ny")]
        assert roles(a("hello"), "x") == [("user", "x")]
        assert roles("x", a(" "), "y", a("1"), a("2"), "z") == [
            ("user", "x\n\ny"),
            ("assistant", "1\n\n2"),
            ("user", "z"),
        ]
        assert roles("x", a("half an ans")) == [
            ("user", "x"),
            ("assistant", "half an ans"),
            ("user", "Go on."),
        ]

    def test_tools_are_functions_and_their_answers_take_the_users_place(self) -> None:
        calls = (ToolCall("c1", "f", '{"a":1}'), ToolCall("c2", "g", "{}"))
        talk = [
            Message("user", "x"),
            Message("assistant", tool_calls=calls),
            Message("tool", "1", tool_call_id="c1"),
        ]
        asked, called, answered = body(talk)["messages"]
        assert asked == {"role": "user", "content": "x"}
        assert called["function_call"] == {"name": "f", "arguments": '{"a":1}'}
        assert answered == {"role": "function", "content": "1", "name": "f"}
        both = body([*talk, Message("tool", "2", tool_call_id="c2")])["messages"]
        assert both[2] == {"role": "function", "content": "1\n\n2", "name": "f"}
        spoken = body([*talk, Message("user", "y")])["messages"]
        assert spoken[2] == {"role": "user", "content": "1\n\ny"}

    def test_the_service_takes_any_conversation_so_ordered(self, server: ErnieV1Server) -> None:
        talk = ["a", "b", {"role": "assistant", "content": "c"}, {"role": "assistant", "content": "d"}]
        assert json.loads(stream(server, "echo", talk).wait().text)[-1]["role"] == "user"


class TestWhatComesBack:
    def test_a_call_a_search_and_the_limit(self, server: ErnieV1Server) -> None:
        called = stream(server, "call").wait()
        assert called.finish_reason == "tool_calls" and called.raw_finish_reason == "function_call"
        assert [(one.name, json.loads(one.arguments)) for one in called.tool_calls] == [
            ("get_weather", {"city": "上海"})
        ]
        found = stream(server, "search").wait()
        assert found.text == "晴^[1]^。" and "https://example.org/a" in words.footer(found)
        assert stream(server, "cut-short").wait().finish_reason == "length"

    @pytest.mark.parametrize(("flag", "text"), [(1, "一些文字"), (2, "一些文字"), (3, ""), (4, "")])
    def test_moderation(self, server: ErnieV1Server, flag: int, text: str) -> None:
        answer = stream(server, f"moderated:{flag}").wait()
        assert (answer.text, answer.finish_reason) == (text, "content_filter")
        assert "%llm reset" in words.footer(answer)

    def test_a_canned_sentence_takes_the_place_of_what_was_withdrawn(self) -> None:
        last = frame("换个话题吧", 2, is_end=True, flag=4, need_clear_history=True, ban_round=-1)
        answer = [one for one in events(frame("坏", 1), last) if isinstance(one, TextDelta)]
        assert [one.text for one in answer] == ["坏", "换个话题吧"]
        bad = frame("更坏", 2, is_end=True, flag=4)
        assert TextDelta("更坏") not in events(frame("坏", 1), bad)

    def test_a_whole_answer_and_another_tongues_end_will_do(self, server: ErnieV1Server) -> None:
        assert stream(server, "json").wait().finish_reason == "stop"
        assert events(frame("x", 1), "[DONE]") == [TextDelta("x"), Finish("stop", None)]

    def test_frames_without_a_blank_line_between_them_are_read_one_by_one(self) -> None:
        frames = [frame("x", 1), frame("y", 2), frame("", 3, is_end=True)]
        got = events("\n".join(map(json.dumps, frames)))
        assert got[:2] == [TextDelta("x"), TextDelta("y")] and got[-1] == Finish("stop", "normal")

    def test_nothing_is_read_after_the_end(self) -> None:
        got = events(frame("x", 1, is_end=True), frame("y", 2), {"error_code": 1})
        assert [one.text for one in got if isinstance(one, TextDelta)] == ["x"]

    def test_an_unknown_word_is_kept(self) -> None:
        assert events(frame("x", 1, is_end=True, finish_reason="odd"))[-1] == Finish("other", "odd")


class TestRefusals:
    @pytest.mark.parametrize("code", ERRORS)
    def test_a_code_with_http_200_says_what_it_is(self, server: ErnieV1Server, code: str) -> None:
        error = failure(server, f"refuse:{code}")
        assert (error.kind, error.code, error.status) == (KIND[code], code, None)
        assert ERRORS[code] in error.why and error.fix
        assert error.retryable == (code in RETRIABLE)
        assert error.retry_after is None

    @pytest.mark.parametrize("how", ["broken", "bare"])
    def test_an_error_inside_the_stream_keeps_the_text(self, server: ErnieV1Server, how: str) -> None:
        error = failure(server, f"{how}:336501", retries=3)
        assert (error.kind, error.code, error.request_id) == ("rate_limit", "336501", "as-fake")
        assert error.answer.text and "60" in error.fix

    def test_busy_is_asked_again(self, server: ErnieV1Server) -> None:
        assert stream(server, "flaky:1:336100", retries=1).wait().finish_reason == "stop"

    @pytest.mark.parametrize("lang", ["en", "zh"])
    def test_what_helps_is_said_in_both_languages(self, server: ErnieV1Server, lang: str) -> None:
        set_language(lang)
        daily = failure(server, "refuse:17")
        assert ("未开通" if lang == "zh" else "not activated") in daily.why
        assert "completions_pro" in failure(server, "nonesuch").fix

    @pytest.mark.parametrize("text", ['{"code":1,"msg":"slow down"}', '{"error":{"message":"slow down"}}'])
    def test_gateways_have_other_ways_to_say_it(self, text: str) -> None:
        for event in (BODY, BARE, ""):
            with pytest.raises(NbstreamError) as caught:
                events(text, event=event)
            assert "slow down" in caught.value.why

    @pytest.mark.parametrize(
        ("headers", "code", "kind"),
        [
            ({"x-bce-error-code": "AccessDenied", "x-bce-error-message": "no"}, "AccessDenied", "permission"),
            ({"x-bce-error-code": "RequestExpired"}, "RequestExpired", "auth"),
            ({"x-bce-error-code": "InternalError"}, "InternalError", "server_error"),
        ],
    )
    def test_the_gateway_that_checks_signatures_speaks_in_headers(
        self, headers: dict[str, str], code: str, kind: str
    ) -> None:
        error = registry.get("ernie-v1").refused(WireResponse(403, headers | {"x-bce-request-id": "r"}, b""))
        assert (error.kind, error.code, error.request_id, error.status) == (kind, code, "r", 403)

    @pytest.mark.parametrize(
        ("model", "kind"),
        [
            ("cut:2", "interrupted"),
            ("reset:2", "interrupted"),
            ("garbage:2", "interrupted"),
            ("html", "protocol"),
        ],
    )
    def test_what_breaks_is_said_and_keeps_the_text(
        self, server: ErnieV1Server, model: str, kind: str
    ) -> None:
        error = failure(server, model)
        assert error.kind == kind and bool(error.answer.text) == model.endswith("2")

    @pytest.mark.parametrize("model", ["silent", "pause:2"])
    def test_silence_ends(self, server: ErnieV1Server, model: str) -> None:
        first = 0.2 if model == "silent" else 10.0
        error = failure(server, model, timeout={"connect": 5, "first": first, "idle": 0.2})
        assert error.kind == "timeout" and bool(error.answer.text) == model.startswith("pause")

    def test_slow_bytes_are_only_slow(self, server: ErnieV1Server) -> None:
        assert stream(server, "slow:3").wait().text == server.log[-1].text


class TestTheEnd:
    """Baidu's own V1 ended on 2026-08-31; a gateway of one's own did not."""

    def told(self, text: str, base_url: str | None) -> NbstreamError:
        provider = registry.get("ernie-v1")
        chat = ChatRequest(Message.many("hi"), "m", base_url=base_url)
        request = provider.request(chat, {"token": Secret("24.0123456789abcdef")})
        error = provider.refused(WireResponse(404, {}, text.encode()))
        assert provider.again(request, error) is None
        return error

    @pytest.mark.parametrize("lang", ["en", "zh"])
    @pytest.mark.parametrize("text", ["", "<html><title>404</title>", '{"error_code":3,"error_msg":"gone"}'])
    def test_where_baidus_own_fails_it_is_said(self, text: str, lang: str) -> None:
        set_language(lang)
        error = self.told(text, None)
        assert "2026-08-31" in error.why and "%llm use ernie" in error.fix

    def test_so_it_is_said_where_the_cell_fails(self, server: ErnieV1Server) -> None:
        theirs = ErnieV1(replace(registry.get("ernie-v1").host, base_url=server.url))  # as if it were Baidu's
        keys = {name: Secret(value) for name, value in CREDENTIALS.items()}

        def ask(model: str) -> nbstream.Answer:
            return Stream(Run(Call(theirs, ChatRequest(Message.many("hi"), model), keys, retries=0))).wait()

        assert ask("words:2").error is None
        for model in ("refuse:3", "refuse:336004", "html"):
            with pytest.raises(NbstreamError) as caught:
                ask(model)
            assert "2026-08-31" in caught.value.why and "%llm use ernie" in caught.value.fix
        with pytest.raises(NbstreamError) as caught:
            ask("refuse:336501")
        assert "2026-08-31" not in str(caught.value)

    def test_a_gateway_that_fails_is_not_baidus(self) -> None:
        assert "2026-08-31" not in str(self.told("", "https://gw.example"))

    def test_one_that_is_only_busy_is_alive(self) -> None:
        assert "2026-08-31" not in str(self.told('{"error_code":18,"error_msg":"qps"}', None))
