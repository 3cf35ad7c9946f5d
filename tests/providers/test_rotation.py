"""A key is changed while turns are under way: these end with the old one, the next have the new one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nbstream.chat.session import Session
from nbstream.chat.stream import Stream
from tests.fakes.ernie_v1_server import CREDENTIALS, ErnieV1Server
from tests.fakes.openai_server import OpenAIServer

OLD, NEW = "sk-old-0123456789", "sk-new-0123456789"


@pytest.fixture
def here() -> Session:
    return Session()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    with OpenAIServer() as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.url)
        yield running


def ask(here: Session, model: str) -> Stream:
    return Stream(here.run(here.call("hi", model=f"openai:{model}")))


def test_what_is_under_way_ends_with_the_old_key(here: Session, server: OpenAIServer) -> None:
    here.login("openai", api_key=OLD)
    before = ask(here, "hold")
    words = iter(before)
    next(words)
    waiting = ask(here, "words:3")  # put together, and not yet sent
    here.login("openai", api_key=NEW)
    assert ask(here, "words:3").wait().finish_reason == "stop"
    server.release()
    assert "words" in "".join(words) and before.answer.finish_reason == "stop"
    assert waiting.wait().finish_reason == "stop"
    sent = [record.headers["authorization"].removeprefix("Bearer ") for record in server.log]
    assert sent == [OLD, NEW, OLD]


def test_a_repeat_of_a_turn_under_way_has_the_old_key_too(here: Session, server: OpenAIServer) -> None:
    here.login("openai", [{"api_key": OLD, "base_url": server.url}, {"api_key": OLD + "b"}])
    stream = ask(here, "flaky:1")
    here.login("openai", api_key=NEW)
    assert stream.wait().finish_reason == "stop"
    assert {record.headers["authorization"][:13] for record in server.log} == {f"Bearer {OLD[:6]}"}


def test_a_token_of_the_old_key_is_forgotten_at_login_and_at_logout(
    here: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ErnieV1Server() as server:
        monkeypatch.setenv("ERNIE_V1_BASE_URL", server.origin)

        def answered() -> int:
            run = here.run(here.call("hi", model="ernie-v1:words:3"))
            assert Stream(run).wait().finish_reason == "stop"
            return server.fetches()

        here.login("ernie-v1", **CREDENTIALS)
        assert (answered(), answered()) == (1, 1)
        here.login("ernie-v1", **CREDENTIALS)
        assert answered() == 2, "a login is a wish to begin anew"
        here.logout("ernie-v1")
        here.login("ernie-v1", **CREDENTIALS)
        assert (answered(), answered()) == (3, 3)
