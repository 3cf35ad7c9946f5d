"""One run of inline Markdown (a paragraph's text, a cell, a heading) as safe HTML.

Two things live here: the HTML for markdown-it's inline tokens, and `next_cut`, which says where a long text
may be cut without changing what it shows, so that an endless paragraph costs no more than a short one.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any, NamedTuple

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from .escape import tidy
from .highlight import escape_text
from .math import looks_like_prose
from .mathml import ATTRIBUTES
from .mathml import drawn as mathml_of
from .rules import RULES
from .tex import safe_tex
from .unfinished import MATH_LENGTH, MATH_SPAN, mend

MATH = "nbs-math"
_HALF_MATH = re.compile(r"\$|\\[(\[]")
_SCHEMES = ("http://", "https://", "mailto:")
_SIZES = (700, 1400, 2000)  # where a cut is tried; after the last one the text is shown without its marks
_MANY_BRACKETS = 100  # each `[` may scan all that follows it
_MARKUP = re.compile(r"[\\`*_~\[<&$]|!\[| \n|\n[ \t]")  # text without these is what it says
_REMEMBERED = 200  # segments: those of a block that still grows are asked for again with each batch


@cache
def _cleaner(mathml: bool = False) -> nh3.Cleaner:
    formulas = ATTRIBUTES if mathml else {}
    return nh3.Cleaner(
        tags={"a", "strong", "em", "s", "code", "br", *formulas},
        clean_content_tags=set(),
        attributes={"a": {"href"}, **formulas},
        allowed_classes={"code": {MATH, "nbs-tex", "nbs-display"}},
        url_schemes={"http", "https", "mailto"},
        url_relative="deny",
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )


def allowed_link(url: str) -> bool:
    """Only what a reader may follow; markdown-it then leaves any other link as plain text."""
    return url.lower().startswith(_SCHEMES)


def math(state: StateInline, silent: bool) -> bool:
    """Take ``$…$``, ``$$…$$``, ``\\(…\\)`` and ``\\[…\\]`` on one line as one token, but no prices."""
    if state.src[state.pos] not in "$\\":
        return False
    match = MATH_SPAN.match(state.src, state.pos, state.posMax)
    if match is None or (match.group(2) and looks_like_prose(match.group(2))):
        return False
    if not silent:
        token = state.push("math", "code", 0)
        token.content = match.group(match.lastindex or 0).strip()
        token.block = state.src[state.pos : state.pos + 2] in ("$$", "\\[")
    state.pos = match.end()
    return True


class _Reading(NamedTuple):
    """A segment of text, read by itself."""

    html: str
    closed: bool  # nothing that begins in it can end behind it


class Inline:
    """Inline Markdown to HTML, by the rules of one parser; with `mathml`, its formulas drawn."""

    def __init__(self, parser: MarkdownIt, mathml: bool = False) -> None:
        self._parser = parser
        self._mathml = mathml
        self._read = lru_cache(_REMEMBERED)(self._reading)
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
        return "".join(parts) + (escape_text(text) if _crowded(text) else self._read(text).html)

    def next_cut(self, text: str) -> tuple[int, str] | None:
        """How much of a long `text` is done, whatever follows, and its HTML; None if nothing is.

        The answer depends on the text up to the cut and a bounded length after it, never on how much more
        there is: so the live view and a rendering of the whole text cut at the same places.
        """
        cut = 0
        for size in _SIZES:
            if len(text) <= size + 1:
                return None
            cut = _cut_before(text, size)
            if not cut or _crowded(text[:cut]):
                continue
            reading = self._read(text[:cut])
            if reading.closed:
                return cut, reading.html
        cut = cut or _SIZES[-1]
        return cut, escape_text(text[:cut])

    def _reading(self, text: str) -> _Reading:
        if not _MARKUP.search(text):
            return _Reading(escape_text(text), True)
        tokens, open_marks = self._parse(text)
        html = _html(tokens, self._mathml)
        if "<" in html:
            html = _cleaner(self._mathml).clean(html)
        return _Reading(html, not open_marks and _closed(text, tokens))

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


def _crowded(text: str) -> bool:
    return text.count("[") > _MANY_BRACKETS


def _cut_before(text: str, size: int) -> int:
    """A place in the first `size` characters with no mark beside it: white space, or between letters."""
    for at in range(size, size // 2, -1):
        if text[at] in " \n" and text[at - 1] not in " \n\\":
            return at
    for at in range(size, size // 2, -1):
        if text[at].isalnum() and text[at - 1].isalnum():
            return at
    return 0


def _closed(text: str, tokens: list[Token]) -> bool:
    """No code span, bracket or formula that begins in `text` can end behind it."""
    last_line = text[-MATH_LENGTH:].rpartition("\n")[2]
    if _HALF_MATH.search(last_line) and any(_HALF_MATH.search(_source(token)) for token in tokens):
        return False
    last_word = text[text.rfind(" ") + 1 :]
    if "<" in last_word or "&" in last_word[-40:]:
        return False  # half an address, half an entity
    plain = "".join(token.content for token in tokens if token.type == "text")
    return "`" not in plain and "](" not in plain and plain.count("[") == plain.count("]")


def _source(token: Token) -> str:
    return {"text": token.content, "text_special": token.markup}.get(token.type, "")


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


def _html(tokens: list[Token], mathml: bool) -> str:
    parts: list[str] = []
    links: list[bool] = []
    for token in tokens:
        kind = token.type
        if kind in _TAGS:
            parts.append(_TAGS[kind])
        elif kind == "code_inline":
            parts.append(f"<code>{escape_text(token.content)}</code>")
        elif kind == "math":
            parts.append(math_html(token.content, display=token.block, mathml=mathml))
        elif kind == "link_open":
            parts.append(_anchor(token.attrs.get("href")))
        elif kind == "link_close":
            parts.append("</a>")
        elif kind == "image":
            parts.append(_image(token, bool(links)))
        elif kind == "text_special":  # an escape, or an entity, which can spell any control character
            parts.append(escape_text(tidy(token.content, RULES)))
        else:
            parts.append(escape_text(token.content))
        if kind in ("link_open", "link_close"):
            links = links[:-1] if kind == "link_close" else [*links, True]
    return "".join(parts)


def math_html(tex: str, *, display: bool, mathml: bool = False) -> str:
    """A formula as its source, marked where a page may have it typeset: as it will be when settled.

    With `mathml` as a browser draws it by itself, if we can write it so.
    """
    if mathml and (drawn := mathml_of(tex, display)):
        return drawn
    names = MATH
    if "\\label" not in tex and safe_tex(tex, RULES) is not None:
        names += " nbs-tex nbs-display" if display else " nbs-tex"
    return f'<code class="{names}">{escape_text(tex)}</code>'


def _anchor(url: Any) -> str:
    quoted = escape_text(str(url)).replace('"', "&quot;")
    return f'<a href="{quoted}">'


def _image(token: Token, inside_link: bool) -> str:
    """Images never load: their address could carry away what the reader wrote."""
    words = tidy("".join(child.content for child in token.children or []) or token.content, RULES)
    label = escape_text(f"[image: {words}]" if words else "[image]")
    return label if inside_link else f"{_anchor(token.attrs.get('src'))}{label}</a>"
