"""Looks at HTML that the panel places, and names what neither our Markdown nor our formulas have."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from nbstream.show.mathml import ATTRIBUTES
from tests.hostile.scan import TAGS

OURS = {
    "class": re.compile(r"(?:(?:language-[\w+#.-]{1,24}|nb[sp]-[a-z-]{1,16}) ?)+", re.ASCII),
    "href": re.compile(r"(?:https?://|mailto:)[^\s\"'<>`\\]*", re.IGNORECASE),
    "rel": re.compile("noopener noreferrer nofollow"),
    "target": re.compile("_blank"),
    "align": re.compile("left|right|center"),
    "start": re.compile(r"\d{1,9}"),
}
VALUE = re.compile(
    r"true|false|inline|block|normal|bold|italic|monospace|sans-serif|left|right|center|solid|dashed"
    r"|prefix|postfix|top|bottom|box|[a-z]*diagonalstrike(?: [a-z]*diagonalstrike)?"
    r"|-?[0-9]{0,2}\.?[0-9]{1,3}(?:em|px|pt|ex)?"
)


class Looked(HTMLParser):
    """Names each element and attribute that neither our Markdown nor our formulas have."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.wrong: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS and tag not in ATTRIBUTES:
            self.wrong.append(f"<{tag}>")
        for name, value in attrs:
            pattern = VALUE if name in ATTRIBUTES.get(tag, ()) else OURS.get(name)
            if pattern is None or not pattern.fullmatch(value or ""):
                self.wrong.append(f"{name}={value!r} on <{tag}>")

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.wrong.append(f"comment {data[:40]!r}")

    handle_decl = handle_pi = unknown_decl = handle_comment
