"""Who holds something that others wait for: a turn, and only as long as its event loop can still run."""

from __future__ import annotations

import asyncio
import os
import weakref


class Lease:
    """Held by a turn in the running loop.

    A turn gives back what it holds in a ``finally``. That never comes where its loop is closed around it,
    nor in a forked child, where the parent's turns are not: so whoever counts asks `alive`.
    """

    __slots__ = ("_loop", "_process")

    def __init__(self) -> None:
        self._loop = weakref.ref(asyncio.get_running_loop())
        self._process = os.getpid()

    @property
    def alive(self) -> bool:
        loop = self._loop()
        return loop is not None and not loop.is_closed() and self._process == os.getpid()
