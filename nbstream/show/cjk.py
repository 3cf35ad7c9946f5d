"""Emphasis beside Chinese, Japanese and Korean text.

CommonMark closes no emphasis between punctuation and a letter: it expects a space there, which these
languages do not write. Models write ``**重点：**内容`` all the time and mean bold, so here it is.
"""

from __future__ import annotations

from markdown_it import MarkdownIt
from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
from markdown_it.rules_inline import StateInline, emphasis

_CJK = (  # first and last of each run: a regular expression of these takes milliseconds to compile
    ("\u1100", "\u11ff"),
    ("\u2e80", "\u9fff"),
    ("\ua960", "\ua97f"),
    ("\uac00", "\ud7ff"),
    ("\uf900", "\ufaff"),
    ("\uff00", "\uffef"),
    ("\U00020000", "\U0003ffff"),
)


def plugin(md: MarkdownIt) -> None:
    """Let stars open and close emphasis between punctuation and CJK text.

    >>> md = MarkdownIt("commonmark")
    >>> plugin(md)
    >>> md.renderInline("**重点：**内容")
    '<strong>重点：</strong>内容'
    """
    md.inline.ruler.at("emphasis", _tokenize)


def is_cjk(character: str) -> bool:
    """Whether `character` belongs to a script that writes no spaces between words."""
    return any(first <= character <= last for first, last in _CJK)


def _tokenize(state: StateInline, silent: bool) -> bool:
    start, known = state.pos, len(state.delimiters)
    if not emphasis.tokenize(state, silent):
        return False
    if state.src[start] == "*":
        before = state.src[start - 1] if start else " "
        after = state.src[state.pos] if state.pos < state.posMax else " "
        opens = _punctuation(after) and is_cjk(before)
        closes = _punctuation(before) and is_cjk(after)
        for delimiter in state.delimiters[known:]:
            delimiter.open = delimiter.open or opens
            delimiter.close = delimiter.close or closes
    return True


def _punctuation(character: str) -> bool:
    return not isWhiteSpace(ord(character)) and (isMdAsciiPunct(ord(character)) or isPunctChar(character))
