"""Where math stands in an answer: rules for markdown-it, which has none of its own.

Models set formulas in one dollar or two, in backslashes with parentheses or brackets, or in a bare
``align`` environment. A formula becomes a token only if `safe_tex` accepts it; otherwise the rules stand
back and its characters are text. Dollars are also money: the tests here are Pandoc's, and a little more.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

from .rules import Rules
from .tex import LONGEST, safe_tex

_CLOSERS = {"$$": "$$", "\\[": "\\]", "\\(": "\\)"}
_MOST_LINES = 60
_ALNUM = re.compile(r"[A-Za-z0-9]")
# "5 and 10", "5 的苹果": money with words between, not a formula.
_PROSE = re.compile(r"^[\d.,]+\s.*(?<![\\A-Za-z{])[A-Za-z]{2,}|[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]")
_TEXT_ARGUMENT = re.compile(r"\\(?:text[a-z]*|mbox|operatorname)\s*\{[^{}]*\}")
_PLAIN_WORDS = re.compile(r"(?<![\\A-Za-z{])[A-Za-z]{3,}[,.;:]?\s+[A-Za-z]{3,}")
_ORDINAL = re.compile(r"(?:th|st|nd|rd|s|d|D)\b")
# Brackets with backslashes are also just escaped brackets (ours are): a formula has a command, or room.
_FORMULA = re.compile(r"\\[A-Za-z]|^\s.*\s$", re.DOTALL)
_BEGIN = re.compile(r"\\begin\{([a-zA-Z]+\*?)\}")


def looks_like_prose(content: str) -> bool:
    """Whether what stands between two single dollars is rather a sentence about money."""
    content = _TEXT_ARGUMENT.sub("", content)
    return bool(_PROSE.search(content) or _PLAIN_WORDS.search(content))


def _is_money(before: str, content: str) -> bool:
    """Whether a dollar after this character is rather a price: US$5, 5$, $5-$10, HK$5 and US$6."""
    if _ALNUM.match(before):
        return before.isdigit() or content[0].isdigit() or " " in content
    return bool(before) and before in "-–~" and content[0].isdigit()


def math_plugin(md: MarkdownIt, rules: Rules) -> None:
    """Teach `md` the tokens ``math_inline`` and ``math_block``, whose content is safe TeX."""

    def dollar(state: StateInline, silent: bool) -> bool:
        src, start = state.src, state.pos
        if src[start] != "$" or src[start - 1 : start] == "$":
            return False
        if src.startswith("$$", start):
            return _delimited(state, silent, "$$", rules)
        end = src.find("$", start + 1, min(state.posMax, start + LONGEST))
        if end < start + 2:
            return False
        before, after = src[start - 1 : start], src[end + 1 : end + 2]
        content = src[start + 1 : end]
        if content[0].isspace() or content[-1].isspace() or "\n" in content:
            return False
        if after == "$" or looks_like_prose(content):
            return False
        if _is_money(before, content) or (_ALNUM.match(after) and not _ORDINAL.match(src, end + 1)):
            return False
        return _push(state, silent, content, "$", end + 1, rules)

    def bracket(state: StateInline, silent: bool) -> bool:
        opening = state.src[state.pos : state.pos + 2]
        return opening in ("\\(", "\\[") and _delimited(state, silent, opening, rules)

    def block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
        return _block(state, start, end, silent, rules)

    md.inline.ruler.before("escape", "math_dollar", dollar)
    md.inline.ruler.before("escape", "math_bracket", bracket)
    md.block.ruler.before("fence", "math_block", block, {"alt": ["paragraph", "blockquote", "list"]})


def _delimited(state: StateInline, silent: bool, opening: str, rules: Rules) -> bool:
    begin = state.pos + 2
    end = state.src.find(_CLOSERS[opening], begin, min(state.posMax, begin + LONGEST))
    if end < 0:
        return False
    content = state.src[begin:end]
    if opening == "\\[" and not _FORMULA.search(content):
        return False
    if "$" in content or "\n\n" in content or state.src[end + 2 : end + 3] == "$":
        return False
    return _push(state, silent, content, "$" if opening == "\\(" else "$$", end + 2, rules)


def _push(state: StateInline, silent: bool, content: str, markup: str, end: int, rules: Rules) -> bool:
    tex = safe_tex(content, rules)
    if tex is None:
        return False
    if not silent:
        token = state.push("math_inline", "math", 0)
        token.content, token.markup = tex, markup
    state.pos = end
    return True


def _block(state: StateBlock, start: int, end: int, silent: bool, rules: Rules) -> bool:
    begin = state.bMarks[start] + state.tShift[start]
    opening = state.src[begin : begin + 2]
    environment = _BEGIN.match(state.src, begin) if opening == "\\b" else None
    closing = f"\\end{{{environment[1]}}}" if environment else _CLOSERS.get(opening)
    if closing is None or opening == "\\(" or state.is_code_block(start):
        return False
    after_opening = begin + (environment.end() - begin if environment else 2)
    if state.src.find(closing, after_opening, after_opening + LONGEST) < 0:
        return False
    content = ""
    for line in range(start, min(end, start + _MOST_LINES)):
        if state.isEmpty(line) or state.sCount[line] < state.blkIndent:
            return False
        content += state.getLines(line, line + 1, state.sCount[start], False).strip() + "\n"
        body = content if environment else content[2:]
        if closing in body:
            break
    else:
        return False
    inner, _, rest = body.partition(closing)
    if opening == "\\[" and not _FORMULA.search(inner):
        return False
    tex = None if rest.strip() else safe_tex(inner + closing if environment else inner, rules)
    if tex is None:
        return False
    if not silent:
        state.line = line + 1
        token = state.push("math_block", "math", 0)
        token.content, token.markup, token.map, token.block = tex, "$$", [start, line + 1], True
    return True
