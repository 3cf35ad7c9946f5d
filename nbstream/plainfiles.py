"""Files that a person names: where they are, and what stands in them, whatever they turn out to be.

A name may lead to a device that never ends, to a pipe that nobody writes to, or to a file that grows while it
is read. Its size as the system tells it is a hint, and no more.
"""

from __future__ import annotations

import difflib
import errno
import os
import stat
from itertools import islice
from pathlib import Path

from .i18n import t

_PIECE = 1 << 20
"""Bytes read at once: between two pieces Ctrl-C gets through."""


class TooLarge(OSError):
    """There is more in the file than was asked for."""

    def __init__(self, size: int) -> None:
        super().__init__(errno.EFBIG, os.strerror(errno.EFBIG))
        self.size = size


def located(name: str | os.PathLike[str]) -> Path:
    """Where `name` is; ``~`` is the home folder, and ``~nobody`` is a name like any other."""
    return Path(os.path.expanduser(os.fsdecode(name)))


def contents(path: Path, most: int) -> bytes:
    """What stands in the file, which may be `most` bytes.

    Raises `TooLarge`, or another `OSError` with a sentence for people as its ``strerror``.
    """
    # O_NONBLOCK: a pipe that nobody writes to would block here, beyond the reach of Ctrl-C.
    flags = os.O_RDONLY
    for name in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):  # not all of them everywhere
        flags |= getattr(os, name, 0)
    try:
        insist_on_file(path)  # before it is opened: for some devices that is enough to do something
        descriptor = os.open(path, flags)
    except ValueError as error:  # a NUL in its name
        raise OSError(errno.EINVAL, str(error)) from None
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise _no_file()
        if about.st_size > most:
            raise TooLarge(about.st_size)
        pieces, left = list[bytes](), most + 1
        while left > 0 and (piece := os.read(descriptor, min(left, _PIECE))):
            pieces.append(piece)
            left -= len(piece)
    finally:
        os.close(descriptor)
    if left <= 0:
        raise TooLarge(most + 1)
    return b"".join(pieces)


def beginning(path: Path, size: int) -> bytes:
    """The first bytes of a file; `OSError` for what is none."""
    insist_on_file(path)
    with open(path, "rb") as file:
        return file.read(size)


def insist_on_file(path: Path) -> os.stat_result:
    """What the system knows of the file `path`. Raises `OSError` for a folder, a device, a pipe, a socket."""
    about = os.stat(path)
    if stat.S_ISDIR(about.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(about.st_mode):
        raise _no_file()
    return about


def lookalikes(path: Path) -> list[str]:
    """Names of files that are there where `path` is not, the likeliest first."""
    try:
        there = [one.name for one in islice(path.parent.iterdir(), 5_000) if one.is_file()]
    except (OSError, ValueError):
        return []
    alike = sorted(((_alike(path.name, name), name) for name in there), reverse=True)
    return [name for how, name in alike[:3] if how >= 0.5]


def _alike(name: str, other: str) -> float:
    """How much alike two names are, from 0 to 1; an ending that both have says nothing.

    >>> _alike("nowhere.ipynb", "t.ipynb"), round(_alike("dta.csv", "data.csv"), 2)
    (0.0, 0.86)
    """
    ending = os.path.splitext(name)[1]
    if ending and other.endswith(ending):
        name, other = name.removesuffix(ending), other.removesuffix(ending)
    return difflib.SequenceMatcher(None, name, other).ratio()


def unwritten(error: OSError) -> str:
    """Why a file could not be written, in the language in use."""
    name = errno.errorcode.get(error.errno or 0, "")
    known = name in ("ENOENT", "EACCES", "ENOSPC", "EISDIR", "EROFS", "ENAMETOOLONG")
    return t(f"reason.{name}") if known else error.strerror or type(error).__name__


def _no_file() -> OSError:
    return OSError(errno.EINVAL, t("reason.no_file"))
