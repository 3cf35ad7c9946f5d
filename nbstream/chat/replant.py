"""Putting the turns of a notebook together again to a tree. Pure.

What counts is how the conversation was held, by what each receipt says stood before it, and not the order of
the cells: an answer was given knowing what had been said by then, wherever its cell stands now.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from .history import History
from .kept import Turn
from .receipts import Found


class Replanted:
    """A new history of the turns that are `here` already, and of those that were `found`.

    Attributes
    ----------
    history : History
    missing : set of str
        Turns before one that was found, of which the notebook knows nothing: their cells were deleted.
    since : int
        Turns which a kernel asked that had forgotten the others: they follow them now.
    """

    def __init__(self, here: History, found: Sequence[Found]) -> None:
        self.missing: set[str] = set()
        self.since = 0
        self._parent: dict[Turn, Turn | None] = {}
        self._cells: dict[str, list[Turn]] = defaultdict(list)
        self._levels: list[int] = []
        self._newest_at: dict[int, Turn] = {}
        for turn in here.every():
            self._put(turn, None if turn.parent is here.root else turn.parent, turn.number, ())
        self._by_id = {turn.id: turn for turn in self._parent}
        self._find_places(found)
        head = here.head
        self._join_kernels()
        self.history = self._grown()
        if head is not None:
            self.history.head = head
        elif self._parent:
            # Where somebody asked last: what runs again keeps what followed it.
            self.history.go_to(max(self._parent, key=_begun))

    def _put(self, turn: Turn, parent: Turn | None, number: int, cells: Iterable[str | None]) -> None:
        self._parent[turn] = parent
        if number not in self._newest_at:
            insort(self._levels, number)
        if (best := self._newest_at.get(number)) is None or best.created <= turn.created:
            self._newest_at[number] = turn
        for cell in {turn.cell, *cells} - {None}:
            self._cells[str(cell)].append(turn)

    def _find_places(self, found: Sequence[Found]) -> None:
        """Where each turn stands: those with lower numbers first, so that no circle can close."""
        last = 0
        for one in sorted(found, key=lambda one: (one.number or 0, one.turn.created)):
            number = one.number or last + 1  # without numbers: one after the other
            parent = self._before(one, number)
            self._put(one.turn, parent, number, [one.receipt.word("cell")])
            self._by_id[one.turn.id] = one.turn
            last = number

    def _before(self, one: Found, number: int) -> Turn | None:
        """The turn before it."""
        if one.number is None:
            return self._newest_at[self._levels[-1]] if self._levels else None
        if one.parent is None:
            return None
        if (parent := self._by_id.get(one.parent)) is not None:
            return parent
        if again := self._cells.get(one.parent_cell or ""):  # its cell has run again since
            return max(again, key=lambda turn: turn.created)
        self.missing.add(one.parent)
        level = bisect_left(self._levels, number)
        return self._newest_at[self._levels[level - 1]] if level else None

    # --- kernels --------------------------------------------------------------------------------------

    def _join_kernels(self) -> None:
        """Have what a kernel asked that knew of nothing follow what was asked before.

        Where somebody began anew on purpose, nothing is joined: such turns open nothing.
        """
        children = self._children()
        newest: Turn | None = None  # of all that was begun before
        for time, tops in _openings(children[None]):
            if newest is not None and time is not None:
                for top in tops:
                    self._parent[top] = newest
                self.since += 1
            for turn in _with_all_after(tops, children):
                if newest is None or newest.created <= turn.created:
                    newest = turn

    def _children(self) -> dict[Turn | None, list[Turn]]:
        children: dict[Turn | None, list[Turn]] = defaultdict(list)
        for turn, parent in self._parent.items():
            children[parent].append(turn)
        return children

    def _grown(self) -> History:
        children = self._children()
        for turn in self._parent:
            turn.parent, turn.children = None, []
        history = History()
        waiting: list[Turn | None] = [None]
        while waiting:
            parent = waiting.pop()
            for turn in sorted(children[parent], key=_begun):
                history.add(turn, parent)
                waiting.append(turn)
        return history


def _openings(tops: list[Turn]) -> list[tuple[float | None, list[Turn]]]:
    """The first turns of all branches by time; together, if they opened the same conversation."""
    together: dict[float, list[Turn]] = defaultdict(list)
    for top in tops:
        if top.opening is not None:
            together[top.opening].append(top)
    found: list[tuple[float, float | None, list[Turn]]] = [
        (when, when, many) for when, many in together.items()
    ]
    found += [(top.created, None, [top]) for top in tops if top.opening is None]
    return [(when, many) for _, when, many in sorted(found, key=lambda one: one[0])]


def _with_all_after(tops: list[Turn], children: dict[Turn | None, list[Turn]]) -> Iterator[Turn]:
    waiting = list(tops)
    while waiting:
        turn = waiting.pop()
        yield turn
        waiting += children[turn]


def _begun(turn: Turn) -> float:
    return turn.created
