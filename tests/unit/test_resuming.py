"""Two answers become one: what was there, and the rest that a model added."""

from __future__ import annotations

import pytest

from nbstream.chat.call import State
from nbstream.chat.history import Turn
from nbstream.chat.resuming import Rest, joined, messages_for, unfinished
from nbstream.errors import NbstreamError
from nbstream.messages import Answer, Event, Retract, TextDelta, Timing, Usage

HALF = Answer(
    "One, two, ",
    reasoning="Count.",
    finish_reason="cancelled",
    usage=Usage(10, 4),
    notes=("Slowly.",),
    timing=Timing(100.0, 0.5, 2.0, 4),
)
REST = Answer("three.", finish_reason="stop", usage=Usage(20, 3, 1), timing=Timing(200.0, 0.1, 1.0, 3))


class Screen:
    """Shows what an observer is told."""

    def __init__(self) -> None:
        self.text, self.ended = "", ""

    def state(self, state: State) -> None: ...

    def batch(self, events: list[Event]) -> None:
        for event in events:
            self.text = "" if isinstance(event, Retract) else self.text + getattr(event, "text", "")

    def done(self, answer: Answer) -> None:
        self.ended = answer.text


def told(rest: Rest, *events: Event) -> Answer:
    """Play a run with these events to `rest`; the answer it leaves."""
    rest.state(State("connecting"))
    text = ""
    for event in events:
        rest.batch([event])
        text = "" if isinstance(event, Retract) else text + getattr(event, "text", "")
    answer = Answer(text, finish_reason="stop")
    rest.done(answer)
    return rest.whole(answer)


def turn(answer: Answer) -> Turn:
    return Turn("Count.", "words", answer=answer)


@pytest.mark.parametrize(
    ("answer", "can"),
    [
        (HALF, True),
        (Answer("cut", finish_reason="length"), True),
        (Answer("cut", error=NbstreamError("interrupted")), True),
        (Answer("whole", finish_reason="stop"), False),
        (Answer("", finish_reason="cancelled"), False),
        (Answer("taken back", finish_reason="content_filter"), False),
        (None, False),
    ],
)
def test_what_can_be_gone_on_with(answer: Answer | None, can: bool) -> None:
    assert unfinished(Turn("Count.", "words", answer=answer)) is can


def test_a_model_that_goes_on_by_itself_is_given_its_words_without_the_blanks_at_the_end() -> None:
    question, begun = messages_for(turn(HALF), "prefilled")
    assert (question.content, begun.role, begun.content) == ("Count.", "assistant", "One, two,")


def test_one_that_does_not_is_asked_to() -> None:
    _, begun, wish = messages_for(turn(HALF), "asked")
    assert (begun.role, begun.content, wish.role) == ("assistant", HALF.text, "user")
    assert wish.content.strip()


def test_both_are_one_answer() -> None:
    answer = joined(HALF, REST, "asked")
    assert answer.text == "One, two, three."
    assert (answer.finish_reason, answer.reasoning) == ("stop", "Count.")
    assert answer.timing == Timing(100.0, 0.5, 3.0, 7)
    assert answer.notes[0] == "Slowly." and len(answer.notes) == 2, "and says how it was gone on with"


def test_what_is_not_known_of_both_is_not_known() -> None:
    assert joined(HALF, REST, "asked").usage == Usage(30, 7, None, None)
    assert joined(Answer("One"), REST, "asked").usage is None


def test_a_second_failure_keeps_the_text_and_says_nothing_of_going_on() -> None:
    failed = Answer("", error=NbstreamError("refused"))
    answer = joined(HALF, failed, "prefilled")
    assert answer.text == "One, two," and answer.error is failed.error and answer.notes == ("Slowly.",)


def test_the_screen_shows_the_beginning_at_once_and_then_the_rest() -> None:
    screen = Screen()
    rest = Rest(HALF, "asked", screen)
    rest.state(State("connecting"))
    assert screen.text == "One, two, "
    told(rest, TextDelta("thr"), TextDelta("ee."))
    assert screen.text == screen.ended == "One, two, three."


@pytest.mark.parametrize(
    "pieces",
    [["One, two,", " three."], ["One, two, three."], ["One", ", tw", "o, three."], [" three."]],
)
def test_a_service_that_repeats_the_beginning_does_not_double_it(pieces: list[str]) -> None:
    screen = Screen()
    answer = told(Rest(HALF, "prefilled", screen, echoes=True), *map(TextDelta, pieces))
    assert answer.text == screen.text == "One, two, three."


@pytest.mark.parametrize("pieces", [["One"], ["One, two"], ["Once", " more"]])
def test_what_only_looks_like_repetition_is_kept(pieces: list[str]) -> None:
    screen = Screen()
    answer = told(Rest(HALF, "prefilled", screen, echoes=True), *map(TextDelta, pieces))
    assert answer.text == screen.text == "One, two," + "".join(pieces)


def test_what_moderation_withdraws_takes_the_beginning_along() -> None:
    screen = Screen()
    answer = told(Rest(HALF, "asked", screen), TextDelta("bad"), Retract("no"), TextDelta("Sorry."))
    assert answer.text == screen.text == "Sorry." and answer.reasoning == ""
