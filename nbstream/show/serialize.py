"""Blocks -> lines of Markdown. Copies no source: what it writes, it writes from tokens.

Between two blocks stands a blank line, so that no parser joins them and so that math which JupyterLab
takes out of the text cannot reach from one block into the next: its search ends at a blank line. The
places where it would not (a quotation, whose blank lines hold a ``>``) are the cases of `_code` below.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from markdown_it.token import Token
from pygments.lexers import get_all_lexers

from .clean import FOOTER_MARK
from .escape import html_text
from .inline import InlineWriter, Place
from .rules import Rules

_LANGUAGE = re.compile(r"[A-Za-z0-9+#.-]{1,24}")
_DIAGRAMS = frozenset({"mermaid", "mermaidjs", "mmd"})
_LONGEST_FENCE = 100
_HIGHEST_NUMBER = 999_999_999
# What begins math for JupyterLab inside a fence, where it spares only dollars, and only at the margin.
_MATH_BEGINS = re.compile(r"\\(?:begin|end)\{[a-z]*\*?\}|\\\\[()\[\]]|@@\d+@@", re.IGNORECASE)


@dataclass(slots=True)
class Node:
    """A token with its children: quotes, lists, items and tables nest."""

    token: Token
    children: list[Node] = field(default_factory=list)


def tree(tokens: list[Token]) -> list[Node]:
    """Fold the flat token stream."""
    top: list[Node] = []
    levels = [top]
    for token in tokens:
        if token.nesting < 0:
            levels.pop()
            continue
        node = Node(token)
        levels[-1].append(node)
        if token.nesting > 0:
            levels.append(node.children)
    return top


@dataclass(frozen=True, slots=True)
class _Around:
    """What a block stands in."""

    in_list: bool = False
    in_quote: bool = False
    tight: bool = False
    task: bool = False
    first: bool = False
    mark: str = ""  # of the list whose item begins here


class Serializer:
    """Writes one document.

    Parameters
    ----------
    tokens : list of Token
        The whole document, needed to choose one length for all its fences.
    rules : Rules
    images : bool
        Whether images stay images.
    """

    def __init__(self, tokens: list[Token], rules: Rules, images: bool = False) -> None:
        self._nodes = tree(tokens)
        self._rules, self._images = rules, images
        code = "\n".join(token.content for token in tokens if token.type in _CODE)
        runs = [len(run) for run in re.findall("`+", code)]
        longest = max((run for run in runs if run <= _LONGEST_FENCE), default=0)
        self._fence = "`" * (max(3, longest + 1) if rules.fence_length else 3)

    def text(self) -> str:
        return "\n".join(self._blocks(self._nodes, _Around(first=True)))

    def _blocks(self, nodes: list[Node], around: _Around) -> list[str]:
        lines: list[str] = []
        previous: list[str] = []
        previous_list = ("", "")
        for node in nodes:
            marker = ""
            if node.token.type in _LISTS:
                # Two lists in a row stay two by changing their mark.
                kind, used = previous_list
                # A list that begins an item takes the other mark too: `- - -` would be a rule.
                one, two = _LISTS[node.token.type]
                beside = used if kind == node.token.type else "" if previous else around.mark
                marker = two if beside == one else one
            here = _Around(around.in_list, around.in_quote) if previous else around
            block = self._block(node, here, marker)
            if not block:
                continue
            previous_list = (node.token.type, marker)
            # Even a tight item parts a quotation from what follows, or marked takes that into the quotation.
            parted = not around.tight or (previous and previous[-1][:1] == ">")
            if previous and parted and self._rules.blank_lines:
                lines.append("")
            lines += block
            previous = block
        return lines

    def _block(self, node: Node, around: _Around, marker: str) -> list[str]:
        token = node.token
        if token.type in ("paragraph_open", "heading_open"):
            return self._paragraph(node, around)
        if token.type in _CODE:
            return self._code(token, around)
        if token.type == "math_block":
            return [f"$${token.content}$$"]
        if token.type == "hr":
            return ["___" if around.in_list else "***" if around.first else "---"]
        if token.type == "blockquote_open":
            inner = self._blocks(node.children, _Around(in_list=around.in_list, in_quote=True))
            return [f"> {line}" if line else ">" for line in inner] or [">"]
        if token.type in _LISTS:
            return self._list(node, around, marker)
        if token.type == "table_open":
            return self._table(node)
        return []

    def _inline(self, node: Node, place: Place = "text", task: bool = False) -> str:
        children = node.children[0].token.children if node.children else None
        return InlineWriter(self._rules, place, self._images).write(children or [], task)

    def _paragraph(self, node: Node, around: _Around) -> list[str]:
        if node.token.type == "heading_open":
            return [f"{'#' * int(node.token.tag[1])} {self._inline(node, 'heading')}".rstrip()]
        text = self._inline(node, task=around.task)
        return text.split("\n") if text else []

    # Lists

    def _list(self, node: Node, around: _Around, marker: str) -> list[str]:
        tight = _tight(node) and not self._reaches_out(node, around)
        start = int(str(node.token.attrs.get("start", 1)))
        if start + len(node.children) > _HIGHEST_NUMBER:
            start = max(0, _HIGHEST_NUMBER - len(node.children))
        lines: list[str] = []
        for number, item in enumerate(node.children, start):
            mark = f"{number}{marker}" if node.token.type == "ordered_list_open" else marker
            inside = self._blocks(
                item.children, _Around(True, around.in_quote, tight, task=True, mark=marker)
            )
            indent = " " * (len(mark) + 1)
            if lines and not tight and self._rules.blank_lines:
                lines.append("")
            lines.append(f"{mark} {inside[0]}" if inside else mark)
            lines += [indent + line if line else "" for line in inside[1:]]
        return lines

    def _reaches_out(self, node: Node, around: _Around) -> bool:
        """Whether code in this list needs blank lines around it, for what math might take from it."""
        inside = _Around(in_list=True, in_quote=around.in_quote)
        tokens = list(_tokens(node))
        code = [token.content for token in tokens if token.type in _CODE]
        if any(self._as_html(each, inside) for each in code):
            return True
        if not self._rules.fence_math or not any(_math_state(each)[1] for each in code):
            return False
        # One dollar alone finds no other before the list ends.
        closers = sum(any(not piece.isspace() for piece in _pieces(each)) for each in code)
        closers += sum(token.type == "math_block" for token in tokens)
        closers += sum(child.type == "math_inline" for token in tokens for child in token.children or [])
        return closers > 1

    # Code

    def _code(self, token: Token, around: _Around) -> list[str]:
        code = token.content.replace(FOOTER_MARK, "") if self._rules.footer_mark else token.content
        code = code.removesuffix("\n")
        language = self._language(token.info)
        if self._as_html(code, around):
            name = f' class="language-{language}"' if language else ""
            return f"<pre><code{name}>{html_text(code)}\n</code></pre>".split("\n")
        nested = around.in_list or around.in_quote
        if self._rules.fence_math and language and _math_state(code, dollars=nested)[0]:
            language = "text"  # highlighting would cut what math left in its place
        body = code.split("\n") if code or token.content else []
        return [self._fence + language, *body, self._fence]

    def _language(self, info: str) -> str:
        if not self._rules.fence_language:
            return info
        word = (info.split() or [""])[0]
        if not word:
            return ""
        if word.lower() in _DIAGRAMS:
            return "text" if self._rules.mermaid else word
        return word if _LANGUAGE.fullmatch(word) and word.lower() in _languages() else "text"

    def _as_html(self, code: str, around: _Around) -> bool:
        """Code which no fence can carry to where it stands, unharmed, through marked."""
        if self._rules.fence_length and "`" * (_LONGEST_FENCE + 1) in code:
            return True
        if around.in_quote and self._rules.fence_math and ("$" in code or _MATH_BEGINS.search(code)):
            return True
        return around.in_list and self._rules.tabs_in_lists and "\t" in code

    # Tables

    def _table(self, node: Node) -> list[str]:
        rows = [row for part in node.children for row in part.children]
        written = [
            "| " + " | ".join(self._inline(cell, "cell") for cell in row.children) + " |" for row in rows
        ]
        aligned = [_ALIGN[str(cell.token.attrGet("style") or "")] for cell in rows[0].children]
        return [written[0], "| " + " | ".join(aligned) + " |", *written[1:]]


_CODE = frozenset({"fence", "code_block"})
_LISTS = {"bullet_list_open": ("-", "*"), "ordered_list_open": (".", ")")}
_ALIGN = {"": "---", "text-align:left": ":--", "text-align:center": ":-:", "text-align:right": "--:"}


@cache
def _languages() -> frozenset[str]:
    """The names that Pygments knows. Any other nbconvert would write into the code, as its first line."""
    return frozenset(name.lower() for _, names, _, _ in get_all_lexers(plugins=False) for name in names)


def _tokens(node: Node) -> Iterator[Token]:
    yield node.token
    for child in node.children:
        yield from _tokens(child)


def _tight(node: Node) -> bool:
    tokens = (child.token for item in node.children for child in item.children)
    return all(token.hidden for token in tokens if token.type == "paragraph_open")


def _pieces(code: str, dollars: bool = True) -> Iterator[str]:
    pattern = r"\$\$?|\\[{}$]|\\(?:begin|end)\{[a-z]*\*?\}|\\\\[()\[\]]|\n\s*\n|@@\d+@@"
    for found in re.finditer(pattern, code, re.IGNORECASE):
        if dollars or found[0][0] != "$":
            yield found[0]


def _math_state(code: str, dollars: bool = True) -> tuple[bool, bool]:
    """Whether JupyterLab takes something out of `code`, and whether it is still looking at its end."""
    end: str | None = None
    eaten = False
    for piece in _pieces(code, dollars):
        if piece.startswith("@"):
            eaten = True
        elif piece == end:
            end, eaten = None, True
        elif piece.isspace():
            end = None
        elif end is None:
            if piece[0] == "$":
                end = piece
            elif piece[:6].lower() == "\\begin":
                end = "\\end" + piece[6:]
            elif piece in ("\\\\(", "\\\\["):
                end = "\\\\)" if piece[-1] == "(" else "\\\\]"
    return eaten, end is not None
