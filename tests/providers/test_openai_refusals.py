"""How OpenAI-compatible services refuse, in the stream and before it: a kind, and words that help."""

from __future__ import annotations

import json
import time
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbstream.errors import NbstreamError
from nbstream.i18n import set_language
from nbstream.messages import Finish, TextDelta
from nbstream.providers.hosts import HOSTS
from nbstream.providers.refusals import KINDS_BY_CODE, retry_after
from nbstream.wire.request import BARE, BODY, Frame

from .asking import asked, chunk, events, provider, refused


@pytest.fixture(autouse=True)
def english():
    set_language("en")
    yield
    set_language(None)


NAMES = "choices delta content usage error message index tool_calls function code finish_reason arguments"
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*NAMES.split(), "detail", "x_groq", "metadata", "raw"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


class TestErrorsInTheStream:
    def said(self, *data: Any, event: str = "", name: str = "openai") -> NbstreamError:
        with pytest.raises(NbstreamError) as caught:
            events(*data, event=event, name=name, done=False)
        return caught.value

    def test_an_error_object_is_checked_before_choices(self) -> None:
        error = self.said(chunk("error", content="") | {"error": {"message": "died", "code": 502}})
        assert (error.kind, error.code, error.status, error.provider) == (
            "server_error",
            "502",
            None,
            "openai",
        )
        assert "died" in error.why

    @pytest.mark.parametrize(
        ("data", "kind"),
        [
            ({"error": "plain text"}, "server_error"),
            ({"error": {"message": "slow down", "code": 429}}, "rate_limit"),
            ({"error": {"message": "m", "code": "insufficient_quota"}}, "quota_exhausted"),
            ({"error": {"message": "m", "type": "overloaded_error"}}, "overloaded"),
            ({"error": {"message": "maximum context length is 8192 tokens", "code": 400}}, "context_length"),
            ({"object": "error", "message": "m", "code": 400}, "invalid_request"),
            ({"code": 10163, "message": "bad", "sid": "s1"}, "server_error"),
            ({"code": "DataInspectionFailed", "message": "m", "request_id": "r"}, "server_error"),
            ({"detail": "m"}, "server_error"),
            ({"choices": [{"delta": {}, "error": {"message": "m", "code": 503}}]}, "overloaded"),
        ],
    )
    def test_every_shape_has_a_kind(self, data: Any, kind: str) -> None:
        assert self.said(data).kind == kind

    def test_a_hosts_own_codes_are_known(self) -> None:
        own = {"code": "DataInspectionFailed", "message": "m", "request_id": "r"}
        error = self.said(own, name="qwen")
        assert (error.kind, error.request_id) == ("content_filter", "r")
        assert (
            self.said({"error": {"code": "1113", "message": "欠费"}}, name="zhipu").kind == "quota_exhausted"
        )

    def test_a_bare_or_whole_json_error_needs_no_name_for_itself(self) -> None:
        assert "upstream" in self.said({"message": "upstream"}, event=BARE).why
        assert "upstream" in self.said([{"error": {"message": "upstream"}}], event=BODY).why
        assert self.said({"message": "m"}, event="error").kind == "server_error"

    def test_an_unknown_object_in_the_stream_is_no_error_but_a_whole_body_is(self) -> None:
        unknown = {"message": "queued", "position": 3}
        assert events(unknown, chunk("stop")) == [Finish("stop", "stop")]
        assert self.said({"ok": True}, event=BODY).kind == "protocol"

    def test_text_before_the_error_was_given(self) -> None:
        got = []
        stream = provider().events(iter([Frame(json.dumps(chunk(content="half"))), Frame('{"error": "x"}')]))
        with pytest.raises(NbstreamError):
            for event in stream:
                got.append(event)
        assert got == [TextDelta("half"), None]

    @pytest.mark.parametrize(
        "text", ["pong", "{nope}", '"text"', "7", "[" * 100_000, '{"a": 1} trailing words']
    )
    def test_what_is_not_json_is_shown_as_it_came(self, text: str) -> None:
        error = self.said(text)
        assert error.kind == "protocol"
        assert text[:20] in error.why
        assert len(error.why) < 600

    def test_a_last_frame_cut_in_the_middle_is_a_broken_stream_and_no_bad_json(self) -> None:
        data = chunk(content="你好 \n hello") | {"usage": None, "n": -1.5e10, "b": [True, False]}
        for whole in (json.dumps(data), json.dumps(data, ensure_ascii=False)):
            for end in range(1, len(whole)):
                assert events(whole[:end], done=False) == []
        assert self.said(whole[:20], chunk("stop")).kind == "protocol"

    @given(ANYTHING)
    def test_no_json_whatever_breaks_the_reader(self, data: Any) -> None:
        for event in ("", BODY, BARE):
            try:
                events(data, event=event)
            except NbstreamError as error:
                assert str(error)


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (400, "invalid_request"),
            (401, "auth"),
            (402, "quota_exhausted"),
            (403, "permission"),
            (404, "not_found"),
            (408, "timeout"),
            (413, "context_length"),
            (418, "invalid_request"),
            (422, "invalid_request"),
            (429, "rate_limit"),
            (500, "server_error"),
            (502, "server_error"),
            (503, "overloaded"),
            (529, "overloaded"),
        ],
    )
    def test_the_status_gives_the_kind_where_nothing_else_does(self, status: int, kind: str) -> None:
        for payload in (
            "",
            "no JSON",
            {"error": {"message": "m", "type": "invalid_request_error"}},
            {"detail": "m"},
        ):
            error = refused(status, payload)
            assert (error.kind, error.status, error.provider) == (kind, status, "openai")
            assert len({error.what, error.why, error.fix}) == 3

    @pytest.mark.parametrize(
        ("status", "payload", "kind"),
        [
            (429, {"error": {"message": "m", "code": "insufficient_quota"}}, "quota_exhausted"),
            (403, {"error": {"message": "Your account balance: insufficient balance"}}, "quota_exhausted"),
            (400, {"error": {"message": "m", "code": "context_length_exceeded"}}, "context_length"),
            (400, {"error": {"message": "This model's maximum context length is 8192"}}, "context_length"),
            (400, {"error": {"message": "m", "code": "content_filter"}}, "content_filter"),
            (400, {"error": {"message": "m", "code": "model_not_found"}}, "not_found"),
            (200, {"code": 10163, "message": "m", "sid": "s"}, "server_error"),
        ],
    )
    def test_the_services_own_word_counts_for_more(self, status: int, payload: Any, kind: str) -> None:
        assert refused(status, payload).kind == kind

    @pytest.mark.parametrize(
        "payload",
        [
            {"error": {"message": "the reason", "code": 5}},
            {"error": "the reason"},
            {"code": "x", "message": "the reason", "request_id": "r"},
            {"detail": "the reason"},
            {"detail": [{"loc": ["body", "model"], "msg": "the reason"}]},
            {"object": "error", "message": "the reason"},
            {"message": "the reason"},
            [{"error": {"message": "the reason"}}],
            {"error": {"message": "Provider returned error", "metadata": {"raw": "the reason"}}},
            "the reason",
        ],
    )
    def test_every_shape_gives_a_readable_message(self, payload: Any) -> None:
        assert "the reason" in refused(400, payload).why

    def test_fastapi_says_which_field(self) -> None:
        assert (
            "body.model: required"
            in refused(422, {"detail": [{"loc": ["body", "model"], "msg": "required"}]}).why
        )

    def test_a_message_cannot_move_the_cursor_or_fill_the_screen(self) -> None:
        why = refused(500, {"error": {"message": "a\x1b[2J\u202eb\r\n" + "x" * 10_000}}).why
        assert "\x1b" not in why and "\u202e" not in why and "\n" not in why
        assert len(why) < 540

    def test_a_proxys_page_keeps_its_status_and_shows_its_title_only(self) -> None:
        page = "<html><head><title>502 Bad Gateway</title></head><body><h1>nginx</h1></body></html>"
        error = refused(502, page, content_type="text/html")
        assert error.kind == "server_error"
        assert "502 Bad Gateway" in error.why and "<" not in error.why

    def test_a_web_page_with_status_200_asks_whether_the_base_url_is_right(self) -> None:
        error = refused(200, "<!doctype html><title>Welcome</title>", content_type="text/html; charset=utf-8")
        assert error.kind == "protocol"
        assert "is the base URL right?" in error.what
        assert "Welcome" in error.why

    def test_a_redirect_is_told_and_not_followed(self) -> None:
        error = refused(308, "", location="https://elsewhere.example/v1")
        assert error.kind == "protocol"
        assert "https://elsewhere.example/v1" in error.why

    def test_a_200_that_is_no_answer_shows_what_it_is(self) -> None:
        assert "hello" in refused(200, "hello").why

    def test_404_names_the_model_and_the_address(self) -> None:
        request = asked(model="gpt-nope", base_url="https://user:pw@h.example/v1?k=secret")
        error = refused(404, {"error": {"message": "no such model"}})
        assert provider().again(request, error) is None
        assert "gpt-nope" in error.fix and "https://h.example/v1" in error.fix
        assert "secret" not in error.fix and "pw" not in error.fix

    def test_the_request_id_is_kept_from_header_or_body(self) -> None:
        assert refused(500, "", x_request_id="req_1").request_id == "req_1"
        assert refused(500, {"error": {"message": "m"}, "request_id": "req_2"}).request_id == "req_2"

    @pytest.mark.parametrize("name", [host.name for host in HOSTS])
    def test_sentences_exist_for_every_kind_in_both_languages(self, name: str) -> None:
        for lang in ("en", "zh"):
            set_language(lang)
            for code in KINDS_BY_CODE:
                error = refused(400, {"error": {"message": "m", "code": code}}, name)
                assert "{" not in str(error)
        assert "余额" in refused(402, "", name).what


class TestWaiting:
    def test_seconds_and_milliseconds(self) -> None:
        assert retry_after({"retry-after": "7", "retry-after-ms": "1500"}) == 1.5
        assert refused(429, "", retry_after="3.5").retry_after == 3.5

    def test_a_date_is_measured_by_the_servers_own_clock(self) -> None:
        then, now = formatdate(1_000_060, usegmt=True), formatdate(1_000_000, usegmt=True)
        assert retry_after({"retry-after": then, "date": now}) == 60.0
        assert 50 < (retry_after({"retry-after": formatdate(time.time() + 60, usegmt=True)}) or 0) <= 61
        assert retry_after({"retry-after": formatdate(0, usegmt=True)}) == 0.0

    @pytest.mark.parametrize("value", ["", "soon", "nan", "inf", "-5", "1e999", "Wed, 99 Foo"])
    def test_nonsense_is_no_time(self, value: str) -> None:
        assert retry_after({"retry-after": value}) is None


class TestTheOneRepeat:
    def test_a_400_that_names_stream_options_is_repeated_without_them(self) -> None:
        request = asked()
        error = refused(400, {"error": {"message": "Unknown parameter: 'stream_options'"}})
        again = provider().again(request, error)
        assert again is not None and "stream_options" not in json.loads(again.body)
        assert again.headers == request.headers
        assert provider().again(again, error) is None

    def test_fastapis_422_counts_too(self) -> None:
        error = refused(422, {"detail": [{"loc": ["body", "stream_options"], "msg": "Extra inputs"}]})
        assert provider().again(asked(), error) is not None

    def test_max_tokens_takes_its_new_name_where_it_is_asked_for(self) -> None:
        error = refused(400, {"error": {"message": "Use 'max_completion_tokens' instead of 'max_tokens'."}})
        again = provider().again(asked(max_tokens=5), error)
        assert again is not None and json.loads(again.body)["max_completion_tokens"] == 5

    def test_no_other_refusal_is_repeated(self) -> None:
        assert provider().again(asked(), refused(400, {"error": {"message": "bad temperature"}})) is None
        assert provider().again(asked(), refused(500, {"error": {"message": "stream_options"}})) is None
