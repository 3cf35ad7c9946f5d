"""A turn as a conversation keeps it: what was asked, and what came. Pure."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from ..messages import Answer, Attachment, Message

if TYPE_CHECKING:
    from .context import Context

_FIX = re.compile(r"%\w+ fix\b")
Status = Literal["running", "done", "stopped", "failed"]


def new_id() -> str:
    return uuid.uuid4().hex[:12]


@dataclass(slots=True, eq=False, weakref_slot=True)
class Turn:
    """One prompt and its answer.

    Attributes
    ----------
    prompt : str
        As it was typed.
    model : str
        ``provider:model``.
    cell : str or None
        The id of the notebook cell that asked.
    line : str
        What stood behind ``%%llm``: the options as they were typed, for whoever edits or repeats the turn.
    execution : str or None
        The run of that cell: two turns of one run do not replace each other.
    fresh : bool
        Nothing before this turn is sent to the model (``--new``).
    sent : str or None
        The prompt as it went out, where that is not as it was typed: variables were put in.
    rounds : tuple of Message
        What was said between the prompt and the answer: tool calls and their results.
    pinned : bool
        Always sent along, however long the conversation gets.
    context : Context or None
        What was sent along with it.
    answer : Answer or None
        None while the turn runs.
    replaced : Turn or None
        The turn of the same cell that this one took the place of.
    parent, children : Turn or None, list of Turn
        The turn before it, and those that followed it: several, where the conversation branches.
    number : int
        Its place on its branch, from 1.
    landmark : Turn or None
        The nearest turn before it that is pinned or fresh (see `pins`).
    template : bool
        A cell of the user's asked it, and braces in it meant what they mean there. A file cannot say so.
    opening : float or None
        When a conversation of which the kernel knew nothing yet was begun in this place.
    candidates : tuple of Turn
        The answers of several models that were asked at once, each as a turn of its own. They stand in no
        history: this one does, and its answer says nothing until one of them is kept.
    kept : int or None
        Which of them that is, from 1.
    """

    prompt: str
    model: str
    system: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    cell: str | None = None
    fresh: bool = False
    sent: str | None = None
    attachments: tuple[Attachment, ...] = ()
    rounds: tuple[Message, ...] = ()
    pinned: bool = False
    line: str = field(default="", repr=False)
    execution: str | None = field(default=None, repr=False)
    answer: Answer | None = None
    context: Context | None = field(default=None, repr=False)
    replaced: Turn | None = field(default=None, repr=False)
    parent: Turn | None = field(default=None, repr=False)
    children: list[Turn] = field(default_factory=list, repr=False)
    number: int = 1
    landmark: Turn | None = field(default=None, repr=False)
    template: bool = field(default=False, repr=False)
    opening: float | None = field(default=None, repr=False)
    candidates: tuple[Turn, ...] = field(default=(), repr=False)
    kept: int | None = field(default=None, repr=False)
    id: str = field(default_factory=new_id)
    created: float = field(default_factory=time.time)

    @property
    def status(self) -> Status:
        if self.answer is None:
            return "running"
        if self.answer.error is not None:
            return "failed"
        return "stopped" if self.answer.finish_reason == "cancelled" else "done"

    @property
    def asked(self) -> str:
        """The prompt as it went out."""
        return self.prompt if self.sent is None else self.sent

    @property
    def literal(self) -> bool:
        """Whether a cell that asks it again must leave its braces alone: nobody here meant them to run."""
        return "{{" in self.words and not self.template

    @property
    def words(self) -> str:
        """What a cell says that asks it again. Of ``%llm fix`` that is what it told the model."""
        is_line = self.sent is not None and not self.template and _FIX.match(self.prompt)
        return self.sent if is_line and self.sent else self.prompt

    @property
    def undecided(self) -> bool:
        """Whether several models answered it and none of the answers is kept."""
        return bool(self.candidates) and self.kept is None

    @property
    def choices(self) -> list[int]:
        """The numbers of several models' answers that say something: of these one can be kept."""
        texts = (one.answer.text if one.answer is not None else "" for one in self.candidates)
        return [number for number, text in enumerate(texts, 1) if text.strip()]

    @property
    def scripted(self) -> bool:
        """Whether the embedded lessons answer it: no model is told what they said."""
        return self.model.partition(":")[0] == "demo"

    def question(self) -> Message:
        """What was asked, as a message."""
        return Message("user", self.asked, attachments=self.attachments)

    def whole(self, answer: Answer) -> Answer:
        """`answer` with what was said and called in the rounds before it: what a person reads."""
        before = [one for one in self.rounds if one.tool_calls]
        if not before:
            return answer
        return replace(
            answer,
            text=_joined([*(one.content for one in before), answer.text]),
            reasoning=_joined([*(one.reasoning for one in before), answer.reasoning]),
            tool_calls=[*(call for one in before for call in one.tool_calls), *answer.tool_calls],
        )

    def messages(self) -> tuple[Message, ...]:
        """What later turns send along: nothing where no text came, since dialects want alternation."""
        if self.answer is None:
            return ()
        answer = self.answer
        if not answer.text.strip():  # stopped before the last word: what it said while it worked
            said = self.whole(answer).text
            return (self.question(), Message("assistant", said)) if said else ()
        return (
            self.question(),
            *self.rounds,
            Message("assistant", answer.text, reasoning=answer.reasoning, opaque=answer.opaque),
        )


def _joined(texts: list[str]) -> str:
    return "\n\n".join(text for text in texts if text.strip())
