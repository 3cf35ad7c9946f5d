"""Markdown of ours as it is read where nobody renders it: in a terminal. Pure."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import groupby
from unicodedata import east_asian_width

_MARKS = re.compile(r"</?(?:span|code)>|\u2060|(?<!\\)\*\*|(?<!\\)`+|\\(?=[\\*_\[\]~|`])")
"""What a reader of Markdown does not see of it."""


def plain(markdown: str) -> str:
    """Tables with their columns one below the other, and the words without the marks around them.

    >>> print(plain("**Two**:\\n\\n| # | prompt |\\n| --- | --- |\\n| 1 | 你好 |\\n| 12 | `a` \\\\| b |"))
    Two:
    <BLANKLINE>
    #   prompt
    1   你好
    12  a | b
    """
    groups = groupby(markdown.split("\n"), lambda line: line.startswith("|") and line.endswith("|"))
    return "\n".join(
        line for table, lines in groups for line in (_aligned([*lines]) if table else map(_bare, lines))
    )


def _aligned(lines: list[str]) -> Iterator[str]:
    cells = [[_bare(one.strip()) for one in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    rows = [
        row for row in cells if any(re.search("[^-: ]", one) for one in row)
    ]  # not the rule, nor an empty head
    widths = [max(map(width, column)) for column in zip(*rows, strict=False)]
    for row in rows:
        padded = (one + " " * (wide - width(one)) for one, wide in zip(row, widths, strict=False))
        yield "  ".join(padded).rstrip()


def _bare(text: str) -> str:
    return html.unescape(_MARKS.sub("", text))


def width(text: str) -> int:
    """How many columns of a terminal `text` takes."""
    return sum(2 if east_asian_width(one) in "WF" else 1 for one in text)
