"""Markdown that is still being written, as operations on a page: only what grows is parsed and sent.

The source is kept from the start of the last thing that grows, the *window*; it is parsed anew at each feed.
Where a block becomes long, the window shrinks into it: a *frame* is opened for it (a list, an item, a quote, a
fence, a table, a paragraph), what is finished in it is committed, and a *stub* takes the place of the lines
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
from .frames import Frame, Frames, Misfit
from .highlight import escape_text
from .render import Node, Renderer, TooDeep, tidy
from .unfinished import hold

_WINDOW = 1_000  # characters; a longer block is framed
_SLOW = 8_000  # a longer window, which cannot be framed, is shown again only when it has grown by an eighth
_CUT = re.compile("[\r\ud800-\udbff]\\Z")  # half of a line's end, half of a character


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

    def __init__(self, window: int = _WINDOW) -> None:
        self.renderer = Renderer()
        self._page = Page()
        self._size = window
        self._half = ""
        self._frames = Frames(self.renderer, self._page)
        self._window = ""  # the source that is parsed again
        self._block: list[str] = []  # the source of the block that is not finished, from its start
        self._framing = True
        self._plain = False  # nested too deeply: from here on as it is
        self._inside = ""  # the kind of block in which the last whole line is
        self._seen = 0  # the window's length when it was shown last

    def feed(self, text: str) -> list[Op]:
        """Take more text; the operations that show it."""
        text = self._half + text
        half = _CUT.search(text)
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
        elif last or not self._too_soon():
            try:
                if "\n" in text or last:
                    self._advance()
                self._show(last)
            except Misfit:
                self._again()
                self._show(last)
            except TooDeep:
                self._give_up(last)
        return self._page.flush()

    def _too_soon(self) -> bool:
        size = len(self._window)
        return size > _SLOW and size < self._seen + self._seen // 8

    # --- what is finished leaves the window -------------------------------------------------------------

    def _advance(self) -> None:
        """Commit what no later line can change, and let the window begin at the last thing that grows."""
        whole = self._window.rfind("\n") + 1
        roots = self._frames.parse(self._window[:whole])
        if len(roots) > 1:
            self._frames.finish(roots)
            self._begin(roots[-1].start)
        ...
