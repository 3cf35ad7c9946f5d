"""Who looks on while a conversation goes its way: panels that show what was asked elsewhere."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from ..messages import Answer, Event
from .call import State

if TYPE_CHECKING:
    from .engine import Observer, Run
    from .kept import Turn

log = logging.getLogger("nbstream")
Bell = Callable[[], None]


class Watcher(Protocol):
    """Somebody who is told, in whichever thread it happens. Must not block."""

    def changed(self) -> None: ...
    def ran(self, turn: Turn, relay: Relay) -> None: ...


class Watchers:
    """Those who look on, as long as somebody else keeps them."""

    def __init__(self) -> None:
        self._all: weakref.WeakSet[Watcher] = weakref.WeakSet()
        self._lock = threading.Lock()

    def add(self, watcher: Watcher) -> None:
        with self._lock:
            self._all.add(watcher)

    def remove(self, watcher: Watcher) -> None:
        with self._lock:
            self._all.discard(watcher)

    def changed(self) -> None:
        """Something is another than it was."""
        for watcher in self._now():
            try:
                watcher.changed()
            except Exception:  # whoever looks on must not disturb what it looks at
                log.exception("a watcher failed")

    def ran(self, turn: Turn, relay: Relay) -> None:
        """A run of `turn` begins."""
        for watcher in self._now():
            try:
                watcher.ran(turn, relay)
            except Exception:
                log.exception("a watcher failed")

    def _now(self) -> list[Watcher]:
        with self._lock:
            return list(self._all)

    def __len__(self) -> int:
        return len(self._all)


class Relay:
    """What a run of a turn tells, for whoever joins, however late.

    Attributes
    ----------
    events : list of Event
        All so far, as a view is to show them; of an answer that is gone on with, from its beginning.
        It only grows: a reader keeps its place.
    at : State or None
        What the run does, before its first event.
    answer : Answer or None
        The whole of it, once `done`.
    run : Run or None
        As long as somebody keeps it.
    """

    def __init__(self, observer: Observer | None, changed: Bell, before: Sequence[Event] = ()) -> None:
        self.events: list[Event] = list(before)
        self.at: State | None = None
        self.done = False
        self.answer: Answer | None = None
        self._run: weakref.ref[Run] | None = None  # the run keeps us: a circle would keep both
        self._observer = observer
        self.changed = changed
        self._bells: tuple[Bell, ...] = ()

    @property
    def run(self) -> Run | None:
        return self._run() if self._run is not None else None

    @run.setter
    def run(self, run: Run) -> None:
        self._run = weakref.ref(run)

    def stop(self) -> None:
        """Stop the run; and the tools that it has called, where its own view can."""
        if (run := self.run) is not None:
            run.cancel()
        if (stop := getattr(self._observer, "stop", None)) is not None:
            stop()

    def join(self, bell: Bell) -> None:
        """Have `bell` called in the run's loop whenever something has come."""
        self._bells = (*self._bells, bell)

    def leave(self, bell: Bell) -> None:
        self._bells = tuple(one for one in self._bells if one != bell)

    def tell(self, what: str, value: object) -> None:
        if self._observer is not None:
            try:
                getattr(self._observer, what)(value)
            except Exception:  # one view that fails must not cost the others
                log.exception("an observer failed")
                self._observer = None
        for bell in self._bells:
            try:
                bell()
            except Exception:
                log.exception("a watcher failed")


class Feed:
    """Fills a relay with what a run tells its observer."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay

    def state(self, state: State) -> None:
        self.relay.at = state
        self.relay.tell("state", state)

    def batch(self, events: list[Event]) -> None:
        self.relay.events += events
        self.relay.tell("batch", events)

    def done(self, answer: Answer) -> None:
        self.relay.answer, self.relay.done = answer, True
        self.relay.tell("done", answer)
        self.relay.changed()
