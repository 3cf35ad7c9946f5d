"""The format of a tape: JSON Lines, each take on a line of its own. ``docs/tapes.md`` tells what is in it.

A take is one run: what was asked, the attempts with their frames, and a receipt. It is whole in its line and
counts nothing, so that two branches of a project merge by keeping the lines of both, in any order; a line
that is there twice is one take, and the marks that git leaves in a conflict are passed over.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from .. import plainfiles
from ..errors import NbstreamError, fail, pasted
from ..i18n import magic, t
from . import asked
from .asked import Ask
from .missing import missing

VERSION = 1
LARGEST = 64 * 1024 * 1024
"""Bytes of a tape."""
LARGEST_TAKE = 16 * 1024 * 1024
MOST_DAMAGED = 100
"""Lines that are passed over; what has more of them is no tape any longer."""
LISTED = 5
"""How many lines are told."""
MOST_SECONDS = 3600.0
"""Of any one pause: what is longer is a mistake of whoever edited it."""
_HEADER = json.dumps({"nbstream": "tape", "version": VERSION}) + "\n"
_CONFLICT = re.compile(r"(<{7}|\|{7}|>{7})( |$)|={7}$")


@dataclass(frozen=True)
class Take:
    """One run on a tape."""

    ask: Ask
    attempts: list[dict[str, Any]]
    receipt: dict[str, Any] = field(default_factory=dict)
    transport: str = ""
    line: int = 0

    @cached_property
    def exact(self) -> str:
        return asked.exact(self.ask)

    @cached_property
    def alike(self) -> str:
        return asked.alike(self.ask)

    @cached_property
    def last(self) -> str:
        return asked.last(self.ask)

    @property
    def prompt(self) -> str:
        return asked.prompt(self.ask)

    @property
    def model(self) -> str:
        return asked.model(self.ask)

    @property
    def frames(self) -> int:
        return sum(len(one.get("frames", ())) for one in self.attempts)

    def written(self) -> str:
        """The take as its line: what was asked comes first."""
        whole = {
            "ask": self.ask,
            "transport": self.transport,
            "attempts": self.attempts,
            "receipt": self.receipt,
        }
        text = json.dumps(whole, ensure_ascii=False)
        try:
            text.encode()
        except UnicodeEncodeError:  # half a character of a prompt that was cut
            text = json.dumps(whole)
        # Editors and Python's own splitlines take these for the end of a line.
        return re.sub("[\x7f-\x9f\u2028\u2029]", lambda sign: f"\\u{ord(sign[0]):04x}", text) + "\n"


def read(
    path: str | os.PathLike[str], command: str = "", damaged: dict[int, str] | None = None
) -> list[Take]:
    """The takes of a tape in their order. Raises `NbstreamError` for what is none, naming the line.

    `command` is what a tape's name follows in the shell, where that was given one which is not there.
    With `damaged` a line that holds no take is passed over, and put there with what is wrong with it.
    """
    found: dict[str, Take] = {}
    for number, line in lines(path, command=command):
        try:
            take = parsed(line, number)
        except ValueError as error:
            if damaged is not None and len(damaged) < MOST_DAMAGED:
                damaged[number] = str(error)[:200]
                continue
            raise fail("config.tape_line", path=str(path), number=number, reason=str(error)[:200]) from None
        if take is not None:
            found.setdefault(line.strip(), take)
    return list(found.values())


def numbered(damaged: Mapping[int, str]) -> str:
    """The lines that were passed over, for people: ``line 3, line 17``."""
    names = [t("tape.line", number=number) for number in islice(damaged, LISTED)]
    return t("list.joint").join(names) + " …" * (len(damaged) > LISTED)


def also(said: str, damaged: Mapping[int, str]) -> str:
    """`said`, and that lines of the tape were passed over, if any were."""
    return t("tape.also", said=said, lines=numbered(damaged)) if damaged else said


def lines(
    path: str | os.PathLike[str], marks: list[int] | None = None, command: str = ""
) -> Iterator[tuple[int, str]]:
    """The lines of a tape that hold something, by number. Raises `NbstreamError` if it is no tape of ours.

    The numbers of those that git left in a conflict are added to `marks`.
    """
    where = plainfiles.located(path)
    try:
        text = plainfiles.contents(where, LARGEST).decode("utf-8-sig")
    except plainfiles.TooLarge as error:
        raise fail("config.tape_large", path=str(path), size=f"{error.size / 1e6:.0f}") from None
    except FileNotFoundError:
        raise missing(str(path), command) from None
    except OSError as error:
        raise fail("config.tape_unread", path=str(path), reason=plainfiles.unwritten(error)) from None
    except UnicodeDecodeError:
        raise fail("config.tape_other", path=str(path)) from None
    first = True
    for number, line in enumerate(text.split("\n"), 1):
        if _CONFLICT.match(line.rstrip("\r")):
            if marks is not None:
                marks.append(number)
            continue
        if not line.strip():
            continue
        if first:
            _check_header(line, path)
            first = False
        yield number, line


def _check_header(line: str, path: str | os.PathLike[str]) -> None:
    try:
        head = json.loads(line)
    except (ValueError, RecursionError):
        head = None
    if not isinstance(head, Mapping) or head.get("nbstream") != "tape":
        raise fail("config.tape_other", path=str(path))
    version = head.get("version")
    if type(version) is not int or version > VERSION:
        raise fail("config.tape_newer", path=str(path), version=str(version)[:20], known=VERSION)


def parsed(line: str, number: int = 0) -> Take | None:
    """The take in `line`; None for a header. Raises `ValueError`, which says what is wrong with it."""
    try:
        data = json.loads(line, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError(t("tape.bad_deep")) from None
    except json.JSONDecodeError as error:
        raise ValueError(t("tape.bad_json", place=error.pos + 1)) from None
    if isinstance(data, Mapping) and data.get("nbstream") == "tape":
        return None
    if not isinstance(data, Mapping) or not isinstance(ask := data.get("ask"), dict):
        raise ValueError(t("tape.bad_ask"))
    messages = ask.get("messages", [])
    if not isinstance(messages, list) or not all(isinstance(one, dict) for one in messages):
        raise ValueError(t("tape.bad_ask"))
    if not isinstance(ask.get("provider"), str):
        raise ValueError(t("tape.bad_ask"))
    attempts = data.get("attempts")
    if not isinstance(attempts, list) or not attempts:
        raise ValueError(t("tape.bad_attempts"))
    receipt = data.get("receipt")
    return Take(
        ask,
        [_attempt(one) for one in attempts],
        dict(receipt) if isinstance(receipt, Mapping) else {},
        str(data.get("transport") or ""),
        number,
    )


def _attempt(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise ValueError(t("tape.bad_attempts"))
    for name in ("waited", "connect", "after"):
        if name in given:
            _seconds(given[name])
    frames = given.get("frames", [])
    if not isinstance(frames, list):
        raise ValueError(t("tape.bad_frame", number=1))
    for number, frame in enumerate(frames, 1):
        if not (isinstance(frame, list) and len(frame) in (2, 3)):
            raise ValueError(t("tape.bad_frame", number=number))
        _seconds(frame[0])
        if len(frame) == 3 and not isinstance(frame[2], str):
            raise ValueError(t("tape.bad_frame", number=number))
    for name in ("headers", "refused", "broke"):
        if name in given and not isinstance(given[name], dict):
            raise ValueError(t("tape.bad_part", name=name))
    return given


def _seconds(value: Any) -> None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not good or not 0 <= value <= MOST_SECONDS:
        # What is no number may be anything, a key too.
        number = isinstance(value, int | float)
        raise ValueError(t("tape.bad_seconds", given=value) if number else t("tape.bad_pause"))


def _no_constant(name: str) -> Any:
    raise ValueError(t("tape.bad_seconds", given=name))


# --- writing ------------------------------------------------------------------------------------------


def insist_on_tape(path: str | os.PathLike[str], damaged: dict[int, str] | None = None) -> Path:
    """Where a tape is, or may be begun. Raises `NbstreamError` for another file: nothing is added to that."""
    where = plainfiles.located(path).absolute()
    if where.exists() or where.is_symlink():
        if where.is_file() and where.stat().st_size == 0:
            return where
        read(path, damaged=damaged)
        return where
    try:
        _append(where, _HEADER)
    except OSError as error:
        raise unwritten(str(path), error) from None
    return where


def append(path: Path, take: Take) -> None:
    """Put `take` behind those that stand there. Raises `NbstreamError`, and then nothing was added."""
    line = take.written()
    if (size := len(line.encode())) > LARGEST_TAKE:
        raise fail("config.tape_take_large", path=path.name, size=f"{size / 1e6:.0f}")
    try:
        empty = not path.exists() or path.stat().st_size == 0
        if not empty and path.stat().st_size + size > LARGEST:
            another = pasted(f"{path.stem}-2{path.suffix}")
            raise fail("config.tape_full", path=path.name, line=f"%{magic()} record {another}")
        _append(path, (_HEADER if empty else "") + line)
    except OSError as error:
        raise unwritten(path.name, error) from None


def unwritten(path: str, error: OSError) -> NbstreamError:
    """The error for a tape that cannot be written."""
    return fail("config.tape_unwritten", path=path, reason=plainfiles.unwritten(error))


def _append(path: Path, text: str) -> None:
    """One write behind the end: takes of two kernels do not mix; what was only half written goes again."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
    for name in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
        flags |= getattr(os, name, 0)
    descriptor = os.open(path, flags, 0o644)
    try:
        before = os.fstat(descriptor).st_size
        if before:
            os.lseek(descriptor, before - 1, os.SEEK_SET)
            if os.read(descriptor, 1) != b"\n":
                text = "\n" + text
        data = text.encode()
        written = os.write(descriptor, data)
        if written < len(data):
            os.ftruncate(descriptor, before)
            raise OSError(28, os.strerror(28))
    finally:
        os.close(descriptor)
