"""A second opinion: the whole answer parsed once, and written by the shortest way from tokens to tags.

It shares the grammar with the package, and nothing else: no windows, no cuts, no frames, no tree, no
sanitizer. Attributes and colours are left out on both sides; `bare` takes them from what we render.
"""

from __future__ import annotations

import re
from html import unescape

from markdown_it import MarkdownIt
from markdown_it.token import Token

from nbstream.show.clean import clean_inline
from nbstream.show.grammar import parser
from nbstream.show.render import tidy

_BOX = re.compile(r"(<li>(?:<p>)?)\[([ xX])\][ \t]+(?=[^\s<]|<(?!/))")


def whole(text: str) -> str:
    """The answer as bare HTML."""
    md = parser()
    html = "".join(_block(md, token) for token in md.parse(tidy(text)))
    return unescape(_BOX.sub(lambda box: box[1] + ("☐ " if box[2] == " " else "☑ "), html))


def bare(blocks: list[str]) -> str:
    """What we rendered, without attributes and colours."""
    return unescape(re.sub(r"<(\w+) [^>]*>", r"<\1>", re.sub("</?span[^>]*>", "", "".join(blocks))))


def _block(md: MarkdownIt, token: Token) -> str:
    if token.hidden:
        return ""
    if token.type == "inline":
        return _inline(token.children or [])
    if token.type in ("fence", "code_block"):
        # An empty last line is left out, as JupyterLab does with settled code.
        code = token.content[:-1] if token.content.endswith("\n\n") else token.content
        return f"<pre><code>{_escape(code)}</code></pre>"
    if token.type == "math_block" and token.info:
        return "<p><code>" + _escape(token.content[2:-2].strip("\n")) + "</code></p>"
    if token.type == "math_block":
        return "<p>" + _inline(md.parseInline(token.content)[0].children or []) + "</p>"
    return f"</{token.tag}>" if token.nesting < 0 else f"<{token.tag}>"


def _inline(tokens: list[Token]) -> str:
    html, links = "", 0
    for token in tokens:
        links += token.nesting if token.tag == "a" else 0
        if token.type in ("code_inline", "math"):
            html += f"<code>{_escape(token.content)}</code>"
        elif token.type == "image":
            words = "".join(child.content for child in token.children or [])
            label = _escape(f"[image: {words}]" if words else "[image]")
            html += label if links else f"<a>{label}</a>"
        elif token.type in ("softbreak", "hardbreak"):
            html += "\n" if token.type == "softbreak" else "<br>\n"
        elif token.tag:
            html += f"</{token.tag}>" if token.nesting < 0 else f"<{token.tag}>"
        else:
            html += _escape(clean_inline(token.content) if token.type == "text_special" else token.content)
    return html


def _escape(text: str) -> str:
    # Twice: what was text must not look like a tag after `unescape`, here or there.
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
