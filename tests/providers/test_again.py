"""``answer.retry()``: the same question once more, whose keys go where they belong and nowhere else."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from collections.abc import Iterator

import pytest

import nbstream
from nbstream.chat.session import Session
from nbstream.i18n import set_language
from nbstream.messages import Message
from tests.fakes.openai_server import OpenAIServer

KEY = "sk-of-this-test-0123456789"
OTHER = "sk-of-another-house-987654321"


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    set_language("en")
    yield
    set_language(None)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    with OpenAIServer(KEY) as server:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        yield server


def prompts(server: OpenAIServer) -> list[str]:
    return [message["content"] for message in server.log[-1].body["messages"]]


def test_the_same_is_asked_of_the_same_model_or_another(server: OpenAIServer) -> None:
    first = nbstream.ask("Hi", model="openai:words:3", system="Be brief.", temperature=0.5)
    second = first.retry("openai:words:5")
    assert (len(first.text.split()), len(second.text.split())) == (3, 5)
    assert server.log[-1].body["temperature"] == 0.5 and prompts(server) == ["Be brief.", "Hi"]
    third = second.retry(temperature=1.0, max_tokens=7)
    assert third.model == "openai:words:5" and server.log[-1].body["temperature"] == 1.0


def test_a_list_that_can_be_read_only_once_is_asked_again_all_the_same(server: OpenAIServer) -> None:
    answer = nbstream.ask(iter([Message("user", "One"), Message("assistant", "1"), Message("user", "Two")]),
                          model="openai:words:3")  # fmt: skip
    answer.retry()
    assert prompts(server) == ["One", "1", "Two"]


def test_an_answer_that_failed_or_was_stopped_can_be_asked_for_again(server: OpenAIServer) -> None:
    with pytest.raises(nbstream.NbstreamError) as caught:
        nbstream.ask("Hi", model="openai:broken:3", retries=0)
    assert len(caught.value.answer.retry("openai:words:4").text.split()) == 4


def test_keys_of_its_own_are_not_kept_and_the_session_s_do_not_take_their_place(server: OpenAIServer) -> None:
    given = {"api_key": KEY}
    answer = nbstream.ask("Hi", model="openai:words:3", base_url=server.url, credentials=given)
    asked = len(server.log)
    with pytest.raises(nbstream.NbstreamError) as caught:
        answer.retry()
    assert caught.value.case == "retry_keys" and len(server.log) == asked
    assert answer.retry(credentials=given).text


def test_an_address_is_for_its_own_provider_alone(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = nbstream.ask("Hi", model="openai:words:3", base_url=server.url)
    with OpenAIServer(OTHER) as elsewhere:
        monkeypatch.setenv("DEEPSEEK_API_KEY", OTHER)
        monkeypatch.setenv("DEEPSEEK_BASE_URL", elsewhere.url)
        answer.retry("deepseek:words:2")
        assert len(elsewhere.log) == 1
    assert len(server.log) == 1, "the other provider's key never came here"


def test_an_answer_holds_neither_its_conversation_nor_a_key(server: OpenAIServer) -> None:
    talk = Session().conversation()
    talk.ask("one", model="openai:words:2")
    answer = talk.ask("two", model="openai:words:2")
    gone = weakref.ref(talk)
    assert KEY.encode() not in pickle.dumps(answer)
    assert pickle.loads(pickle.dumps(answer)) == answer == copy.deepcopy(answer)
    assert KEY not in repr(vars(answer.again))
    talk._session.conversations.clear()
    del talk
    gc.collect()
    assert gone() is None
    with pytest.raises(nbstream.NbstreamError) as caught:
        answer.retry()
    assert caught.value.case == "retry_gone"


def test_a_turn_that_was_undone_is_not_asked_again_out_of_its_place(server: OpenAIServer) -> None:
    talk = Session().conversation()
    talk.ask("one", model="openai:words:2")
    answer = talk.ask("two", model="openai:words:2")
    talk.undo()
    with pytest.raises(nbstream.NbstreamError) as caught:
        answer.retry()
    assert caught.value.case == "retry_gone"


def test_json_by_a_schema_is_asked_for_again_as_such(server: OpenAIServer) -> None:
    answer = nbstream.ask("Hi", model="openai:recite:[1]|[2]", schema={"type": "array"})
    assert answer.object == [1] and answer.retry().object == [1]
