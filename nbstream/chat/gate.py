"""A gate before a provider: so many turns at once, the others queue, first come, first served."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from .lease import Lease

LOOK = 1.0
"""Seconds between looks of one who waits: at turns whose loop has died, and at a limit that was changed."""
NEAR = 20
"""So many at the head hear of it at once when the queue moves; those behind them see it within `LOOK`.

To wake all of five hundred for each that leaves would be a quarter of a million wake-ups.
"""


class Gate:
    """The turns that are under way at one provider, and those that wait, in whatever thread or loop.

    Parameters
    ----------
    limit : function
        How many may be under way, asked each time: a person may change it. None: any number.
    """

    def __init__(self, limit: Callable[[], int | None]) -> None:
        self._limit = limit
        self._process = os.getpid()
        # Re-entrant: the garbage collector may end a turn of a dead loop while we hold it.
        self._lock = threading.RLock()
        self._inside: set[Lease] = set()
        self._queue: deque[_Waiting] = deque()
        self._looked = 0.0

    @property
    def inside(self) -> int:
        """How many turns are under way."""
        self._after_fork()
        return sum(lease.alive for lease in self._inside.copy())

    @property
    def waiting(self) -> int:
        """How many turns queue."""
        self._after_fork()
        return len(self._queue)

    @asynccontextmanager
    async def passed(self, on_place: Callable[[int], None]) -> AsyncIterator[None]:
        """Wait for a place, and hold it. `on_place` is told each new position in the queue, from 1."""
        lease = await self._entered(on_place)
        try:
            yield
        finally:
            with self._lock:
                self._inside.discard(lease)
                self._admit()

    async def _entered(self, on_place: Callable[[int], None]) -> Lease:
        self._after_fork()
        with self._lock:
            limit = self._limit()
            if not self._queue and (limit is None or len(self._inside) < limit):
                self._inside.add(lease := Lease())
                return lease
            self._queue.append(one := _Waiting())
            self._admit()
        told = 0
        try:
            while (place := self._place(one)) > 0:
                if place != told:
                    on_place(told := place)
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK):
                        await one.bell.wait()
        except BaseException:  # stopped while it waited, perhaps in the moment when it was let in
            with self._lock:
                self._inside.discard(one.lease)
                with suppress(ValueError):
                    self._queue.remove(one)
                self._admit()
            raise
        return one.lease

    def _place(self, one: _Waiting) -> int:
        """Where `one` stands in the queue, from 1; 0: it is inside."""
        one.bell.clear()
        with self._lock:
            self._admit()
            return 0 if one.lease in self._inside else self._queue.index(one) + 1

    def _admit(self) -> None:
        """Let in whom there is room for. Under the lock."""
        limit, moved = self._limit(), False
        if (now := time.monotonic()) > self._looked + LOOK / 2:
            self._looked = now
            self._inside = {lease for lease in self._inside.copy() if lease.alive}
            self._queue = deque(one for one in self._queue.copy() if one.lease.alive)
        while self._queue and (limit is None or len(self._inside) < limit):
            first, moved = self._queue.popleft(), True
            if first.lease.alive:
                self._inside.add(first.lease)
                first.ring()
        for one in list(self._queue)[:NEAR] if moved else ():
            one.ring()

    def _after_fork(self) -> None:
        if self._process != os.getpid():  # the lock may be held by a thread that is not here
            self._process = os.getpid()
            self._lock, self._inside, self._queue = threading.RLock(), set(), deque()


class _Waiting:
    """One who queues in the running loop."""

    def __init__(self) -> None:
        self.lease = Lease()
        self.bell = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def ring(self) -> None:
        with suppress(RuntimeError):  # its loop has ended
            self._loop.call_soon_threadsafe(self.bell.set)
