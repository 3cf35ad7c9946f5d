"""What of a conversation goes to the model along with a prompt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..messages import Message

if TYPE_CHECKING:
    from .call import Call
    from .history import History, Turn


@dataclass(frozen=True, slots=True)
class Context:
    """What was sent along: `sent` of `turns` turns, the new one counted; `tokens` is an estimate."""

    sent: int
    turns: int
    tokens: int | None = None


def fitted(history: History, turn: Turn, call: Call) -> tuple[tuple[Message, ...], Context]:
    """The messages that go ahead of `turn`'s own, and what they are."""
    told = [one for one in history.told(turn) if one.messages()]
    messages = tuple(message for one in reversed(told) for message in one.messages())
    return messages, Context(len(told) + 1, turn.number)
