"""The scripts and style sheets of this folder."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def asset(*names: str) -> str:
    """Files of this folder, one after the other: anywidget loads one module, without imports."""
    return "\n".join(files("nbstream.teach").joinpath(name).read_text(encoding="utf-8") for name in names)
