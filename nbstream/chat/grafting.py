"""What a conversation began with, where it was branched off another: copies, of which no receipt tells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from .history import History
from .kept import Turn, new_id
from .notebook import Receipt
from .receipts import Found


def grafted(found: list[Found], known: Iterable[Turn], others: Sequence[History]) -> list[Found]:
    """`found` of one conversation, and before it copies of the turns of `others` that it was begun with.

    A turn tells the cell of the turn before it: where this conversation has none of that cell, another one
    may have had it in just that place, and the conversation was branched off there.
    """
    here = [*known, *(one.turn for one in found)]
    ids, cells = {turn.id for turn in here}, {turn.cell for turn in here}
    copies: list[Found] = []
    made: dict[Turn, str] = {}
    for one in sorted(found, key=lambda one: one.turn.created):
        if one.parent is None or one.parent in ids or one.parent_cell is None or one.parent_cell in cells:
            continue
        origin = _origin(one, others)
        if origin is None:
            continue
        before: str | None = None
        for turn in origin:
            if turn not in made:
                same = replace(turn, parent=None, children=[], replaced=None, landmark=None, id=new_id())
                copies.append(Found(same, one.cell, None, before, None, turn.number, False, Receipt({})))
                made[turn] = same.id
            before = made[turn]
        one.parent = before
    return [*copies, *found]


def _origin(one: Found, others: Sequence[History]) -> list[Turn] | None:
    """The turns that `one` was asked after, in another conversation."""
    for history in others:
        turn = history.of_cell(one.parent_cell)
        if turn is not None and turn.number + 1 == one.number and turn.created < one.turn.created:
            return [*reversed(list(history.up(turn))), turn]
    return None
