"""Tapes from Python: ``with nbstream.tape("lesson.tape"):``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from ..chat.session import session
from ..errors import fail
from .playing import Tapes, speed_of
from .recording import Recorder

MODES = ("auto", "play", "record")


@contextmanager
def tape(
    path: str, mode: Literal["auto", "play", "record"] = "auto", *, speed: str | float = 1
) -> Iterator[None]:
    """Play or record all that is asked meanwhile, in this kernel.

    Parameters
    ----------
    path : str
        The tape; it is begun where there is none, unless it is only to be played.
    mode : {"auto", "play", "record"}
        ``auto`` plays what the tape has, and asks and records the rest; ``record`` asks all anew.
    speed : float or "max"
        How many times as fast as it was recorded.

    Examples
    --------
    >>> import nbstream, tempfile, os
    >>> path = os.path.join(tempfile.mkdtemp(), "lesson.tape")
    >>> with nbstream.tape(path, speed="max"):
    ...     first = nbstream.ask("hello", model="demo", options={"delay": 0})
    >>> with nbstream.tape(path, "play", speed="max"):
    ...     again = nbstream.ask("hello", model="demo", options={"delay": 0})
    >>> first.text == again.text, again.tape
    (True, 'lesson.tape')
    """
    if mode not in MODES:
        raise fail("config.tape_mode", given=str(mode)[:40])
    here = session()
    if mode == "record":
        recorder = Recorder(path)
        here.taps.append(recorder)
        try:
            yield
        finally:
            here.taps.remove(recorder)
        if recorder.trouble is not None:
            raise recorder.trouble
        return
    before = here.player
    here.player = player = Tapes(path, speed_of(speed), records=mode == "auto")
    try:
        yield
    finally:
        here.player = before
    if player.trouble is not None:
        raise player.trouble
