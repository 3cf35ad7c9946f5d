"""Markdown that is still being written, as operations on a page: only what grows is parsed and sent.

The source is kept from the start of the last thing that grows, the *window*; each feed parses it anew.
Where a block becomes long, the window shrinks into it: a *frame* is opened for it (a list, an item, a quote,
a fence, a table, a paragraph), what is finished in it is committed, and a *stub* takes the place of the lines
that were dropped, so that the parser still sees the same nesting:

    - a long item, committed            - #                       the stub: an item that begins with something
      ```python                 ->        ```python               the stub of the fence
      2,000 lines, committed              the last lines          the window
      the last lines

So the cost of a feed depends on what is open, not on what went before. Should a later line contradict a
frame (a paragraph becomes a heading), the block is rendered once more from its source.
"""

from __future__ import annotations

import re

from .blocks import Op, Page
from .frame import Misfit, View, is_solid
from .frames import Frames
from .grammar import may_change
from .highlight import escape_text
from .render import Renderer, TooDeep, tidy
from .unfinished import hold

WINDOW = 1_000  # characters; a longer block is framed
_SLOW = 8_000  # a longer window, which could not be framed, is shown again only when it grew by an eighth
_LONG_LINE = 700
_MOST_MISFITS = 3  # then the block is left without frames
_HALF = re.compile("[\r\ud800-\udbff]\\Z")  # half of a line's end, half of a character


class LiveMarkdown:
    """An answer on its way. Pure: text goes in, operations for `ops.js` come out.

    Examples
    --------
    >>> live = LiveMarkdown()
    >>> live.feed("Hello **wor")
    [['append', 0, '<p></p>'], ['grow', 0, 0, 'Hello <strong>wor</strong>']]
    >>> live.feed("ld**\\n\\n")
    [['tail', 0, 17, 'ld</strong>']]
    """

    def __init__(self, window: int = WINDOW, mathml: bool = False) -> None:
        self.renderer = Renderer(mathml)
        self._page = Page()
        self._frames = Frames(self.renderer, self._page)
        self._size = window
        self._half = ""
        self._window = ""  # the source that is parsed again
        self._block: list[str] = []  # the source of the block that is not finished, from its start
        self._misfits = 0
        self._framing = True
        self._stuck: object = None  # a block that no frame fits …
        self._retry = 0  # … until the window is so long
        self._plain = False  # nested too deeply: from here on as it is
        self._inside = ""  # the kind of block in which the last whole line is
        self._seen = 0  # the window's length when it was shown last
        self._lines = False  # a line has ended since

    def feed(self, text: str) -> list[Op]:
        """Take more text; the operations that show it."""
        text = self._half + text
        half = _HALF.search(text)
        self._half = half.group() if half else ""
        return self._take(tidy(text.removesuffix(self._half)))

    def finish(self) -> list[Op]:
        """Show all that was held back, as the finished text reads."""
        half, self._half = self._half, ""
        return self._take(tidy(half), last=True)

    def snapshot(self) -> list[Op]:
        """The operations that rebuild the present state from nothing."""
        return self._page.snapshot()

    def _take(self, text: str, last: bool = False) -> list[Op]:
        self._window += text
        self._block.append(text)
        if self._plain:
            self._page.commit(escape_text(text))
            return self._page.flush()
        self._lines = self._lines or "\n" in text
        size = len(self._window)
        if last or size < _SLOW or size > self._seen + self._seen // 8:
            try:
                self._update(last)
            except Misfit:
                self._forget()
                self._update(last)
                self._framing = True
            except TooDeep:
                self._give_up()
            self._seen = len(self._window)
        return self._page.flush()

    def _update(self, last: bool) -> None:
        self._frames.ready(last)
        whole = self._window.rfind("\n") + 1
        line = self._window[whole:]
        if len(line) > _LONG_LINE and is_solid(line) and not may_change(line, self._inside):
            self._advance(len(self._window))  # what such a line is, is decided
        elif self._lines:
            self._advance(whole)
        self._lines = False
        self._show(last)

    # --- what is finished leaves the window -------------------------------------------------------------

    def _advance(self, whole: int) -> None:
        """Commit what no later line can change, and let the window begin at the last thing that grows."""
        frames, window, partial = self._frames, self._window[:whole], self._window[whole:]
        view = frames.view(window, settled=True)
        node = frames.settle(view)
        if node is not None:
            if len(view.levels[0]) > 1:
                self._block = ["\n".join(view.lines[node.start :]), partial]
                self._misfits, self._stuck = 0, None
            window = frames.move(view, node.start)
            if frames or len(window) > self._size:
                view = frames.view(window, settled=True)
                if frames and frames.tail(view, False) != self.renderer.html(node):
                    raise Misfit
        self._window = self._narrow(view, window) + partial
        self._inside = _inside(frames, view)

    def _narrow(self, view: View, window: str) -> str:
        """Open frames while the window is long; the window that remains."""
        frames = self._frames
        while len(window) > self._size and self._misfits < _MOST_MISFITS and self._framing:
            node = frames.growing(view)
            if node is None:
                break
            block = (node.kind, node.start, len(view.levels))
            if self._stuck == block and len(window) < self._retry:
                break
            entered = frames.enter(view, node)
            if entered is None:
                self._stuck, self._retry = block, 2 * len(window)
                break
            window, view = entered
        rest = frames.consume(view)
        if rest is None:
            rest = frames.drop_empty(view)
        return window if rest is None else rest

    # --- what is shown ----------------------------------------------------------------------------------

    def _show(self, last: bool) -> None:
        frames, window = self._frames, self._window
        shown = len(window) if last else hold(window, self._inside)
        view = frames.view(window[:shown], settled=False)
        self._page.tail = frames.tail(view, not last)

    def _forget(self) -> None:
        """Render the block that is not finished from its source, this time without frames."""
        self._misfits += 1
        self._framing = False
        self._frames.forget()
        self._window = "".join(self._block)

    def _give_up(self) -> None:
        """Show what is nested too deeply as it is, and all that follows."""
        self._frames.forget()
        source = "".join(self._block)
        try:
            self.renderer.parse(source)
            line = 0
        except TooDeep as deep:
            line = deep.line
        lines = source.split("\n")
        for node in self.renderer.parse("\n".join(lines[:line])):
            self._page.commit(self.renderer.html(node))
        self._page.commit("<pre>" + escape_text("\n".join(lines[line:])))
        self._page.tail = ""
        self._plain = True


def _inside(frames: Frames, view: View) -> str:
    """The kind of block in which the last whole line is, as `hold` asks for it."""
    node = frames.growing(view) or frames.leaf(view)
    while node is not None and node.children:
        node = node.children[-1]
    if node is None:
        return ""
    return "" if node.kind == "code" and (node.closed or not node.mark) else node.kind
