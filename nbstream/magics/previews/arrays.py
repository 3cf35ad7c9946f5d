"""Arrays of numbers, whosever they are: whatever has a shape and a dtype."""

from __future__ import annotations

import sys
from typing import Any

from ...i18n import t
from .bounds import middle_out

MOST = 4_000
"""Characters of an array."""
WHOLE = 200
"""Numbers up to which an array of NumPy is shown whole; beyond, both ends of each axis."""


def array(value: Any, name: str = "") -> str | None:
    """`value` with its shape and type, and its corners; None: it is no array."""
    shape = _shape(value)
    if shape is None:
        return None
    if shape == ():
        return middle_out(str(value), MOST)
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray):
        body = numpy.array2string(value, threshold=WHOLE, edgeitems=3)
    else:
        body = str(value)
    size = 1
    for side in shape:
        size *= side
    title = t("list.joint").join([str(brief(value, name)), t("preview.values", count=f"{size:,}")])
    if "..." in body:
        title += t("preview.bracketed", what=t("preview.ends"))
    return f"{title}\n{middle_out(body, MOST)}"


def brief(value: Any, name: str = "") -> str | None:
    """Its type and shape: ``ndarray float64 (3, 4)``."""
    shape = _shape(value)
    if not shape:
        return None
    return " ".join(filter(None, [type(value).__name__, name, str(value.dtype), str(shape)]))


def _shape(value: Any) -> tuple[int, ...] | None:
    if isinstance(value, type) or not hasattr(value, "dtype"):
        return None
    try:
        shape = tuple(value.shape)
    except (AttributeError, TypeError):
        return None
    return shape if all(isinstance(side, int) for side in shape) else None
