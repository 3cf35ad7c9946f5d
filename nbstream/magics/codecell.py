"""The code of an answer as the text of a new cell. Pure; nothing runs by itself."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..parts import PYTHON, of_one_language
from ..show.clean import clean

Block = tuple[str, str]
"""Language, in lower case, and content."""

MAGICS = {
    "bash": "bash", "sh": "bash", "shell": "bash", "zsh": "bash", "console": "bash", "shell-session": "bash",
    "html": "html", "svg": "svg", "javascript": "javascript", "js": "javascript", "latex": "latex",
    "tex": "latex", "perl": "perl", "ruby": "ruby", "markdown": "markdown", "md": "markdown",
}  # fmt: skip
"""IPython's own cell magics, by the names that models write on a fence."""


def cell_text(blocks: Sequence[Block]) -> tuple[str, int]:
    """The text of one cell, and how many of `blocks` are not in it.

    All Python blocks, a blank line between them; where there is none, all without a language; else all in
    the language of the first: by its cell magic, or, where IPython has none, as comments.

    >>> cell_text([("python", "a = 1\\n"), ("text", "1\\n"), ("py", "a + 1\\n")])
    ('a = 1\\n\\na + 1', 1)
    >>> cell_text([("sh", "$ ls\\n")]), cell_text([("rust", "fn main() {}\\n")])
    (('%%bash\\nls', 0), ('# rust\\n# fn main() {}', 0))
    """
    if not blocks:
        return "", 0
    chosen = of_one_language(blocks)
    text = "\n\n".join(filter(None, (_python(content) for _, content in chosen)))
    first = chosen[0][0]
    if first in MAGICS:
        text = f"%%{MAGICS[first]}\n" + re.sub(r"(?m)^\$ ", "", text)
    elif first and first not in PYTHON:
        text = "\n".join(f"# {line}".rstrip() for line in (first, *text.splitlines()))
    return text, len(blocks) - len(chosen)


def _python(content: str) -> str:
    """`content` fit for a cell: no control characters, and of a session at a prompt only what was typed."""
    text = clean(content).strip("\n")
    if text.lstrip().startswith(">>> "):
        typed = re.findall(r"(?m)^\s*(?:>>>|\.\.\.)(?: (.*)|$)", text)
        text = "\n".join(typed)
    return text
