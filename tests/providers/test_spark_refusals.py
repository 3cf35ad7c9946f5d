"""What Spark says when it refuses: every code a kind, every handshake a reason, in both languages."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any

import pytest

import nbstream
from nbstream.credentials import Secret
from nbstream.errors import NbstreamError
from nbstream.i18n import set_language
from nbstream.messages import ChatRequest, Message, Retract, TextDelta
from nbstream.providers import registry
from nbstream.wire.request import Frame, WireResponse
from tests.fakes.spark_frames import failed, piece
from tests.fakes.spark_server import CREDENTIALS, SparkServer

KINDS = {
    "server_error": "10000 10001 10002 10009 10010 10011 10012 10017 10222",
    "invalid_request": "10003 10004 10005 10163 10404",
    "rate_limit": "10006 10007 11202 11203",
    "overloaded": "10008 10110 10223",
    "content_filter": "10013 10014 10019 10021 10022",
    "permission": "10015 10016 11200",
    "protocol": "10018",
    "context_length": "10907",
    "quota_exhausted": "11201 11210",
}
CODES = [(code, kind) for kind, codes in KINDS.items() for code in codes.split()]


@pytest.fixture(autouse=True)
def english():
    set_language("en")
    yield
    set_language(None)


@pytest.fixture(scope="module")
def server() -> Iterator[SparkServer]:
    with SparkServer() as running:
        yield running


def said(*frames: Any, name: str = "spark") -> tuple[list[Any], NbstreamError]:
    """What came before the error in these frames, and the error."""
    got = []
    raw = [Frame(one if isinstance(one, str) else json.dumps(one)) for one in frames]
    with pytest.raises(NbstreamError) as caught:
        for event in registry.get(name).events(iter(raw)):
            got.append(event)
    return [event for event in got if event is not None], caught.value


def refused(status: int, body: Any, name: str = "spark", **headers: str) -> NbstreamError:
    raw = body if isinstance(body, str) else json.dumps(body)
    return registry.get(name).refused(WireResponse(status, headers, raw.encode()))


class TestCodes:
    @pytest.mark.parametrize(("code", "kind"), CODES)
    def test_each_has_its_kind_and_speaks_both_languages(self, code: str, kind: str) -> None:
        for language in ("en", "zh"):
            set_language(language)
            _, error = said(failed(int(code), "the service's words"))
            assert (error.kind, error.code, error.provider) == (kind, code, "spark")
            assert "the service's words" in error.why
            assert error.request_id == "cht000b1a2c@dx19ab34cd56e7f81234"
            assert len({error.what, error.why, error.fix}) == 3 and not re.search(r"{\w+}", str(error))

    @pytest.mark.parametrize(("code", "kind"), CODES)
    def test_over_http_it_counts_for_more_than_the_status(self, code: str, kind: str) -> None:
        body = {"error": {"message": "m (sid: cha1@dx2)", "type": "api_error", "param": None, "code": code}}
        flat = {"code": int(code), "message": "m", "sid": "cha1@dx2"}
        for status in (200, 400, 500):
            for answer in (body, flat):
                error = refused(status, answer, "spark-http")
                assert (error.kind, error.code, error.provider) == (kind, code, "spark-http")
                assert error.request_id == "cha1@dx2"
        for answer in (body, flat, {"code": int(code), "msg": "m", "Sid": "cha1@dx2", "timeStamp": "11:35"}):
            assert said(answer, name="spark-http")[1].kind == kind
        assert said(flat, name="spark-http")[1].request_id == "cha1@dx2"

    def test_a_number_that_nobody_knows_keeps_itself_and_its_text_and_is_not_repeated(self) -> None:
        _, error = said(failed(19_999, "something new"))
        assert (error.kind, error.code, error.retryable) == ("server_error", "19999", False)
        assert "something new" in error.why
        assert said({"code": 19_999, "message": "new"}, name="spark-http")[1].retryable is False

    @pytest.mark.parametrize(
        ("code", "again"), [(10012, True), (10017, False), (11202, True), (11201, False), (11200, False)]
    )
    def test_only_what_may_pass_is_tried_again(self, code: int, again: bool) -> None:
        assert said(failed(code, "m"))[1].retryable is again

    def test_text_beside_a_code_is_not_part_of_the_answer(self) -> None:
        frame = json.loads(piece("not meant"))
        frame["header"]["code"] = 10012
        events, _ = said(piece("meant"), frame)
        assert events == [TextDelta("meant")]

    @pytest.mark.parametrize("name", ["spark", "spark-http"])
    def test_moderation_of_the_answer_withdraws_what_was_shown(self, name: str) -> None:
        flat = {"code": 10014, "message": "不能继续", "sid": "s"}
        events, error = said(failed(10014, "不能继续") if name == "spark" else flat, name=name)
        assert [type(event) for event in events] == [Retract]
        assert "不能继续" in error.why
        assert not said(failed(10013, "m"))[0], "the question was refused: nothing has been shown"

    def test_a_gateways_own_error_is_read_too(self) -> None:
        assert said({"code": 11200, "message": "AppIdNoAuthError", "sid": "s"})[1].kind == "permission"
        assert "no upstream" in said({"message": "no upstream"})[1].why

    @pytest.mark.parametrize("junk", ["", "pong", "[1]", "7", '{"a":', "{}", '{"header":[]}', "[" * 100_000])
    def test_what_is_no_frame_is_shown_as_it_came(self, junk: str) -> None:
        _, error = said(junk)
        assert error.kind == "protocol" and len(str(error)) < 1200


class TestTheHandshake:
    def ask(self, server: SparkServer, place: str, **keys: str) -> NbstreamError:
        with pytest.raises(NbstreamError) as caught:
            nbstream.ask(
                "hi",
                model="spark:any",
                base_url=server.door + place,
                retries=0,
                credentials=CREDENTIALS | keys,
            )
        return caught.value

    @pytest.mark.parametrize(
        ("ahead", "words", "chinese"),
        [(-432, "7 min 12 s ahead of", "快 7 分 12 秒"), (7260, "2 h 1 min behind", "慢 2 小时 1 分")],
    )
    def test_a_wrong_clock_is_measured(
        self, server: SparkServer, ahead: int, words: str, chinese: str
    ) -> None:
        # The service's clock is moved, which is all that a person's own wrong clock looks like.
        now = float(int(time.time()))
        answer = WireResponse(
            403,
            {"date": formatdate(now + ahead, usegmt=True)},
            b'{"message":"HMAC signature cannot be verified, a valid date or x-date header is required"}',
        )
        from nbstream.providers.spark_refusals import refused as at

        for language, expected in (("en", words), ("zh", chinese)):
            set_language(language)
            error = at(registry.get("spark").host, answer, now)  # type: ignore[attr-defined]
            assert expected in error.what
            assert (error.kind, error.status, error.code) == ("auth", 403, "403")

    @pytest.mark.parametrize(("skew", "words"), [(-600, "ahead of"), (600, "behind")])
    def test_the_same_over_a_socket(self, server: SparkServer, skew: int, words: str) -> None:
        error = self.ask(server, f"/do/clock:{skew}")
        assert words in error.what and re.search(r" (9 min 5\d|10 min \d) s ", error.what)
        assert "Set the clock" in error.fix
        assert not error.retryable

    def test_a_date_that_is_refused_for_no_reason_we_can_see_is_not_called_a_wrong_clock(self) -> None:
        body = {"message": "HMAC signature does not match, a valid date or x-date header is required"}
        for headers in ({}, {"date": formatdate(usegmt=True)}, {"date": "yesterday"}):
            error = refused(403, body, **headers)
            assert error.kind == "auth" and "ahead" not in error.what and "behind" not in error.what

    def test_it_says_which_of_the_keys_is_wrong(self, server: SparkServer) -> None:
        error = self.ask(server, "/v4.0/chat", api_key="f" * 32)
        assert (error.kind, error.status) == ("auth", 401)
        assert "does not know this API key" in error.what and "fail to retrieve credential" in error.why
        error = self.ask(server, "/v4.0/chat", api_secret="another-secret-0123456789")
        assert "secret is wrong" in error.what and "does not match" in error.why
        # swapped, as happens
        error = self.ask(
            server, "/v4.0/chat", api_key=CREDENTIALS["api_secret"], api_secret=CREDENTIALS["api_key"]
        )
        assert "swapped" in error.why
        assert error.fix == "%llm login spark"

    def test_a_wrong_password_over_http_is_a_wrong_key(self) -> None:
        error = refused(401, {"message": "HMAC signature cannot be verified: apikey not found"}, "spark-http")
        assert error.kind == "auth" and error.fix == "%llm login spark-http"

    @pytest.mark.parametrize(
        ("place", "kind", "status"),
        [
            ("/do/refuse:401:Unauthorized", "auth", 401),
            ("/do/refuse:403:Forbidden", "permission", 403),
            ("/do/refuse:404:no Route matched", "not_found", 404),
            ("/do/refuse:429:slow down", "rate_limit", 429),
            ("/do/refuse:502", "server_error", 502),
            ("/do/refuse:503", "overloaded", 503),
            ("/do/page", "protocol", 200),
            ("/do/hang-up", "connection", None),
        ],
    )
    def test_other_refusals_are_told_by_their_status(
        self, server: SparkServer, place: str, kind: str, status: int | None
    ) -> None:
        error = self.ask(server, place.replace(" ", "%20"))
        assert (error.kind, error.status) == (kind, status)

    def test_it_may_say_when_to_come_back(self, server: SparkServer) -> None:
        error = self.ask(server, "/do/refuse:429:7")
        assert (error.kind, error.retry_after) == ("rate_limit", 7.0)
        flat = {"code": 11202, "message": "m", "sid": "s"}
        assert refused(429, flat, "spark-http", **{"retry-after": "3"}).retry_after == 3.0

    def test_one_that_repeats_the_signed_address_shows_none_of_it(self) -> None:
        request = registry.get("spark").request(
            ChatRequest(Message.many("hi"), "max"),
            {name: Secret(value) for name, value in CREDENTIALS.items()},
        )
        url = request.url.reveal()  # type: ignore[union-attr]
        authorization = url.partition("authorization=")[2].partition("&")[0]
        for body in (
            url,
            json.dumps({"message": f"bad request: {url}"}),
            json.dumps({"authorization": authorization}),
        ):
            for status in (400, 401, 500):
                assert authorization not in str(refused(status, body))
        _, error = said(failed(10003, f"no such thing: {url}"))
        assert authorization not in str(error)


def test_the_card_tells_the_number_that_the_services_documentation_goes_by() -> None:
    _, error = said(failed(11200, "AppIdNoAuthError"))
    assert "11200 · AppIdNoAuthError" in error.why
    assert "403 · HMAC" in refused(403, {"message": "HMAC signature: a valid date header is required"}).why
    response = WireResponse(401, {}, b'{"error": {"code": "invalid_iam_token", "message": "IAM failed"}}')
    assert "invalid_iam_token · IAM failed" in registry.get("ernie").refused(response).why
    silent = WireResponse(400, {}, b'{"error": {"code": "no_such_voice", "message": "no_such_voice: alto"}}')
    assert "says: no_such_voice: alto" in registry.get("openai").refused(silent).why, "once is enough"
