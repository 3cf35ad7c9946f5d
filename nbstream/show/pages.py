"""One page of several parts: what the model said, a card for each tool it called, what it said then.

Each part is rendered on its own, so that a fence which one leaves open does not swallow the next. Their
blocks are numbered through.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal

from .plain import PlainText

if TYPE_CHECKING:
    from .live import LiveMarkdown

log = logging.getLogger("nbstream")
Op = list[Any]


class Pages:
    """Text goes in and cards, operations for `ops.js` come out.

    With `math` ``"tex"`` a formula is its source, for the page's own typesetter; with ``"mathml"`` it is
    drawn by the browser alone.

    >>> pages = Pages()
    >>> _ = pages.feed("One.")
    >>> pages.card("<blockquote></blockquote>")
    [['append', 1, '<blockquote></blockquote>']]
    >>> pages.feed("Two.")[0]
    ['append', 2, '<p></p>']
    """

    def __init__(self, math: Literal["tex", "mathml"] = "tex") -> None:
        self._mathml = math == "mathml"
        if self._mathml:
            from .mathml import warm

            warm()
        self._closed: list[Op] = []
        """What rebuilds the parts that are finished."""
        self._base = 0
        """The number of the first block of the part that grows."""
        self._part: LiveMarkdown | PlainText | None = None
        self._text: list[str] = []

    def prepare(self) -> None:
        """Import what rendering needs, while nobody waits."""
        self._page()

    def feed(self, text: str) -> list[Op]:
        """Take more of the model's text."""
        if not text:
            return []
        self._text.append(text)
        try:
            return self._moved(self._page().feed(text))
        except Exception:
            return self._plainly()

    def finish(self) -> list[Op]:
        """Show all that was held back of the part that grows."""
        if self._part is None:
            return []
        try:
            return self._moved(self._part.finish())
        except Exception:
            return self._plainly()

    def card(self, html: str, *, again: bool = False) -> list[Op]:
        """Put a block of our own behind what stands; or (`again`) in the place of the last one."""
        ops = [] if again else self.close()
        if again:
            self._closed.pop()
            self._base -= 1
        self._closed.append(["append", self._base, html])
        self._base += 1
        return [*ops, ["replace" if again else "append", self._base - 1, html]]

    def close(self) -> list[Op]:
        """End the part that grows: what follows is another."""
        ops = self.finish()
        if self._part is not None:
            self._closed += self._moved(self._part.snapshot())
            self._base = sum(op[0] == "append" for op in self._closed)
            self._part, self._text = None, []
        return ops

    def withdraw(self) -> list[Op]:
        """Forget the part that grows; the operations that rebuild the rest from nothing."""
        self._part, self._text = None, []
        return list(self._closed)

    def snapshot(self) -> list[Op]:
        """The operations that rebuild all from nothing."""
        return self._closed + (self._moved(self._part.snapshot()) if self._part is not None else [])

    def _page(self) -> LiveMarkdown | PlainText:
        if self._part is None:
            from .live import LiveMarkdown

            self._part = LiveMarkdown(mathml=self._mathml)
        return self._part

    def _plainly(self) -> list[Op]:
        """However odd the text, it is shown: as it is, from the part's beginning."""
        log.exception("text could not be rendered; it is shown as it is")
        self._part = PlainText()
        first, *rest = self._moved(self._part.feed("".join(self._text)))
        return [["replace", *first[1:]], *rest]

    def _moved(self, ops: list[Op]) -> list[Op]:
        return [[op[0], op[1] + self._base, *op[2:]] for op in ops] if self._base else ops
