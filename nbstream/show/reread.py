"""Reads our own spellings back, so that settling what is settled changes nothing.

HTML in an answer is text. Only what `settle` itself writes with tags, to the letter, is known again: an
isolated dollar or backslash, and code whose special characters are numbers.
"""

from __future__ import annotations

import html
import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

_ISOLATED = re.compile(r"<span>&#(36|92);</span>")
# At least one number: a model that writes about `<code>` does not look like this.
_TEXT = r"(?=[^<]*&#\d)((?:[^&<>`\\*_\[\]~|$@{}!#\"'\t]|&#\d{1,3};)+)"
_CODE = re.compile(f"<code>{_TEXT}</code>")
_BLOCK = re.compile(rf'<pre><code(?: class="language-([A-Za-z0-9+#.-]{{1,24}})")?>{_TEXT}</code></pre>$')
_MOST_LINES = 2_000


def reread_plugin(md: MarkdownIt) -> None:
    """Teach `md` to read what `settle` writes."""
    md.inline.ruler.before("autolink", "own_spelling", _inline)
    md.block.ruler.before("fence", "own_block", _block, {"alt": ["paragraph", "blockquote", "list"]})


def _inline(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "<":
        return False
    if isolated := _ISOLATED.match(state.src, state.pos, state.posMax):
        if not silent:
            token = state.push("text_special", "", 0)
            token.content = chr(int(isolated[1]))
        state.pos = isolated.end()
        return True
    code = _CODE.match(state.src, state.pos, state.posMax)
    if code is None:
        return False
    if not silent:
        token = state.push("code_inline", "code", 0)
        token.content, token.markup = html.unescape(code[1]), "`"
    state.pos = code.end()
    return True


def _block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    begin = state.bMarks[start] + state.tShift[start]
    if state.is_code_block(start) or not state.src.startswith("<pre><code", begin):
        return False
    text = ""
    for line in range(start, min(end, start + _MOST_LINES)):
        if state.sCount[line] < state.blkIndent and not state.isEmpty(line):
            return False
        text += state.getLines(line, line + 1, state.blkIndent, False)
        if text.endswith("</code></pre>"):
            break
        text += "\n"
    block = _BLOCK.fullmatch(text)
    if block is None:
        return False
    if not silent:
        state.line = line + 1
        token = state.push("fence", "code", 0)
        token.info, token.content, token.markup = block[1] or "", html.unescape(block[2]), "```"
        token.map, token.block = [start, state.line], True
    return True
