"""Plain text and addresses, written so that no Markdown parser sees more in them than text."""

from __future__ import annotations

import re
from html.entities import html5

from .clean import FOOTER_MARK, clean, clean_inline
from .rules import Rules

_SPECIAL = re.compile(
    r"<|&(?=[A-Za-z#])|\\|`|[*\[\]~|]|_+|\$|:(?=//)|(?<=www)\.|@",
    re.IGNORECASE,
)
# What MathJax acts on in the finished page, where an escaped backslash is a backslash again.
# At the end of a text a formula may follow, and an escaped dollar would pair with the wrong one.
_OPENS_MATH = re.compile(r"[(\[\\$]|(?:begin|ref|eqref)\b|\Z")
_WORD = re.compile(r"[A-Za-z0-9]")
_LINE_START = re.compile(r"[#>]|[-+](?![^\s\ufeff\-+=:|])|=(?=[=\s]*$)|:(?=\s|$|-)")
_NUMBERED = re.compile(r"(\d{1,9})([.)])(?=[\s\ufeff]|$)")


def entity(character: str) -> str:
    return f"&#{ord(character)};"


def tidy(text: str, rules: Rules) -> str:
    """Text of a token as it may appear: on one line, without controls and without our own mark.

    Tokens can hold what the cleaned source could not, since entities are decoded by now.
    """
    if rules.footer_mark:
        text = text.replace(FOOTER_MARK, "")
    return clean_inline(text) if rules.clean_entities else text


class TextEscaper:
    """Escapes the text of one paragraph, heading or cell.

    Parameters
    ----------
    rules : Rules
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.in_link = False

    def text(self, text: str, line_start: bool = False) -> str:
        """Escape `text`; at the start of a line its block marks too."""
        if line_start:
            text = text.lstrip(" ")
            return self._block_marks(text)
        return self._inline(text)

    def _block_marks(self, text: str) -> str:
        if self._rules.line_start:
            if _LINE_START.match(text):
                mark = "&gt;" if text[0] == ">" else entity(text[0])
                return mark + self._inline(text[1:])
            if number := _NUMBERED.match(text):
                return number[1] + entity(number[2]) + self._inline(text[number.end() :])
        return self._inline(text)

    def _inline(self, text: str) -> str:
        return _SPECIAL.sub(lambda found: self._one(found, text), text)

    def _one(self, found: re.Match[str], text: str) -> str:
        rules, mark = self._rules, found[0]
        before, after = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
        if mark == "<":
            return "&lt;" if rules.less_than else mark
        if mark == "&":
            return "&amp;" if rules.ampersand else mark
        if mark == "\\":
            return self._backslash(text, found.end()) if rules.backslash else mark
        if mark == "`":
            return "&#96;" if rules.backtick else mark
        if mark == "$":
            return self._dollar()
        if mark in ":.":
            return entity(mark) if rules.autolinks else mark
        if mark == "@":
            address = re.match(r"[\w.+@-]", before) or after == "@"
            return "&#64;" if rules.autolinks and address else mark
        if not rules.marks:
            return mark
        if mark in "[]" and self.in_link and rules.link_brackets:
            return entity(mark)
        if mark[0] == "_":
            # Between letters no parser sees emphasis: snake_case stays as it was written.
            if _WORD.match(before) and _WORD.match(after):
                return mark
            return "\\_" * len(mark)
        return "\\" + mark

    def _dollar(self) -> str:
        return "<span>&#36;</span>" if self._rules.dollar else "$"

    def _backslash(self, text: str, end: int) -> str:
        if self._rules.math_openers and _OPENS_MATH.match(text, end):
            return "<span>&#92;</span>"
        return "&#92;"


def html_text(text: str) -> str:
    """Text for inside our own ``<code>``: nothing in it means anything to Markdown, math or HTML."""
    return re.sub(r"[&<>`\\*_\[\]~|$@{}!#\"'\t]|:(?=//)|(?<=www)\.", lambda found: entity(found[0]), text)


def as_written(link: str) -> str:
    """For markdown-it, which would show an address decoded: other text than was written, and overrides."""
    return link


_ALLOWED = re.compile(r"(?:https?://|mailto:)[^\s]", re.IGNORECASE)
_UNSAFE_IN_URL = re.compile(r"[\x00-\x20\x7f\"'$\\<>`|*\[\]{}^]|[^\x00-\x7f]|@(?=@)|(?<=@)@")
_ENTITY = re.compile(r"&(?=#|[A-Za-z][A-Za-z0-9]*;)")
# Read as entities by some even without a semicolon: ``&copy=1`` must not end as a sign.
_BARE_ENTITY = re.compile("&(?={})".format("|".join(name for name in html5 if not name.endswith(";"))))


def safe_url(href: str, rules: Rules) -> str | None:
    """The address as it may stand between ``<`` and ``>``, or None if it is not for the web or for mail.

    >>> from .rules import RULES
    >>> safe_url('https://a.example/?q="$x', RULES)
    'https://a.example/?q=%22%24x'
    """
    href = clean(href).strip() if rules.clean_entities else href
    if rules.schemes and not _ALLOWED.match(href):
        return None
    if not rules.percent:
        return href
    href = _UNSAFE_IN_URL.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), href)
    return _BARE_ENTITY.sub("&amp;", _ENTITY.sub("%26", href))
