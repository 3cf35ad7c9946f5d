"""The audit log: one line of JSON for whatever somebody may have to account for. Off until it is asked for.

It says when, who with, how much, and how it ended. It never holds what was said, nor a key: facts are
numbers and short words, and each is given by name.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from ..errors import NbstreamError, fail
from ..plainfiles import unwritten

Event = Literal["turn", "login", "logout", "rotation", "export", "attachment", "tool", "policy"]
Fact = str | int | float | bool | None
MOST = 200
"""Characters of one fact; a word that is longer is no word."""


class Audit:
    """Calling it writes one event; it does nothing while no file is open.

    >>> audit = Audit()
    >>> audit("login", provider="openai")
    >>> audit.path is None
    True
    """

    def __init__(self) -> None:
        self.path: Path | None = None
        self._lock = threading.Lock()
        self._torn = False
        self._trouble: NbstreamError | None = None
        self._told = False

    def open(self, path: str | os.PathLike[str]) -> Path:
        """Write to `path` from now on, behind what stands there. Raises `NbstreamError` if that cannot be."""
        chosen = Path(os.path.expanduser(path)).absolute()
        try:
            descriptor = _opened(chosen)
        except OSError as error:
            raise _failure(chosen, error, "log_open") from None
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode) or not _is_log(chosen):
                raise fail("config.log_other", path=str(chosen))
            if hasattr(os, "fchmod"):  # not on Windows
                os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
        with self._lock:
            self.path, self._torn, self._trouble, self._told = chosen, not _whole(chosen), None, False
        return chosen

    def close(self) -> Path | None:
        """Write no more; gives where it was written."""
        with self._lock:
            path, self.path = self.path, None
        return path

    def __call__(self, event: Event, /, **facts: Fact) -> None:
        """Write one event, from any thread. Never raises: what goes wrong is kept for `trouble`."""
        path = self.path
        if path is None:
            return
        line = _line(event, facts)
        with self._lock:
            try:
                descriptor = _opened(path)
                try:
                    text = ("\n" if self._torn else "") + line
                    data = text.encode("utf-8", "replace")
                    written = os.write(descriptor, data)  # one call: lines of two kernels do not mix
                    self._torn = 0 < written < len(data)
                    if written < len(data):
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                finally:
                    os.close(descriptor)
            except OSError as error:
                if not self._told:
                    self._trouble, self._told = _failure(path, error), True
            else:
                self._told = False

    def trouble(self) -> NbstreamError | None:
        """Why the log could not be written, told once until it works again."""
        error, self._trouble = self._trouble, None
        return error


def _opened(path: Path) -> int:
    # O_NONBLOCK: a pipe that nobody reads must not stop the kernel.
    flags = (
        os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    )
    return os.open(path, flags, 0o600)


def _is_log(path: Path) -> bool:
    """Whether `path` is empty or a log already: nobody's notes are to be appended to."""
    with path.open("rb") as file:
        first = file.readline(10_000).strip()
    if not first:
        return True
    try:
        return isinstance(found := json.loads(first), dict) and "event" in found
    except (ValueError, RecursionError):
        return False


def _whole(path: Path) -> bool:
    """Whether the last line of `path` is a whole one."""
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _line(event: str, facts: dict[str, Fact]) -> str:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    known = {name: _short(fact) for name, fact in facts.items() if fact is not None}
    return json.dumps({"time": now, "event": event, **known}, ensure_ascii=False) + "\n"


def _short(fact: Fact) -> Fact:
    if isinstance(fact, bool | int | float):
        return round(fact, 4) if isinstance(fact, float) else fact
    return " ".join(str(fact).split())[:MOST]


def _failure(path: Path, error: OSError, case: str = "log") -> NbstreamError:
    return fail(f"config.{case}", path=str(path), reason=unwritten(error))
