"""Functions and classes by their source, modules by what is in them."""

from __future__ import annotations

import inspect
import textwrap
import types
from typing import Any

from ...i18n import t
from . import Preview
from .bounds import beginning, middle_out

NAMES = 100
"""Names of a module or class that are told."""
WORDS = 2_000
"""Characters of its description."""
_CODE = (types.FunctionType, types.MethodType, type)


def source(value: Any, most: int) -> Preview | None:
    """`value` as a listing, or as its head and its description; None: it is nothing of the kind."""
    if isinstance(value, types.ModuleType):
        version = getattr(value, "__version__", "")
        title = f"module {value.__name__} {version if isinstance(version, str) else ''}".rstrip()
        return Preview(_described(title, value), block=True)
    if not isinstance(value, (*_CODE, types.BuiltinFunctionType)) and not _wrapped(value):
        return None
    try:
        text = inspect.getsource(inspect.unwrap(value))
        return Preview(middle_out(textwrap.dedent(text).rstrip("\n"), most), block=True, code="python")
    except (OSError, TypeError, ValueError, IndexError):  # of C, or typed where nothing is kept
        return Preview(_described(_head(value), value), block=True)


def _wrapped(value: Any) -> bool:
    """Functions that a decorator has turned into something else: ``functools.cache``."""
    return callable(value) and isinstance(getattr(value, "__wrapped__", None), types.FunctionType)


def _head(value: Any) -> str:
    name = getattr(value, "__qualname__", type(value).__name__)
    try:
        signature = str(inspect.signature(value))
    except (TypeError, ValueError):
        signature = "(…)"
    return f"{'class' if isinstance(value, type) else 'def'} {name}{signature}"


def _described(title: str, value: Any) -> str:
    lines = [title]
    if description := inspect.getdoc(value):
        lines += ["", beginning(description, WORDS)]
    if isinstance(value, type | types.ModuleType):
        names = [name for name in vars(value) if not name.startswith("_")]
        told = ", ".join(names[:NAMES])
        if len(names) > NAMES:
            told += f", {t('preview.more', count=f'{len(names) - NAMES:,}')}"
        lines += ["", t("preview.names", names=told or "—")]
    return "\n".join(lines)
