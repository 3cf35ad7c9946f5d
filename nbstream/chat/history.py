"""A conversation's turns and their order: what is sent along next time. Pure.

The turns are a tree: whoever asks anew in an earlier place begins a sibling branch, and nothing is lost.
`head` is the newest turn of the branch in use.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ..messages import Answer, Message
from .kept import Status, Turn, new_id
from .pins import mark, mark_after

__all__ = ["History", "Status", "Turn"]

TAKEN_OUT = 8
"""How often in a row one can bring back what was taken out."""


@dataclass(slots=True)
class _TakenOut:
    """Turns that `undo` or `reset` took out, with all that hangs on them: where they stood.

    `followed` is what stayed of it when a single turn was taken out: what had followed that one.
    """

    parent: Turn
    tops: list[Turn]
    head: Turn | None
    followed: tuple[Turn, ...] = ()


class History:
    """The turns of one conversation.

    >>> h = History()
    >>> first = h.begin(Turn("hi", "demo", cell="a"))
    >>> h.finish(first, Answer("hello"))
    >>> again = h.begin(Turn("hi again", "demo", cell="a"))
    >>> len(h.turns), again.replaced is first, h.before(again)
    (1, True, ())
    >>> other = h.begin(Turn("or rather", "demo"), at=again)
    >>> len(h.turns), [turn.prompt for turn in h.versions(other)]
    (1, ['hi again', 'or rather'])
    """

    def __init__(self) -> None:
        self.root = Turn("", "", number=0)
        """Stands before the first turn, and is none itself."""
        self.head: Turn | None = None
        self._by_cell: dict[str, list[Turn]] = {}
        self._knows = False
        """Whether it has ever had a turn: one that was emptied is not one that never heard of any."""
        self._out: list[_TakenOut] = []
        self.gone: dict[str, None] = {}
        """The ids of turns that were taken out and are not back: what a file says of them is over."""

    # --- looking --------------------------------------------------------------------------------------

    @property
    def turns(self) -> list[Turn]:
        """The turns of the branch in use, in the order of asking."""
        if self.head is None:
            return []
        return [*reversed(list(self.up(self.head))), self.head]

    def up(self, turn: Turn) -> Iterator[Turn]:
        """The turns before `turn` on its branch, the nearest first."""
        while (parent := turn.parent) is not None and parent is not self.root:
            yield parent
            turn = parent

    def every(self, top: Turn | None = None) -> Iterator[Turn]:
        """All turns, of all branches (or `top` and all after it), each before those that followed it."""
        waiting = [top] if top is not None else list(reversed(self.root.children))
        while waiting:
            turn = waiting.pop()
            yield turn
            waiting += reversed(turn.children)

    @property
    def begun(self) -> bool:
        """Whether it has ever had a turn."""
        return self._knows

    def of_cell(self, cell: str | None, execution: str | None = None) -> Turn | None:
        """The first turn that the notebook cell with this id made in another run than `execution`."""
        for turn in self._by_cell.get(cell, ()) if cell is not None else ():
            if turn.execution is None or turn.execution != execution:
                return turn
        return None

    def versions(self, turn: Turn) -> list[Turn]:
        """`turn` and what else was asked in its place, the oldest first."""
        return list(turn.parent.children) if turn.parent is not None else [turn]

    def after(self) -> list[Turn]:
        """What was asked behind the newest turn of the branch in use, and is on other branches."""
        return list((self.head or self.root).children)

    def before(self, turn: Turn) -> tuple[Message, ...]:
        """The messages that go to the model ahead of `turn`'s prompt, all of them."""
        return tuple(message for one in reversed(list(self.told(turn))) for message in one.messages())

    def told(self, turn: Turn) -> Iterator[Turn]:
        """The earlier turns that `turn`'s model may be told of, the nearest first."""
        if turn.fresh:
            return
        for earlier in self.up(turn):
            if not earlier.scripted or turn.scripted:
                yield earlier
            if earlier.fresh:
                return

    def copy(self, count: int | None = None) -> History:
        """A history of its own with copies of the first `count` turns of the branch in use, or all."""
        copied = History()
        for turn in self.turns[:count]:
            same = replace(turn, parent=None, children=[], replaced=None, id=new_id())
            copied.head = copied.add(same, copied.head)
        return copied

    # --- changing -------------------------------------------------------------------------------------

    def begin(self, turn: Turn, at: Turn | None = None) -> Turn:
        """Put `turn` at the end; in the place of the turn that the same cell made before; or beside `at`.

        A cell that was made to stand for another place has its earlier turn taken out.
        """
        before = self.of_cell(turn.cell, turn.execution)
        if before is not None and at is not None and before.parent is not at.parent:
            self.remove(before)
            before.replaced = None
            turn.replaced, before = before, None
        if before is not None:
            self._replace(before, turn)
        else:
            self._hang(turn, (at.parent if at is not None else self.head) or self.root)
            if turn.number == 1:
                begun = None if self._knows else round(turn.created, 3)  # as a receipt has it
                turn.opening = at.opening if at is not None else begun
            self.head = turn
        self._knows = True
        if turn.cell is not None:
            self._by_cell.setdefault(turn.cell, []).append(turn)
        return turn

    def finish(self, turn: Turn, answer: Answer) -> None:
        turn.answer = answer

    def add(self, turn: Turn, after: Turn | None = None) -> Turn:
        """Put a turn that was asked before, and is known from a file, behind `after`; the head stays."""
        self._hang(turn, after or self.root)
        self._knows = True
        if turn.cell is not None:
            self._by_cell.setdefault(turn.cell, []).append(turn)
        return turn

    def undo(self, count: int = 1) -> list[Turn]:
        """Take the last `count` turns of the branch in use out, and give them.

        Whatever else was asked behind the first of them goes with it: it was said after that.
        """
        gone: list[Turn] = []
        turn = self.head
        while turn is not None and turn is not self.root and len(gone) < count:
            gone.insert(0, turn)
            turn = turn.parent
        if gone and turn is not None:
            self._take_out(turn, gone[:1])
        return gone

    def redo(self) -> list[Turn]:
        """Bring back what was taken out last; give those turns of it that are in use again."""
        while self._out:
            out = self._out.pop()
            known = {turn.id for turn in self.every()}
            if any(turn.id in known for top in out.tops for turn in self.every(top)):
                continue  # a file has brought it back
            there = out.parent is self.root or out.parent in self.every()
            parent = out.parent if there else self.head or self.root
            taken = set(self._by_cell)
            for top in out.tops:
                self._hang(top, parent)
                for turn in self.every(top):
                    self.gone.pop(turn.id, None)
                    turn.number = turn.parent.number + 1 if turn.parent is not None else 1
                    if turn.cell in taken:
                        turn.cell = None  # that cell has asked anew
                    if turn.cell is not None:
                        self._by_cell.setdefault(turn.cell, []).append(turn)
                self._follow(top, out.followed)
                mark_after(top)
            ends = [turn for top in out.tops for turn in self.every(top)]
            if out.tops[0] in self.turns:
                pass  # back among those in use
            elif out.head is None or out.head in ends:
                self.head = out.head
            else:  # that one was taken out itself since
                self.go_to(out.tops[0])
            return [turn for turn in self.turns if turn.id not in known]
        return []

    def remove(self, turn: Turn) -> None:
        """Take one turn out; what followed it follows the turn before it."""
        parent = turn.parent
        assert parent is not None
        place = parent.children.index(turn)
        parent.children[place : place + 1] = turn.children
        for child in turn.children:
            child.parent = parent
            for later in self.every(child):
                later.number -= 1
                mark(later)
        if self.head is turn:
            self.head = None if parent is self.root else parent
        self._forget(turn)
        turn.parent, turn.children = None, []

    def take_out(self, turn: Turn) -> list[Turn]:
        """Take one turn out so that `redo` brings it back; give all that is gone.

        What followed it follows the turn before it. Of a turn that has versions this one goes, with what
        followed it: that was no answer to the others, one of which is in use then.
        """
        parent, head, followed = turn.parent, self.head, tuple(turn.children)
        assert parent is not None
        if len(parent.children) > 1:
            place, gone = parent.children.index(turn), list(self.every(turn))
            self._take_out(parent, [turn])
            self.head = head
            if head in gone:
                self.go_to(parent.children[max(0, place - 1)])
            return gone
        self.remove(turn)
        self._out = [*self._out[1 - TAKEN_OUT :], _TakenOut(parent, [turn], head, followed)]
        self.gone[turn.id] = None
        return [turn]

    def _follow(self, top: Turn, followed: Iterable[Turn]) -> None:
        """Have those of `followed` that still stand beside `top` follow it again."""
        parent = top.parent
        assert parent is not None
        for turn in followed:
            if turn.parent is parent:
                parent.children.remove(turn)
                top.children.append(turn)
                turn.parent = top
                for later in self.every(turn):
                    later.number += 1

    def reset(self) -> list[Turn]:
        """Take all turns out, and give those of the branch in use."""
        gone = self.turns
        self._take_out(self.root, list(self.root.children))
        return gone

    def _take_out(self, parent: Turn, tops: list[Turn]) -> None:
        if not tops:
            return
        self._out = [*self._out[1 - TAKEN_OUT :], _TakenOut(parent, tops, self.head)]
        for top in tops:
            for turn in self.every(top):
                self._forget(turn)
                self.gone[turn.id] = None
            top.parent = None
        parent.children[:] = [turn for turn in parent.children if turn.parent is not None]
        self.head = None if parent is self.root else parent

    def go_to(self, turn: Turn) -> None:
        """Make the branch that holds `turn` the one in use, to its end: where somebody asked last."""
        newest: dict[Turn, float] = {}
        for one in reversed(list(self.every(turn))):
            newest[one] = max([one.created, *(newest[child] for child in one.children)])
        while turn.children:
            turn = max(reversed(turn.children), key=newest.__getitem__)
        self.head = turn

    def _hang(self, turn: Turn, parent: Turn) -> None:
        turn.parent, turn.number = parent, parent.number + 1
        parent.children.append(turn)
        mark(turn)

    def _replace(self, before: Turn, turn: Turn) -> None:
        parent = before.parent
        assert parent is not None
        parent.children[parent.children.index(before)] = turn
        turn.parent, turn.number, turn.children = parent, before.number, before.children
        turn.pinned, turn.opening = turn.pinned or before.pinned, before.opening
        for child in turn.children:
            child.parent = turn
        mark(turn)
        if before.pinned or before.fresh or turn.pinned or turn.fresh:
            mark_after(turn)
        # Only the last one is kept: a cell may run a thousand times.
        before.parent, before.children, before.replaced = None, [], None
        turn.replaced = before
        if self.head is before:
            self.head = turn
        elif self._in_place(turn.number) is not turn:
            self.go_to(turn)  # its cell is on another branch, and that is what a person looks at now
        self._forget(before)

    def _in_place(self, number: int) -> Turn | None:
        """The turn with this number on the branch in use, without a walk beyond it."""
        turn = self.head
        while turn is not None and turn.number > number:
            turn = turn.parent
        return turn

    def _forget(self, turn: Turn) -> None:
        if turn.cell is not None:
            made = self._by_cell[turn.cell]
            made.remove(turn)
            if not made:
                del self._by_cell[turn.cell]
