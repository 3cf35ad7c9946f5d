"""The open frames of an answer: matched to what the parser finds, opened where a block is long, closed."""

from __future__ import annotations

from .blocks import Page
from .frame import (
    LEAVES,
    Frame,
    Misfit,
    Paragraph,
    Part,
    View,
    is_loose,
    place_stubs,
    stub_item,
    without_stub,
    write,
)
from .grammar import MOST_MISSING
from .leaves import Rest, consume, frame_leaf, leaf_html
from .render import Node, Renderer, TooDeep, missing_cells

_MANY_EMPTY = 20


class Frames:
    """The frames of the block that is not finished."""

    def __init__(self, renderer: Renderer, page: Page) -> None:
        self._renderer = renderer
        self._page = page
        self._open: list[Frame] = []
        self._stubs = ""
        self._number = 0  # of the window's first line
        self._patient = False  # a list that became loose waits: to show it anew costs the whole block
        self._next = 0  # the length of the block at which it is shown anew
        self._stale = False  # a list was closed while it waited

    def __bool__(self) -> bool:
        return bool(self._open)

    def forget(self) -> None:
        """Drop all frames: what they showed is rendered anew."""
        self._open, self._stubs = [], ""
        self._next, self._stale = 0, False
        self._page.rewrite("")

    def ready(self, last: bool) -> None:
        """Before each update: decide whether what became loose is shown as it is. In the end, it is."""
        self._patient = not last and self._page.length < self._next
        if last and self._stale:
            self._rewrite()

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
            if frame.kind == "table" and frame.missing + missing_cells(view.lines, node) > MOST_MISSING:
                raise Misfit  # such a table ends
            if frame.kind not in LEAVES:
                view.levels.append(without_stub(node) if frame.stubbed else node.children)
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
            html = leaf_html(self._renderer, self._open[-1], leaf, unfinished and outermost < 0)
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
            self._put_text(leaf_html(self._renderer, self._open[-1], leaf, False))
        for level in range(len(view.levels) - 1, outermost - 1, -1):
            extras = view.extras(level, count)
            if extras:
                while len(self._open) > level:
                    self._close()
            for node in extras[:-1] if level == outermost else extras:
                self._put(node)
        return view.extras(outermost, count)[-1]

    def _put(self, node: Node) -> None:
        if not self._open:
            self._page.commit(self._renderer.html(node))
            return
        part = self._part(node, self._open[-1].kind)
        self._open[-1].parts.append(part)
        self._page.commit(write(part, self._loose(len(self._open) - 1)))

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
        frame = self._open[number]
        if frame.kind == "list" and frame.loose != frame.shown_loose:
            frame.shown_loose, self._stale = frame.loose, True
        if number:
            self._open[number - 1].parts.append(self._whole(number))
        elif self._stale:
            self._rewrite()
        self._page.commit(self._closing(number))
        self._open.pop()
        self._next = self._next if number else 0

    def _whole(self, number: int) -> Part:
        """A closed frame as a part of the frame around it."""
        frame = self._open[number]
        if frame.kind == "li":
            return frame.parts
        if frame.kind == "p" and self._open[number - 1].kind == "li":
            return Paragraph("".join(write(part, False) for part in frame.parts))
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
        loose = frame.loose or is_loose(node, lines, self._quotes(number))
        frame.loose = loose if settled else frame.loose
        if loose != frame.shown_loose and not self._patient:
            frame.shown_loose = loose
            self._rewrite()
        for item in node.children:
            for child in item.children:
                child.bare = child.kind == "p" and not frame.shown_loose

    def _rewrite(self) -> None:
        numbers = range(len(self._open))
        self._page.rewrite("".join(self._opening(i) + self._written(i) for i in numbers))
        self._next, self._stale = self._page.length + self._page.length // 8, False

    def _quotes(self, number: int) -> int:
        return sum(frame.kind == "quote" for frame in self._open[:number])

    def _written(self, number: int) -> str:
        loose = self._loose(number)
        return "".join(write(part, loose) for part in self._open[number].parts)

    # --- smaller windows --------------------------------------------------------------------------------

    def enter(self, view: View, node: Node) -> tuple[str, View] | None:
        """Open a frame for the growing block; the smaller window and its view, or None if none fits."""
        renderer, before = self._renderer, (self._open, self._stubs, self._number)
        line = self._number + node.start - view.first
        frame = Frame(node.kind, renderer.opening(node), renderer.closing(node), node.mark, line)
        rest = frame_leaf(frame, view, node) if node.kind in LEAVES else self._framed(frame, view, node)
        if rest is None:
            return None
        self._open = [*self._open, frame]
        window = self._move(view, rest)
        try:
            smaller = self.view(window, settled=True)
            fits = self._fits(frame, node, smaller)
        except (Misfit, TooDeep):
            fits = False
        if not fits:
            self._open, self._stubs, self._number = before
            place_stubs(self._open, self._number)
            return None
        self._page.commit(self._opening(len(self._open) - 1))
        for html in rest.done:
            self._put_text(html)
        for child in () if node.kind in LEAVES else node.children[:-1]:
            self._put(child)
        return window, smaller

    def _framed(self, frame: Frame, view: View, node: Node) -> Rest | None:
        """Prepare the frame of a container; the window begins with the last block in it."""
        if node.kind == "list":
            frame.loose = frame.shown_loose = is_loose(node, view.lines, self._quotes(len(self._open)))
        elif node.kind == "li" and not stub_item(frame, self._open, view.lines[node.start]):
            return None
        return Rest([], node.children[-1].start) if node.children else None

    def _fits(self, frame: Frame, node: Node, smaller: View) -> bool:
        """Whether the smaller view shows what the larger one does."""
        if frame.kind not in LEAVES:
            return self.tail(smaller, False) == self._renderer.html(node.children[-1])
        leaf = self.leaf(smaller)
        if leaf is None or leaf.text[frame.skip :] != node.text:
            return False
        return [row.cells for row in leaf.children] == [row.cells for row in node.children]

    def consume(self, view: View) -> str | None:
        """Commit what is finished in a framed leaf; the window behind it, or None if nothing is."""
        node = self.leaf(view)
        if node is None or self.growing(view) is not None:
            return None
        rest = consume(self._renderer, self._open[-1], view, node)
        if rest is None:
            return None
        for html in rest.done:
            self._put_text(html)
        return self._move(view, rest)

    def drop_empty(self, view: View) -> str | None:
        """Many empty lines between two blocks are as good as one; the window without them, or None."""
        if self.growing(view) or self.leaf(view) or len(view.lines) - view.first < _MANY_EMPTY:
            return None
        return self.move(view, len(view.lines) - 2)

    def move(self, view: View, start: int) -> str:
        """Let the window begin at line `start` of the view; that window."""
        return self._move(view, Rest([], start))

    def _move(self, view: View, rest: Rest) -> str:
        start = max(rest.line, view.first)
        self._number += start - view.first
        self._stubs = place_stubs(self._open, self._number)
        lines = view.lines[start:]
        if rest.text is not None:
            lines[0] = rest.text
        return "\n".join(lines)
