"""Who looks on at a conversation, and what is relayed of its runs."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from nbstream.chat.session import Session
from nbstream.chat.watching import Relay, Watchers
from nbstream.messages import Answer, TextDelta

QUICK: dict[str, Any] = {"model": "demo", "options": {"delay": 0}}


class Onlooker:
    def __init__(self) -> None:
        self.changes = 0
        self.relays: list[tuple[str, Relay]] = []

    def changed(self) -> None:
        self.changes += 1

    def ran(self, turn: Any, relay: Relay) -> None:
        self.relays.append((turn.prompt, relay))


class Broken:
    def changed(self) -> None:
        raise ValueError

    def ran(self, turn: Any, relay: Relay) -> None:
        raise ValueError


def text(relay: Relay) -> str:
    return "".join(event.text for event in relay.events if isinstance(event, TextDelta))


def test_what_is_relayed_is_the_answer() -> None:
    talk, looker = Session().conversation(), Onlooker()
    talk.watchers.add(looker)
    turn, run = talk.begin("hello", **QUICK)
    ((prompt, relay),) = looker.relays
    assert talk.relay(turn) is relay and relay.run is run and not relay.done
    run.start()
    assert run.wait(10)
    assert prompt == "hello" and turn.answer is not None
    assert text(relay) == turn.answer.text and relay.answer is turn.answer and relay.done
    assert talk.relay(turn) is None


def test_who_joins_late_misses_nothing() -> None:
    talk = Session().conversation()
    turn, run = talk.begin("hello", model="demo", options={"delay": 0.001})
    relay = talk.relay(turn)
    assert relay is not None
    grown = threading.Event()
    relay.join(lambda: grown.set() if len(relay.events) > 3 else None)
    run.start()
    assert grown.wait(10)
    read, ended = 0, threading.Event()
    pieces: list[str] = []

    def bell() -> None:
        nonlocal read
        fresh = relay.events[read:]
        read += len(fresh)
        pieces.extend(event.text for event in fresh if isinstance(event, TextDelta))
        if relay.done:
            ended.set()

    relay.join(bell)
    assert ended.wait(20) and run.wait(10)
    assert turn.answer is not None and "".join(pieces) == turn.answer.text
    relay.leave(bell)


def test_an_answer_that_is_gone_on_with_is_relayed_from_its_beginning() -> None:
    talk = Session().conversation()
    turn, run = talk.begin("hello", model="demo", options={"delay": 0.001})
    relay = talk.relay(turn)
    assert relay is not None
    enough = threading.Event()
    relay.join(lambda: enough.set() if len(relay.events) > 5 else None)
    run.start()
    assert enough.wait(10)
    run.cancel()
    assert run.wait(10) and turn.status == "stopped"
    looker = Onlooker()
    talk.watchers.add(looker)
    rest = talk.resume(turn)
    rest.start()
    assert rest.wait(20)
    assert turn.answer is not None and text(looker.relays[-1][1]) == turn.answer.text


@pytest.mark.parametrize("change", ["undo", "redo", "reset", "branch", "hand_over"])
def test_each_change_of_a_conversation_is_told(change: str) -> None:
    here = Session()
    talk, other = here.conversation(), here.conversation("other")
    talk.ask("hello", **QUICK)
    talk.undo()
    talk.redo()
    looker = Onlooker()
    (other if change == "branch" else talk).watchers.add(looker)
    if change == "branch":
        talk.branch("other")
    elif change == "hand_over":
        talk.hand_over(other.history, other)
    else:
        getattr(talk, change)()
    assert looker.changes


def test_the_session_tells_of_models_keys_and_conversations() -> None:
    here, looker = Session(), Onlooker()
    here.watchers.add(looker)
    counts = [looker.changes]
    for change in (
        lambda: here.use("demo"),
        lambda: here.login("openai", api_key="sk-0123456789abcdef"),
        lambda: here.logout("openai"),
        lambda: here.conversation("another"),
    ):
        change()
        counts.append(looker.changes)
    assert counts == sorted(set(counts))


def test_one_who_fails_disturbs_neither_the_answer_nor_the_others(caplog: pytest.LogCaptureFixture) -> None:
    talk, broken, looker = Session().conversation(), Broken(), Onlooker()
    talk.watchers.add(broken)
    talk.watchers.add(looker)

    class Failing:
        def state(self, state: Any) -> None:
            raise ValueError

        batch = done = state

    turn, run = talk.begin("hello", observer=Failing(), **QUICK)
    relay = talk.relay(turn)
    assert relay is not None

    def bad() -> None:
        raise ValueError

    relay.join(bad)
    run.start()
    assert run.wait(10) and turn.status == "done" and looker.relays and relay.done


def test_whoever_is_gone_is_told_nothing_more() -> None:
    watchers, looker = Watchers(), Onlooker()
    watchers.add(looker)
    assert len(watchers) == 1
    del looker
    assert len(watchers) == 0
    watchers.changed()


def test_a_turn_that_is_stopped_before_it_begins_is_relayed_as_done() -> None:
    talk = Session().conversation()
    turn, run = talk.begin("hello", **QUICK)
    relay = talk.relay(turn)
    run.cancel()
    assert relay is not None and relay.done and isinstance(relay.answer, Answer) and run.wait(5)
