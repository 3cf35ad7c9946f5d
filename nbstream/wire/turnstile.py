"""Many streams that begin at once begin one after the other, a few in each turn of the event loop.

Otherwise a loop takes the first step of all of them, then the second of all, and so on: with five hundred,
the first request is written when the last connection stands, and the first token of each waits for all.
A few at a time go through in a row: while some connect, the server answers others, and what has come is read.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import deque

FEW = 4
"""Streams that begin in one turn of the loop. What one stream begins with takes about a dozen turns."""
RATE = 1300
"""Streams that begin in a second, where the turns of the loop are long because it has much to read: about as
many as it can begin."""


class Turnstile:
    """The streams of one event loop that are about to begin."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._free = FEW
        self._idle = True
        self._turned = 0.0

    async def passed(self) -> None:
        """Wait for one's turn: not at all, where few come at once."""
        loop = asyncio.get_running_loop()
        if self._idle:
            self._idle, self._turned = False, loop.time()
            loop.call_soon(self._turn)
        if self._free > 0:
            self._free -= 1
            return
        turn = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _turn(self) -> None:
        """The loop's next turn: the next few."""
        if (loop := self._loop()) is None:
            return
        now = loop.time()
        free = self._free = max(FEW, int(RATE * (now - self._turned)))
        self._turned = now
        while self._waiting and self._free:
            if not (turn := self._waiting.popleft()).done():  # else it was stopped meanwhile
                turn.set_result(None)
                self._free -= 1
        self._idle = self._free == free
        if self._idle:
            self._free = FEW
        else:
            loop.call_soon(self._turn)


_turnstiles: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Turnstile] = weakref.WeakKeyDictionary()


async def my_turn() -> None:
    """Wait until one more stream may begin in the running loop."""
    loop = asyncio.get_running_loop()
    if (turnstile := _turnstiles.get(loop)) is None:
        turnstile = _turnstiles[loop] = Turnstile(loop)
    await turnstile.passed()
