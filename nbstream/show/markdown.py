"""An answer, settled: the neutral Markdown that stays in the notebook.

JupyterLab does not sanitize a fresh ``text/markdown`` output, and parses it with another parser than
ours. So nothing of the model's text is copied: it is parsed here, and written anew from the tokens, in
the one spelling that all parsers read alike. What each rule is for stands in `nbstream.show.rules`.
"""

from __future__ import annotations

import re
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore

from . import cjk
from .clean import FOOTER_MARK, clean
from .escape import as_written, html_text
from .math import math_plugin
from .reread import reread_plugin
from .rules import RULES, Rules
from .serialize import Serializer

DEEPEST = 40
"""Levels of nesting; markdown-it would silently leave out what lies deeper."""
_MOST_LINES = 12_000
_MOST_BLOCKS = 60_000
_MOST_MARKS = 40_000
_MOST_FORMULAS = 2_000
_MOST_SPANS = 2_000
_MARK = re.compile(r"[*_\[\]!<&`\\~$:]")
# marked reads a paragraph anew at each of these: time goes with their number times its length.
_STOP = re.compile(r"[*_\[\]!~|`<]")
_MOST_WORK = 100_000_000


class _TooMuch(Exception):
    """The answer is no prose: it is settled as one block of code."""


def settle(text: str, *, images: bool = False) -> str:
    r"""Turn an answer into Markdown which any notebook shows alike, and in which nothing runs.

    Parameters
    ----------
    text : str
        The model's text, as it came.
    images : bool
        Whether remote images stay images. They tell their server who reads the notebook, and when; so
        by default an image becomes a link.

    Returns
    -------
    str
        Markdown without a trailing newline.

    Examples
    --------
    >>> settle("It costs $5. <b>Now</b>")
    'It costs <span>&#36;</span>5. &lt;b>Now&lt;/b>'
    >>> settle("![](http://a.example/x.png)")
    '[image](<http://a.example/x.png>)'
    """
    return settle_with(RULES, text, images=images)


def settle_with(rules: Rules, text: str, *, images: bool = False) -> str:
    """`settle`, with rules to choose from: for the test that shows what each is good for."""
    if rules.clean:
        text = clean(text)
    if rules.footer_mark:
        text = text.replace(FOOTER_MARK, "")
    try:
        if rules.bounds and text.count("\n") > _MOST_LINES:
            raise _TooMuch
        written = Serializer(parser(rules).parse(text), rules, images).text()
    except (RecursionError, _TooMuch):
        return plain(text)
    # Addresses for links that nobody makes, and the like: better seen than lost.
    return plain(text) if not written and text.strip() else written


def plain(text: str) -> str:
    """All of `text` as one block of code, whatever it is."""
    runs = [len(run) for run in re.findall("`+", text)]
    if len(runs) > 2_000 or max(runs, default=0) > 100:
        # In a fence so many backticks would cost JupyterLab's search for math quadratic time.
        return f"<pre><code>{html_text(text)}\n</code></pre>"
    fence = "`" * max(3, max(runs, default=0) + 1)
    return f"{fence}text\n{text}\n{fence}"


@lru_cache(maxsize=4)
def parser(rules: Rules) -> MarkdownIt:
    """The parser of settling: CommonMark, tables, strikethrough, math; HTML is text."""
    options = {"html": False, "linkify": False, "typographer": False, "maxNesting": DEEPEST}
    md = MarkdownIt("commonmark", options).enable(["table", "strikethrough"])
    md.normalizeLinkText = as_written  # type: ignore[method-assign]
    cjk.plugin(md)
    math_plugin(md, rules)
    reread_plugin(md)
    if rules.bounds:
        md.core.ruler.after("block", "bounds", _bounds)
        md.core.ruler.push("formulas", _formulas)
    if rules.dollar_bulk:
        md.core.ruler.push("dollars", _dollars)
    return md


def _bounds(state: StateCore) -> None:
    if len(state.tokens) > _MOST_BLOCKS or any(
        token.nesting > 0 and token.level >= DEEPEST - 1 for token in state.tokens
    ):
        raise _TooMuch
    marks = work = 0
    for token in state.tokens:
        if token.type == "inline":
            marks += len(_MARK.findall(token.content))
            work += len(_STOP.findall(token.content)) * len(token.content)
            if marks > _MOST_MARKS or work > _MOST_WORK:
                raise _TooMuch


def _formulas(state: StateCore) -> None:
    # Each costs the page a millisecond or more.
    count = sum(token.type == "math_block" for token in state.tokens)
    count += sum(child.type == "math_inline" for token in state.tokens for child in token.children or ())
    if count > _MOST_FORMULAS:
        raise _TooMuch


def _dollars(state: StateCore) -> None:
    # Each becomes an element, and so do backslashes; among so many, prose is not to be found.
    texts = (
        child.content for token in state.tokens for child in token.children or () if "text" in child.type
    )
    if sum(text.count("$") + text.count("\\") for text in texts) > _MOST_SPANS:
        raise _TooMuch
