"""What is a picture, and how it becomes an `Attachment`: files, bytes, Pillow, matplotlib, IPython.

Other people's packages are not imported to find out whose a value is: whoever has one has imported it.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any

from ..attachment import Attachment
from ..errors import NbstreamError, fail
from ..plainfiles import TooLarge, contents, located, lookalikes
from .fit import drawn, fitted, kind

SUFFIXES = {
    *(".png", ".jpg", ".jpeg", ".jpe", ".gif", ".webp", ".bmp", ".dib", ".tif", ".tiff"),
    *(".heic", ".heif", ".avif"),
}
LARGEST_FILE = 100_000_000
"""Bytes of a picture's file that are read at all."""


def picture(value: Any, name: str = "image") -> Attachment | None:
    """`value` as it is sent to a model that sees; None: it is no picture.

    Raises `NbstreamError` (config) for one that cannot be sent: a missing file, a broken picture.
    """
    if isinstance(value, Attachment):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        data = bytes(value)
        return fitted(data, name) if kind(data[:64] if data[:2] != b"BM" else data) else None
    if isinstance(value, os.PathLike):
        path = located(value)
        return of_file(path) if path.suffix.lower() in SUFFIXES else None
    if _is(value, "PIL.Image", "Image"):
        return drawn(value, name)
    if (figure := _figure(value)) is not None:
        out = io.BytesIO()
        figure.savefig(out, format="png", bbox_inches="tight", metadata={"Software": None})
        return fitted(out.getvalue(), f"{name}.png")
    if _is(value, "IPython.core.display", "Image"):
        data = value.data
        return fitted(data, name) if isinstance(data, bytes) else None
    return None


def made(value: Any, name: str) -> Attachment:
    """The same, insisting on a picture."""
    found = picture(value, name)
    if found is None:
        raise fail("config.no_image", given=type(value).__name__)
    return found


def of_file(path: Path) -> Attachment:
    """The picture in a file. Raises `NbstreamError` (config), naming near files where there is none."""
    return fitted(read(path, LARGEST_FILE), path.name)


def read(path: Path, most: int) -> bytes:
    """The bytes of a file that somebody named, at most `most`. Raises `NbstreamError` (config)."""
    try:
        return contents(path, most)
    except FileNotFoundError:
        raise _missing(path) from None
    except IsADirectoryError:
        raise fail("config.file_folder", name=str(path)) from None
    except TooLarge as error:
        size = f"{error.size / 1e6:.1f}"
        raise fail("config.file_size", name=path.name, size=size, limit=f"{most / 1e6:.0f}") from None
    except OSError as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise fail("config.file_unread", name=str(path), reason=reason[:200]) from None


def _missing(path: Path) -> NbstreamError:
    close = lookalikes(path)
    if close:
        near = ", ".join(str(path.parent / one) for one in close)
        return fail(
            "config.file_missing_near", name=str(path), near=near, nearest=str(path.parent / close[0])
        )
    return fail("config.file_missing", name=str(path), folder=str(Path.cwd()))


def _figure(value: Any) -> Any:
    """The figure of matplotlib that `value` is, or stands in."""
    if _is(value, "matplotlib.figure", "FigureBase"):
        return getattr(value, "figure", value)
    if _is(value, "matplotlib.axes", "Axes"):
        return value.get_figure()
    return None


def _is(value: Any, module: str, name: str) -> bool:
    """Whether `value` is of a class in a module that somebody has imported."""
    found = getattr(sys.modules.get(module), name, None)
    return isinstance(found, type) and isinstance(value, found)
