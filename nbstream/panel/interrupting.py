"""Work that can be told to stop, at once: the user's own expressions may take for ever."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Stopped(Exception):
    """It was told to stop."""


class _Work:
    def __init__(self, owner: object) -> None:
        self.owner = owner
        self.thread: int | None = None
        self.stopped = False
        self.over = threading.Event()
        self.result: Any = None
        self.error: BaseException | None = None


class Interruptible:
    """``work.run(owner, f)`` is ``f()``, or raises `Stopped` as soon as somebody calls `interrupt`.

    It is done on a thread of its own. In that a `KeyboardInterrupt` comes up, as in a cell whose kernel is
    interrupted: between two instructions of Python. What waits in C until then is not waited for.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._works: list[_Work] = []

    def run(self, owner: object, what: Callable[[], T]) -> T:
        """What `what` gives."""
        work = _Work(owner)
        with self._lock:
            self._works.append(work)
        threading.Thread(target=self._do, args=(work, what), name="nbstream-filling", daemon=True).start()
        work.over.wait()
        with self._lock:
            self._works.remove(work)
        if work.stopped or isinstance(work.error, KeyboardInterrupt):
            raise Stopped
        if work.error is not None:
            raise work.error
        found: T = work.result
        return found

    def interrupt(self, owner: object = None) -> bool:
        """Stop what is under way, or `owner`'s part of it, from any thread; whether there was something."""
        with self._lock:
            mine = [work for work in self._works if owner is None or owner is work.owner]
            works = [work for work in mine if not work.stopped]
            for work in works:
                work.stopped = True
                _raise(work.thread, KeyboardInterrupt)
                work.over.set()
        return bool(works)

    def _do(self, work: _Work, what: Callable[[], Any]) -> None:
        try:
            try:
                with self._lock:
                    work.thread = threading.get_ident()
                if not work.stopped:
                    work.result = what()
            except BaseException as error:
                work.error = error
            self._end(work)
        except KeyboardInterrupt:  # it came when all was done
            self._end(work)

    def _end(self, work: _Work) -> None:
        with self._lock:
            if work.thread is not None:
                _take_back()
            work.thread = None
        work.over.set()


class _Nothing(BaseException):
    """Comes up in the place of an interrupt that has not come yet."""


def _take_back() -> None:
    """Let no interrupt come up in this thread any more.

    One that is only unset leaves CPython 3.11 looking for it for ever: under a debugger, in an endless loop.
    """
    try:
        _raise(threading.get_ident(), _Nothing)
        for _ in range(1000):
            pass
    except _Nothing:
        pass


def _raise(thread: int | None, error: type[BaseException]) -> None:
    if thread is not None:
        raised = ctypes.py_object(error)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), raised)
