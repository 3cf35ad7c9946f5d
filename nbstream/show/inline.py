"""One run of inline Markdown (a paragraph's text, a cell, a heading) as safe HTML.

Three things live here: the HTML for markdown-it's inline tokens; `next_cut`, which says where a long text may
be cut without changing what it shows, so that an endless paragraph costs no more than a short one;
and `mend`, which makes an unfinished text presentable: what is not decided yet is held back or closed for the
moment, so that `**`, a backtick or half a link never flash as raw marks.
"""

from __future__ import annotations

import re
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from .highlight import escape_text

MATH = "nbs-math"
_SCHEMES = ("http://", "https://", "mailto:")
_SIZES = (700, 1400, 2000)  # where a cut is tried; after the last one the text is shown without its marks
_MANY_BRACKETS = 100  # each `[` may scan all that follows it
_MATH_LENGTH = 200
_MATH_SPAN = re.compile(r"\$\$(?!\s)([^$\n`]{1,198}?)\$\$|\$(?![\s$])([^$\n`]{0,197}[^$\n`\s\\])\$(?!\d)")
_CLEAN = {
    "tags": {"a", "strong", "em", "s", "code", "br"},
    "clean_content_tags": set[str](),
    "attributes": {"a": {"href"}},
    "allowed_classes": {"code": {MATH}},
    "url_schemes": {"http", "https", "mailto"},
    "url_relative": "deny",
    "link_rel": "noopener noreferrer nofollow",
    "set_tag_attribute_values": {"a": {"target": "_blank"}},
}


def allowed_link(url: str) -> bool:
    """Only what a reader may follow; markdown-it then leaves any other link as plain text."""
    return url.lower().startswith(_SCHEMES)


def math(state: StateInline, silent: bool) -> bool:
    """Take ``$…$`` and ``$$…$$`` on one line as one token, but no prices."""
    if state.src[state.pos] != "$":
        return False
    match = _MATH_SPAN.match(state.src, state.pos, state.posMax)
    if match is None:
        if not silent:
            state.append_pending("$") if hasattr(state, "append_pending") else _pend(state, "$")
        state.pos += 1
        return True
    if not silent:
        token = state.push("math", "code", 0)
        token.content = (match.group(1) or match.group(2)).strip()
    state.pos = match.end()
    return True


def _pend(state: StateInline, text: str) -> None:
    state.pending += text


class Inline:
    """Inline Markdown to HTML, by the rules of one parser."""

    def __init__(self, parser: MarkdownIt) -> None:
        self._parser = parser
        self.parsed = 0  # characters parsed so far: tests hold the cost of a long answer against it

    def html(self, text: str, unfinished: bool = False) -> str:
        """Safe HTML for `text`; with `unfinished`, for a text that still grows."""
        parts = []
        while cut := self.next_cut(text):
            length, html = cut
            parts.append(html)
            text = text[length:]
        if unfinished:
            text = mend(text)
        return "".join(parts) + self._segment(text)

    def next_cut(self, text: str) -> tuple[int, str] | None:
        """How much of a long `text` is done, whatever follows, and its HTML; None if nothing is.

        The answer depends on the text up to the cut and a bounded length after it, never on how much more
        there is: so the live view and a rendering of the whole text cut at the same places.
        """
        cut = 0
        for size in _SIZES:
            if len(text) <= size + 1:
                return None
            cut = _last_space(text, size)
            if not cut or _crowded(text[:cut]):
                continue
            tokens, open_marks = self._parse(text[:cut])
            if not open_marks and _closed(text[:cut], tokens):
                return cut, self._clean(tokens)
        cut = cut or _SIZES[-1]
        return cut, escape_text(text[:cut])

    def _segment(self, text: str) -> str:
        if _crowded(text):
            return escape_text(text)
        return self._clean(self._parse(text)[0])

    def _parse(self, text: str) -> tuple[list[Token], bool]:
        """The tokens of `text`, and whether an emphasis mark in it still waits for its partner."""
        self.parsed += len(text)
        state = StateInline(text, self._parser, {}, [])
        try:
            self._parser.inline.tokenize(state)
            for rule in self._parser.inline.ruler2.getRules(""):
                rule(state)
        except RecursionError:
            token = Token("text", "", 0)
            token.content = text
            return [token], True
        return state.tokens, any(mark.open and mark.end < 0 for mark in state.delimiters)

    @staticmethod
    def _clean(tokens: list[Token]) -> str:
        html = _html(tokens)
        if "<" not in html:
            return html
        cleaned: str = nh3.clean(html, **_CLEAN)  # type: ignore[arg-type]
        return cleaned


def _crowded(text: str) -> bool:
    return text.count("[") > _MANY_BRACKETS


def _last_space(text: str, size: int) -> int:
    """The start of the last white space in the first `size` characters, or 0."""
    for at in range(size, size // 2, -1):
        if text[at] in " \n" and text[at - 1] not in " \n\\":
            return at
    return 0


def _closed(text: str, tokens: list[Token]) -> bool:
    """No code span, bracket or formula that begins in `text` can end behind it."""
    last_line = text[-_MATH_LENGTH:].rpartition("\n")[2]
    if "$" in last_line and any(token.type == "text" and "$" in token.content for token in tokens):
        return False
    plain = "".join(token.content for token in tokens if token.type == "text")
    return "`" not in plain and "](" not in plain and plain.count("[") == plain.count("]")


_TAGS = {
    "em_open": "<em>",
    "em_close": "</em>",
    "strong_open": "<strong>",
    "strong_close": "</strong>",
    "s_open": "<s>",
    "s_close": "</s>",
    "softbreak": "\n",
    "hardbreak": "<br>\n",
}


def _html(tokens: list[Token]) -> str:
    parts: list[str] = []
    links: list[bool] = []
    for token in tokens:
        kind = token.type
        if kind in _TAGS:
            parts.append(_TAGS[kind])
        elif kind == "code_inline":
            parts.append(f"<code>{escape_text(token.content)}</code>")
        elif kind == "math":
            parts.append(f'<code class="{MATH}">{escape_text(token.content)}</code>')
        elif kind == "link_open":
            parts.append(_anchor(token.attrs.get("href")))
        elif kind == "link_close":
            parts.append("</a>")
        elif kind == "image":
            parts.append(_image(token, bool(links)))
        else:
            parts.append(escape_text(token.content))
        if kind in ("link_open", "link_close"):
            links = links[:-1] if kind == "link_close" else [*links, True]
    return "".join(parts)


def _anchor(url: Any) -> str:
    quoted = escape_text(str(url)).replace('"', "&quot;")
    return f'<a href="{quoted}">'


def _image(token: Token, inside_link: bool) -> str:
    """Images never load: their address could carry away what the reader wrote."""
    words = "".join(child.content for child in token.children or []) or token.content
    label = escape_text(f"[image: {words}]" if words else "[image]")
    return label if inside_link else f"{_anchor(token.attrs.get('src'))}{label}</a>"


# --- unfinished text ------------------------------------------------------------------------------------

_HELD_LINK = 300
_OPEN_CODE = 400
_OPEN_EMPHASIS = 600
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~\u2010-\u2027\u3001-\u3003\u3008-\u3011\uff01-\uff0f]")
_HALVES = {  # of an entity, of an address
    "&": re.compile(r"&[#a-zA-Z0-9]{0,31}$"),
    "<": re.compile(r"<(?:[A-Za-z][^\s<>]{0,200})?$"),
}


def mend(text: str) -> str:
    """`text` as it may be shown while more is coming.

    Examples
    --------
    >>> mend("a **bold te")
    'a **bold te**'
    >>> mend("see [the docs](https://exam")
    'see'
    >>> mend("run `pip ins")
    'run `pip ins`'
    """
    shown, closers = _undecided(text)
    shown = shown.rstrip()
    return shown + closers if closers else shown


def _undecided(text: str) -> tuple[str, str]:
    """The part of `text` that may be shown, and the marks which close what is open in it."""
    marks: list[tuple[str, int]] = []  # open emphasis: the mark and where its text begins
    at, end = 0, len(text)
    while at < end:
        char = text[at]
        if char == "\\":
            if at + 1 == end:
                return text[:at], _closers(marks, text, at)
            at += 2
        elif char == "`":
            run = _run(text, at)
            close = _same_run(text, at + run, run)
            if close < 0 and end - at < _OPEN_CODE:
                inside = text[at + run :].rstrip("`")
                if not inside.strip() or "\n" in inside:
                    return text[:at], _closers(marks, text, at)
                return text[: at + run] + inside.rstrip(), "`" * run + _closers(marks, text, at)
            at = close + run if close >= 0 else at + run
        elif char == "[" or (char == "!" and text[at + 1 : at + 2] in ("", "[")):
            step = _bracket(text, at if char == "[" else at + 1)
            if step < 0:
                return text[:at], _closers(marks, text, at)
            at += max(1, step - at)
        elif char == "$":
            match = _MATH_SPAN.match(text, at)
            if match is None and _may_be_math(text, at):
                return text[:at], _closers(marks, text, at)
            at = match.end() if match else at + 1
        elif char in "*_~":
            run = _run(text, at)
            if at + run == end:
                return text[:at], _closers(marks, text, at)
            _delimit(text, at, run, marks)
            at += run
        elif char in _HALVES and _HALVES[char].match(text, at):
            return text[:at], _closers(marks, text, at)
        else:
            at += 1
    return text, _closers(marks, text, end)


def _closers(marks: list[tuple[str, int]], text: str, end: int) -> str:
    """What closes the open marks, inner ones first; a mark with no text behind it yet, or left open for long,
    is closed by nothing."""
    shown = text[:end].rstrip()
    return "".join(mark for mark, begin in reversed(marks) if begin < len(shown) < begin + _OPEN_EMPHASIS)


def _run(text: str, at: int) -> int:
    stop = at
    while stop < len(text) and text[stop] == text[at]:
        stop += 1
    return stop - at


def _same_run(text: str, at: int, length: int) -> int:
    while (at := text.find("`", at)) >= 0:
        run = _run(text, at)
        if run == length:
            return at
        at += run
    return -1


def _bracket(text: str, at: int) -> int:
    """Behind the link or bracket at `at`; -1 while it may still become a link."""
    if at >= len(text):
        return -1
    depth, here = 0, at
    while here < len(text):
        char = text[here]
        if char == "\\":
            here += 1
        elif char in "[]":
            depth += 1 if char == "[" else -1
            if depth == 0:
                break
        here += 1
    recent = len(text) - at < _HELD_LINK
    if here >= len(text):
        return -1 if recent and "\n" not in text[at:] else at + 1
    if here + 1 == len(text):
        return -1 if recent else at + 1
    if text[here + 1] != "(":
        return at + 1
    close = text.find(")", here)
    if close < 0:
        held = len(text) - here < _HELD_LINK and not re.search(r"\n|^.\S+ [^\"' ]", text[here + 1 :])
        return -1 if held else at + 1
    return close + 1


def _may_be_math(text: str, at: int) -> bool:
    rest = text[at:]
    if len(rest) > 120 or "\n" in rest or "`" in rest:
        return False
    inside = rest.lstrip("$")
    if re.match(r"\d[\d.,]*(\s|[.,]?\s|$)", inside):  # a price, most likely
        return inside == "" or re.fullmatch(r"[\d.,]*", inside) is not None
    return not inside[:1].isspace()


def _delimit(text: str, at: int, run: int, marks: list[tuple[str, int]]) -> None:
    """Keep count of open emphasis; a guess in the rare cases, the finished text does not depend on it."""
    char = text[at]
    before, after = text[at - 1 : at] or " ", text[at + run]
    left = not after.isspace() and (not _PUNCTUATION.match(after) or before.isspace() or _punctuates(before))
    right = not before.isspace() and (not _PUNCTUATION.match(before) or after.isspace() or _punctuates(after))
    opens = left and (char != "_" or not right or _punctuates(before))
    closes = right and (char != "_" or not left or _punctuates(after))
    if char == "~" and run != 2:
        return
    left_over = run
    while closes and left_over:
        for index in range(len(marks) - 1, -1, -1):
            mark = marks[index][0]
            if mark[0] == char and len(mark) <= left_over:
                del marks[index:]
                left_over -= len(mark)
                break
        else:
            break
    if opens and left_over:
        begin = at + run
        if left_over >= 3:
            marks.append((char, begin))
            left_over = 2
        marks.append((char * left_over, begin))


def _punctuates(char: str) -> bool:
    return _PUNCTUATION.match(char) is not None
