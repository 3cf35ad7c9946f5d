"""Baidu ERNIE on Qianfan V2: what is sent, what comes back, and what a person is told when it does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import nbstream
from nbstream.chat.session import Session
from nbstream.credentials import Secret
from nbstream.errors import NbstreamError
from nbstream.i18n import set_language
from nbstream.messages import ChatRequest, Finish, Message, Note, Retract, TextDelta, ToolCall
from nbstream.providers import registry
from nbstream.show import words
from nbstream.wire.request import Frame
from tests.fakes.ernie_server import CREDENTIALS, ERRORS, ErnieServer

KINDS = {
    "auth": "invalid_iam_token",
    "permission": "invalid_model invalid_appid no_parameter_permission model_offline",
    "invalid_request": "malformed_json invalid_messages invalid_argument method_not_supported",
    "context_length": "characters_too_long tokens_too_long",
    "content_filter": "image_url_unsafe system_unsafe user_setting_unsafe functions_unsafe",
    "quota_exhausted": "account_overdue",
    "server_error": "internal_error dispatch_internal_error",
}
KIND = {code: kind for kind, codes in KINDS.items() for code in codes.split()}


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    set_language("en")
    yield
    set_language(None)


@pytest.fixture(scope="module")
def server() -> Iterator[ErnieServer]:
    with ErnieServer() as running:
        yield running


def stream(server: ErnieServer, model: str, prompt: Any = "hi", **options: Any) -> nbstream.Stream:
    given = {"base_url": server.origin, "credentials": dict(CREDENTIALS), "retries": 0} | options
    return nbstream.stream(prompt, model=f"ernie:{model}", **given)


def failure(server: ErnieServer, model: str, **options: Any) -> NbstreamError:
    with pytest.raises(NbstreamError) as caught:
        stream(server, model, **options).wait()
    return caught.value


def events(*frames: Any, done: bool = True) -> list[Any]:
    texts = [one if isinstance(one, str) else json.dumps(one) for one in frames] + ["[DONE]"] * done
    found = registry.get("ernie").events(iter([Frame(text) for text in texts]))
    return [event for event in found if event is not None]


def chunk(text: str = "", finish: str | None = None, **marks: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish} | marks]}


class TestWhatIsSent:
    def test_a_bearer_key_and_only_where_it_is_given_the_application(self, server: ErnieServer) -> None:
        assert stream(server, "words:3").wait().finish_reason == "stop"
        sent = server.log[-1]
        assert sent.path == "/v2/chat/completions"
        assert sent.headers["authorization"] == f"Bearer {CREDENTIALS['api_key']}"
        assert "appid" not in sent.headers
        assert sent.body["stream_options"] == {"include_usage": True}
        assert stream(server, "words:3", credentials=CREDENTIALS | {"app_id": "app-x1"}).wait().text
        assert server.log[-1].headers["appid"] == "app-x1"

    def test_keys_come_from_the_environment(self, server: ErnieServer, monkeypatch: Any) -> None:
        monkeypatch.setenv("QIANFAN_API_KEY", "bce-v3/from-the-environment")
        monkeypatch.setenv("QIANFAN_APP_ID", "app-env")
        assert "ernie" in Session().ready() and "ernie-v1" not in Session().ready()
        assert stream(server, "words:1", credentials=None).wait().text
        assert server.log[-1].headers["authorization"] == "Bearer bce-v3/from-the-environment"
        assert server.log[-1].headers["appid"] == "app-env"

    @pytest.mark.parametrize("alias", ["qianfan", "Wenxin", "baidu", "ERNIE"])
    def test_it_goes_by_several_names(self, alias: str) -> None:
        assert registry.get(alias).name == "ernie"

    def test_the_own_address_and_options_of_its_own(self) -> None:
        chat = ChatRequest(
            Message.many("hi"),
            "",
            max_tokens=9,
            options={"penalty_score": 1.5, "web_search": {"enable": True}},
        )
        request = registry.get("ernie").request(chat, {"api_key": Secret("k")})
        assert request.url == "https://qianfan.baidubce.com/v2/chat/completions"
        body = json.loads(request.body or b"")
        assert (body["model"], body["max_tokens"]) == ("ernie-5.1", 9)
        assert body["penalty_score"] == 1.5 and body["web_search"] == {"enable": True}

    @pytest.mark.parametrize(
        ("model", "slow"),
        [
            ("ernie-x1-turbo-32k", True),
            ("ernie-x1.1", True),
            ("ernie-5.0-thinking-latest", True),
            ("ernie-5.1", True),
            ("deepseek-r1", True),
            ("ernie-4.5-turbo-128k", False),
            ("ernie-3.5-8k", False),
        ],
    )
    def test_models_that_think_first_are_given_time(self, model: str, slow: bool) -> None:
        request = registry.get("ernie").request(ChatRequest(Message.many("hi"), model), {})
        assert request.slow_start is slow

    def test_messages_come_in_the_order_that_the_service_insists_on(self, server: ErnieServer) -> None:
        talk = [
            {"role": "assistant", "content": "Hello, I am first."},
            {"role": "user", "content": "a"},
            {"role": "user", "content": "b"},
            {"role": "assistant", "content": " "},
            {"role": "user", "content": "c"},
            {"role": "assistant", "content": "d"},
            {"role": "system", "content": "Be kind."},
        ]
        said = stream(server, "echo", talk, system="Be brief.").wait().text
        assert json.loads(said) == [
            {"role": "system", "content": "Be brief.\n\nBe kind."},
            {"role": "user", "content": "a\n\nb\n\nc"},
            {"role": "assistant", "content": "d"},
            {"role": "user", "content": "Go on."},
        ]

    def test_answers_of_tools_keep_their_places(self, server: ErnieServer) -> None:
        calls = (ToolCall("c1", "f", "{}"), ToolCall("c2", "g", "{}"))
        talk = [
            Message("user", "a"),
            Message("assistant", "Let me see.", tool_calls=calls),
            Message("tool", "1", tool_call_id="c1"),
            Message("tool", "2", tool_call_id="c2"),
        ]
        sent = json.loads(stream(server, "echo", talk).wait().text)
        assert [one["role"] for one in sent] == ["user", "assistant", "tool", "tool"]
        assert [one.get("tool_call_id") for one in sent[2:]] == ["c1", "c2"]

    def test_a_call_is_not_merged_into_the_words_before_it(self) -> None:
        call = Message("assistant", tool_calls=(ToolCall("c1", "f", "{}"),))
        talk = (
            Message("user", "a"),
            Message("assistant", "b"),
            call,
            Message("tool", "1", tool_call_id="c1"),
        )
        request = registry.get("ernie").request(ChatRequest(talk, "m"), {})
        sent = json.loads(request.body or b"")["messages"]
        assert [one["content"] for one in sent] == ["a", "b", None, "1"]
        assert sent[2]["tool_calls"][0]["id"] == "c1"

    def test_nothing_to_ask_is_said_at_once(self, server: ErnieServer) -> None:
        with pytest.raises(NbstreamError) as caught:
            stream(server, "echo", [{"role": "assistant", "content": "only I speak"}])
        assert caught.value.kind == "config"

    def test_models_are_listed(self, server: ErnieServer) -> None:
        from nbstream.chat.fetch import models

        found = models(registry.get("ernie"), {"api_key": Secret("k")}, server.url)
        assert found is not None and "ernie-5.1" in [model.name for model in found]


class TestWhatComesBack:
    def test_thinking_a_tool_and_what_a_search_found(self, server: ErnieServer) -> None:
        thought = stream(server, "think:5").wait()
        assert thought.reasoning and thought.text and thought.usage.output_tokens == 10
        called = stream(server, "call").wait()
        assert called.finish_reason == "tool_calls"
        assert [(one.name, json.loads(one.arguments)) for one in called.tool_calls] == [
            ("get_weather", {"city": "上海"})
        ]
        found = stream(server, "search").wait()
        assert found.text == "晴^[1]^。"
        assert found.notes == ("sources: [1] 天气 https://example.org/a",)
        assert "https://example.org/a" in words.footer(found)

    def test_an_answer_that_is_no_stream_will_do(self, server: ErnieServer) -> None:
        answer = stream(server, "json").wait()
        assert answer.text and answer.finish_reason == "stop"

    @pytest.mark.parametrize(
        ("flag", "text", "finish"),
        [(1, "一些文字", "content_filter"), (2, "一些文字", "content_filter"), (3, "", "content_filter"),
         (4, "", "content_filter")],
    )  # fmt: skip
    def test_moderation_withdraws_text_or_not_and_always_says_what_to_do(
        self, server: ErnieServer, flag: int, text: str, finish: str
    ) -> None:
        answer = stream(server, f"moderated:{flag}").wait()
        assert (answer.text, answer.finish_reason, answer.error) == (text, finish, None)
        assert "%llm reset" in words.footer(answer)
        assert any("withdrew" in note for note in answer.notes) == (flag in (3, 4))

    def test_what_was_withdrawn_is_in_no_history(self, server: ErnieServer) -> None:
        talk = Session().conversation()
        where = {"base_url": server.origin, "credentials": CREDENTIALS}
        assert talk.ask("first", model="ernie:moderated:4", **where).text == ""
        sent = json.loads(talk.ask("second", model="ernie:echo", **where).text)
        assert sent == [{"role": "user", "content": "second"}]

    def test_each_mark_alone(self) -> None:
        said = [TextDelta("x"), TextDelta("y")]
        withdrawn = Retract("the service withdrew its text")
        end = chunk(finish="stop")
        reset = Note("moderation objected: drop the history with %llm reset")
        assert events(chunk("x"), chunk("y", flag=1), end) == [*said, Finish("stop", "stop")]
        assert events(chunk("x"), chunk("y", flag=2), end) == [*said, Finish("content_filter", "stop")]
        assert events(chunk("x"), chunk("y", flag=3), end) == [
            *said,
            withdrawn,
            Finish("content_filter", "stop"),
        ]
        assert events(chunk("x"), chunk("y", ban_round=-1), end) == [
            *said,
            reset,
            Finish("content_filter", "stop"),
        ]
        assert events(chunk("x"), chunk("y", finish="stop", flag=4)) == [
            *said,
            withdrawn,
            Finish("content_filter", "stop"),
        ]
        (note, _) = events(chunk(finish="stop", ban_round=2, need_clear_history=True))
        assert "round 2" in note.text and "%llm reset" in note.text

    def test_marks_that_the_model_merely_talks_about_mean_nothing(self) -> None:
        for text in ('"flag":4', '{"need_clear_history": true, "ban_round": 3}', '"search_results"'):
            assert events(chunk(text), chunk(finish="stop")) == [TextDelta(text), Finish("stop", "stop")]

    def test_frames_without_a_blank_line_between_them_are_read_one_by_one(self) -> None:
        frames = [chunk("x"), chunk("y", flag=4), chunk("z"), chunk(finish="stop")]
        joined = "\n".join([*map(json.dumps, frames), "[DONE]"])
        withdrawn = Retract("the service withdrew its text")
        end = Finish("content_filter", "stop")
        assert events(joined) == [TextDelta("x"), TextDelta("y"), withdrawn, TextDelta("z"), end]
        # Whoever drives it gives one frame and hears "the next, please" once.
        told = list(registry.get("ernie").events(iter([Frame(joined.rpartition("\n")[0])])))
        assert told.count(None) == 1

    def test_normal_in_every_frame_is_no_end(self) -> None:
        early = [chunk("a", "normal"), chunk("b", "normal")]
        text = [TextDelta("a"), TextDelta("b")]
        assert events(*early) == [*text, Finish("stop", "normal")]
        assert events(*early, done=False) == text  # which the engine calls interrupted
        assert events(*early, chunk("", "length")) == [*text, Finish("length", "length")]
        assert events(*early[:1], chunk("b", "normal", is_end=True), done=False) == [
            *text,
            Finish("stop", "normal"),
        ]

    def test_normal_after_frames_without_it_is_the_end(self) -> None:
        assert events(chunk("a"), chunk("", "normal"), done=False) == [
            TextDelta("a"),
            Finish("stop", "normal"),
        ]

    def test_a_call_that_ends_normal_is_still_a_call(self) -> None:
        call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        got = events({"choices": [{"delta": {"tool_calls": [call]}, "finish_reason": "normal"}]})
        assert got[-1] == Finish("tool_calls", "normal")


class TestRefusals:
    @pytest.mark.parametrize("code", ERRORS)
    def test_the_code_says_what_it_is_whatever_status_and_type_say(
        self, server: ErnieServer, code: str
    ) -> None:
        error = failure(server, f"refuse:{code}")
        kind = KIND.get(code, "rate_limit")
        assert (error.kind, error.code, error.status) == (kind, code, ERRORS[code][0])
        assert error.request_id == "fake-request" and error.retry_after is None
        assert ERRORS[code][2] in error.why and error.fix
        assert error.retryable == (kind in ("rate_limit", "server_error"))

    @pytest.mark.parametrize("lang", ["en", "zh"])
    def test_what_helps_is_said_in_both_languages(self, server: ErnieServer, lang: str) -> None:
        set_language(lang)
        assert "bce-v3/" in failure(server, "refuse:invalid_iam_token").fix
        assert "%llm models ernie" in failure(server, "nonesuch").fix
        assert "QIANFAN_APP_ID" in failure(server, "refuse:invalid_appid").fix
        assert ("欠费" if lang == "zh" else "overdue") in failure(server, "refuse:account_overdue").what
        assert "60" in failure(server, "refuse:rpm_rate_limit_exceeded").fix
        assert "-s" in failure(server, "refuse:system_unsafe").fix

    def test_a_wrong_key_is_said_to_be_one(self) -> None:
        with ErnieServer(key="another") as picky:
            error = failure(picky, "words:3")
        assert (error.kind, error.status) == ("auth", 401) and "%llm login ernie" in error.fix

    def test_busy_is_asked_again(self, server: ErnieServer) -> None:
        answer = stream(server, "flaky:1:internal_error", retries=1, timeout=5).wait()
        assert answer.finish_reason == "stop"

    @pytest.mark.parametrize("how", ["broken", "bare"])
    def test_an_error_inside_the_stream_keeps_the_text(self, server: ErnieServer, how: str) -> None:
        error = failure(server, f"{how}:rpm_rate_limit_exceeded", retries=3)
        assert (error.kind, error.status, error.request_id) == ("rate_limit", None, "as-fake")
        assert error.answer.text

    @pytest.mark.parametrize(
        ("model", "kind"),
        [
            ("cut:2", "interrupted"),
            ("reset:2", "interrupted"),
            ("garbage:2", "interrupted"),
            ("html", "protocol"),
        ],
    )
    def test_what_breaks_is_said_and_keeps_the_text(self, server: ErnieServer, model: str, kind: str) -> None:
        error = failure(server, model)
        assert error.kind == kind and bool(error.answer.text) == model.endswith("2")

    @pytest.mark.parametrize("model", ["silent", "pause:2"])
    def test_silence_ends(self, server: ErnieServer, model: str) -> None:
        first = 0.2 if model == "silent" else 10.0
        error = failure(server, model, timeout={"connect": 5, "first": first, "idle": 0.2})
        assert error.kind == "timeout" and bool(error.answer.text) == model.startswith("pause")

    def test_slow_bytes_are_only_slow(self, server: ErnieServer) -> None:
        assert stream(server, "slow:3").wait().text == server.log[-1].text
