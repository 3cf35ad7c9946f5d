"""Whatever happens to a conversation, in whatever order: who looked on sees what one sees who comes new."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbstream.chat.engine import Run
from nbstream.chat.kept import Turn
from nbstream.chat.resuming import unfinished
from nbstream.messages import Message
from nbstream.panel.following import Shown
from tests.panel.spoken import Line
from tests.panel.view import Article, Seen

pytestmark = pytest.mark.usefixtures("spoken")
NUMBERS = count()
PIECES = (
    "Hello **wor", "ld**\n\n", "- one\n", "- two `x", "```python\nx = 1\n", "```\n\n", "| a | b |\n|--|--|\n",
    "| 1 | 2 |\n", "$$\nx^2", "\n$$\n", "> said\n> so", "😀 中文", "# Head\n", "<b>&amp;", "[a](http://b.c",
    "\r", "\n\n", "1. x\n\n   y", "{\"a\": 1}",
)  # fmt: skip


@dataclass
class Going:
    line: Line
    turn: Turn
    run: Run


@dataclass
class Play:
    """One conversation, and what may happen in it; each deed takes a number that says which."""

    seen: Seen = field(default_factory=Seen)
    going: list[Going] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.talk = self.seen.session.conversation()

    def one(self, k: int) -> Going | None:
        """A turn that runs."""
        for one in self.going:
            if one.run.cancelled:
                assert one.run.wait(5)
        self.going = [one for one in self.going if not one.run.progress.done]
        return self.going[k % len(self.going)] if self.going else None

    def turn(self, k: int) -> Turn | None:
        turns = self.talk.turns
        return turns[k % len(turns)] if turns else None

    def begin(self, k: int, *, cell: str | None = None, at: Turn | None = None) -> None:
        if len(self.going) < 3:
            line = Line(str(next(NUMBERS)))
            turn, run = self.talk.begin(f"prompt {k}", model=line.model, cell=cell, at=at)
            self._start(Going(line, turn, run))

    def _start(self, one: Going) -> None:
        self.going.append(one)
        one.run.start()
        one.line.heard()

    def ask(self, k: int) -> None:
        self.begin(k)

    def cell(self, k: int) -> None:
        self.begin(k, cell=f"cell {k % 3}")

    def edit(self, k: int) -> None:
        self.begin(k, at=self.turn(k))

    def say(self, k: int) -> None:
        if one := self.one(k):
            one.line.say(text=PIECES[k % len(PIECES)])

    def think(self, k: int) -> None:
        if one := self.one(k):
            one.line.say(think=f"thought {k} ")

    def retract(self, k: int) -> None:
        if one := self.one(k):
            one.line.say(retract="withdrawn")

    def end(self, k: int) -> None:
        if one := self.one(k):
            one.line.say(**({"done": "stop"} if k % 3 else {"fail": "unexpected"}))
            assert one.run.wait(5)

    def stop(self, k: int) -> None:
        if one := self.one(k):
            one.run.cancel()

    def call(self, k: int) -> None:
        if one := self.one(k):
            for number in range(1 + k % 2):
                one.line.say(call=[number, "tool", {"k": k}])
            one.line.say(done="tool_calls")
            assert one.run.wait(5)
            if k % 3:
                self.seen.rest()  # its end is seen before it goes on
            answer = one.run.progress.answer()
            said = Message("assistant", answer.text, answer.reasoning, tuple(answer.tool_calls))
            results = [Message("tool", f"result {k}", tool_call_id=c.id) for c in answer.tool_calls]
            if k % 5 == 0:
                self.talk.break_off(one.turn, (said, *results))
                self.talk.watchers.changed()
            else:
                self._start(Going(one.line, one.turn, self.talk.go_on(one.turn, (said, *results))))

    def correct(self, k: int) -> None:
        if one := self.one(k):
            one.line.say(done="stop")
            assert one.run.wait(5)
            said = Message("assistant", one.run.progress.answer().text or "?"), Message("user", "No.")
            self._start(Going(one.line, one.turn, self.talk.go_on(one.turn, said)))

    def resume(self, k: int) -> None:
        self.one(0)
        turn = self.turn(k)
        if turn is not None and turn.answer is not None and unfinished(turn):
            line = Line(turn.model.partition(":")[2])
            self._start(Going(line, turn, self.talk.resume(turn)))

    def undo(self, k: int) -> None:
        self.talk.undo(1 + k % 3)

    def redo(self, k: int) -> None:
        self.talk.redo()

    def reset(self, k: int) -> None:
        self.talk.reset()

    def remove(self, k: int) -> None:
        if turn := self.turn(k):
            self.talk.history.take_out(turn)
            self.talk.watchers.changed()

    def version(self, k: int) -> None:
        if turn := self.turn(k):
            versions = self.talk.history.versions(turn)
            self.talk.history.go_to(versions[k % len(versions)])
            self.talk.watchers.changed()

    def elsewhere(self, k: int) -> None:
        self.seen.desk.go_to(("main", "other")[k % 2])

    def agrees(self) -> None:
        self.one(0)
        view = self.seen.rest()
        assert self.seen.fresh().turns == view.turns
        turns = self.seen.desk.talk.turns
        assert list(view.turns) == [turn.id for turn in turns]
        for turn in turns:
            article = view.turns[turn.id]
            assert article.info["status"] == turn.status
            assert article.info["number"] == turn.number
            if turn.status != "running":
                assert article.page.blocks == rendered(turn)

    def close(self) -> None:
        self.talk.reset()
        while self.one(0):
            self.stop(0)
        self.seen.close()


def rendered(turn: Turn) -> list[str]:
    """A turn's blocks, rendered at once."""
    shown = Shown(turn)
    shown.build()
    article = Article({})
    for name, _, said in shown.whole():
        if name == "ops":
            article.page.apply(said)
    return article.page.blocks


DEEDS = (
    *("ask",) * 3, *("say",) * 6, *("think", "end") * 2, "cell", "edit", "retract", "stop", "call", "correct",
    "resume", "undo", "redo", "reset", "remove", "version", "elsewhere",
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 30)), min_size=3, max_size=16))
def test_whoever_looks_on_sees_what_is_there(deeds: list[tuple[str, int]]) -> None:
    play = Play()
    try:
        for name, k in deeds:
            getattr(play, name)(k)
            play.agrees()
    finally:
        play.close()
