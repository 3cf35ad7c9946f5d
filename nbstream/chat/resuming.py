"""Going on with an answer that was stopped, cut, or too long: two answers become one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from ..i18n import t
from ..messages import Answer, Event, Message, Retract, TextDelta, Timing, Usage

if TYPE_CHECKING:
    from .call import State
    from .engine import Observer
    from .history import Turn

How = Literal["prefilled", "asked"]
"""The model went on with its own last message, or was asked to by one of ours."""


def unfinished(turn: Turn) -> bool:
    """Whether there is something to go on with: text, and more of it to come."""
    answer = turn.answer
    if answer is None or not answer.text.strip():
        return False
    return answer.error is not None or answer.finish_reason in ("cancelled", "length", "other", None)


def messages_for(turn: Turn, how: How) -> tuple[Message, ...]:
    """What `turn` is asked anew with: its question, what came of the answer, and where need be, to go on."""
    assert turn.answer is not None
    so_far = turn.answer
    begun = Message("assistant", so_far.text, reasoning=so_far.reasoning, opaque=so_far.opaque)
    if how == "prefilled":  # blanks at the end lead models astray, and are refused by some
        return (turn.question(), *turn.rounds, replace(begun, content=so_far.text.rstrip()))
    return (turn.question(), *turn.rounds, begun, Message("user", t("continue.prompt")))


def beginning(answer: Answer, how: How) -> str:
    """The text that the rest is joined to."""
    return answer.text.rstrip() if how == "prefilled" else answer.text


def joined(before: Answer, rest: Answer, how: How, *, echoes: bool = False) -> Answer:
    """`before` and `rest` as one answer; what is not known of both is not known.

    >>> half = Answer("One, two,", finish_reason="cancelled")
    >>> joined(half, Answer(" three.", finish_reason="stop"), "prefilled").text
    'One, two, three.'
    """
    old, new = before.timing, rest.timing
    said = (t(f"continue.{how}"),) if rest.text or rest.error is None else ()
    begun = beginning(before, how)
    return replace(
        rest,
        text=begun + (rest.text.removeprefix(begun) if echoes else rest.text),
        reasoning="\n\n".join(filter(None, [before.reasoning, rest.reasoning])),
        usage=_sum(before.usage, rest.usage) if said else before.usage,
        notes=tuple(dict.fromkeys((*before.notes, *rest.notes, *said))),
        timing=Timing(
            old.started,
            old.first_token,
            None if old.duration is None or new.duration is None else old.duration + new.duration,
            old.pieces + new.pieces,
        ),
        opaque=before.opaque + rest.opaque,
    )


def _sum(one: Usage | None, other: Usage | None) -> Usage | None:
    if one is None or other is None:
        return None

    def both(name: str) -> int | None:
        first, second = getattr(one, name), getattr(other, name)
        return None if first is None or second is None else first + second

    return Usage(*map(both, ("input_tokens", "output_tokens", "reasoning_tokens", "cached_tokens")))


class Echo:
    """Takes out the beginning of an answer where the service repeats it.

    >>> echo = Echo("One, two,")
    >>> echo.feed("One, "), echo.feed("two, three"), echo.feed(" four")
    ('', ' three', ' four')
    >>> echo = Echo("One, two,")
    >>> echo.feed("One"), echo.feed(" by one"), echo.end()
    ('', 'One by one', '')
    """

    def __init__(self, given: str) -> None:
        self._given = given
        self._held: str | None = "" if given else None

    def feed(self, text: str) -> str:
        """What is new in `text`; held back as long as all could be repetition."""
        if self._held is None:
            return text
        self._held += text
        if self._given.startswith(self._held) and self._held != self._given:
            return ""
        return self.end().removeprefix(self._given)

    def end(self) -> str:
        """What was held back and was no repetition after all."""
        held, self._held = self._held or "", None
        return held


class Rest:
    """Observes the run that goes on with `before`, and lets `observer` see both as one answer.

    Where the service refuses an answer that was begun, the observer is not told of an end: the model is to
    be asked instead, `again`.
    """

    def __init__(
        self,
        before: Answer,
        how: How,
        observer: Observer | None,
        *,
        echoes: bool = False,
        again: bool = False,
    ) -> None:
        self.before, self.how, self.echoes = before, how, echoes
        self._observer = observer
        self._echo = Echo(beginning(before, how) if echoes else "")
        self._begun, self._withdrawn = again, False

    def refused(self, answer: Answer) -> bool:
        """Whether the service, with this answer, refused to go on from a beginning."""
        error = answer.error
        none = not (answer.timing.pieces or self._withdrawn)
        return self.how == "prefilled" and none and error is not None and error.kind == "invalid_request"

    def state(self, state: State) -> None:
        self._begin()
        if self._observer is not None:
            self._observer.state(state)

    def batch(self, events: list[Event]) -> None:
        self._begin()
        shown: list[Event] = []
        for event in events:
            if isinstance(event, TextDelta):
                event = TextDelta(self._echo.feed(event.text))
            elif isinstance(event, Retract):
                self._withdrawn = True
            shown.append(event)
        if self._observer is not None:
            self._observer.batch(shown)

    def done(self, answer: Answer) -> None:
        self._begin()
        if self._observer is not None:
            if held := self._echo.end():
                self._observer.batch([TextDelta(held)])
            if not self.refused(answer):
                self._observer.done(self.whole(answer))

    def whole(self, rest: Answer) -> Answer:
        """`rest` and what came before it, as one."""
        before = replace(self.before, text="", reasoning="") if self._withdrawn else self.before
        return joined(before, rest, self.how, echoes=self.echoes)

    def _begin(self) -> None:
        """What is there already is shown first: the view is a new one."""
        if not self._begun and self._observer is not None:
            self._observer.batch([TextDelta(beginning(self.before, self.how))])
        self._begun = True
