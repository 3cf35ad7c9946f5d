"""However a conversation is mended, it stays a tree: nothing is lost, doubled, or sent out of its order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from nbstream.chat.history import History, Turn
from nbstream.errors import NbstreamError
from nbstream.messages import Answer

CELLS = some.sampled_from([None, "a", "b", "c", "d"])
ANSWERS = some.sampled_from(
    [
        Answer("whole", finish_reason="stop"),
        Answer("half an", finish_reason="cancelled"),
        Answer("", finish_reason="cancelled"),
        Answer("", error=NbstreamError("refused")),
        Answer("cut", error=NbstreamError("interrupted")),
    ]
)


def asked(
    history: History, prompt: str, cell: str | None = None, at: Turn | None = None, **more: Any
) -> Turn:
    turn = history.begin(Turn(prompt, "words", cell=cell, **more), at)
    history.finish(turn, Answer(f"to {prompt}", finish_reason="stop"))
    return turn


def shape(history: History) -> list[tuple[int, str]]:
    """The whole tree as its places and prompts, the branch in use last."""
    return [(turn.number, turn.prompt) for turn in [*history.every(), *history.turns]]


class Mending(RuleBasedStateMachine):
    """Whatever a person does to a conversation, in any order."""

    @initialize()
    def begin(self) -> None:
        self.history = History()
        self.asked = 0
        self.known: set[int] = set()

    def _turn(self, data: Any) -> Turn:
        return data.draw(some.sampled_from(list(self.history.every())))

    @rule(cell=CELLS, fresh=some.booleans(), answer=ANSWERS)
    def ask(self, cell: str | None, fresh: bool, answer: Answer) -> None:
        self.asked += 1
        run = str(self.asked)
        turn = self.history.begin(Turn(f"{self.asked}", "words", cell=cell, fresh=fresh, execution=run))
        self.history.finish(turn, answer)
        assert turn in self.history.turns, "what was just asked is what one looks at"

    @precondition(lambda self: self.history.turns)
    @rule(data=some.data(), cell=CELLS)
    def edit(self, data: Any, cell: str | None) -> None:
        self.asked += 1
        history, place = self.history, data.draw(some.sampled_from(self.history.turns))
        own = history.of_cell(cell)
        others = [one for one in history.versions(place) if one is not own]
        turn = history.begin(Turn(f"{self.asked}", "words", cell=cell, execution=str(self.asked)), place)
        history.finish(turn, Answer("edited", finish_reason="stop"))
        assert turn in history.turns
        if place is not own:
            assert place in history.versions(turn), "it has taken its place beside it"
        assert {id(one) for one in others} < {id(one) for one in history.versions(turn)}, "none is lost"

    @rule(count=some.integers(-1, 3))
    def undo(self, count: int) -> None:
        before = self.history.turns
        everything = list(self.history.every())
        gone = self.history.undo(count)
        assert gone == (before[-count:] if count > 0 else [])
        assert self.history.turns == before[: len(before) - len(gone)]
        if gone:
            assert self.history.redo() == gone, "nothing is lost"
            assert self.history.turns == before and {*map(id, self.history.every())} == {*map(id, everything)}
            self.history.undo(count)

    @rule()
    def redo(self) -> None:
        before = {id(turn) for turn in self.history.every()}
        back = self.history.redo()
        assert before <= {id(turn) for turn in self.history.every()}
        assert not before.intersection(map(id, back))

    @precondition(lambda self: self.history.turns)
    @rule(data=some.data())
    def remove(self, data: Any) -> None:
        everything = list(self.history.every())
        turn = self._turn(data)
        here = [one for one in self.history.turns if one is not turn]
        self.history.remove(turn)
        assert sorted(map(id, self.history.every())) == sorted(
            id(one) for one in everything if one is not turn
        )
        assert self.history.turns == here

    @precondition(lambda self: self.history.turns)
    @rule(data=some.data(), back=some.booleans())
    def take_out(self, data: Any, back: bool) -> None:
        before, everything = self.history.turns, {*map(id, self.history.every())}
        turn = data.draw(some.sampled_from(before))
        versions = self.history.versions(turn)
        gone = self.history.take_out(turn)
        if len(versions) > 1:
            assert gone[0] is turn and any(one in self.history.turns for one in versions)
        else:
            assert gone == [turn] and self.history.turns == [one for one in before if one is not turn]
        assert {*map(id, self.history.every())} == everything - {*map(id, gone)}
        if back:
            assert self.history.redo() == [one for one in before if one in gone]
            assert self.history.turns == before and {*map(id, self.history.every())} == everything

    @precondition(lambda self: list(self.history.every()))
    @rule(data=some.data())
    def go_to(self, data: Any) -> None:
        turn = self._turn(data)
        self.history.go_to(turn)
        assert turn in self.history.turns

    @rule()
    def reset(self) -> None:
        self.history.reset()
        assert not list(self.history.every()) and self.history.head is None

    @invariant()
    def it_is_a_tree(self) -> None:
        seen: list[Turn] = list(self.history.every())
        assert len({id(turn) for turn in seen}) == len(seen), "no turn stands in two places"
        for turn in seen:
            parent = turn.parent
            assert parent is not None and sum(one is turn for one in parent.children) == 1
            assert turn.number == parent.number + 1
        head = self.history.head
        assert head is None or any(turn is head for turn in seen)

    @invariant()
    def the_branch_in_use_is_numbered_from_one(self) -> None:
        turns = self.history.turns
        assert [turn.number for turn in turns] == list(range(1, len(turns) + 1))

    @invariant()
    def each_cell_has_one_place(self) -> None:
        for cell in "abcd":
            turns = [turn for turn in self.history.every() if turn.cell == cell]
            own = self.history.of_cell(cell)
            assert len(turns) <= 1 and own is (turns[0] if turns else None)

    @invariant()
    def what_is_sent_alternates_and_comes_from_the_branch_alone(self) -> None:
        turns = self.history.turns
        for place, turn in enumerate(turns):
            sent = self.history.before(turn)
            roles = [message.role for message in sent]
            assert roles == ["user", "assistant"] * (len(roles) // 2)
            assert all(message.content.strip() for message in sent)
            prompts = [one.prompt for one in turns[:place]]
            assert [m.content for m in sent if m.role == "user"] == [
                prompt for prompt in prompts if prompt in {m.content for m in sent}
            ]


TestMending = Mending.TestCase
TestMending.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


# --- editing ------------------------------------------------------------------------------------------


def test_an_edited_prompt_takes_its_place_and_sends_only_what_came_before() -> None:
    history = History()
    _, second, third = (asked(history, prompt, prompt) for prompt in ("one", "two", "three"))
    better = asked(history, "two, better", "new", at=second)
    assert [turn.prompt for turn in history.turns] == ["one", "two, better"]
    assert [message.content for message in history.before(better)] == ["one", "to one"]
    assert history.versions(better) == [second, better]
    history.go_to(second)
    assert history.head is third, "the first version, and what followed it, can be gone back to"


def test_the_cell_that_edited_a_turn_replaces_its_own_when_it_runs_again() -> None:
    history = History()
    first, second = asked(history, "one", "a"), asked(history, "two", "b")
    asked(history, "two, better", "e", at=second)
    best = asked(history, "two, best", "e", at=history.turns[1])
    assert history.versions(best) == [second, best]
    assert history.turns == [first, best]


def test_an_editing_cell_whose_number_was_changed_moves() -> None:
    history = History()
    first = asked(history, "one", "a")
    second = asked(history, "two", "b")
    asked(history, "instead of two", "e", at=second)
    moved = asked(history, "instead of one", "e", at=first)
    assert history.versions(moved) == [first, moved]
    assert history.versions(second) == [second]
    assert history.turns == [moved]
    again = asked(history, "instead of two", "e", at=second)
    assert again.replaced is moved and moved.replaced is None, "what was replaced does not pile up"


@pytest.mark.parametrize("times", [1, 2, 3])
def test_running_all_again_gives_the_same_tree(times: int) -> None:
    """Three cells; one that edits the second turn; one more, which goes on from the edit."""

    def run_all(history: History, run: int) -> None:
        for cell in "abc":
            asked(history, cell, cell, execution=f"{run}{cell}")
        asked(history, "edit", "e", at=history.turns[1], execution=f"{run}e")
        asked(history, "after", "f", execution=f"{run}f")

    once, often = History(), History()
    run_all(once, 0)
    for run in range(times):
        run_all(often, run)
    assert shape(often) == shape(once)
    assert [turn.prompt for turn in often.turns] == ["a", "edit", "after"]


def test_the_earlier_answer_of_a_retried_turn_can_be_reached() -> None:
    history = History()
    first = asked(history, "one", "a")
    second = asked(history, "one", "r", at=first)
    assert history.turns == [second] and history.versions(second) == [first, second]
    again = asked(history, "one", "r", at=second)
    assert history.versions(again) == [first, again], "the cell that retries has one turn, too"


def test_a_cell_of_another_branch_brings_that_branch_back() -> None:
    history = History()
    asked(history, "one", "a")
    second = asked(history, "two", "b")
    asked(history, "three", "c")
    asked(history, "two, better", "e", at=second)
    asked(history, "two again", "b")
    assert [turn.prompt for turn in history.turns] == ["one", "two again", "three"]


def test_a_pinned_turn_stays_pinned_when_its_cell_runs_again() -> None:
    history = History()
    asked(history, "one", "a").pinned = True
    assert asked(history, "one!", "a").pinned


def test_a_copy_is_the_branch_in_use_and_lives_its_own_life() -> None:
    history = History()
    turns = [asked(history, prompt, "same cell", execution="one run") for prompt in ("one", "two", "three")]
    asked(history, "three, better", "e", at=turns[2])
    copied = history.copy(2)
    assert [turn.prompt for turn in copied.turns] == ["one", "two"]
    assert not {turn.id for turn in copied.turns} & {turn.id for turn in history.every()}
    asked(copied, "else")
    assert [m.content for m in copied.before(copied.turns[-1])] == ["one", "to one", "two", "to two"]
    assert len(list(history.every())) == 4
    assert [turn.prompt for turn in history.copy().turns] == ["one", "two", "three, better"]


# --- taking out, and bringing back --------------------------------------------------------------------


def test_versions_of_a_turn_that_was_taken_out_do_not_become_versions_of_an_earlier_one() -> None:
    history = History()
    turns = [history.begin(Turn(str(number), "demo")) for number in range(1, 6)]
    other = history.begin(Turn("5 of another model", "demo"), at=turns[4])
    history.undo(1)
    assert history.after() == turns[4:], "what else was asked in its place is still there"
    history.undo(4)
    assert history.after() == [] and not list(history.every())
    assert history.redo() == turns[:4]
    assert history.redo() == [other] and history.versions(other) == [*turns[4:], other]
    assert history.redo() == []


def test_what_was_reset_comes_back_beside_what_was_asked_since() -> None:
    history = History()
    first = history.begin(Turn("one", "demo", cell="a"))
    second = history.begin(Turn("two", "demo", cell="b", pinned=True))
    history.reset()
    new = history.begin(Turn("one anew", "demo", cell="a"))
    assert history.redo() == [first, second]
    assert history.turns == [first, second] and history.versions(first) == [new, first]
    assert history.of_cell("a") is new and history.of_cell("b") is second
    assert history.begin(Turn("three", "demo")).landmark is second


def test_a_turn_taken_out_of_the_middle_comes_back_to_its_place_whatever_was_asked_since() -> None:
    history = History()
    first, second, third = (asked(history, prompt, prompt, pinned=True) for prompt in ("one", "two", "three"))
    history.take_out(second)
    assert history.turns == [first, third] and third.landmark is first
    fourth = asked(history, "four")
    assert history.redo() == [second]
    assert history.turns == [first, second, third, fourth] and third.landmark is second
    assert [turn.number for turn in history.turns] == [1, 2, 3, 4]


def test_where_a_version_is_taken_out_the_one_beside_it_is_in_use() -> None:
    history = History()
    first = asked(history, "one")
    better = asked(history, "one, better", at=first)
    history.take_out(better)
    assert history.turns == [first]
    assert history.redo() == [better] and history.versions(better) == [first, better]
    later = asked(history, "and then?")
    assert history.take_out(better) == [better, later] and history.turns == [first]
    assert history.redo() == [better, later] == history.turns
