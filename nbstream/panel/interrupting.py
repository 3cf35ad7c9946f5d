"""Work on a thread that can be told to stop: the user's own expressions may take for ever."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Stopped(Exception):
    """It was told to stop."""


class Interruptible:
    """``with work.under_way():`` raises `Stopped` at its end once somebody has called `interrupt`.

    Inside of it a `KeyboardInterrupt` comes up, as in a cell whose kernel is interrupted: between two
    instructions of Python, so that what waits in C is waited for.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: int | None = None
        self._stopped = False

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Do something that may be interrupted."""
        with self._lock:
            self._thread, self._stopped = threading.get_ident(), False
        try:
            try:
                yield
            finally:
                with self._lock:
                    self._raise(None)  # one that has not come yet would come into something else
                    self._thread = None
        except KeyboardInterrupt:
            with self._lock:  # it may have come up just before it was to be taken back
                self._thread, self._stopped = None, True
        if self._stopped:
            raise Stopped

    def interrupt(self) -> bool:
        """Stop what is under way, from any thread; whether there was something."""
        with self._lock:
            if self._thread is None:
                return False
            if not self._stopped:
                self._stopped = True
                self._raise(KeyboardInterrupt)
            return True

    def _raise(self, error: type[BaseException] | None) -> None:
        thread = ctypes.c_ulong(self._thread or 0)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(error) if error else None)
