"""Loading a saved conversation into a kernel, and what becomes of the turns that were there."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from . import store
from .checks import MAX_NAME
from .store import Saved

if TYPE_CHECKING:
    from .session import Session


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was loaded, and under which name the turns go on that were in its place."""

    saved: Saved
    name: str
    kept_as: str | None = None
    kept: int = 0


def load(session: Session, path: str | Path, name: str | None = None) -> Loaded:
    """Load `path` into the conversation `name` (default: what it was called when it was saved).

    Turns that are there already become a conversation of their own, unless the file holds them all.
    """
    history, saved = store.load(path)
    name = saved.name if name is None else name
    talk = session.conversation(name)
    known = {turn.id for turn in history.every()}
    kept = [turn for turn in talk.history.every() if turn.id not in known]
    if not kept:
        talk.adopt(history)
        return Loaded(saved, name)
    other = session.conversation(free(session, name))
    talk.hand_over(history, other)
    return Loaded(saved, name, other.name, sum(1 for _ in other.history.every()))


def free(session: Session, name: str) -> str:
    """A name like `name` that no conversation has."""
    return next(one for number in count(1) if (one := like(name, number)) not in session.conversations)


def like(name: str, number: int) -> str:
    """`name` with a number: no longer than names may be.

    >>> like("talk", 2), len(like("n" * 100, 12))
    ('talk-2', 100)
    """
    end = f"-{number}"
    return name[: MAX_NAME - len(end)] + end
