"""A conversation sends what came before, once, and nothing that would break a dialect."""

from nbstream.chat.history import History, Turn
from nbstream.errors import NbstreamError
from nbstream.messages import Answer


def asked(history, prompt, text="ok", *, cell=None, answer=None, **more):
    turn = history.begin(Turn(prompt, "demo", cell=cell, **more))
    history.finish(turn, answer or Answer(text, finish_reason="stop"))
    return turn


def contents(messages):
    return [message.content for message in messages]


def test_a_later_turn_sends_all_before_it():
    history = History()
    asked(history, "one", "1")
    asked(history, "two", "2")
    third = history.begin(Turn("three", "demo"))
    assert contents(history.before(third)) == ["one", "1", "two", "2"]


def test_a_cell_that_runs_again_replaces_its_turn_and_sends_only_what_came_before():
    history = History()
    asked(history, "one", "1", cell="a")
    old = asked(history, "two", "2", cell="b")
    asked(history, "three", "3", cell="c")
    again = history.begin(Turn("two!", "demo", cell="b"))
    assert contents(history.before(again)) == ["one", "1"]
    history.finish(again, Answer("22", finish_reason="stop"))
    assert [turn.prompt for turn in history.turns] == ["one", "two!", "three"]
    assert again.replaced is old


def test_running_all_twice_gives_the_history_of_once():
    history = History()
    for _ in range(2):
        for cell in "abc":
            asked(history, f"prompt {cell}", cell=cell)
    assert [turn.prompt for turn in history.turns] == ["prompt a", "prompt b", "prompt c"]


def test_without_a_cell_id_a_run_appends():
    history = History()
    asked(history, "one")
    asked(history, "one")
    assert len(history.turns) == 2


def test_a_turn_without_text_is_kept_but_not_sent():
    history = History()
    failed = asked(history, "one", answer=Answer("", error=NbstreamError("no")))
    assert failed.status == "failed"
    assert history.before(history.begin(Turn("two", "demo"))) == ()
    assert len(history.turns) == 2


def test_a_stopped_answer_is_sent_as_far_as_it_came():
    history = History()
    stopped = asked(history, "one", answer=Answer("half an ans", finish_reason="cancelled"))
    assert stopped.status == "stopped"
    assert contents(history.before(history.begin(Turn("two", "demo")))) == ["one", "half an ans"]


def test_new_sends_nothing_from_before_and_later_turns_start_there():
    history = History()
    asked(history, "one", "1")
    fresh = asked(history, "two", "2", fresh=True)
    assert history.before(fresh) == ()
    assert contents(history.before(history.begin(Turn("three", "demo")))) == ["two", "2"]


def test_undo_and_reset_give_what_they_took():
    history = History()
    turns = [asked(history, str(number)) for number in range(4)]
    assert history.undo(2) == turns[2:]
    assert history.undo(0) == []
    assert history.reset() == turns[:2]
    assert history.turns == []


def test_several_turns_of_one_run_of_a_cell_stand_side_by_side() -> None:
    history = History()
    for number in range(2):
        for prompt in ("one", "two"):
            asked(history, prompt, cell="a", execution=f"run {number}")
        assert [turn.prompt for turn in history.turns] == ["one", "two"], "and a second run replaces both"


def test_what_the_embedded_lessons_said_is_not_told_to_a_model() -> None:
    history = History()
    asked(history, "one", "a lesson")
    real = history.begin(Turn("two", "spark:4.0Ultra"))
    assert history.before(real) == ()
    history.finish(real, Answer("an answer"))
    assert contents(history.before(history.begin(Turn("three", "ernie")))) == ["two", "an answer"]
    assert len(contents(history.before(history.begin(Turn("four", "demo"))))) == 4
