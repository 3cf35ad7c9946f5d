"""What a page shows, without how it is spelled: so that pages of different parsers can be compared."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

from markdown_it.token import Token

from nbstream.show.clean import FOOTER_MARK, clean
from nbstream.show.escape import safe_url
from nbstream.show.markdown import parser
from nbstream.show.rules import RULES

BLOCKS = "p|li|ul|ol|blockquote|h[1-6]|hr|table|thead|tr|td|th|pre"
IGNORED = {"span", "i", "tbody", "div"}


class _Outline(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._pre = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag in IGNORED:
            return
        if tag == "input":
            self.parts.append("[x] " if "checked" in values else "[ ] ")
            return
        self._pre |= tag == "pre"
        extra = values.get("href", "")
        if tag == "ol":
            extra = values.get("start", "1")
        if tag in ("td", "th"):
            extra = values.get("align") or values.get("style", "").removeprefix("text-align:").strip()
        self.parts.append(f"<{'del' if tag == 's' else tag} {extra}".rstrip() + ">")

    def handle_endtag(self, tag: str) -> None:
        self._pre &= tag != "pre"
        if tag not in IGNORED and tag not in ("br", "hr", "input"):
            self.parts.append(f"</{'del' if tag == 's' else tag}>")

    def handle_data(self, data: str) -> None:
        # Angle brackets of the text must not look like the tags above.
        data = data.replace("<", "‹").replace(">", "›")
        self.parts.append(data if self._pre else re.sub(r"\s+", " ", data))


def outline(page: str) -> str:
    """The page's structure and text in one line per block, equal for equal meaning."""
    text = "".join(_Outline(page).parts)
    text = re.sub(r"\n+</code></pre>", "</code></pre>", text)
    pieces = re.split(r"(<pre>.*?</pre>)", text, flags=re.DOTALL)
    pieces[::2] = [_plain(piece).strip() for piece in pieces[::2]]
    return "".join(pieces)


def _plain(text: str) -> str:
    text = re.sub(" +", " ", text)
    text = re.sub(rf" ?(</?(?:{BLOCKS})(?: [^>]*)?>) ?", r"\1", text)
    # Headings are on one line; a line does not begin with a break; formulas are kept apart from code.
    text = re.sub(r"<h\d>.*?</h\d>", lambda found: re.sub(" ?<br> ?", " ", found[0]), text)
    text = re.sub(r"(<(?:p|li)>)(?: ?<br> ?)+", r"\1", re.sub(" ?<br> ?", "<br>", text))
    text = text.replace("<p>$$", "$$").replace("$$</p>", "$$").replace("$ $", "$$")
    text = text.replace("$ <code>", "$<code>").replace("</code> $", "</code>$")
    return re.sub("<a[^>]*></a>", "", text.replace(" $", "$"))


def meant(source: str) -> str:
    """The outline of what `source` means by our own parser, before any of it is settled."""
    md = parser(RULES)
    tokens = md.parse(clean(source).replace(FOOTER_MARK, ""))
    for token in tokens:
        if token.children:
            token.children = [each for child in token.children for each in _shown(child)]
        if token.type == "math_block":
            token.type, token.content = "html_block", f"<p>$${html.escape(token.content)}$$</p>"
    return outline(md.renderer.render(tokens, md.options, {}))


def _shown(token: Token) -> list[Token]:
    if token.type == "math_inline":
        return [Token("text", "", 0, content=token.markup + token.content + token.markup)]
    if token.type == "link_open":
        token.attrs = {"href": safe_url(str(token.attrs["href"]), RULES) or ""}
    if token.type == "image":
        alt = " ".join("".join(child.content or " " for child in token.children or []).split())
        return [
            Token("link_open", "a", 1, attrs={"href": safe_url(str(token.attrs["src"]), RULES) or ""}),
            Token("text", "", 0, content=f"image: {alt}" if alt else "image"),
            Token("link_close", "a", -1),
        ]
    return [token]
