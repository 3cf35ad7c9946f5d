"""What is said in a panel stays in its notebook: as Markdown, in a second output below the view.

That output is written anew when a turn has ended or the conversation has changed, never in mid-stream, about
once a second at most, and from the io loop. It belongs to the page that ran the cell: a page that was loaded
later no longer takes what we write there, so the panel says that the transcript is behind.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import DisplayHandle, display

from ..chat.background import io_loop
from ..chat.conversation import Conversation
from ..chat.history import Turn
from ..chat.notebook import Book
from ..chat.receipts import Found
from ..errors import NbstreamError
from ..i18n import magic, t
from ..magics.surface import cell_id, surface
from .desk import Desk
from .part import Part, wish
from .saved import Bundle, Told, saved

SOON = 0.3
"""Seconds in which changes that come together are waited for."""
REST, BYTES_A_SECOND = 1.0, 200_000
"""Seconds between two writings at least; and how much of a page's line they may take."""
PATIENCE = 3.0
"""Seconds in which a page that takes a writing says so."""
Mark = list[Any]


class Keeping(Part):
    """Keeps a panel's conversations in its notebook, and offers those of an earlier kernel."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._loop = io_loop()
        cell = cell_id() or ""
        self._cell = None if cell.startswith("vscode-") else cell or None  # VS Code's ids are in no file
        self._handle: DisplayHandle | None = None
        self._mark: Mark = []
        """Of what the output holds."""
        self._talks: list[Conversation] = []
        """What the panel has shown; what it shows now is the last."""
        self._earlier: dict[str, list[Found]] = {}
        self._offer: Book | None = None
        self._offered: Counter[str] = Counter()
        """The turns in it, by conversation."""
        self._timer: asyncio.TimerHandle | None = None
        self._rested = 0.0
        self._home: str | None = None
        """The page that ran the cell: what is written reaches no other."""
        self._written = self._reached = 0
        """How many writings were sent, and how many that page is known to have taken."""
        self._behind = False
        if _in_notebook() and not desk.talk.history.begun:
            desk.later(self._look_back)

    def state(self) -> dict[str, Any]:
        talk = self.desk.talk
        count = 0 if talk.history.begun else self._offered[talk.name]
        return {
            "saved": {"home": self._home, "behind": self._behind, "written": self._written},
            "restore": {"turns": count, "line": t("saved.offer", count=count)} if count else None,
        }

    # --- below the view ---------------------------------------------------------------------------------

    def show(self, view: dict[str, Any], metadata: dict[str, Any]) -> None:
        """Put the view into the cell's output, and below it what keeps what is said."""
        where = surface()
        if where == "terminal":
            from ..show.console import put

            return put(t("saved.terminal", magic=magic()))
        if where == "headless":
            data, facts = self._bundle(self._told())
            said = {kind: f"{t('saved.headless', magic=magic())}\n\n{text}" for kind, text in data.items()}
            display(said, raw=True, metadata=facts)
            return
        self._home = None  # the page that shows it now
        display(view, raw=True, metadata=metadata)
        told = self._told()
        data, facts = self._bundle(told)  # a second's work when there is much: the view stands meanwhile
        self._mark = self._mark_of(told)
        self._handle = display(data, raw=True, metadata=facts, display_id=True)
        self.desk.changed()

    @wish("hello", now=True)
    def hello(self, wish: dict[str, Any], buffers: list[bytes]) -> None:
        """A page has come, or has taken what was written."""
        page = str(wish.get("page"))[:40]
        self._home = self._home or page
        if page == self._home:
            self._reached = self._written
            self._compare()

    def _compare(self) -> None:
        self._behind = self._written > self._reached
        self.desk.tell(self.state())

    # --- writing ----------------------------------------------------------------------------------------

    def changed(self) -> None:
        talk = self.desk.talk
        if not self._talks or self._talks[-1] is not talk:
            self._talks = [*(one for one in self._talks if one is not talk), talk]
        self.desk.tell(self.state())
        if self._handle is None or self._timer is not None or self._runs():
            return
        if self._mark_of(self._told()) != self._mark:
            wait = max(SOON, self._rested - self._loop.time())
            self._timer = self._loop.call_later(wait, self.desk.later, self._write)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._write()
        self._talks, self._earlier, self._offer, self._handle = [], {}, None, None
        self._mark = []

    def _runs(self) -> bool:
        """Whether an answer is on its way: then there will be another change."""
        talk = self.desk.talk
        with talk.lock:
            return any(turn.answer is None for turn in talk.turns)

    def _write(self) -> None:
        """Settle what is new; on the desk's own thread, since that may take its time."""
        told = self._told()
        mark = self._mark_of(told)
        bundle = self._bundle(told)
        self.desk.on_loop(self._publish, mark, bundle)

    def _publish(self, mark: Mark, bundle: Bundle) -> None:
        self._timer = None
        if self._handle is None or mark == self._mark:
            return
        data, metadata = bundle
        self._handle.update(data, raw=True, metadata=metadata)
        self._mark = mark
        self._written += 1
        self._loop.call_later(PATIENCE, self._compare)
        size = sum(2 * len(text) for text in data.values())
        self._rested = self._loop.time() + max(REST, size / BYTES_A_SECOND)
        self.changed()  # while this was written another turn may have ended

    def _bundle(self, told: list[Told]) -> Bundle:
        return saved(told, footer=self.desk.session.settings.footer)

    def _told(self) -> list[Told]:
        """What there is to keep: what is shown, then what was shown before."""
        here = self.desk.session.conversations
        talks = [one for one in reversed(self._talks or [self.desk.talk]) if here.get(one.name) is one]
        names = {one.name for one in talks}
        told = [self._of(one) for one in talks]
        told += [Told(name, [], (), many) for name, many in self._earlier.items() if name not in names]
        return [*told, Told("", [], gone=self._removed())] if self.desk.session.removed else told

    def _removed(self) -> list[str]:
        """The turns of conversations that were deleted, and that no file has brought back."""
        here = self.desk.session
        alive = {turn.id for talk in list(here.conversations.values()) for turn in talk.history.every()}
        return [id for id in here.removed if id not in alive]

    def _of(self, talk: Conversation) -> Told:
        with talk.lock:
            turns = talk.turns
            used = {turn.id for turn in turns}
            every = list(talk.history.every())
        others = [turn for turn in every if turn.cell is None and turn.id not in used and _ended(turn)]
        if not used.isdisjoint(one.turn.id for one in self._earlier.get(talk.name, ())):
            del self._earlier[talk.name]  # somebody has restored them
        return Told(talk.name, turns, others, self._earlier.get(talk.name, ()), tuple(talk.history.gone))

    def _mark_of(self, told: list[Told]) -> Mark:
        """By which two states are told apart."""
        marks: Mark = []
        if gone := sum(len(one.gone) for one in told):
            marks.append(gone)
        for one in filter(None, told):
            marks.append(one.name)
            marks += [(turn.id, turn.number, turn.answer) for turn in (*one.turns, *one.others)]
            marks += [found.turn.id for found in one.earlier]
        return marks

    # --- an earlier kernel ------------------------------------------------------------------------------

    def _look_back(self) -> None:
        """See whether the notebook holds what this kernel has never heard of.

        Our own output is gone from the page since the cell has run, and soon from the file: its turns go
        into the new one until they are restored.
        """
        from ..chat.restore import collect, own_notebook

        try:
            book = own_notebook(self.desk.session)
        except NbstreamError:
            return
        found = collect(book)[0]
        earlier: dict[str, list[Found]] = {}
        for one in sorted(found, key=lambda one: (one.number or 0, one.turn.created)):
            ours = one.receipt.true("panel") and (one.cell.id == self._cell or self._cell is None)
            if ours and one.conversation is not None and not one.stale:
                earlier.setdefault(one.conversation, []).append(one)

        def keep() -> None:
            if not self.desk.talk.history.begun:
                self._earlier, self._offer = earlier, book
                self._offered.update(one.conversation for one in found if one.conversation is not None)
                self.changed()

        self.desk.on_loop(keep)

    @wish("restore")
    def restore(self, wish: dict[str, Any], buffers: list[bytes]) -> None:
        from ..chat.restore import restored

        here, book = self.desk.session, self._offer
        if book is None or self.desk.talk.history.begun:
            return
        self._offered.clear()
        try:
            done = here.restore()
        except NbstreamError:  # the file has been moved meanwhile
            done = restored(here, book)
        if any(not self._knows(name, many) for name, many in self._earlier.items()):
            done = restored(here, book)  # it was saved in between, without them
        talks = t("list.joint").join(t("saved.talk", name=name, count=n) for name, n in done.turns.items())
        self.desk.notice(t("saved.restored", talks=talks, file=done.path.name))
        self.desk.changed()

    def _knows(self, name: str, many: list[Found]) -> bool:
        talk = self.desk.session.conversations.get(name)
        known = {turn.id for turn in talk.history.every()} if talk is not None else set()
        return all(one.turn.id in known for one in many)


def _ended(turn: Turn) -> bool:
    return turn.answer is not None


def _in_notebook() -> bool:
    return getattr(get_ipython(), "kernel", None) is not None and surface() == "notebook"
