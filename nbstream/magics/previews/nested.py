"""Dicts, lists, records and what is in them, within bounds; anything else by its own ``str``.

Only containers whose ways are known are looked into: one that computes its items may never end.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from ...i18n import t
from . import arrays, tables
from .bounds import beginning

ITEMS, DEEP, WORDS, LINE = 100, 6, 500, 100
"""Items of one container, containers in containers, characters of one text in them, and of a line."""
SHORT = 24
"""Characters up to which items stand side by side."""
LEAVES = 2_000
"""Items in all."""
MOST = 20_000
"""Characters of what says itself what it looks like."""

_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))

Parts = tuple[str, Iterator[tuple[str, Any]], int, str]
"""How it begins, what is in it (a word ahead, and the value), how many, and how it ends."""


def shown(value: Any, most: int = MOST) -> str:
    """`value` as text: a container over lines where it is long, else what it says of itself.

    >>> shown({"a": [1, 2], "b": "x"})
    "{'a': [1, 2], 'b': 'x'}"
    """
    if _parts(value) is None:
        return beginning(str(value), most)
    return _Writer().written(value, 0)


class _Writer:
    """Counts what it has written, and knows what it is inside of."""

    def __init__(self) -> None:
        self.left = LEAVES
        self.around: list[int] = []

    def written(self, value: Any, depth: int) -> str:
        self.left -= 1
        parts = _parts(value)
        if parts is None:
            return _leaf(value)
        begin, items, count, end = parts
        if count == 0:
            return begin + end
        if id(value) in self.around or depth >= DEEP:
            return f"{begin}…{end}"
        self.around.append(id(value))
        lines = []
        for word, item in islice(items, ITEMS):
            if self.left <= 0:
                break
            lines.append(word + self.written(item, depth + 1))
        self.around.pop()
        more = [t("preview.more", count=f"{count - len(lines):,}")] if count > len(lines) else []
        flat = begin + ", ".join(lines + more) + end
        if len(flat) <= LINE - 2 * depth and "\n" not in flat:
            return flat
        inside = ",\n".join([*_packed(lines), *more]).replace("\n", "\n  ")
        return f"{begin}\n  {inside}\n{end}"


def _packed(items: list[str]) -> list[str]:
    """Short items side by side: a hundred numbers are no hundred lines."""
    if any(len(one) > SHORT or "\n" in one for one in items):
        return items
    lines = [""]
    for one in items:
        if len(lines[-1]) + len(one) > LINE:
            lines.append("")
        lines[-1] += f", {one}" if lines[-1] else one
    return lines


def _leaf(value: Any) -> str:
    if isinstance(value, str | bytes | bytearray) and len(value) > WORDS:
        return beginning(repr(value[:WORDS]), WORDS + 9) + f"… ({len(value):,})"
    return tables.brief(value) or _angled(arrays.brief(value)) or beginning(repr(value), WORDS)


def _angled(text: str | None) -> str | None:
    return f"<{text}>" if text else None


def _parts(value: Any) -> Parts | None:
    """What there is to look into; None: nothing."""
    kind = type(value)
    if isinstance(value, type) or not _tells_nothing_else(kind):
        return None
    if isinstance(value, dict | types.MappingProxyType):
        plain = kind in (dict, types.MappingProxyType)
        begin, end = ("{", "}") if plain else (f"{kind.__name__}({{", "})")
        return begin, ((f"{_leaf(key)}: ", item) for key, item in value.items()), len(value), end
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        pairs = zip(kind._fields, value, strict=False)
        return f"{kind.__name__}(", ((f"{name}=", item) for name, item in pairs), len(value), ")"
    if isinstance(value, list | tuple | set | frozenset | deque):
        return _sequence(value, kind)
    if kind in _VIEWS:
        return f"{kind.__name__}([", (("", item) for item in value), len(value), "])"
    names = _fields(value)
    if names is None:
        return None
    found = [(f"{name}=", getattr(value, name)) for name in names if hasattr(value, name)]
    return f"{kind.__name__}(", iter(found), len(found), ")"


def _sequence(value: Any, kind: type) -> Parts:
    marks: dict[type, tuple[str, str]] = {
        list: ("[", "]"),
        tuple: ("(", ",)" if len(value) == 1 else ")"),
        set: ("{", "}"),
    }
    begin, end = marks.get(kind) or (f"{kind.__name__}([", "])")
    if kind is set and not value:
        begin, end = "set(", ")"
    return begin, (("", item) for item in value), len(value), end


def _tells_nothing_else(kind: type) -> bool:
    """Whether `kind` shows all that it holds: one that was given a ``repr`` of its own may hide a secret."""
    made_by: Any = inspect.unwrap(kind.__repr__)
    said: Any = kind.__str__
    if not hasattr(made_by, "__code__"):
        return said is object.__str__  # of Python itself
    library = made_by.__globals__.get("__name__", "").partition(".")[0] in ("collections", "pydantic")
    written = made_by.__code__.co_filename.startswith(("<string>", "<attrs"))  # by dataclasses, attrs
    return library or (written and said is object.__str__)


def _fields(value: Any) -> Iterable[str] | None:
    """The names of what a record holds: a dataclass, a model of pydantic, a class of attrs."""
    kind = type(value)
    if dataclasses.is_dataclass(kind):
        return [one.name for one in dataclasses.fields(kind) if one.repr]
    if isinstance(found := getattr(kind, "__pydantic_fields__", None), dict):
        return [name for name, one in found.items() if getattr(one, "repr", True)]
    if isinstance(found := getattr(kind, "__attrs_attrs__", None), tuple):
        return [one.name for one in found if one.repr]
    return None
