"""A hundred ordinary answers: what a model wrote, and what a person should read, written by hand.

A file in ``benign/`` holds entries: a line ``=====[ name ]``, the answer, a line ``-----[ shown ]``, and
what is shown in the notation of `reading`. ``␉`` is a tab and ``␠`` a blank at the end of a line, which
editors like to take away. The code of ``«python»`` is what stands between the fences of the answer, in
their order; ``«python`` up to ``»`` spells it out where there is no fence. After a line
``-----[ shown by nbconvert ]`` stands what its parser makes of Markdown that no one could write better
(it has no tables in lists).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "benign"
_ENTRY = re.compile(r"^=====\[ (.+) \]\n", re.MULTILINE)
_FENCE = re.compile(r"((?:[> ]|(?:[-*+]|\d+[.)]) )*)(`{3,}|~{3,})([^`]*)")


@dataclass(frozen=True)
class Ordinary:
    """One answer, the lines that a person reads, and the code that one copies."""

    kind: str
    name: str
    text: str
    lines: tuple[str, ...]
    code: tuple[str, ...]
    nbconvert: tuple[str, ...]

    @property
    def id(self) -> str:
        return f"{self.kind}/{self.name}"


@cache
def ordinary() -> tuple[Ordinary, ...]:
    return tuple(
        _entry(path.stem, name, body.removesuffix("\n"))
        for path in sorted(FOLDER.glob("*.txt"))
        for name, body in _read(path)
    )


def _read(path: Path) -> list[tuple[str, str]]:
    text = path.read_text(encoding="utf-8").replace("␉", "\t").replace("␠", " ")
    parts = _ENTRY.split(text)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def _entry(kind: str, name: str, body: str) -> Ordinary:
    text, mark, shown = body.partition("\n-----[ shown ]\n")
    assert mark, f"{name}: nobody wrote what is shown"
    shown, _, nbconvert = shown.partition("\n-----[ shown by nbconvert ]\n")
    fenced = iter(fences(text))
    lines: list[str] = []
    code: list[str] = []
    spelled: list[str] | None = None
    for line in shown.split("\n"):
        if spelled is not None:
            if line == "»":
                code.append("\n".join(spelled))
                spelled = None
            else:
                spelled.append(line)
        elif re.search(r"«[^«»]*$", line):
            lines.append(line + "»")
            spelled = []
        else:
            lines.append(line)
            if line.endswith("»") and "«" in line:
                code.append(next(fenced))
    others = tuple(nbconvert.split("\n")) if nbconvert else tuple(lines)
    return Ordinary(kind, name, text, tuple(lines), tuple(code), others)


def fences(text: str) -> list[str]:
    """The lines between fences, without what they are indented or quoted by. No parser: just lines."""
    found: list[str] = []
    closing = ""
    for line in text.split("\n"):
        if not closing:
            if opening := _FENCE.fullmatch(line):
                margin, closing = opening[1], opening[2]
                code: list[str] = []
            continue
        for mark in re.findall(">", margin):
            line = line.removeprefix(mark).removeprefix(" ")
        width = len(margin.rpartition("> ")[2])
        line = line[min(width, len(line) - len(line.lstrip(" "))) :]
        if line.startswith(closing) and not line.strip(closing[0]).strip():
            found.append("\n".join(code))
            closing = ""
        else:
            code.append(line)
    return found


def spelled_alike(lines: Iterable[str], *, colours: bool = True) -> list[str]:
    r"""The lines, whatever blanks a formula has; ``<`` is ``\lt`` in it.

    With `colours` the languages of code count too, but not in lists and quotations: there JupyterLab takes
    dollars for math, and what it put in their place would not survive the colouring.
    """
    alike = []
    for line in lines:
        line = re.sub("⟦.*?⟧", lambda formula: re.sub(r"\s", "", formula[0].replace("\\lt ", "<")), line)
        alike.append(line if colours and line.startswith("«") else re.sub("«.*»", "«»", line))
    return alike
