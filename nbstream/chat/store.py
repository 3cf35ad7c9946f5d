"""Saving a conversation to a file, and loading it again: JSON with a version, written whole or not at all.

A file holds the whole tree of turns: versions, branches, attachments, what was used and when. Keys are not in
a turn, so they cannot be in a file.
"""

from __future__ import annotations

import json
import os
import stat
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from .._version import __version__
from ..errors import NbstreamError, fail
from ..messages import Answer
from ..plainfiles import TooLarge, beginning, contents, insist_on_file, located, lookalikes, unwritten
from .checks import is_name
from .history import History
from .kept import Turn
from .schema import Damaged, Writer, turn

FORMAT = "nbstream conversation"
VERSION = 1
"""Of the schema. A reader takes its own and older ones, and refuses newer ones."""
MOST_BYTES = 200_000_000
MOST_LOOKED_AT = 200
"""Files that may be the save which was meant."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What was written to a file, or found in one."""

    path: Path
    name: str
    turns: int
    """Of all branches."""
    saved: float = 0.0
    replaced: Saved | None = None
    """The earlier save of a conversation that stood in its place."""
    left_out: tuple[str, ...] = ()
    """Attachments for which the file would have been too large."""
    running: int = 0
    """Turns that had no answer yet."""
    in_use: int = 0
    """Turns of the branch in use, of those that were written."""


def save(history: History, name: str, path: str | Path, *, overwrite: bool = False) -> Saved:
    """Write all turns of `history` to `path`. A file that is none of ours is kept, unless `overwrite`."""
    target = place(path)
    before = None
    if occupied(target):
        with suppress(NbstreamError, Damaged):
            facts = _facts(target)
            before = Saved(target, _name(facts), len(_listed(facts)), _when(facts))
        if before is None and not overwrite:
            raise fail("config.file_exists", file=target.name, line=f"%llm save {quoted(path)} --overwrite")
    writer, now, turns = Writer(), time.time(), list(history.every())
    body = {
        "format": FORMAT,
        "version": VERSION,
        "nbstream": __version__,
        "saved": round(now, 3),
        "name": name,
        "head": history.head.id if history.head is not None else None,
        "turns": [_with_parent(writer.turn(one), one, history) for one in turns],
    }
    write(target, encoded(body))
    running = sum(one.answer is None for one in turns)
    return Saved(target, name, len(turns), now, before, tuple(writer.left_out), running, len(history.turns))


def load(path: str | Path) -> tuple[History, Saved]:
    """The turns in `path`. Raises `NbstreamError` (config) for a file that is damaged, newer or not ours."""
    source = place(path)
    facts = _facts(source, path)
    try:
        history = _tree(_listed(facts), facts.get("head"))
        return history, Saved(source, _name(facts), len(_listed(facts)), _when(facts))
    except Damaged:
        raise fail("config.file_damaged", file=source.name) from None


def _with_parent(facts: dict[str, Any], one: Turn, history: History) -> dict[str, Any]:
    parent = one.parent.id if one.parent is not None and one.parent is not history.root else None
    return {"id": facts["id"], "parent": parent, **facts}


def _tree(listed: list[Any], head: Any) -> History:
    """The turns, put together again. Each names one before it as its parent: so there are no circles."""
    history, made = History(), dict[str, Turn]()
    for facts in listed:
        one = turn(facts)
        parent = facts.get("parent")
        if one.id in made or not (parent is None or (isinstance(parent, str) and parent in made)):
            raise Damaged
        if one.answer is None:  # it was running, and nobody will ever finish it
            one.answer = Answer(model=one.model, finish_reason="cancelled")
        made[one.id] = history.add(one, made[parent] if parent is not None else None)
    if head is not None and (not isinstance(head, str) or head not in made):
        raise Damaged
    history.head = made[head] if head is not None else None
    return history


def _facts(path: Path, typed: str | Path = "") -> dict[str, Any]:
    """What stands in the file, which a person calls `typed`; its format and version are known to be ours."""
    try:
        raw = contents(path, MOST_BYTES)
    except FileNotFoundError:
        raise missing(path, typed, "load") from None
    except TooLarge:
        raise fail("config.file_large", file=path.name, most=f"{MOST_BYTES // 1_000_000} MB") from None
    except OSError as error:
        raise fail("config.file_unread", name=str(path), reason=error.strerror or str(error)) from None
    try:
        facts = json.loads(raw)
    except (ValueError, RecursionError):
        if FORMAT.encode() in raw[:400]:  # a file that was cut still begins so
            raise fail("config.file_damaged", file=path.name) from None
        raise _foreign(path, typed) from None
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        if isinstance(facts, dict) and "cells" in facts:
            raise fail("config.file_notebook", file=path.name, line=f"%llm restore {quoted(typed)}")
        raise _foreign(path, typed)
    version = facts.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise fail("config.file_damaged", file=path.name)
    if version > VERSION:
        raise fail("config.file_newer", file=path.name, version=version, known=VERSION)
    return facts


def missing(path: Path, typed: str | Path, verb: str) -> NbstreamError:
    """The error for a file that is not there, with the line for one that may have been meant."""
    close = lookalikes(path)
    if not close:
        return fail("config.no_such_file", file=str(path))
    line = f"%llm {verb} {quoted(Path(typed or path).with_name(close[0]))}"
    return fail("config.no_such_file_near", file=path.name, near=close[0], line=line)


def _foreign(path: Path, typed: str | Path) -> NbstreamError:
    """The error for what is no save of ours, with the line for the newest one that is beside it."""
    saves = sorted(
        filter(_looks_saved, islice(path.parent.glob("*.json"), MOST_LOOKED_AT)), key=os.path.getmtime
    )
    line = (
        f"%llm load {quoted(Path(typed or path).with_name(saves[-1].name))}"
        if saves
        else "%llm save talk.json"
    )
    return fail("config.file_foreign", file=path.name, line=line)


def _looks_saved(path: Path) -> bool:
    with suppress(OSError):
        return FORMAT.encode() in beginning(path, 400)
    return False


def _listed(facts: dict[str, Any]) -> list[Any]:
    turns = facts.get("turns")
    if not isinstance(turns, list):
        raise Damaged
    return turns


def _name(facts: dict[str, Any]) -> str:
    name = facts.get("name")
    if not isinstance(name, str) or not is_name(name):
        raise Damaged
    return name


def _when(facts: dict[str, Any]) -> float:
    saved = facts.get("saved")
    return float(saved) if isinstance(saved, int | float) and 0 <= saved < 1e11 else 0.0


# --- files ------------------------------------------------------------------------------------------


def place(path: str | Path) -> Path:
    """Where a file is; a link is followed, so that what it leads to is written."""
    try:
        return Path(os.path.realpath(located(path)))
    except ValueError as error:  # a NUL in it
        raise fail("config.file_unread", name=str(path), reason=str(error)) from None


def occupied(path: Path) -> bool:
    """Whether a file stands at `path` already. Raises `NbstreamError` for a folder, a device, a pipe."""
    try:
        insist_on_file(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _unwritten(path, error) from None
    return True


def _unwritten(path: Path, error: Exception) -> NbstreamError:
    reason = unwritten(error) if isinstance(error, OSError) else str(error)
    return fail("config.file_unwritten", file=str(path), reason=reason)


def quoted(path: str | Path) -> str:
    """A path as a word of a magic line."""
    text = str(path)
    return f'"{text}"' if " " in text else text


def encoded(body: Any) -> bytes:
    """`body` as JSON that people can read; half a surrogate pair can only be written as an escape."""
    try:
        return json.dumps(body, ensure_ascii=False, indent=1).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(body, indent=1).encode() + b"\n"


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: beside its place first, then put there in one step."""
    made: Path | None = None
    try:
        beside = path.with_name(f".{path.name[:40]}.{uuid.uuid4().hex}.part")
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _mode(path)), "wb") as file:
            made = beside
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(made, path)
        made = None
        _sync(path.parent)
    except (OSError, ValueError) as error:  # a ValueError: the root has no name
        raise _unwritten(path, error) from None
    finally:
        if made is not None:
            with suppress(OSError):
                os.unlink(made)


def _mode(path: Path) -> int:
    """The rights of the file that is replaced, else those of any new file (less the user's mask)."""
    with suppress(OSError):
        return stat.S_IMODE(path.stat().st_mode)
    return 0o666


def _sync(folder: Path) -> None:
    """Have the folder's own entry written, where the system can."""
    with suppress(OSError, AttributeError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
