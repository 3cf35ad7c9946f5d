"""What of an answer is markup: markdown-it with CommonMark, tables, strikethrough and formulas.

HTML and bare addresses stay text, and there are no reference definitions, so nothing in an answer reaches
back to an earlier block. Formulas and tables are bounded, each by its text up to there: what a model may let
grow without an end must be something of which the beginning can be finished.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, table

from . import cjk
from .escape import as_written
from .spans import allowed_link, math
from .unfinished import CONTAINERS

MAX_NESTING = 60  # markdown-it counts a list twice and drops what is deeper; such text is shown as it is
LONGEST_HEADER = 2_000  # characters of a line; a longer one is no table's header …
_LONGEST_ROW = 4_000  # … nor a row
_MOST_COLUMNS = 60
MOST_MISSING = 1_000  # a table whose rows lack more cells ends there
_LONGEST_MATH = (60, 4_000)  # lines, characters: as in `math`
_DELIMITERS = re.compile(r"[-|: \t]+")
_MATH_ENDS = {"$$": "$$", "\\[": "\\]"}


def _math_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """``$$`` or ``\\[`` at the start of a line opens a formula of several lines, up to an empty line."""
    at, stop = state.bMarks[start] + state.tShift[start], state.eMarks[start]
    end_mark = _MATH_ENDS.get(state.src[at : min(at + 2, stop)])
    if end_mark is None or state.is_code_block(start):
        return False
    first = state.src[at + 2 : stop].rstrip()
    if end_mark in first[:-2] or len(first) > _LONGEST_MATH[1]:
        return False  # a formula and more on one line: the inline rule's
    if silent:
        return True
    line, closed = start, first.endswith(end_mark)
    while not closed and line + 1 < end and not state.isEmpty(line + 1):
        if state.sCount[line + 1] < state.blkIndent:
            break
        line += 1
        if line - start >= _LONGEST_MATH[0] or state.eMarks[line] - at > _LONGEST_MATH[1]:
            return False
        closed = state.src[state.bMarks[line] : state.eMarks[line]].rstrip().endswith(end_mark)
    state.line = line + 1
    token = state.push("math_block", "p", 0)
    token.content = state.getLines(start, line + 1, state.blkIndent, False).strip()
    token.map = [start, state.line]
    token.info = "closed" if closed else ""
    return True


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A table no wider than one can read, with rows of bounded length that lack a bounded number of cells."""
    if start + 2 > end:
        return False
    source, begins, ends = state.src, state.bMarks, state.eMarks
    header = source[begins[start] : ends[start]]
    if header.count("|") > _MOST_COLUMNS or len(header) > LONGEST_HEADER:
        return False
    if not _DELIMITERS.fullmatch(source, begins[start + 1] + state.tShift[start + 1], ends[start + 1]):
        return False
    if not table(state, start, start + 2, True):  # before any row is counted: it may be asked at every line
        return False
    lacking = 0
    for line in range(start + 2, end):
        if state.isEmpty(line):
            break
        lacking += missing(header, source[begins[line] : ends[line]])
        if lacking > MOST_MISSING or ends[line] - begins[line] > _LONGEST_ROW:
            end = line
            break
    return table(state, start, end, silent)


def missing(header: str, row: str) -> int:
    """How many cells a row lacks, about."""
    return max(0, header.count("|") - row.count("|") - 1)


def may_change(line: str, inside: str) -> bool:
    """Whether a long line that is not whole may become another thing than it is now.

    `inside` is the kind of block that the line before is in. A formula may get too long for one or have words
    behind its end, a fence have a backtick, a row more cells or too many characters.
    """
    body = line[CONTAINERS.match(line).end() :]  # type: ignore[union-attr]
    if inside == "code":
        return False
    if body.startswith(tuple(_MATH_ENDS)):
        return len(body.rstrip()) - 2 <= _LONGEST_MATH[1]
    return body.startswith("```") or (inside in ("table", "row") and len(body) <= _LONGEST_ROW)


def parser() -> MarkdownIt:
    """A parser by these rules."""
    md = MarkdownIt("commonmark", {"html": False, "linkify": False, "maxNesting": MAX_NESTING})
    md.enable(["table", "strikethrough"]).disable(["reference", "html_block", "html_inline"])
    md.validateLink = allowed_link  # type: ignore[method-assign]
    md.normalizeLinkText = as_written  # type: ignore[method-assign]
    md.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
    cjk.plugin(md)
    md.inline.ruler.before("escape", "math", math)
    md.block.ruler.before(
        "fence", "math_block", _math_block, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    return md
