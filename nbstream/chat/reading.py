"""Who reads the events of a turn in a coroutine: for ``async for`` and ``await``."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import suppress
from typing import TYPE_CHECKING

from ..messages import Event

if TYPE_CHECKING:
    from .engine import Run

NUMBERS = itertools.count()
"""Of the readers, so that each has its own."""


class AsyncReader:
    """The events of a run for one ``async for``; `aclose` cancels the turn.

    Not an async generator: when a loop ends it closes all of those at once, and one that another is
    just closing complains.
    """

    def __init__(self, run: Run) -> None:
        self._run, self._progress = run, run.progress
        self._position, self._number = 0, next(NUMBERS)
        self._loop = asyncio.get_running_loop()
        run.start(self._loop)
        self._bell = Bell(self._loop, near=run._loop is self._loop)
        run._bells.add(self._bell)
        run._read_to(self._number, 0)

    def __aiter__(self) -> AsyncReader:
        return self

    async def __anext__(self) -> Event:
        events = self._progress.events
        while self._position >= len(events):
            self._run._read_to(self._number, self._position)
            self._bell.event.clear()
            if self._position < len(events):
                break
            if self._progress.done:
                raise StopAsyncIteration
            await self._bell.event.wait()
        event = events[self._position]
        self._position += 1
        return event

    async def aclose(self) -> None:
        run = self._run
        run._bells.discard(self._bell)
        run._read_to(self._number, None)
        run.cancel()
        if run._loop is self._loop and run._task is not None:
            # When this returns the socket is closed, also when we are being cancelled ourselves.
            await asyncio.wait([run._task], timeout=2.0)


class Bell:
    """Wakes a coroutine of `loop`, from that loop or from another thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, near: bool) -> None:
        self.event = asyncio.Event()
        self._loop, self._near = loop, near

    def ring(self) -> None:
        with suppress(RuntimeError):  # the loop was closed around whoever waits
            if self._near:
                self.event.set()
            else:
                self._loop.call_soon_threadsafe(self.event.set)
