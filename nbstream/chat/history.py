"""A conversation's turns: what was asked, what came, and what is sent along next time. Pure."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..messages import Answer, Message

Status = Literal["running", "done", "stopped", "failed"]


@dataclass(slots=True, eq=False)
class Turn:
    """One prompt and its answer.

    Attributes
    ----------
    prompt : str
    model : str
        ``provider:model``.
    cell : str or None
        The id of the notebook cell that asked.
    execution : str or None
        The run of that cell: two turns of one run do not replace each other.
    fresh : bool
        Nothing before this turn is sent to the model (``--new``).
    answer : Answer or None
        None while the turn runs.
    replaced : Turn or None
        The turn of the same cell that this one took the place of.
    """

    prompt: str
    model: str
    system: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    cell: str | None = None
    fresh: bool = False
    execution: str | None = field(default=None, repr=False)
    answer: Answer | None = None
    replaced: Turn | None = field(default=None, repr=False)
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    created: float = field(default_factory=time.time)

    @property
    def status(self) -> Status:
        if self.answer is None:
            return "running"
        if self.answer.error is not None:
            return "failed"
        return "stopped" if self.answer.finish_reason == "cancelled" else "done"

    @property
    def scripted(self) -> bool:
        """Whether the embedded lessons answer it: no model is told what they said."""
        return self.model.partition(":")[0] == "demo"

    def messages(self) -> tuple[Message, ...]:
        """What later turns send along: nothing where no text came, since dialects want alternation."""
        if self.answer is None or not self.answer.text.strip():
            return ()
        return (
            Message("user", self.prompt),
            Message(
                "assistant", self.answer.text, reasoning=self.answer.reasoning, opaque=self.answer.opaque
            ),
        )


class History:
    """The turns of one conversation, in the order of asking.

    >>> h = History()
    >>> first = h.begin(Turn("hi", "demo", cell="a"))
    >>> h.finish(first, Answer("hello"))
    >>> again = h.begin(Turn("hi again", "demo", cell="a"))
    >>> len(h.turns), again.replaced is first, h.before(again)
    (1, True, ())
    """

    def __init__(self) -> None:
        self.turns: list[Turn] = []

    def begin(self, turn: Turn) -> Turn:
        """Put `turn` at the end, or in the place of the turn that the same cell made before."""
        place = self._place_of(turn)
        if place is None:
            self.turns.append(turn)
        else:
            turn.replaced = self.turns[place]
            self.turns[place] = turn
        return turn

    def finish(self, turn: Turn, answer: Answer) -> None:
        turn.answer = answer

    def _place_of(self, new: Turn) -> int | None:
        """The position of the turn that an earlier run of the same cell made, or None."""
        for position, turn in enumerate(self.turns):
            again = turn.execution is None or turn.execution != new.execution
            if again and turn.cell is not None and turn.cell == new.cell:
                return position
        return None

    def before(self, turn: Turn) -> tuple[Message, ...]:
        """The messages that go to the model ahead of `turn`'s prompt."""
        messages: tuple[Message, ...] = ()
        for earlier in self.turns:
            if earlier.fresh:
                messages = ()
            if earlier is turn:
                break
            if not earlier.scripted or turn.scripted:
                messages += earlier.messages()
        return messages

    def undo(self, count: int = 1) -> list[Turn]:
        """Take the last `count` turns out, and give them."""
        gone = self.turns[-count:] if count > 0 else []
        del self.turns[len(self.turns) - len(gone) :]
        return gone

    def reset(self) -> list[Turn]:
        """Take all turns out, and give them."""
        return self.undo(len(self.turns))
