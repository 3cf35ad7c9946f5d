"""The open containers of an answer: what is committed inside them, and how little source stands for it.

A `Frame` is a block whose beginning is on the page for good while its end still grows. The lines it began
with are gone; a *stub* stands for them when the rest is parsed: the item ``- #``, the paragraph ``x``, the
first lines of a fence or a table. `Frames` matches what the parser finds to the open frames, opens and closes
them, and keeps what was committed in pieces: a list that becomes loose gives its items paragraphs after all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Union

from .blocks import Page
from .highlight import State, code_html, next_piece
from .render import Node, Renderer, TooDeep

_MARKER = re.compile(r" {0,3}(?:[-+*]|\d{1,9}[.)])(?: {1,4}(?=[^ \t])| (?= {4,}[^ \t])|(?= *$))")
_QUOTE = re.compile(r" {0,3}> ?")
_SOLID = re.compile(r"[^\s|:\-=*_+#>`~.$\d\[\]]")
_MOST_MISSING = 60_000  # markdown-it ends a table which lacks more cells
LEAVES = frozenset({"p", "code", "table"})


class Misfit(Exception):
    """The source, as it is parsed now, contradicts a frame."""


@dataclass(slots=True)
class Paragraph:
    """A paragraph of an item, which stands in ``<p>`` only if the list is loose."""

    html: str


Part = Union[str, Paragraph, "list[Part]"]  # what was committed in a frame; a list is an item of a list


@dataclass(slots=True)
class Frame:
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
    skip: int = 0  # of a paragraph and of code: characters of the stub in its text
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
        return self.levels[level][1 if level < frames else 0 :]


class Frames:
    """The frames of the block that is not finished."""

    def __init__(self, renderer: Renderer, page: Page) -> None:
        self._renderer = renderer
        self._page = page
        self._open: list[Frame] = []
        self._stubs = ""
        self._number = 0  # of the window's first line

    def __bool__(self) -> bool:
        return bool(self._open)

    def forget(self) -> None:
        """Drop all frames: what they showed is rendered anew."""
        self._open, self._stubs = [], ""
        self._page.rewrite("")

    # --- looking ----------------------------------------------------------------------------------------

    def view(self, window: str, settled: bool) -> View:
        """Parse the window behind its stubs. `settled`: of whole lines alone, so what it says is true."""
        source = self._stubs + window
        view = View([self._renderer.parse(source)], source.split("\n"), self._stubs.count("\n"))
        for number, frame in enumerate(self._open):
            if not view.levels[-1]:
                break
            node = view.levels[-1][0]
            if node.kind != frame.kind or node.mark != frame.mark:
                raise Misfit
            if frame.kind == "p" and [after.kind for after in view.levels[-1][1:2]] == ["table"]:
                raise Misfit  # it took its header from the paragraph, and perhaps some of what was cut
            if frame.kind == "list":
                self._loosen(number, node, view.lines, settled)
            if frame.kind not in LEAVES:
                view.levels.append(_without_stub(node) if frame.stubbed else node.children)
        return view

    def leaf(self, view: View) -> Node | None:
        """The block of the innermost frame if that is a paragraph, code or a table."""
        framed = self._open and self._open[-1].kind in LEAVES and len(view.levels) == len(self._open)
        return view.levels[-1][0] if framed and view.levels[-1] else None

    def growing(self, view: View) -> Node | None:
        """The block which still grows; None if that is a framed leaf."""
        for level in range(len(view.levels)):
            if extras := view.extras(level, len(self._open)):
                return extras[-1]
        return None

    def tail(self, view: View, unfinished: bool) -> str:
        """The HTML of the window behind what is committed."""
        count = len(self._open)
        outermost = min((i for i in range(len(view.levels)) if view.extras(i, count)), default=-1)
        html, depth = "", count
        if leaf := self.leaf(view):
            html = self._leaf_html(self._open[-1], leaf, unfinished and outermost < 0)
        for level in range(len(view.levels) - 1, -1, -1):
            extras = view.extras(level, count)
            if not extras:
                continue
            html += "".join(self._closing(i) for i in range(depth - 1, level - 1, -1))
            depth = min(depth, level)
            for node in extras:
                grows = unfinished and level == outermost and node is extras[-1]
                html += self._renderer.html(node, grows)
        return html

    # --- what is finished -------------------------------------------------------------------------------

    def settle(self, view: View) -> Node | None:
        """Commit all but the last block, closing the frames it ended; that block, unless it is framed."""
        count = len(self._open)
        outermost = min((i for i in range(len(view.levels)) if view.extras(i, count)), default=-1)
        if outermost < 0:
            return None
        leaf = self.leaf(view)
        if leaf:
            self._put_text(self._leaf_html(self._open[-1], leaf, False))
        for level in range(len(view.levels) - 1, outermost - 1, -1):
            extras = view.extras(level, count)
            if extras:
                while len(self._open) > level:
                    self._close()
            for node in extras[:-1] if level == outermost else extras:
                self._put(node)
        return view.extras(outermost, count)[-1]

    def move(self, view: View, start: int) -> str:
        """Let the window begin at line `start` of the view; that window."""
        if start >= view.first:
            self._number += start - view.first
        self._place_stubs()
        return "\n".join(view.lines[max(start, view.first) :])

    def _put(self, node: Node) -> None:
        if not self._open:
            self._page.commit(self._renderer.html(node))
            return
        part = self._part(node, self._open[-1].kind)
        self._open[-1].parts.append(part)
        self._page.commit(_write(part, self._loose(len(self._open) - 1)))

    def _put_text(self, html: str) -> None:
        self._open[-1].parts.append(html)
        self._page.commit(html)

    def _part(self, node: Node, container: str) -> Part:
        if container == "list":
            return [self._part(child, "li") for child in node.children]
        if container == "li" and node.kind == "p":
            return Paragraph(self._renderer.inside(node))
        return self._renderer.html(node)

    def _close(self) -> None:
        number = len(self._open) - 1
        self._page.commit(self._closing(number))
        if number:
            self._open[number - 1].parts.append(self._whole(number))
        self._open.pop()

    def _whole(self, number: int) -> Part:
        """A closed frame as a part of the frame around it."""
        frame = self._open[number]
        if frame.kind == "li":
            return frame.parts
        if frame.kind == "p" and self._open[number - 1].kind == "li":
            return Paragraph("".join(_write(part, False) for part in frame.parts))
        return frame.opening + self._written(number) + frame.closing

    # --- tight and loose --------------------------------------------------------------------------------

    def _loose(self, number: int) -> bool:
        """Whether the list that frame `number` is, or is an item of, is shown with paragraphs."""
        frame = self._open[number]
        return self._open[number - 1].shown_loose if frame.kind == "li" else frame.shown_loose

    def _bare(self, number: int) -> bool:
        inside_item = number > 0 and self._open[number - 1].kind == "li"
        return self._open[number].kind == "p" and inside_item and not self._loose(number - 1)

    def _opening(self, number: int) -> str:
        return "" if self._bare(number) else self._open[number].opening

    def _closing(self, number: int) -> str:
        return "" if self._bare(number) else self._open[number].closing

    def _loosen(self, number: int, node: Node, lines: list[str], settled: bool) -> None:
        frame = self._open[number]
        quotes = sum(outer.kind == "quote" for outer in self._open[:number])
        loose = frame.loose or is_loose(node, lines, quotes)
        frame.loose = loose if settled else frame.loose
        for item in node.children:
            for child in item.children:
                child.bare = child.kind == "p" and not loose
        if loose != frame.shown_loose:
            frame.shown_loose = loose
            numbers = range(len(self._open))
            self._page.rewrite("".join(self._opening(i) + self._written(i) for i in numbers))

    def _written(self, number: int) -> str:
        loose = self._loose(number)
        return "".join(_write(part, loose) for part in self._open[number].parts)

    # --- opening ----------------------------------------------------------------------------------------

    def enter(self, view: View, node: Node) -> tuple[str, View] | None:
        """Open a frame for the growing block; the smaller window and its view, or None if it cannot be."""
        made = self._frame(view, node)
        if made is None:
            return None
        frame, live, start, text = made
        before = (self._open, self._stubs, self._number)
        self._open = [*self._open, frame]
        window = text + self.move(view, start)
        try:
            smaller = self.view(window, True)
            fits = self._fits(frame, node, live, smaller)
        except (Misfit, TooDeep):
            fits = False
        if not fits:
            self._open, self._stubs, self._number = before
            self._place_stubs()
            return None
        self._page.commit(self._opening(len(self._open) - 1))
        if frame.kind == "p":
            self._put_text(node.mark)  # the box of a task
        for child in node.children[:-1] if live else ():
            self._put(child)
        return window, smaller

    def _fits(self, frame: Frame, node: Node, live: Node | None, smaller: View) -> bool:
        """Whether the smaller view shows what the larger one does."""
        if live:
            return self.tail(smaller, False) == self._renderer.html(live)
        leaf = self.leaf(smaller)
        same = leaf is not None and leaf.text[frame.skip :] == node.text
        return same and leaf is not None and [row.cells for row in leaf.children] == [
            row.cells for row in node.children
        ]

    def _frame(self, view: View, node: Node) -> tuple[Frame, Node | None, int, str] | None:
        """The frame for `node`, the block in it which grows, and where the window begins then.

        That is at a line of the view, or at a piece of text in front of one.
        """
        lines = view.lines
        raw, line = lines[node.start], self._number + node.start - view.first
        opening, ending = self._renderer.opening(node), self._renderer.closing(node)
        frame = Frame(node.kind, opening, ending, node.mark, line)
        if node.kind in ("list", "quote", "li"):
            if not node.children:
                return None
            if node.kind == "list":
                quotes = sum(outer.kind == "quote" for outer in self._open)
                frame.loose = frame.shown_loose = is_loose(node, lines, quotes)
            elif node.kind == "li" and not self._item_stub(frame, raw):
                return None
            last = node.children[-1]
            return frame, last, last.start, ""
        if node.kind == "p":
            first = node.text.split("\n", 1)[0]
            at = raw.rstrip().rfind(first)
            if not first or at < 0 or raw.rstrip()[at:] != first:
                return None
            if "\n" not in node.text and "|" in node.text:
                return None  # the next line may make it a table's header
            frame.stub, frame.skip = raw[:at] + "x", 1
            return frame, None, node.start + 1, raw[at:] + "\n" * (node.start + 1 < len(lines))
        if node.kind == "code" and node.mark and node.text:
            frame.stub, frame.language = raw + "\n", node.language
            return frame, None, node.start + 1, ""
        if node.kind == "table" and node.children:
            frame.stub = raw + "\n" + lines[node.start + 1] + "\n"
            return frame, None, node.start + 2, ""
        return None

    def _item_stub(self, frame: Frame, raw: str) -> bool:
        """Find where an item's content begins in its first line. Tabs are too clever for us."""
        at = 0
        for outer in self._open:
            if outer.kind == "quote":
                match = _QUOTE.match(raw, at)
            elif outer.kind == "li" and outer.line == frame.line:
                match = _MARKER.match(raw, at)
            elif outer.kind == "li":
                match = re.compile(f" {{{outer.indent}}}").match(raw, at)
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

    def _place_stubs(self) -> None:
        """One stub for each line that is gone; the innermost, where several frames began on one."""
        stubs: list[Frame] = []
        for frame in self._open:
            frame.stubbed = False
            if frame.stub:
                if stubs and stubs[-1].line == frame.line:
                    stubs.pop()
                stubs.append(frame)
        if stubs and stubs[-1].kind == "li" and stubs[-1].line == self._number:
            stubs.pop()  # the window itself begins with the item's first line
        for frame in stubs:
            frame.stubbed = frame.kind == "li"
        self._stubs = "".join(frame.stub for frame in stubs)

    # --- paragraphs, code and tables --------------------------------------------------------------------

    def _leaf_html(self, frame: Frame, node: Node, unfinished: bool) -> str:
        if frame.kind == "p":
            return self._renderer.inline.html(node.text[frame.skip :], unfinished)
        if frame.kind == "code":
            return code_html(frame.language, node.text[frame.skip :], frame.state)
        return "".join(self._renderer.html(row, unfinished) for row in node.children)

    def consume(self, view: View, lines: bool) -> str | None:
        """Commit what is finished in a framed leaf; the window behind it, or None if nothing is.

        `lines`: the window is made of whole lines.
        """
        node = self.leaf(view)
        if node is None or self.growing(view) is not None:
            return None
        frame = self._open[-1]
        if frame.kind == "table":
            return self._consume_rows(view, node, frame) if lines and node.children else None
        if frame.kind == "code":
            return self._consume_code(view, node, frame)
        return self._consume_words(view, node, frame)

    def _consume_rows(self, view: View, node: Node, frame: Frame) -> str:
        frame.missing += sum(row.cells.count("") for row in node.children)
        if frame.missing > _MOST_MISSING:
            raise Misfit
        for row in node.children:
            self._put_text(self._renderer.html(row))
        return self.move(view, node.children[-1].end)

    def _consume_code(self, view: View, node: Node, frame: Frame) -> str | None:
        at, state, html = frame.skip, frame.state, []
        while piece := next_piece(frame.language, node.text, at, state):
            html.append(piece.html)
            at, state = at + piece.length, piece.after
        begin = node.text.rfind("\n", 0, at) + 1
        if at == frame.skip or (at > begin and not is_solid(node.text[begin:at])):
            return None
        line, text = node.text.count("\n", 0, at), ""
        if at > begin:  # inside a line: its beginning stays, as one character
            content = node.text[begin:].split("\n", 1)[0]
            raw = view.lines[node.start + 1 + line]
            if not raw.endswith(content):
                return None
            text = raw[: len(raw) - len(content)] + "x" + node.text[at : begin + len(content)]
        for done in html:
            self._put_text(done)
        frame.state, frame.skip = state, 1 if text else 0
        rest = self.move(view, node.start + 1 + line)
        return text + rest[rest.find("\n") :] if text and "\n" in rest else text or rest

    def _consume_words(self, view: View, node: Node, frame: Frame) -> str | None:
        at, html = frame.skip, []
        while cut := self._renderer.inline.next_cut(node.text[at:]):
            end = at + cut[0]
            begin = node.text.rfind("\n") + 1  # of the last line, which a table may still take as its header
            if end > begin and ("|" in node.text[begin:] or not is_solid(node.text[begin:end])):
                break
            at = end
            html.append(cut[1])
        line = node.text.count("\n", 0, at)
        raw = view.lines[node.start + line]
        content = node.text[at:].split("\n", 1)[0]
        found = raw if raw.endswith(content) else raw.rstrip()
        if at == frame.skip or not found.endswith(content):
            return None
        for done in html:
            self._put_text(done)
        text = raw[len(found) - len(content) :]
        rest = self.move(view, node.start + line)
        return text + rest[rest.find("\n") :] if "\n" in rest else text


def is_solid(line: str) -> bool:
    """Whether a line, however it goes on, is more than marks: no rule, underline or delimiter row."""
    return _SOLID.search(line) is not None


def _write(part: Part, loose: bool) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, Paragraph):
        return f"<p>{part.html}</p>" if loose else part.html
    return "<li>" + "".join(_write(inner, loose) for inner in part) + "</li>"


def _without_stub(item: Node) -> list[Node]:
    if not item.children or item.children[0].kind != "h" or item.children[0].text:
        raise Misfit
    return item.children[1:]


def is_loose(node: Node, lines: list[str], quotes: int) -> bool:
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
