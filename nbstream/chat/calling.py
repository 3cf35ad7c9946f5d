"""A call of a tool, carried out: with a time-out, and so that Stop ends it and nothing else.

A function runs where the cell runs, in the main thread, as it would if the person had called it; one that is
awaited gets a loop of its own in a thread, since the kernel's waits for the cell.
"""

from __future__ import annotations

import _thread
import asyncio
import contextvars
import inspect
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from ..i18n import t
from .tools import returned

MOST_ERROR = 2_000
"""Characters of an error that a model is told."""
TICK = 0.03
"""Seconds that an interrupt may have to wait for where locks do not hear it."""


class TookTooLong(Exception):
    """A function that did not end in time."""


class Interruptible:
    """What runs inside may be interrupted from another thread, as by Ctrl-C; what runs after it is not.

    ``with Interruptible() as one:``, and ``one.interrupt()`` elsewhere.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = False

    def __enter__(self) -> Interruptible:
        self._inside = threading.current_thread() is threading.main_thread()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            with self._lock:  # whoever is about to interrupt has done it by now
                self._inside = False
        finally:
            self._inside = False

    def interrupt(self) -> bool:
        """Raise KeyboardInterrupt inside; whether anything was there to be interrupted."""
        with self._lock:
            if self._inside:
                _interrupt_main()
            return self._inside


def _interrupt_main() -> None:
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, signal.SIGINT)  # it ends a sleep, too
    else:
        _thread.interrupt_main()


def outcome(
    function: Callable[[], Any], *, timeout: float | None, most: int, hide: Callable[[str], str] = str
) -> tuple[bool, str]:
    """Whether a call went well, and what the model is told of it. Only KeyboardInterrupt is raised.

    `most` bounds the result in characters; `hide` takes out what no model may see.
    """
    try:
        value = _run(function, timeout)
        return True, bounded(hide(returned(value)), most)
    except TookTooLong:
        return False, t("tool.too_long", seconds=f"{timeout:g}")
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # sys.exit() too: the kernel is not to end by a model's wish
        said = f"{type(error).__name__}: {error}".rstrip(": ")
        return False, t("tool.failed", error=bounded(hide(said), MOST_ERROR))


def bounded(text: str, most: int) -> str:
    """`text`, of which no more than `most` characters are told.

    >>> bounded("abcdef", 3)[:3]
    'abc'
    """
    return text if len(text) <= most else f"{text[:most]}\n{t('tool.cut', left=f'{len(text) - most:,}')}"


def _run(function: Callable[[], Any], timeout: float | None) -> Any:
    begun = time.monotonic()
    value = _in_time(function, timeout)
    if not inspect.isawaitable(value):
        return value
    left = None if timeout is None else max(0.0, timeout - (time.monotonic() - begun))
    return _awaited(value, left)


def _in_time(function: Callable[[], Any], timeout: float | None) -> Any:
    """What `function` gives; if it takes longer, it is interrupted.

    Whoever presses Stop means the turn, whatever the function makes of it.
    """
    late: list[bool] = []
    hold = Interruptible()

    def ring() -> None:
        late.append(True)
        if not hold.interrupt():
            late.clear()

    timer = threading.Timer(timeout, ring) if timeout is not None else None
    try:
        with _heard() as pressed, hold:
            if timer is not None:
                timer.daemon = True
                timer.start()
            try:
                return function()
            finally:
                if pressed and not late:
                    raise KeyboardInterrupt
    except KeyboardInterrupt:
        if late:
            raise TookTooLong from None
        raise
    finally:
        if timer is not None:
            timer.cancel()


@contextmanager
def _heard() -> Iterator[list[int]]:
    """Whether SIGINT has come: a function may catch what it raises."""
    pressed: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield pressed
        return

    def note(number: int, frame: FrameType | None) -> None:
        pressed.append(number)
        signal.default_int_handler(number, frame)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before if before is not None else signal.default_int_handler)


def _awaited(awaitable: Any, timeout: float | None) -> Any:
    """What `awaitable` gives, in a thread with a loop of its own."""
    loop = asyncio.new_event_loop()
    tasks: list[asyncio.Task[Any]] = []
    result: list[Any] = []
    errors: list[BaseException] = []
    done = threading.Event()  # a `join` that is interrupted takes the thread for ended (bpo-45274)
    stopped = threading.Event()

    async def wait() -> Any:
        tasks.append(asyncio.current_task())  # type: ignore[arg-type]
        if stopped.is_set():  # before there was a task to cancel
            getattr(awaitable, "close", bool)()
            raise asyncio.CancelledError
        return await awaitable

    def work() -> None:
        asyncio.set_event_loop(loop)
        try:
            result.append(loop.run_until_complete(wait()))
        except BaseException as error:
            errors.append(error)
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()
            done.set()

    # What it prints belongs to the cell: ipykernel looks that up in the context.
    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True)
    end = None if timeout is None else time.monotonic() + timeout
    try:
        thread.start()  # in here: an interrupt may come while it begins
        while not done.wait(TICK) and (end is None or time.monotonic() < end):
            pass
    finally:
        late = not done.is_set()
        if late:
            stopped.set()
            _cancel(loop, tasks)
            done.wait(2.0)
    if late:
        raise TookTooLong
    if errors:
        raise errors[0]
    return result[0]


def _cancel(loop: asyncio.AbstractEventLoop, tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        try:
            loop.call_soon_threadsafe(task.cancel)
        except RuntimeError:  # it has just ended
            return
