"""Markdown to safe HTML: one parser, one tree, one string for each top-level block.

No source text is copied: tags are written here, what stands between them is escaped, and all inline HTML
and coloured code passes nh3 with a short list of what may remain.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from markdown_it.token import Token

from .clean import FOOTER_MARK, clean
from .grammar import MAX_NESTING, missing, parser
from .highlight import code_html, escape_text
from .spans import MATH, Inline, math_html

LANGUAGE = re.compile(r"[A-Za-z0-9+#.-]{1,24}")


def tidy(text: str) -> str:
    """Model text as it is rendered: clean, and without the sign that begins our own footer."""
    return clean(text).replace(FOOTER_MARK, "")


@dataclass(slots=True)
class Node:
    """A block: a paragraph, a list, a fence, and what is in it."""

    kind: str  # p h list li quote code table row hr math plain
    tag: str
    start: int
    end: int
    text: str = ""
    language: str = ""
    opening: str = ""
    bare: bool = False  # a paragraph in a tight list
    closed: bool = False
    mark: str = ""  # a list's marker; a task's box
    children: list[Node] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    aligns: list[str] = field(default_factory=list)


class TooDeep(Exception):
    """The text is nested deeper than the parser goes; `line` is where the top-level block begins."""

    def __init__(self, line: int) -> None:
        self.line = line


class Renderer:
    """Parses blocks and writes their HTML; with `mathml`, formulas as a browser draws them by itself."""

    def __init__(self, mathml: bool = False) -> None:
        self.parser = parser()
        self.inline = Inline(self.parser, mathml)
        self._mathml = mathml
        self.parsed = 0

    def parse(self, source: str) -> list[Node]:
        """The tree of `source`. Raises `TooDeep`."""
        self.parsed += len(source)
        tokens: list[Token] = []
        try:
            self.parser.block.parse(source, self.parser, {}, tokens)
        except RecursionError:
            raise TooDeep(0) from None
        return _tree(tokens)

    def html(self, node: Node, unfinished: bool = False) -> str:
        """The HTML of one block; with `unfinished`, of one whose end still grows."""
        if node.kind == "hr":
            return "<hr>"
        if node.kind == "p" and node.bare:
            return self.inside(node, unfinished)
        return self.opening(node) + self.inside(node, unfinished) + self.closing(node)

    def opening(self, node: Node) -> str:
        """A block's opening tags; for a table with its header row."""
        if node.kind != "table":
            return node.opening
        header = Node("row", "tr", 0, 0, mark="th", cells=node.cells, aligns=node.aligns)
        body = "<tbody>" if node.children else ""
        return f"<table><thead><tr>{self.cells(header)}</tr></thead>{body}"

    def inside(self, node: Node, unfinished: bool = False) -> str:
        """What stands between a block's opening and closing tags."""
        if node.kind in ("p", "h"):
            return node.mark + self.inline.html(node.text, unfinished)
        if node.kind == "code":
            return code_html(node.language, node.text, unfinished=unfinished and not node.closed)
        if node.kind == "math":
            return self._math(node, unfinished)
        if node.kind == "plain":
            return escape_text(node.text)
        if node.kind == "row":
            return self.cells(node, unfinished)
        last = len(node.children) - 1
        return "".join(self.html(child, unfinished and i == last) for i, child in enumerate(node.children))

    @staticmethod
    def closing(node: Node) -> str:
        """A block's closing tags."""
        if node.kind == "code":
            return "</code></pre>"
        if node.kind == "table":
            return "</tbody></table>" if node.children else "</table>"
        return f"</{node.tag}>"

    def cells(self, row: Node, unfinished: bool = False) -> str:
        filled = max((i for i, cell in enumerate(row.cells) if cell), default=-1)
        parts = []
        for i, (cell, align) in enumerate(zip(row.cells, row.aligns, strict=True)):
            attribute = f' align="{align}"' if align else ""
            inside = self.inline.html(cell, unfinished and i == filled) if cell else ""
            parts.append(f"<{row.mark}{attribute}>{inside}</{row.mark}>")
        return "".join(parts)

    def _math(self, node: Node, unfinished: bool) -> str:
        if not node.closed and not unfinished:
            return self.inline.html(node.text)
        inside = node.text[2:-2] if node.closed else node.text[2:].rstrip("$\\]")
        inside = inside.strip("\n")
        if node.closed:
            return math_html(inside, display=True, mathml=self._mathml)
        return f'<code class="{MATH}">{escape_text(inside)}</code>'


def missing_cells(lines: list[str], table: Node) -> int:
    """How many cells the rows of a table lack, about."""
    return sum(missing(lines[table.start], lines[row.start]) for row in table.children)


def plain(text: str) -> Node:
    """A block which shows `text` as it is."""
    return Node("plain", "pre", 0, 0, text=text, opening="<pre>")


def render(text: str) -> list[str]:
    """Markdown as safe HTML, one string with one root element for each top-level block.

    Examples
    --------
    >>> render("# Hi\\n\\n- a\\n- <b>")
    ['<h1>Hi</h1>', '<ul><li>a</li><li>&lt;b&gt;</li></ul>']
    """
    renderer = Renderer()
    source = tidy(text)
    try:
        return [renderer.html(node) for node in renderer.parse(source)]
    except TooDeep as deep:
        lines = source.split("\n")
        before = renderer.parse("\n".join(lines[: deep.line]))
        return [renderer.html(node) for node in [*before, plain("\n".join(lines[deep.line :]))]]


def code_blocks(text: str) -> list[tuple[str, str]]:
    """Language, in lower case, and content of each block of code, as it is shown: fenced or indented.

    >>> code_blocks("- a\\n  ```Py\\n  1\\n  ```")
    [('py', '1\\n')]
    """
    renderer, source = Renderer(), tidy(text)
    try:
        nodes = renderer.parse(source)
    except TooDeep as deep:
        nodes = renderer.parse("\n".join(source.split("\n")[: deep.line]))
    found = []
    while nodes:
        node = nodes.pop(0)
        nodes[:0] = node.children
        if node.kind == "code":
            found.append((node.language.lower(), node.text))
    return found


# --- from markdown-it's flat tokens to a tree -----------------------------------------------------------

_CONTAINERS = {
    "paragraph": "p",
    "heading": "h",
    "bullet_list": "list",
    "ordered_list": "list",
    "list_item": "li",
    "blockquote": "quote",
    "table": "table",
}
_TASK = re.compile(r"\[([ xX])\][ \t]+(?=\S)")


def _tree(tokens: list[Token]) -> list[Node]:
    root = Node("root", "", 0, 0)
    stack = [root]
    for token in tokens:
        if token.level >= MAX_NESTING - 2:
            raise TooDeep(stack[1].start)
        name, _, side = token.type.rpartition("_")
        if side == "open" and name in _CONTAINERS:
            node = _node(_CONTAINERS[name], token)
            stack[-1].children.append(node)
            stack.append(node)
        elif side == "close" and name in _CONTAINERS:
            _finish(stack.pop(), stack[-1])
        elif token.type == "inline":
            _text(stack[-1], token)
        elif name in ("thead", "tbody", "tr", "th", "td"):
            _cell(stack[-1], token)
        else:
            stack[-1].children.append(_leaf(token))
    return root.children


def _node(kind: str, token: Token) -> Node:
    start, end = token.map or (0, 0)
    node = Node(kind, token.tag, start, end, opening=f"<{token.tag}>", bare=token.hidden, mark="")
    first = token.attrs.get("start")
    if kind == "list":
        node.mark = token.markup
        if first is not None:
            node.opening = f'<{token.tag} start="{int(first)}">'
    return node


def _leaf(token: Token) -> Node:
    start, end = token.map or (0, 0)
    if token.type == "hr":
        return Node("hr", "hr", start, end)
    if token.type == "math_block":
        return Node("math", "p", start, end, token.content, opening="<p>", closed=bool(token.info))
    words = token.info.split(maxsplit=1)
    language = words[0] if words and LANGUAGE.fullmatch(words[0]) else ""
    attribute = f' class="language-{language}"' if language else ""
    node = Node("code", "pre", start, end, token.content, language, f"<pre><code{attribute}>")
    lines = token.content.count("\n") + (not token.content.endswith("\n") and token.content != "")
    node.closed = token.type == "fence" and end - start == lines + 2
    node.mark = token.markup
    return node


def _text(node: Node, token: Token) -> None:
    if node.kind == "table":
        row = node.children[-1]
        row.cells.append(token.content)
    else:
        node.text = token.content


def _cell(table: Node, token: Token) -> None:
    if token.type == "tr_open":
        start, end = token.map or (0, 0)
        table.children.append(Node("row", "tr", start, end, opening="<tr>"))
    elif token.type in ("th_open", "td_open"):
        row = table.children[-1]
        row.mark = token.tag
        row.aligns.append(str(token.attrs.get("style", "")).removeprefix("text-align:"))


def _finish(node: Node, parent: Node) -> None:
    if node.kind == "table":
        header = node.children.pop(0)
        node.cells, node.aligns = header.cells, header.aligns
        node.mark = "th"
    elif node.kind == "li" and node.children and node.children[0].kind == "p":
        first = node.children[0]
        task = _TASK.match(first.text)
        if task:
            first.mark = "☐ " if task.group(1) == " " else "☑ "
            first.text = first.text[task.end() :]
