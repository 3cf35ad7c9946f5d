"""Reads a body ahead of whoever decodes it, so that what came together is handled together.

A server writes each token as a chunk of its own, and an HTTP library hands over each chunk as a piece of
its own: woken for each, the event loop costs more than all that is done with the token. Here one task
reads. Whoever takes gets all that has come since, and where pieces come faster than anybody can see, the
reading rests for a few milliseconds, so that the next read of the socket finds many.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

MOST = 64 * 1024
"""Bytes read ahead before the reading waits: a reader that is slow must slow the server down."""
FAST = 400
"""Pieces a second: beyond it the body comes thick and fast."""
REST = 0.006
"""Seconds from one taking to the next while it does; a picture on the screen lasts 16 ms."""
LARGE = 16 * 1024
"""Bytes at one taking that are enough: a body that comes at full speed must not be held up."""


class Intake:
    """The pieces of one body, for one taker, who must `aclose` it."""

    def __init__(self, pieces: AsyncGenerator[bytes, None]) -> None:
        self._pieces = pieces
        self._loop = asyncio.get_running_loop()
        self._held: list[bytes] = []
        self._size = 0
        self._go = asyncio.Event()
        self._taker: asyncio.Future[None] | None = None
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._fast = self._resting = self._ended = False
        self._failure: Exception | None = None
        self._taken = 0.0
        self._task = self._loop.create_task(self._read(), name="nbstream-intake")

    async def _read(self) -> None:
        try:
            async with aclosing(self._pieces) as pieces:
                async for piece in pieces:
                    self._held.append(piece)
                    self._size += len(piece)
                    self._wake()
                    while self._resting or self._size > MOST:
                        self._go.clear()
                        await self._go.wait()
        except asyncio.CancelledError:  # not by `aclose`, or nobody takes any more: this is no end
            self._failure = ConnectionAbortedError("the reading was cancelled")
            raise
        except Exception as failure:
            self._failure = failure
        finally:
            self._ended = True
            self._wake()

    async def take(self, patience: float | None) -> bytes:
        """All that has come, at least a byte; b"" at the end.

        Raises what the reading raised, once everything before it was taken, and `TimeoutError` when
        nothing comes for `patience` seconds.
        """
        if self._fast and not self._ended:
            await self._rest()
        while not self._held:
            if self._ended:
                if self._failure is not None:
                    raise self._failure
                return b""
            await self._patiently(patience)
        now = self._loop.time()
        self._fast = len(self._held) > FAST * (now - self._taken) and self._size < LARGE
        taken = b"".join(self._held)
        self._held, self._size, self._taken = [], 0, now
        self._go.set()
        return taken

    async def _rest(self) -> None:
        self._resting = True  # the task is waiting for the socket already: it holds what it gets first
        await asyncio.sleep(REST)
        self._resting = False
        if self._ended:
            return
        self._go.set()
        with suppress(TimeoutError):
            await self._patiently(REST)  # all that came meanwhile, at one go

    async def _patiently(self, patience: float | None) -> None:
        """Wait until something has come. Raises `TimeoutError` after `patience` seconds.

        A timer for each wait would cost more than the parsing. There is one; where it rings too early,
        since much has come and was taken meanwhile, it is set again.
        """
        self._taker = self._loop.create_future()
        if patience is not None:
            self._due = self._loop.time() + patience
            if self._timer is None or self._timer.when() > self._due:
                self._ring_at(self._due)
        else:
            self._due = math.inf
        try:
            await self._taker
        finally:
            self._taker = None

    def _ring_at(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._late)

    def _late(self) -> None:
        self._timer = None
        if self._taker is None or self._taker.done():
            return
        if self._loop.time() >= self._due:
            self._taker.set_exception(TimeoutError())
        elif self._due < math.inf:
            self._ring_at(self._due)

    def _wake(self) -> None:
        if self._taker is not None and not self._taker.done():
            self._taker.set_result(None)

    async def aclose(self) -> None:
        """End the reading; when this returns, the body's generator is closed."""
        if self._timer is not None:
            self._timer.cancel()
        self._task.cancel()
        await asyncio.wait([self._task])
