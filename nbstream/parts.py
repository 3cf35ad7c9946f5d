"""What stands in a Markdown text and can be taken out of it: fenced code, tables. Pure, and a leaf."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

PYTHON = frozenset(("python", "py", "python3", "py3", "ipython", "ipython3", "pycon", "jupyter"))
SHELL = frozenset(("bash", "sh", "shell", "zsh", "console", "shell-session"))
SAME = (
    PYTHON,
    SHELL,
    frozenset(("javascript", "js")),
    frozenset(("latex", "tex")),
    frozenset(("markdown", "md")),
)
"""Names that models write on a fence for one and the same language."""


def fences(text: str) -> list[tuple[str, str]]:
    """Language ("" where none is given) and content of all fenced code blocks in `text`, in order.

    >>> fences("~~~Python title=x\\n1 + 1\\n~~~")
    [('python', '1 + 1\\n')]
    """
    from markdown_it import MarkdownIt

    return [
        ((token.info.split() or [""])[0].lower(), token.content)
        for token in MarkdownIt("commonmark").parse(text)
        if token.type == "fence"
    ]


def of_one_language(blocks: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Of `blocks` those that belong together: Python; else those without a language; else as the first.

    >>> of_one_language([("bash", "ls"), ("py", "1"), ("python", "2")])
    [('py', '1'), ('python', '2')]
    """
    languages = [language for language, _ in blocks]
    first = frozenset(languages[:1])
    like_the_first = next((some for some in SAME if first & some), first)
    wanted = next((some for some in (PYTHON, {""}) if some.intersection(languages)), like_the_first)
    return [(language, content) for language, content in blocks if language in wanted]


def tables(text: str) -> list[list[dict[str, str]]]:
    """The tables in `text`, each a list of rows, each row a dict by the heads of its columns.

    Cells are text without marks. A head that is missing, or there twice, is told apart by its number.

    >>> tables("|a|b|\\n|-|-|\\n|1|**2**|")
    [[{'a': '1', 'b': '2'}]]
    """
    from markdown_it import MarkdownIt

    found: list[list[dict[str, str]]] = []
    head: list[str] = []
    row: list[str] = []
    before = ""
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "table_open":
            found.append([])
            head = []
        elif token.type == "tr_open":
            row = []
        elif token.type == "inline" and before in ("th_open", "td_open"):
            row.append("".join(map(_words, token.children or ())).strip())
        elif token.type == "thead_close":
            for name in row:
                head.append(name if name and name not in head else f"{name or 'column'} {len(head) + 1}")
        elif token.type == "tr_close" and head:
            found[-1].append(dict(zip(head, row, strict=False)))
        before = token.type
    return found


def _words(token: Any) -> str:
    """The text of a piece of a line; HTML's line break is one."""
    return "\n" if token.content in ("<br>", "<br/>", "<br />") else str(token.content)
