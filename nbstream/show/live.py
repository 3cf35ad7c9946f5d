"""Markdown that is still being written, as operations on a page: only what grows is parsed and sent."""

from __future__ import annotations

from .blocks import Op, Page
from .render import Renderer, TooDeep, plain, tidy


class LiveMarkdown:
    """An answer on its way. Pure: text goes in, operations for `ops.js` come out.

    Examples
    --------
    >>> live = LiveMarkdown()
    >>> live.feed("Hello **wor")
    [['append', 0, '<p></p>'], ['grow', 0, 0, 'Hello <strong>wor</strong>']]
    >>> live.feed("ld**\\n\\n") and live.finish()
    []
    """

    def __init__(self) -> None:
        self._renderer = Renderer()
        self._page = Page()
        self._raw = ""  # a carriage return which may be half of a line's end
        self._window = ""  # the source from the start of the last block
        self._deep = False

    def feed(self, text: str) -> list[Op]:
        """Take more text; the operations that show it."""
        text = self._raw + text
        self._raw = "\r" if text.endswith("\r") else ""
        self._window += tidy(text[: len(text) - len(self._raw)])
        return self._show(False)

    def finish(self) -> list[Op]:
        """Show all that was held back."""
        self._window += tidy(self._raw)
        self._raw = ""
        return self._show(True)

    def snapshot(self) -> list[Op]:
        """The operations that rebuild the present state from nothing."""
        return self._page.snapshot()

    def _show(self, last: bool) -> list[Op]:
        page, renderer = self._page, self._renderer
        try:
            whole = self._window.rfind("\n") + 1
            nodes = renderer.parse(self._window[:whole])
            for node in nodes[:-1]:
                page.commit(renderer.html(node))
            if len(nodes) > 1:
                self._window = "\n".join(self._window.split("\n")[nodes[-1].start :])
            nodes = renderer.parse(self._window)
            page.tail = "".join(renderer.html(node, not last and node is nodes[-1]) for node in nodes)
        except TooDeep as deep:
            lines = self._window.split("\n")
            nodes = [*renderer.parse("\n".join(lines[: deep.line])), plain("\n".join(lines[deep.line :]))]
            page.tail = "".join(map(renderer.html, nodes))
        return page.flush()
