"""What a variable is, found out without running any code of its class, or of the class of that."""

from __future__ import annotations

import sys
from typing import Any

from ..show.clean import clean_inline

SHOWN = 60
"""Characters of a class's name that are told."""
PACKAGES = ("pandas", "polars", "numpy")
"""Whose tables and arrays have a shape. Nobody imports them to find out."""
_SIZED = (list, tuple, dict, set, str, bytes)
_NAME = type.__dict__["__name__"]
"""What `type` knows itself: ``kind.__name__`` would ask the class of `kind`."""


def package(kind: type) -> str:
    """Which of `PACKAGES` has made `kind`, and shows it; "" for any other, whatever it says of itself."""
    for name in PACKAGES:
        module = sys.modules.get(name)
        if module is not None and vars(module).get(called(kind)) is kind:
            return name
    return ""


def called(kind: type) -> str:
    """The name of `kind`.

    >>> called(int)
    'int'
    """
    return str.__str__(_NAME.__get__(kind))


def detail(value: Any) -> str:
    """What `value` is, in a word or two.

    >>> detail([1, 2])
    'list · 2'
    """
    kind = type(value)
    name = clean_inline(called(kind))[:SHOWN]
    if any(kind is one for one in _SIZED):
        return f"{name} · {len(value)}"
    if package(kind):
        shape = getattr(value, "shape", None)
        if type(shape) is tuple:
            return " · ".join(filter(None, [name, " × ".join(map(str, shape))]))
    return name
