"""A page in Python: what ops.js does to a document, done to strings; and what may stand in it."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

from nbstream.show.highlight import CLASSES

_CLOSERS = re.compile(r"(?:</\w+>)*$")
_TAGS = frozenset(
    [
        "p",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "ul",
        "ol",
        "li",
        "blockquote",
        "pre",
        "code",
        "span",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "hr",
        "br",
        "a",
        "em",
        "strong",
        "s",
    ]
)
_VOID = frozenset({"br", "hr"})
_LINK = {"href": r"(?:https?://|mailto:).*", "target": "_blank", "rel": "noopener noreferrer nofollow"}


class StringPage:
    """Applies operations as ops.js does, and fails where ops.js would."""

    def __init__(self) -> None:
        self._blocks: list[str] = []
        self._live: tuple[str, str, str] | None = None  # in front of the tail of the last block, it, behind

    @property
    def blocks(self) -> list[str]:
        return self._blocks if self._live is None else [*self._blocks[:-1], "".join(self._live)]

    def apply(self, ops: list[list[Any]]) -> None:
        for name, number, *rest in ops:
            if name in ("append", "replace"):
                blocks = self.blocks
                assert number <= len(blocks) if name == "replace" else number == len(blocks)
                self._blocks = blocks[:number] + ([rest[0]] if rest[0] else [])
                self._live = None
            else:
                assert number == len(self._blocks) - 1
                getattr(self, "_" + name)(*rest)

    def _grow(self, depth: int, html: str) -> None:
        whole = self.blocks[-1]
        closers = re.findall(r"</\w+>", _CLOSERS.search(whole).group())  # type: ignore[union-attr]
        behind = "".join(closers[len(closers) - depth - 1 :])
        assert len(closers) > depth
        self._live = (whole.removesuffix(behind), html, behind)

    def _tail(self, keep: int, html: str) -> None:
        assert self._live is not None
        kept = self._live[1].encode("utf-16-le")[: 2 * keep].decode("utf-16-le")
        self._live = (self._live[0], kept + html, self._live[2])

    def _text(self, text: str) -> None:
        assert self._live is not None
        assert not re.search("[<>&]", text)
        self._live = (self._live[0], self._live[1] + text, self._live[2])


def text_of(blocks: list[str]) -> str:
    return "\n".join(unescape(re.sub("<[^>]*>", "", block)) for block in blocks)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.roots = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _TAGS
        if not self.open:
            self.roots += 1
        for name, value in attrs:
            assert re.fullmatch(_allowed(tag, name), value or "", re.S), (tag, name, value)
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        assert self.open

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError("a declaration")


def _allowed(tag: str, name: str) -> str:
    if tag == "a":
        return _LINK.get(name, "(?!)")
    if name == "class" and tag == "code":
        return r"language-[A-Za-z0-9+#.-]{1,24}|nbs-math( nbs-tex( nbs-display)?)?"
    if name == "class" and tag == "span":
        return "|".join(CLASSES)
    if name == "align" and tag in ("th", "td"):
        return "left|right|center"
    return r"\d{1,9}" if (tag, name) == ("ol", "start") else "(?!)"


def assert_safe(blocks: list[str]) -> None:
    """Each block is exactly one element, and holds only tags, attributes and addresses that we write."""
    for block in blocks:
        reader = _Reader()
        reader.feed(block)
        reader.close()
        assert reader.roots == 1
        assert not reader.open
