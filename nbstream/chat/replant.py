"""Putting the turns of a notebook together again to a tree. Pure.

What counts is how the conversation was held, by what each receipt says stood before it, and not the order of
the cells: an answer was given knowing what had been said by then, wherever its cell stands now.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Sequence

from .history import History
from .kept import Turn
from .receipts import Found

MOST_KERNELS = 500
"""How often a kernel may have been restarted, for this to be looked at: it costs a walk each time."""


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
            self.history.go_to(max(self._parent, key=lambda turn: turn.created))

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
        """Have the first turns of each kernel follow what an earlier one asked: it knew nothing of that.

        A kernel's later first turns are those of a conversation that somebody began anew: they stay so.
        """
        roots = sorted((turn for turn, parent in self._parent.items() if parent is None), key=_begun)
        roots = roots[:MOST_KERNELS]
        first: dict[str, Turn] = {}
        for turn in sorted(self._parent, key=_begun):
            first.setdefault(turn.kernel, turn)
        for root in roots:
            begun = first[root.kernel]
            again = root is not begun and (
                root.prompt == begun.prompt or (root.cell is not None and root.cell == begun.cell)
            )
            if again and begun in roots:  # another version of it stands where it stands
                self._parent[root] = self._parent[begun]
            elif root is begun:
                mine = self._after(root)
                earlier = [
                    turn
                    for turn in self._parent
                    if turn.created < root.created and turn.kernel != root.kernel and turn not in mine
                ]
                if earlier:
                    self._parent[root] = max(earlier, key=_begun)
                    self.since += 1

    def _after(self, top: Turn) -> set[Turn]:
        """`top` and all after it."""
        children = self._children()
        found, waiting = set[Turn](), [top]
        while waiting:
            turn = waiting.pop()
            found.add(turn)
            waiting += children[turn]
        return found

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


def _begun(turn: Turn) -> float:
    return turn.created
