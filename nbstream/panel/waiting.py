"""What was written while an answer was on its way: sent in order when that one has ended.

A conversation has one such line, whichever of its panels one wrote in. After an answer that was stopped, or
failed, or several of which none is kept, the line is held: what was written before may no longer be meant.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .interrupting import Interruptible

if TYPE_CHECKING:
    from ..chat.conversation import Conversation
    from ..chat.history import Turn
    from .composing import Composing

SHOWN = 20_000
"""Characters of all waiting messages that a view is told: it keeps them should the kernel end."""
LEAST = 100
"""Of each of them."""
FIRST = 20
"""Messages of which a view is told."""
_numbers = itertools.count(1)
_lines: weakref.WeakKeyDictionary[Conversation, Line] = weakref.WeakKeyDictionary()


@dataclass(slots=True, eq=False)
class Entry:
    """A message that is to be sent: its text, its files (name, media type, bytes), and who wrote it."""

    text: str
    files: tuple[tuple[str, str, bytes], ...] = ()
    writer: weakref.ref[Composing] | None = None
    held: bool = False
    stops: int = 0
    """Those of its line when it was its turn: a later one is for this message, too."""
    number: int = field(default_factory=lambda: next(_numbers))

    def told(self) -> dict[str, Any]:
        """As a view shows it."""
        names = [name for name, _, _ in self.files]
        return {"id": self.number, "text": self.text, "files": names, "held": self.held}


class Line:
    """The waiting messages of one conversation. Whoever looks at them or changes them has its `lock`."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.entries: list[Entry] = []
        self.sending: Entry | None = None
        """The one that is being put together, and is no turn yet."""
        self.edits: list[str] = []
        """What turns are being asked instead."""
        self.filling = Interruptible()
        """Under it the user's expressions run: Stop ends it."""
        self.stops = 0
        """How often somebody said Stop."""
        self.next: Entry | None = None
        """The one that goes whatever becomes of the answer before it."""
        self.behind: Turn | None = None
        """The turn that they wait for."""
        self.draft = ""
        """What stood in the box of a panel that was closed."""
        self.panels: weakref.WeakSet[Composing] = weakref.WeakSet()

    def told(self) -> list[dict[str, Any]]:
        """As a view shows it: the first of them, and of these so much that each change can be told anew."""
        room = SHOWN
        with self.lock:
            told = [one.told() for one in self.entries[:FIRST]]
            more = len(self.entries) - len(told)
        for one in told:
            one["text"] = one["text"][: max(room, LEAST)]
            room -= len(one["text"])
        return [*told, {"more": more}] if more else told

    def told_busy(self) -> list[dict[str, Any]]:
        """What is being put together, as a view keeps it: should the kernel end, it stands nowhere else."""
        with self.lock:
            sending = [self.sending.text] if self.sending is not None else []
            return [{"busy": text[:SHOWN]} for text in (*sending, *self.edits)]

    @property
    def busy(self) -> bool:
        """Whether something is being put together, which may take for ever."""
        return self.sending is not None or bool(self.edits)

    @contextmanager
    def editing(self, text: str) -> Iterator[None]:
        """A turn is asked `text` instead: what is written meanwhile waits."""
        with self.lock:
            self.edits.append(text)
        self.changed()
        try:
            yield
        finally:
            with self.lock:
                self.edits.remove(text)
            self.changed()

    def stop(self) -> None:
        """Stop what is being put together, however far that has come."""
        with self.lock:
            self.stops += 1
        self.filling.interrupt()

    def find(self, number: Any) -> Entry | None:
        return next((one for one in self.entries if str(one.number) == str(number)), None)

    def due(self, running: Turn | None, panel: Composing) -> Entry | None:
        """The message that `panel` is to send now, taken out of the line."""
        with self.lock:
            if running is not None:
                self.behind = running
                return None
            if self.behind is not None:
                if (self.behind.status != "done" or self.behind.undecided) and self.next is None:
                    self.hold()
                self.behind = None
            if self.busy:
                return None
            waiting = [self.next] if self.next in self.entries else self.entries
            entry = next((one for one in waiting if one is not None and not one.held), None)
            if entry is None or not self._falls_to(entry, panel):
                return None
            self.entries.remove(entry)
            self.sending, self.next = entry, None
            return entry

    def _falls_to(self, entry: Entry, panel: Composing) -> bool:
        """Whether `panel` sends it: whoever wrote it does, with its own model, as long as it is here."""
        writer = entry.writer() if entry.writer is not None else None
        return writer is panel or writer not in self.panels

    def sent(self, entry: Entry) -> None:
        """`entry` is a turn now, or could not become one."""
        with self.lock:
            if self.sending is entry:
                self.sending = None
        self.changed()

    def changed(self) -> None:
        """Have every panel of the conversation show the line, and send what is due."""
        for one in [*self.panels]:
            one.desk.changed()

    def hold(self) -> None:
        """Have all wait until somebody says that they are meant."""
        with self.lock:
            for one in self.entries:
                one.held = True

    def go_on(self, first: Entry) -> None:
        """Send `first` as soon as may be, and then the others."""
        with self.lock:
            for one in self.entries:
                one.held = False
            self.entries.remove(first)
            self.entries.insert(0, first)
            self.next = first

    def move(self, to: Line) -> None:
        """Have all that waits here wait there until somebody says that it is meant: its place is gone."""
        with self.lock:
            moved, self.entries = self.entries, []
        with to.lock:
            to.entries += moved
            for one in moved:
                one.held = True

    def back(self, entry: Entry) -> None:
        """Put one that could not be sent back in front."""
        with self.lock:
            self.entries.insert(0, entry)
            self.hold()


def line_of(talk: Conversation) -> Line:
    """The waiting messages of `talk`."""
    return _lines.setdefault(talk, Line())


def running(talk: Conversation, *, anywhere: bool = False) -> list[Turn]:
    """The turns of the branch in use, or of all, that are not over, the newest last."""
    with talk.lock:
        turns = list(talk.history.every()) if anywhere else talk.turns
    return [turn for turn in turns if runs(talk, turn)]


def runs(talk: Conversation, turn: Turn) -> bool:
    """Whether `turn` is not over, and somebody holds its run."""
    return talk.goes_on(turn) and talk.run_of(turn) is not None
