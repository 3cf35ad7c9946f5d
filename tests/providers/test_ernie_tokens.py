"""V1's tokens: fetched once, kept, renewed before and after they die, and never seen."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

import nbstream
from nbstream.chat import tokens
from nbstream.errors import NbstreamError
from nbstream.i18n import set_language
from tests.fakes.ernie_v1_server import CREDENTIALS, IAM, MONTH, ErnieV1Server

MANY = 200


@pytest.fixture
def server() -> Iterator[ErnieV1Server]:
    set_language("en")
    with ErnieV1Server() as running:  # each on a port of its own, so nothing is kept from another test
        yield running
    set_language(None)


def stream(server: ErnieV1Server, model: str = "words:3", **options: Any) -> nbstream.Stream:
    given = {"base_url": server.origin, "credentials": dict(CREDENTIALS), "retries": 0} | options
    return nbstream.stream("hi", model=f"ernie-v1:{model}", **given)


def failure(server: ErnieV1Server, model: str = "words:3", **options: Any) -> NbstreamError:
    with pytest.raises(NbstreamError) as caught:
        stream(server, model, **options).wait()
    return caught.value


async def all_at_once(server: ErnieV1Server, count: int) -> list[nbstream.Answer]:
    async def one() -> nbstream.Answer:
        asked = stream(server)
        async for _ in asked:
            pass
        return asked.answer

    return await asyncio.gather(*(one() for _ in range(count)))


def test_one_token_serves_many_calls(server: ErnieV1Server) -> None:
    for _ in range(5):
        assert stream(server).wait().finish_reason == "stop"
    assert (server.fetches(), len(server.chats())) == (1, 5)


def test_the_first_streams_fetch_one_token_together(server: ErnieV1Server) -> None:
    answers = asyncio.run(all_at_once(server, 50))
    assert all(answer.finish_reason == "stop" and answer.text for answer in answers)
    assert (server.fetches(), len(server.chats())) == (1, 50)


@pytest.mark.parametrize("count", [1, MANY])
def test_two_hundred_streams_with_an_expired_token_fetch_one_and_each_repeats_once(
    server: ErnieV1Server, count: int
) -> None:
    assert stream(server).wait().text
    server.expire()
    server.gather(count)  # all are refused at the same moment
    answers = asyncio.run(all_at_once(server, count))
    assert all(answer.finish_reason == "stop" and answer.text for answer in answers)
    assert server.fetches() == 2
    assert len(server.chats()) == 1 + 2 * count


def test_a_revoked_token_is_fetched_anew(server: ErnieV1Server) -> None:
    assert stream(server).wait().text
    server.revoke()
    assert stream(server).wait().text
    assert (server.fetches(), len(server.chats())) == (2, 3)


def test_threads_and_loops_share_it_too(server: ErnieV1Server) -> None:
    assert stream(server).wait().text
    server.expire()
    server.gather(48)
    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(stream(server).wait().text)) for _ in range(24)]
    threads += [
        threading.Thread(
            target=lambda: answers.extend(one.text for one in asyncio.run(all_at_once(server, 8)))
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(answers) == 48 and all(answers)
    assert (server.fetches(), len(server.chats())) == (2, 1 + 2 * 48)


@pytest.mark.parametrize("code", ["100", "110", "111"])
def test_a_token_that_is_refused_again_is_an_error_after_one_more_try(
    server: ErnieV1Server, code: str
) -> None:
    error = failure(server, f"refuse:{code}", retries=3)
    assert (error.kind, error.code) == ("auth", code)
    assert (server.fetches(), len(server.chats())) == (2, 2)
    assert "access token" in error.what and "%llm login ernie-v1" in error.fix


def test_a_token_that_dies_inside_an_answer_is_not_repeated(server: ErnieV1Server) -> None:
    error = failure(server, "broken:111")
    assert error.code == "111" and error.answer.text
    assert (server.fetches(), len(server.chats())) == (1, 1)


def test_a_token_that_lives_for_nothing_is_used_and_not_kept(server: ErnieV1Server) -> None:
    server.expires_in = 0.0  # dead on arrival: refused, fetched anew, refused, and then said
    assert failure(server).code == "111"
    assert (server.fetches(), len(server.chats())) == (2, 2)
    server.expires_in = MONTH
    assert stream(server).wait().text
    assert server.fetches() == 3


@pytest.mark.parametrize(("lives", "early"), [(MONTH, 3600.0), (600, 60.0)])
def test_it_is_renewed_before_its_end(server: ErnieV1Server, lives: float, early: float) -> None:
    server.expires_in = lives
    before = time.monotonic()
    assert stream(server).wait().text
    (kept,) = (one for key, one in tokens._kept.items() if server.origin in key)
    assert before <= kept.fetched.result()[1] - lives + early <= time.monotonic()


def test_other_keys_and_other_places_have_their_own(server: ErnieV1Server) -> None:
    with ErnieV1Server() as other:
        assert stream(server).wait().text and stream(other).wait().text
        assert server.fetches() == other.fetches() == 1
        elsewhere = {"token_url": other.origin + "/oauth/2.0/token"}
        error = failure(server, options=elsewhere)  # a token of the other, which this one does not know
        assert error.code == "110" and other.fetches() == 3
        assert all("token_url" not in record.body for record in server.chats())
    assert failure(server, credentials=CREDENTIALS | {"secret_key": "another-secret-key"}).kind == "auth"
    assert server.fetches() == 2


@pytest.mark.parametrize("status", [200, 401])
def test_which_of_the_two_keys_is_wrong(server: ErnieV1Server, status: int) -> None:
    server.token_status = status
    unknown = failure(server, credentials=CREDENTIALS | {"api_key": "wrong-0123456789"})
    assert unknown.kind == "auth" and "does not know this API Key" in unknown.what
    secret = failure(server, credentials=CREDENTIALS | {"secret_key": "wrong-0123456789"})
    assert secret.kind == "auth" and "Secret Key does not belong to it" in secret.what
    assert unknown.status == secret.status == (401 if status == 401 else None)
    assert server.chats() == []


def test_one_wrong_key_is_an_error_of_its_own_for_each_of_many(server: ErnieV1Server) -> None:
    async def many() -> list[Any]:
        async def one() -> None:
            async for _ in stream(server, credentials=CREDENTIALS | {"secret_key": "wrong-0123456789"}):
                pass

        return await asyncio.gather(*(one() for _ in range(20)), return_exceptions=True)

    errors = asyncio.run(many())
    assert {error.kind for error in errors} == {"auth"}
    assert len({id(error) for error in errors}) == 20


def test_a_token_service_that_is_busy_is_asked_again(server: ErnieV1Server) -> None:
    server.token_answer = "v1-busy-336100"
    assert failure(server).kind == "overloaded"
    server.token_answer = None
    assert stream(server).wait().text


def test_no_token_service_at_all_says_where_it_was_sought(server: ErnieV1Server) -> None:
    error = failure(server, options={"token_url": "http://127.0.0.1:9/t"})
    assert error.kind == "connection" and "127.0.0.1:9" in str(error)
    assert failure(server, options={"token_url": "http://elsewhere.example/t"}).kind == "config"
    assert failure(server, options={"token_url": "nonsense"}).kind == "config"


def test_with_an_access_key_requests_are_signed_and_no_token_is_asked_for(server: ErnieV1Server) -> None:
    assert stream(server, credentials=IAM).wait().text
    assert (
        stream(server, credentials=IAM, base_url=server.url + "?tenant=a b".replace(" ", "%20")).wait().text
    )
    assert stream(server, credentials=IAM | {"api_key": CREDENTIALS["api_key"]}).wait().text  # given both
    assert server.fetches() == 0
    assert all("access_token" not in record.path for record in server.log)
    secret = failure(server, credentials=IAM | {"secret_key": "wrong-0123456789"})
    assert (secret.kind, secret.code) == ("auth", "SignatureDoesNotMatch")
    assert "secret key does not belong to it" in secret.what
    unknown = failure(server, credentials=IAM | {"access_key": "wrong-0123456789"})
    assert (unknown.kind, unknown.code) == ("auth", "InvalidAccessKeyId")
    assert "does not know this access key" in unknown.what


def test_a_gateway_that_wants_no_key_gets_none() -> None:
    from nbstream.messages import ChatRequest, Message
    from nbstream.providers import registry

    chat = ChatRequest(Message.many("hi"), "m", base_url="http://127.0.0.1:9")
    provider = registry.get("ernie-v1")
    assert provider.token_request(chat, {}) is None
    request = provider.request(chat, {})
    assert str(request.url).endswith("/wenxinworkshop/chat/m") and "Authorization" not in request.headers
