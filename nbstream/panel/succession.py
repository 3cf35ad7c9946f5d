"""A cell that runs again: its new panel takes over from the one before, which is closed."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..magics.surface import cell_id, execution

if TYPE_CHECKING:
    from .panel import ChatPanel

PATIENCE = 2.0
"""Seconds for the old panel to lay down what was written in it."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Which run of which cell made a panel, and with what."""

    cell: str | None
    execution: str | None
    given: tuple[str | None, ...]

    @classmethod
    def here(cls, *given: str | None) -> Origin:
        return cls(cell_id(), execution(), given)

    def same_cell(self, other: Origin) -> bool:
        """Whether `other` is an earlier run of the same cell."""
        return self.cell is not None and self.cell == other.cell and self.execution != other.execution


def succeeded(origin: Origin, panels: Iterable[ChatPanel]) -> ChatPanel | None:
    """Close the panels that an earlier run of the cell made, and give the one that a new one takes over from.

    That is one which was made with the same words: where a person has gone on to another conversation or
    model in it, the new one is there, too. What was typed waits at the conversation (see `waiting`).
    """
    before = [one for one in panels if one.origin.same_cell(origin)]
    for one in before:
        one.close()
    if before:
        laid_down = threading.Event()
        before[-1].desk.on_loop(laid_down.set)  # behind the closing of all of them
        laid_down.wait(PATIENCE)
    return next((one for one in before if one.origin.given == origin.given), None)
