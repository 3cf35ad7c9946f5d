"""Reading a notebook's file: the cells that asked, and the receipts in their outputs. Pure, but for the file.

A notebook may come from anybody. Nothing in it is run; sizes are bounded, and of a receipt only what has the
right type and length is taken.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import fail
from ..plainfiles import TooLarge, contents

MOST_BYTES = 200_000_000
"""Of one notebook's file; pictures make some large."""
MOST_TEXT = 4_000_000
"""Characters of one answer or prompt."""
MOST_CELLS = 20_000
MOST_TURNS = 10_000
"""Of one panel's output."""
_MAGIC = re.compile(r"%%(?:llm|nbstream)(?!\w)(.*)")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u206f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Cell:
    """One code cell.

    Attributes
    ----------
    place : int
        From 0, among all cells.
    count : int or None
        The number in its prompt, ``[3]``.
    line, prompt : str or None
        What stands behind ``%%llm`` and below it; None in a cell that is no such cell.
    answers : tuple of (receipt, text)
        What our outputs hold.
    """

    place: int
    id: str | None
    count: int | None
    line: str | None
    prompt: str | None
    answers: tuple[tuple[Receipt, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Book:
    """A notebook's file, as far as it concerns us."""

    path: Path
    saved: float
    """When, in seconds since the epoch."""
    cells: tuple[Cell, ...]
    ids: frozenset[str] = field(repr=False)
    """Of all its cells, and those that their receipts name."""
    undone: frozenset[str] = frozenset()
    """The ids of turns that ``%llm undo`` and ``reset`` took out."""
    ends: tuple[Receipt, ...] = ()
    """What panels say of branches in use: the newest turn of each, by conversation, and when (``at``)."""


class Receipt:
    """What an output says of its turn, read with care: anything may stand there.

    >>> receipt = Receipt({"turn": "a1", "number": -3, "usage": {"input_tokens": "many"}})
    >>> receipt.word("turn"), receipt.whole("number"), receipt.part("usage").whole("input_tokens")
    ('a1', None, None)
    """

    __slots__ = ("_facts",)

    def __init__(self, facts: Any) -> None:
        self._facts: Mapping[Any, Any] = facts if isinstance(facts, Mapping) else {}

    def holds(self, name: str) -> bool:
        """Whether anything is said of it."""
        return bool(self._facts.get(name))

    def word(self, name: str, most: int = 200) -> str | None:
        """A short line of text."""
        value = self._facts.get(name)
        if not isinstance(value, str) or not value or len(value) > most or _CONTROLS.search(value):
            return None
        return value

    def text(self, name: str) -> str | None:
        value = self._facts.get(name)
        return value if isinstance(value, str) and len(value) <= MOST_TEXT else None

    def whole(self, name: str) -> int | None:
        value = self._facts.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            return None
        return value if 0 <= value < 10**15 else None

    def number(self, name: str) -> float | None:
        value = self._facts.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            return None
        return float(value) if abs(value) < 1e15 else None

    def true(self, name: str) -> bool:
        return self._facts.get(name) is True

    def words(self, name: str) -> list[str]:
        """A list of short words."""
        value = self._facts.get(name)
        return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []

    def part(self, name: str) -> Receipt:
        return Receipt(self._facts.get(name))

    def parts(self, name: str) -> list[Receipt]:
        """A list of such facts."""
        value = self._facts.get(name)
        return [Receipt(one) for one in value[:MOST_TURNS]] if isinstance(value, list) else []

    def with_facts(self, more: Receipt) -> Receipt:
        """These facts, and in their place where both say something, those of `more`."""
        return Receipt({**self._facts, **more._facts})

    def span(self) -> tuple[int, int]:
        """From where to where, of a text that holds several answers, this one's goes; nowhere: (-1, -1)."""
        start, end = self.whole("start"), self.whole("end")
        return (-1, -1) if start is None or end is None else (start, end)


def read(path: Path) -> Book:
    """Read the notebook `path`. Raises `NbstreamError` (config) for what is no notebook of version 4."""
    try:
        raw = json.loads(contents(path, MOST_BYTES))
        saved = path.stat().st_mtime
    except FileNotFoundError:
        from .store import missing

        here = Path.cwd()
        typed = path.relative_to(here) if path.is_relative_to(here) else path
        raise missing(path, typed, "restore") from None
    except TooLarge:
        raise fail("config.file_large", file=path.name, most=f"{MOST_BYTES // 1_000_000} MB") from None
    except OSError as error:
        raise fail("config.file_unread", name=str(path), reason=error.strerror or str(error)) from None
    except (ValueError, RecursionError):
        raise fail("config.no_notebook", file=path.name) from None
    cells = raw.get("cells") if isinstance(raw, dict) else None
    if not isinstance(cells, list) or raw.get("nbformat") != 4:
        raise fail("config.no_notebook", file=path.name)
    found = tuple(_cells(cells[:MOST_CELLS]))
    named = (receipt.word("cell") for cell in found for receipt, _ in cell.answers)
    ids = (Receipt(cell).word("id") for cell in cells)
    told = [receipt for cell in cells[:MOST_CELLS] for receipt, _ in _told(cell)]
    ends = tuple(receipt.part("ends") for receipt in told if receipt.holds("ends"))
    return Book(path, saved, found, frozenset(filter(None, [*ids, *named])), _undone(told), ends)


def _undone(told: list[Receipt]) -> frozenset[str]:
    """The ids of turns that were taken out, and not brought back later."""
    out: set[str] = set()
    for receipt in sorted(told, key=lambda one: one.number("at") or 0.0):
        out.difference_update(receipt.words("redone"))
        out.update(receipt.words("undone"))
    return frozenset(out)


def _cells(cells: list[Any]) -> Iterator[Cell]:
    for place, raw in enumerate(cells):
        if not isinstance(raw, dict) or raw.get("cell_type") != "code":
            continue
        source, facts = _joined(raw.get("source")), Receipt(raw)
        line, prompt = asked(source) or (None, None)
        yield Cell(
            place, facts.word("id"), facts.whole("execution_count"), line, prompt, tuple(_answers(raw))
        )


def _answers(cell: Mapping[str, Any]) -> Iterator[tuple[Receipt, str]]:
    for receipt, data in _told(cell):
        text = _joined(data.get("text/plain")) if isinstance(data, dict) else ""
        if receipt.word("turn") is not None:
            yield receipt, text
        before = 0
        for one in receipt.parts("turns"):  # a panel keeps all of its own in one output, one after the other
            start, end = one.span()
            if one.word("turn") is not None and before <= start <= end <= len(text):
                yield one, text[start:end]
                before = end


def _told(cell: Any) -> Iterator[tuple[Receipt, Any]]:
    """What our outputs say, and what they show."""
    outputs = cell.get("outputs") if isinstance(cell, dict) else None
    for output in outputs if isinstance(outputs, list) else ():
        if isinstance(output, dict):
            yield Receipt(output.get("metadata")).part("nbstream"), output.get("data")


def _joined(text: Any) -> str:
    """Text as notebooks keep it: whole, or as a list of lines. "" for anything else."""
    if isinstance(text, list):
        text = "".join(part for part in text if isinstance(part, str))
    return text if isinstance(text, str) and len(text) <= MOST_TEXT else ""


def asked(source: str) -> tuple[str, str] | None:
    r"""The options and the prompt of a ``%%llm`` cell, just as IPython would hand them to the magic.

    >>> asked("%%llm -m demo\nWhat is\nstreaming?\n")
    ('-m demo', 'What is\nstreaming?')
    >>> asked("print(1)") is None
    True
    """
    if "%%" not in source:
        return None
    lines = (source if source.endswith("\n") else source + "\n").splitlines(keepends=True)
    for transform in _cleaning():
        lines = transform(lines)
    found = _MAGIC.match(lines[0].rstrip()) if lines else None
    return (found[1].strip(), "".join(lines[1:]).strip("\n")) if found else None


@cache
def _cleaning() -> list[Callable[[list[str]], list[str]]]:
    """What IPython does to a cell before it looks for a magic; none of it runs anything."""
    from IPython.core.inputtransformer2 import TransformerManager, cell_magic

    transforms: list[Any] = TransformerManager().cleanup_transforms
    return [one for one in transforms if one is not cell_magic]  # it would make a call of it


def sha256(prompt: str) -> str:
    """How a receipt names the prompt that was asked."""
    return hashlib.sha256(prompt.encode("utf-8", "replace")).hexdigest()
