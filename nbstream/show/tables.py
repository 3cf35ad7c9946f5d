"""A table as HTML, beside the Markdown of the same; every cell is shown literally. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from .clean import clean_inline


def html_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The table that `cards.table` writes in Markdown.

    >>> html_table(["a"], [["<b>"], [None]]).partition("<tbody>")[2]
    '<tr><td>&lt;b&gt;</td></tr><tr><td></td></tr></tbody></table>'
    """
    titles = "".join(f'<th style="white-space:nowrap">{_cell(name)}</th>' for name in head)
    body = "".join(f"<tr>{''.join(f'<td>{_cell(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: object) -> str:
    return escape(clean_inline("" if value is None else str(value)))
