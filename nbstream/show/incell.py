"""An answer inside one cell of a Markdown table: every word of it, on one line, alike for all readers.

A cell of a table holds no blocks in Markdown; readers of it take a few tags of HTML there. These are ours and
carry nothing of the model's: what the model wrote stands between them, escaped as `nbstream.show.markdown`
does it. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .clean import FOOTER_MARK, clean
from .escape import html_text
from .inline import InlineWriter, Place
from .markdown import _MOST_WORK, _TooMuch, parser
from .rules import RULES
from .serialize import Node, tree
from .tex import in_table

_STOP = re.compile(r"[*_\[\]!~|`<]")
_HARMLESS = re.compile("&#(33|34|35|39|123|125);")
"""``! " # ' { }``: quotes stand in no attribute here, and marks at no beginning of a line."""
_BLOCK_ENDS = ("</pre>", "</ul>", "</ol>", "</table>", "</blockquote>", "<hr>")
_BLOCK_BEGINS = ("<pre>", "<ul>", "<ol", "<table>", "<blockquote>", "<hr>")


def in_cell(text: str) -> str:
    r"""`text`, a model's Markdown, as the inside of a cell.

    >>> in_cell("Two:\n\n- `a|b`\n- **c**\n\n```python\nx = 1\ny = 2\n```")
    'Two:<ul><li><code>a&#124;b</code></li><li>**c**</li></ul><pre><code>x = 1&#10;y = 2</code></pre>'
    """
    text = clean(text).replace(FOOTER_MARK, "")
    try:
        written = _blocks(tree(parser(RULES).parse(text)))
        if len(_STOP.findall(written)) * len(written) > _MOST_WORK:
            raise _TooMuch
    except (RecursionError, _TooMuch):
        return _code(text)
    return written if written or not text.strip() else _code(text)


def _blocks(nodes: Sequence[Node]) -> str:
    written: list[str] = []
    between = ""
    for node in nodes:
        block = _block(node)
        if not block:
            continue
        if written and not written[-1].endswith(_BLOCK_ENDS) and not block.startswith(_BLOCK_BEGINS):
            written.append(between)
        written.append(block)
        between = "<br>" if node.token.type == "heading_open" else "<br><br>"
    return "".join(written)


def _block(node: Node) -> str:
    token = node.token
    kind = token.type
    if kind == "paragraph_open":
        return _inline(node)
    if kind == "heading_open":
        text = _inline(node)
        return f"<strong>{text}</strong>" if text else ""
    if kind in ("fence", "code_block"):
        return _code(token.content)
    if kind == "math_block":
        tex = in_table(token.content)
        return html_text(" ".join(token.content.split())) if tex is None else f"$${' '.join(tex.split())}$$"
    if kind == "hr":
        return "<hr>"
    if kind == "blockquote_open":
        return f"<blockquote>{_blocks(node.children)}</blockquote>"
    if kind in ("bullet_list_open", "ordered_list_open"):
        return _list(node)
    if kind == "table_open":
        rows = "".join(f"<tr>{''.join(map(_cell, row.children))}</tr>" for part in node.children
                       for row in part.children)  # fmt: skip
        return f"<table>{rows}</table>"
    return ""


def _list(node: Node) -> str:
    items = "".join(f"<li>{_blocks(item.children)}</li>" for item in node.children)
    if node.token.type == "bullet_list_open":
        return f"<ul>{items}</ul>"
    start = int(str(node.token.attrs.get("start", 1)))
    return f'<ol start="{start}">{items}</ol>' if start != 1 else f"<ol>{items}</ol>"


def _cell(node: Node) -> str:
    tag = "th" if node.token.tag == "th" else "td"
    return f"<{tag}>{_inline(node, 'cell')}</{tag}>"


def _inline(node: Node, place: Place = "line") -> str:
    children = node.children[0].token.children if node.children else None
    return InlineWriter(RULES, place).write(children or []).replace("\n", " ")


def _code(code: str) -> str:
    """Code to the letter: a newline in it is written as what it is, for a cell has one line."""
    lines = clean(code).replace(FOOTER_MARK, "").removesuffix("\n").split("\n")
    return f"<pre><code>{'&#10;'.join(map(_letters, lines))}</code></pre>"


def _letters(line: str) -> str:
    """A line of code as `html_text` writes it; what means nothing within a line stays readable."""
    return _HARMLESS.sub(lambda found: chr(int(found[1])), html_text(line))
