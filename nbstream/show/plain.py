"""Text as it is, in the operations of `live`: for when rendering has failed."""

from __future__ import annotations

from typing import Any

from .clean import clean

_BLOCK = ["append", 0, "<pre></pre>"]


class PlainText:
    """A page of one preformatted block. It always works.

    >>> page = PlainText()
    >>> page.feed("<b>")
    [['append', 0, '<pre></pre>'], ['grow', 0, 0, ''], ['text', 0, '<b>']]
    >>> page.feed("more")
    [['text', 0, 'more']]
    """

    def __init__(self) -> None:
        self._text: list[str] = []

    def feed(self, text: str) -> list[list[Any]]:
        """Take more text; the operations that show it."""
        begun = bool(self._text)
        self._text.append(clean(text))
        return ([] if begun else self._opening()) + [["text", 0, self._text[-1]]]

    def finish(self) -> list[list[Any]]:
        """Nothing is held back."""
        return []

    def snapshot(self) -> list[list[Any]]:
        """The operations that rebuild all from nothing."""
        return [*self._opening(), ["text", 0, "".join(self._text)]] if self._text else []

    def _opening(self) -> list[list[Any]]:
        # The page puts text where it last grew.
        return [list(_BLOCK), ["grow", 0, 0, ""]]
