"""What a person does to a conversation: takes turns out, brings them back, goes to another version.

Whoever looks on is told, and what nobody will read any more is stopped.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from . import pins
from .history import History, Turn
from .watching import Relay, Watchers

if TYPE_CHECKING:
    from .engine import Run


class Mendable:
    """A history that several hands change, and who runs in it and looks at it."""

    def __init__(self) -> None:
        self.history = History()
        self.lock = threading.RLock()
        """Held while the history is changed or a path of it is read: cells and panels do both at once."""
        self.watchers = Watchers()
        self._running: WeakValueDictionary[str, Run] = WeakValueDictionary()
        self._relays: WeakValueDictionary[str, Relay] = WeakValueDictionary()

    @property
    def turns(self) -> list[Turn]:
        """The turns of the branch in use, oldest first."""
        return self.history.turns

    def undo(self, count: int = 1) -> list[Turn]:
        """Take the last `count` turns out, and stop those that still run."""
        with self.lock:
            gone = self.history.undo(count)
            every = [turn for top in gone[:1] for turn in self.history.every(top)]
        self._changed(every)
        return gone

    def redo(self) -> list[Turn]:
        """Bring back what `undo`, `reset` or `remove` took out last."""
        with self.lock:
            back = self.history.redo()
        self._changed()
        return back

    def reset(self) -> None:
        """Begin anew."""
        with self.lock:
            every = list(self.history.every())
            self.history.reset()
        self._changed(every)

    def remove(self, turn: Turn) -> list[Turn]:
        """Take one turn out, and stop it if it runs; what followed it follows the turn before it.

        Of a turn that has versions this one goes, with what followed it. Gives all that is gone.
        """
        with self.lock:
            gone = self.history.take_out(turn)
        self._changed(gone)
        return gone

    def go_to(self, turn: Turn) -> None:
        """Make the branch that holds `turn` the one in use. What runs on another goes on."""
        with self.lock:
            self.history.go_to(turn)
        self._changed()

    def stop(self, turn: Turn) -> None:
        """Stop what comes of `turn`, whoever asked it: its answer, or the tools that it has called."""
        if (relay := self._relays.get(turn.id)) is not None:
            relay.stop()
        for one in (turn, *turn.candidates):
            if (run := self._running.get(one.id)) is not None:
                run.cancel()

    def pin(self, turn: Turn, on: bool = True) -> None:
        """Always send `turn` along, however long the conversation gets; or no longer."""
        with self.lock:
            pins.pin(turn, on)
        self._changed()

    def adopt(self, history: History) -> None:
        """Go on with `history` instead of what was here; what was taken out stays so."""
        with self.lock:
            here = {turn.id for turn in history.every()}
            history.gone |= {id: None for id in self.history.gone if id not in here}
            self.history = history
        self._changed()

    def _changed(self, gone: Iterable[Turn] = ()) -> None:
        for turn in gone:
            self.stop(turn)  # nobody will read the rest
        self.watchers.changed()
