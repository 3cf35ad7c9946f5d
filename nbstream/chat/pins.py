"""Turns that are always sent along, found without a walk through those between them. Pure.

Each turn knows its `landmark`: the nearest turn before it that is pinned or fresh. Who looks for pinned
turns hops from one landmark to the next, and stops at a fresh one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .history import Turn


def pinned(turn: Turn) -> Iterator[Turn]:
    """The pinned turns that `turn`'s model is told of, the nearest first."""
    mark = None if turn.fresh else turn.landmark
    while mark is not None:
        if mark.pinned and (not mark.scripted or turn.scripted):
            yield mark
        mark = None if mark.fresh else mark.landmark


def pin(turn: Turn, on: bool = True) -> None:
    """Always send `turn` along, however long the conversation gets; or no longer."""
    turn.pinned = on
    mark_after(turn)


def mark(turn: Turn) -> None:
    """Note the landmark of `turn`; that of the turn before it must be right."""
    parent = turn.parent
    assert parent is not None
    turn.landmark = parent if parent.pinned or parent.fresh else parent.landmark


def mark_after(turn: Turn) -> None:
    """The same for all turns that follow `turn`."""
    waiting = list(turn.children)
    while waiting:
        later = waiting.pop()
        mark(later)
        waiting += later.children
