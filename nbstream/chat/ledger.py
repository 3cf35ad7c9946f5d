"""What a student's requests took: lines of JSON in a file of their own, which all their kernels share.

A request is written down when it begins, with what it may take, and put right when it has ended: so a
kernel that is killed meanwhile saves nothing, and two kernels see each other's. Lines are only ever added,
each with one write, so nobody needs a lock. It holds no text and no key.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

from ..plainfiles import insist_on_file, unwritten

LARGEST = 32_000_000
"""Bytes of the file that are looked at at once: some hundred thousand requests."""


class Entry(NamedTuple):
    """What one line says."""

    time: float
    """Seconds since the epoch."""
    requests: int
    tokens: int
    """May be negative: it took less than it might have."""


def usual_place() -> Path:
    """Where it is kept unless somebody says otherwise: the user's state folder."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or os.path.expanduser("~\\AppData\\Local")
    else:
        base = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return Path(base, "nbstream", "usage.jsonl")


class Ledger:
    """The requests of one student.

    What was once seen is remembered in this kernel, whatever becomes of the file.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or usual_place()
        self.trouble = ""
        """Why the file cannot be used: then this kernel counts for itself."""
        self._entries: list[Entry] = []
        self._own: set[int] = set()
        self._read_to = 0
        self._lock = threading.Lock()

    def used(self, span: float) -> tuple[int, int]:
        """Requests and tokens of the last `span` seconds."""
        since = time.time() - span
        with self._lock:
            self._read()
            late = [one for one in self._entries if one.time >= since]
        return sum(one.requests for one in late), max(0, sum(one.tokens for one in late))

    def free_again(self, span: float) -> float | None:
        """When the oldest request of the last `span` seconds counts no longer; None: never."""
        since = time.time() - span
        with self._lock:
            times = [one.time for one in self._entries if one.time >= since and one.requests]
        return min(times) + span if times and span != float("inf") else None

    def begin(self, model: str, tokens: int) -> float:
        """A request begins that may take `tokens`; gives the time by which it can be put right."""
        now = time.time()
        self._add(Entry(now, 1, tokens), model)
        return now

    def put_right(self, when: float, model: str, more: int) -> None:
        """The request that began at `when` took so many tokens `more` (or fewer: negative) than it might."""
        if more:
            self._add(Entry(when, 0, more), model)

    def _add(self, entry: Entry, model: str) -> None:
        line = json.dumps({**entry._asdict(), "model": model[:200]}, ensure_ascii=False) + "\n"
        with self._lock:
            self._read()
            self._entries.append(entry)
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                descriptor = _opened(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
                try:
                    written = os.write(descriptor, line.encode("utf-8", "replace"))
                    begins = os.lseek(descriptor, 0, os.SEEK_CUR) - written
                    if begins == self._read_to:
                        self._read_to += written
                    else:  # what stands before our line is somebody else's, and yet to be read
                        self._own.add(begins)
                finally:
                    os.close(descriptor)
                self.trouble = ""
            except OSError as error:
                self.trouble = unwritten(error)

    def _read(self) -> None:
        """Take in what other kernels have added."""
        try:
            size = insist_on_file(self.path).st_size
            if size < self._read_to:  # it was cut: what we know stays
                self._read_to, self._own = size, set()
            if size == self._read_to:
                return
            descriptor = _opened(self.path, os.O_RDONLY)
            with os.fdopen(descriptor, "rb") as file:
                file.seek(self._read_to)
                found = file.read(LARGEST)
        except FileNotFoundError:
            return
        except OSError as error:
            self.trouble = unwritten(error)
            return
        whole = found[: found.rfind(b"\n") + 1]  # the last line may be half written
        for line in whole.splitlines(keepends=True):
            if self._read_to in self._own:
                self._own.discard(self._read_to)
            elif (entry := _entry(line)) is not None:
                self._entries.append(entry)
            self._read_to += len(line)


def _opened(path: Path, flags: int) -> int:
    for name in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):  # a pipe must not stop the kernel
        flags |= getattr(os, name, 0)
    return os.open(path, flags, 0o600)


def _entry(line: bytes) -> Entry | None:
    try:
        found = json.loads(line)
        when, requests, tokens = (found[name] for name in Entry._fields)
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
    if type(when) not in (int, float) or type(requests) is not int or type(tokens) is not int:
        return None
    return Entry(when, requests, tokens)
