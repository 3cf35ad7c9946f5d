"""HTML of ours for an output: tables beside the Markdown of the same; all words in it are literal. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from .clean import clean, clean_inline


def for_page(html: str) -> str:
    """`html` where no formulas are: front ends look for them in whatever HTML an output has."""
    return f'<div class="tex2jax_ignore mathjax_ignore">{html}</div>'


def page_text(text: str) -> str:
    """`text` for inside HTML. Also where a class is taken out again nothing in it is a formula.

    >>> page_text("<b> for $5 or $6")
    '&lt;b&gt; for <span>$</span>5 or <span>$</span>6'
    """
    return re.sub(r"[$\\]", lambda sign: f"<span>{sign[0]}</span>", escape(clean(text)))


def html_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The table that `cards.table` writes in Markdown.

    Heads break at their blanks only, also in Chinese, and numbers nowhere: it keeps within a cell's width if
    that can be, and scrolls by itself if not.

    >>> html_table(["a"], [["<b>"], [None]]).partition("<tbody>")[2]
    '<tr><td>&lt;b&gt;</td></tr><tr><td></td></tr></tbody></table></div>'
    """
    titles = "".join(
        f'<th style="word-break:keep-all;white-space:normal">{_cell(name)}</th>' for name in head
    )
    body = "".join(f"<tr>{''.join(f'<td>{_cell(cell)}</td>' for cell in row)}</tr>" for row in rows)
    table = f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div style="overflow-x:auto;white-space:nowrap">{table}</div>'


def _cell(value: object) -> str:
    return page_text(clean_inline("" if value is None else str(value)))
