"""The corpus: answers written to break out of a notebook, and answers that should come out unharmed.

A file in ``data/`` holds one class. An entry begins with a line ``=====[ name ]`` and runs to the next; its
last newline is not part of it. ``⟦202e⟧`` stands for the character of that number and ``⟦a*500⟧`` for 500
times ``a``, since neither should stand in a file that people read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent / "data"
_ENTRY = re.compile(r"^=====\[ (.+) \]\n", re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """One answer; `expected` is what a control must settle to."""

    kind: str
    name: str
    text: str
    expected: str | None = None

    @property
    def id(self) -> str:
        return f"{self.kind}/{self.name}"


def spelled_out(text: str) -> str:
    text = re.sub(r"⟦([^⟦⟧]+?)\*(\d+)⟧", lambda found: found[1] * int(found[2]), text)
    return re.sub(r"⟦([0-9a-f]{2,6})⟧", lambda found: chr(int(found[1], 16)), text)


def _read(path: Path) -> list[tuple[str, str]]:
    parts = _ENTRY.split(path.read_text(encoding="utf-8"))
    return [(name, body.removesuffix("\n")) for name, body in zip(parts[1::2], parts[2::2], strict=True)]


@cache
def hostile() -> tuple[Entry, ...]:
    """All hostile answers, class by class."""
    return tuple(
        Entry(path.stem, name, spelled_out(body))
        for path in sorted(DATA.glob("*.txt"))
        if path.stem != "controls"
        for name, body in _read(path)
    )


@cache
def controls() -> tuple[Entry, ...]:
    """Ordinary answers; each with the Markdown it must settle to, after a line ``-----``.

    Without that line it must come out as it went in.
    """
    found = []
    for name, body in _read(DATA / "controls.txt"):
        text, _, expected = body.partition("\n-----\n")
        found.append(Entry("controls", name, spelled_out(text), spelled_out(expected or text)))
    return tuple(found)
