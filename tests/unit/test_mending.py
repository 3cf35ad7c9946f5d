"""Whoever looks on at a conversation is told of all that is done to it; what nobody reads is stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbstream.chat.conversation import Conversation
from nbstream.chat.history import History
from nbstream.chat.session import Session
from nbstream.chat.watching import Relay

QUICK: dict[str, Any] = {"model": "demo", "options": {"delay": 0}}


class Onlooker:
    def __init__(self) -> None:
        self.changes = 0

    def changed(self) -> None:
        self.changes += 1

    def ran(self, turn: Any, relay: Relay) -> None:
        pass


@pytest.fixture
def talk() -> Conversation:
    talk = Session().conversation()
    for prompt in ("one", "two"):
        talk.ask(prompt, **QUICK)
    return talk


def loaded(talk: Conversation, path: Path) -> None:
    talk.save(path / "kept.json")
    talk.load(path / "kept.json")


DEEDS: dict[str, Callable[[Conversation, Path], Any]] = {
    "undo": lambda talk, path: talk.undo(),
    "redo": lambda talk, path: talk.redo(),
    "reset": lambda talk, path: talk.reset(),
    "remove": lambda talk, path: talk.remove(talk.turns[0]),
    "go to": lambda talk, path: talk.go_to(talk.turns[0]),
    "pin": lambda talk, path: talk.pin(talk.turns[0]),
    "unpin": lambda talk, path: talk.pin(talk.turns[0], False),
    "adopt": lambda talk, path: talk.adopt(History()),
    "load": loaded,
    "branch into it": lambda talk, path: talk._session.conversation("other").branch(talk.name),
    "hand over": lambda talk, path: talk.hand_over(History(), talk._session.conversation("other")),
    "begin": lambda talk, path: talk.begin("three", **QUICK),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_who_looks_on_is_told(talk: Conversation, tmp_path: Path, deed: str) -> None:
    looker = Onlooker()
    talk.watchers.add(looker)
    DEEDS[deed](talk, tmp_path)
    assert looker.changes


def test_what_was_taken_out_stays_so_when_a_file_is_taken_up_unless_it_is_in_there(
    talk: Conversation,
) -> None:
    one, two = talk.turns
    talk.remove(one)
    talk.undo()
    brought = History()
    brought.add(two)
    talk.adopt(brought)
    assert list(talk.history.gone) == [one.id]


def test_who_looks_on_at_a_session_is_told_of_its_models_keys_and_conversations(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here, looker = Session(), Onlooker()
    here.watchers.add(looker)
    for deed in (
        lambda: here.use("demo"),
        lambda: here.login("openai", api_key="sk-test-0123456789"),
        lambda: here.logout("openai"),
        lambda: here.conversation("new"),
        lambda: setattr(here.settings, "model", "openai"),
        lambda: setattr(here.settings, "footer", False),
    ):
        before = looker.changes
        deed()
        assert looker.changes > before


def test_a_turn_that_is_removed_while_it_runs_is_stopped_and_those_after_it_go_on() -> None:
    talk = Session().conversation()
    slow = {"model": "demo", "options": {"delay": 1.0}}
    one, run = talk.begin("one", **slow)
    two, next_run = talk.begin("two", **slow)
    run.start()
    next_run.start()
    talk.remove(one)
    assert run.wait(10) and run.cancelled and not next_run.cancelled
    assert talk.turns == [two] and two.number == 1
    talk.reset()
    assert next_run.wait(10) and next_run.cancelled
