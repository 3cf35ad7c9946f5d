"""The io thread: one daemon thread with an asyncio loop of its own, started at first use."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from ..wire import http

T = TypeVar("T")

_io: tuple[asyncio.AbstractEventLoop, threading.Thread] | None = None
_io_lock = threading.Lock()


def io_loop() -> asyncio.AbstractEventLoop:
    """The loop of the io thread, started at first use."""
    global _io
    with _io_lock:
        if _io is None or not _io[1].is_alive():
            loop = asyncio.new_event_loop()
            http.keep_open(loop)
            thread = threading.Thread(target=loop.run_forever, name="nbstream-io", daemon=True)
            thread.start()
            _io = loop, thread
        return _io[0]


def on_io(work: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
    """Run a coroutine on the io thread and wait for its result. Not to be called from that thread."""
    future = asyncio.run_coroutine_threadsafe(work, io_loop())
    try:
        return future.result(timeout)
    except BaseException:
        future.cancel()
        raise


def shut_down() -> None:
    """Cancel what runs, close the connections, end the thread."""
    global _io
    with _io_lock:
        io, _io = _io, None
    if io is None or not io[1].is_alive():
        return
    loop, thread = io

    async def finish() -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await http.close_all()

    with suppress(Exception):
        asyncio.run_coroutine_threadsafe(finish(), loop).result(2.0)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(1.0)
    if not thread.is_alive():
        loop.close()


def _forget() -> None:
    """In a forked child the thread does not exist; start anew there."""
    global _io, _io_lock
    _io, _io_lock = None, threading.Lock()


atexit.register(shut_down)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
