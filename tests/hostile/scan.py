"""Looks at finished HTML as a page would and names everything in it that a model must not bring about.

An allow-list: our Markdown needs some thirty tags and a handful of attributes. Whatever else appears was
the model's. Then the text is read as MathJax reads it, for formulas that nobody has checked.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from nbstream.show.rules import RULES
from nbstream.show.tex import safe_tex

TAGS = {
    *("p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "pre", "code", "blockquote", "em", "strong"),
    *("del", "s", "a", "table", "thead", "tbody", "tr", "th", "td", "br", "hr", "span", "input", "i", "div"),
}
VOID = {"br", "hr", "input"}
ATTRIBUTES = {
    ("a", "href"): re.compile(r"(?:https?://|mailto:)[^\s\"'<>`\\$]*"),
    ("code", "class"): re.compile(r"(?:language|lang)-[A-Za-z0-9+#.-]{1,24}"),
    ("ol", "start"): re.compile(r"\d{1,9}"),
    ("th", "align"): re.compile("left|center|right"),
    ("td", "align"): re.compile("left|center|right"),
    ("th", "style"): re.compile("text-align: ?(?:left|center|right)"),
    ("td", "style"): re.compile("text-align: ?(?:left|center|right)"),
    ("input", "type"): re.compile("checkbox"),
    ("input", "disabled"): re.compile(""),
    ("input", "checked"): re.compile(""),
    ("input", "class"): re.compile("task-list-item-checkbox"),
    ("li", "class"): re.compile("task-list-item"),
    ("div", "class"): re.compile("math"),
    ("span", "class"): re.compile("math"),
}
# What nbconvert adds of its own: colours in code, names and anchors of headings.
NBCONVERT = {
    ("div", "class"): re.compile("highlight"),
    ("span", "class"): re.compile("[a-z][a-z0-9]{0,3}"),
    **{(f"h{level}", "id"): re.compile(r"[^\s\"<>]*") for level in range(1, 7)},
    ("a", "class"): re.compile("anchor-link"),
    ("a", "href"): re.compile(ATTRIBUTES["a", "href"].pattern + r"|#[^\s\"<>]*"),
}
DROPPED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff⟡]")
# MathJax as JupyterLab sets it up: both kinds of delimiters, escapes, references, environments.
STARTS = re.compile(r"\$\$|\\\[|\\\(|\$|\\begin\s*\{([^}]*)\}|\\[\\$]|\\(?:eq)?ref\s*\{[^}]*\}")
ENDS = {"$$": "$$", "\\[": "\\]", "\\(": "\\)", "$": "$"}


class Scan(HTMLParser):
    """Collects what is wrong in `findings`, the code in `code` and the prose in `strings`.

    With `lab` the text is also read as MathJax would.
    """

    def __init__(self, html: str, lab: bool = True) -> None:
        self._lab = lab
        super().__init__(convert_charrefs=True)
        self.findings: list[str] = []
        self.code: list[str] = []
        self.blocks: list[str] = []
        self.strings: list[str] = [""]
        self.links: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        if self._open:
            self.findings.append(f"never closed: {self._open}")
        if DROPPED.search("".join([*self.strings, *self.code])):
            self.findings.append("a control, an override or our own mark came through")
        if lab:
            for string in self.strings:
                unchecked = (tex for tex in formulas(string) if not _drawn(tex))
                self.findings += [f"unchecked math: {tex[:80]!r}" for tex in unchecked]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.findings.append(f"tag <{tag}>")
        for name, value in attrs:
            allowed = ATTRIBUTES.get((tag, name))
            if not self._lab:
                allowed = NBCONVERT.get((tag, name), allowed)
            if name == "href" and not self._lab:
                value = (value or "").replace("<", "")  # mistune decodes twice; in its quotes it is text
            if allowed is None or not allowed.fullmatch(value or ""):
                self.findings.append(f"attribute {name}={value!r} on <{tag}>")
            if (tag, name) == ("a", "href"):
                self.links.append(value or "")
        if tag == "code":
            self.code.append("")
        if tag not in VOID:
            self._open.append(tag)
        if tag != "br":
            self.strings.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()
        elif tag not in VOID:
            self.findings.append(f"stray </{tag}>")
        if tag == "code" and "pre" in self._open:
            self.blocks.append(self.code[-1])
        self.strings.append("")

    def handle_data(self, data: str) -> None:
        if "code" in self._open:
            self.code[-1] += data
        else:
            self.strings[-1] += data

    def handle_comment(self, data: str) -> None:
        self.findings.append(f"comment {data[:40]!r}")

    def handle_decl(self, decl: str) -> None:
        self.findings.append(f"declaration {decl[:40]!r}")

    def handle_pi(self, data: str) -> None:
        self.findings.append(f"instruction {data[:40]!r}")

    def unknown_decl(self, data: str) -> None:
        self.findings.append(f"declaration {data[:40]!r}")


def formulas(string: str) -> list[str]:
    """What MathJax typesets of one run of text."""
    found: list[str] = []
    at = 0
    while start := STARTS.search(string, at):
        at = start.end()
        if start[0][:2] in ("\\\\", "\\$"):
            continue
        if start[0].startswith(("\\ref", "\\eqref")):
            found.append(start[0])
            continue
        end = ENDS.get(start[0]) or f"\\end{{{start[1]}}}"
        depth = 0
        for piece in re.finditer(re.escape(end) + r"|\\(?:[a-zA-Z]|.)|[{}]", string[at:]):
            if piece[0] == end and not depth:
                inner = string[at : at + piece.start()]
                found.append(start[0] + inner + end if start[1] else inner)
                at += piece.end()
                break
            depth = depth + 1 if piece[0] == "{" else max(0, depth - 1) if piece[0] == "}" else depth
    return found


def _drawn(tex: str) -> bool:
    tex = tex.replace("\\\u2060", "")  # a backslash before a word joiner is no command: MathJax says so
    return not tex.strip(" \u2060$") or safe_tex(tex, RULES) is not None
