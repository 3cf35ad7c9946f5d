"""What a frame is: a block whose beginning stays on the page while its end still grows.

The lines it began with are gone; a *stub* stands for them when the rest is parsed: the item ``- #``, the
paragraph ``x``, the first lines of a fence or a table. What was committed in it is kept in pieces, because a
list that becomes loose gives its items paragraphs after all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Union

from .highlight import State
from .render import Node

_MARKER = re.compile(r" {0,3}(?:[-+*]|\d{1,9}[.)])(?: {1,4}(?=[^ \t])| (?= {4,}[^ \t])|(?= *$))")
_QUOTE = re.compile(r" {0,3}> ?")
_SOLID = re.compile(r"[^\s|:\-=*_+#>`~.$\d\[\]]")
LEAVES = frozenset({"p", "h", "code", "table"})


class Misfit(Exception):
    """The source, as it is parsed now, contradicts a frame."""


@dataclass(slots=True)
class Paragraph:
    """A paragraph of an item, which stands in ``<p>`` only if the list is loose."""

    html: str


Part = Union[str, Paragraph, "list[Part]"]  # what was committed in a frame; a list is an item of a list


@dataclass(slots=True)
class Frame:
    """An open block."""

    kind: str
    opening: str
    closing: str
    mark: str = ""
    line: int = -1  # the number of the line for which its stub stands
    stub: str = ""
    stubbed: bool = False  # its stub is part of what is parsed now
    indent: int = 0  # of an item: how far its content is set in
    parts: list[Part] = field(default_factory=list)
    loose: bool = False  # of a list: for good
    shown_loose: bool = False
    language: str = ""
    state: State = field(default_factory=State)  # of code: where the next piece begins
    lead: int = 0  # of code: characters of the stub in its text …
    skip: int = 0  # … and those for the beginning of its line; of a paragraph or a heading: of the stub
    missing: int = 0  # of a table: empty cells


@dataclass(slots=True)
class View:
    """A parse of stubs and window: the blocks on each level, from the outermost inwards.

    The first block of ``levels[i]`` is frame number `i` itself, as far as there are frames.
    """

    levels: list[list[Node]]
    lines: list[str]
    first: int  # where the window begins in `lines`

    def extras(self, level: int, frames: int) -> list[Node]:
        """What stands on a level behind its frame."""
        return self.levels[level][1 if level < frames else 0 :]


def write(part: Part, loose: bool) -> str:
    """The HTML of a part, in a list that is loose or tight."""
    if isinstance(part, str):
        return part
    if isinstance(part, Paragraph):
        return f"<p>{part.html}</p>" if loose else part.html
    return "<li>" + "".join(write(inner, loose) for inner in part) + "</li>"


def stub_item(frame: Frame, outer: Sequence[Frame], raw: str) -> bool:
    """Give an item its stub: its first line up to where its content begins. Tabs are too clever for us."""
    at = 0
    for around in outer:
        if around.kind == "quote":
            match = _QUOTE.match(raw, at)
        elif around.kind == "li" and around.line == frame.line:
            match = _MARKER.match(raw, at)
        elif around.kind == "li":
            match = re.compile(f" {{{around.indent}}}").match(raw, at)
        else:
            continue
        if match is None:
            return False
        at = match.end()
    match = _MARKER.match(raw, at)
    if match is None:
        return False
    head = raw[: match.end()]
    head = head if head.endswith(" ") else head + " "
    frame.stub, frame.indent = head + "#\n", len(head) - at
    return True


def place_stubs(frames: Sequence[Frame], number: int) -> str:
    """The stubs to parse in front of a window which begins at line `number`.

    One for each line that is gone: the innermost, where several frames began on it; none for an item with
    whose own first line the window begins.
    """
    stubs: list[Frame] = []
    for frame in frames:
        frame.stubbed = False
        if frame.stub:
            if stubs and stubs[-1].line == frame.line:
                stubs.pop()
            stubs.append(frame)
    if stubs and stubs[-1].kind == "li" and stubs[-1].line == number:
        stubs.pop()
    for frame in stubs:
        frame.stubbed = frame.kind == "li"
    return "".join(frame.stub for frame in stubs)


def without_stub(item: Node) -> list[Node]:
    """What is in an item behind its stub, an empty heading."""
    if not item.children or item.children[0].kind != "h" or item.children[0].text:
        raise Misfit
    return item.children[1:]


def is_loose(node: Node, lines: Sequence[str], quotes: int) -> bool:
    """Whether a list is loose: an empty line between two of its items, or between two blocks of an item."""
    followers = [*node.children[1:], *(block for item in node.children for block in item.children[1:])]
    return any(_empty(lines[block.start - 1], quotes) for block in followers)


def _empty(line: str, quotes: int) -> bool:
    for _ in range(quotes):
        match = re.match(r"[ \t]*>", line)
        if match is None:
            break
        line = line[match.end() :]
    return not line.strip()


def is_solid(line: str) -> bool:
    """Whether a line, however it goes on, is more than marks: no rule, underline or delimiter row."""
    return _SOLID.search(line) is not None
