"""What is said to an answer that is not the last word of its turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..messages import Answer, Message
from .calls import called
from .shaping import json_round

if TYPE_CHECKING:
    from .asking import Asking


def next_round(asking: Asking, answer: Answer) -> tuple[Message, ...] | None:
    """The messages to go on with: `answer` itself and what is said to it; None ends the turn."""
    return called(asking, answer) or json_round(asking, answer)
