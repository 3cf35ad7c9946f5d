"""What the tests of answers share: the text that a sent Markdown document must show, and its hash."""

from __future__ import annotations

import hashlib
import html
import re

from markdown_it import MarkdownIt

from tests.browser.page import squeezed


def shown(markdown: str) -> str:
    """The squeezed text of `markdown` when it is rendered, by an engine with none of our own rules."""
    rendered = MarkdownIt("commonmark").enable("table").render(markdown)
    return squeezed(html.unescape(re.sub(r"<[^>]*>", " ", rendered)))


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def assert_same(visible: str, sent: str) -> None:
    """`visible` (squeezed) is what `sent` shows, to the last character; says where they part if not."""
    expected = shown(sent)
    if digest(visible) == digest(expected):
        return
    at = next((i for i, (a, b) in enumerate(zip(visible, expected, strict=False)) if a != b), None)
    at = min(len(visible), len(expected)) if at is None else at
    raise AssertionError(
        f"{len(visible)} characters are shown, {len(expected)} were sent; they part at {at}:\n"
        f"  shown …{visible[max(0, at - 40) : at + 40]!r}…\n  sent  …{expected[max(0, at - 40) : at + 40]!r}…"
    )
