"""The inside of a paragraph, heading or cell: inline tokens -> Markdown that every parser reads alike.

Tokens become a flat list of pieces, emphasis marks being pieces of their own; `nbstream.show.emphasis`
writes those, when all their neighbours are known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from markdown_it.token import Token

from .emphasis import KINDS, Mark, Piece, join
from .escape import TextEscaper, html_text, safe_url, tidy
from .rules import Rules
from .tex import in_table

_TASK = re.compile(r"\[[ xX]\] (?! )")
# What JupyterLab takes for math also inside code (dollars in code spans it leaves alone); and nbconvert,
# from one pair of dollars to the next, across fences and all.
_MATH_IN_CODE = re.compile(r"\\(?:begin|end)\{[a-z]*\*?\}|\\\\[()\[\]]|@@\d+@@|\$\$", re.IGNORECASE)
_LONGEST_DELIMITER = 2
_BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)

Place = Literal["text", "heading", "cell", "line"]
_IN_TABLES = ("cell", "line")


class InlineWriter:
    """Writes the children of one inline token.

    Parameters
    ----------
    rules : Rules
    place : {"text", "heading", "cell", "line"}
        Headings and cells have one line; in cells a pipe is a border; a line is a paragraph in one.
    images : bool
        Whether images stay images.
    """

    def __init__(self, rules: Rules, place: Place = "text", images: bool = False) -> None:
        self._rules, self._place, self._images = rules, place, images
        self._pieces: list[Piece] = []
        self._escaper = TextEscaper(rules)
        self._rich = False

    def write(self, tokens: list[Token], task: bool = False) -> str:
        """Return the Markdown; lines are separated by newlines, none of them blank.

        Parameters
        ----------
        tokens : list of Token
        task : bool
            Whether a leading ``[ ]`` may be the box of a task list.
        """
        self._rich = any(token.nesting for token in tokens)
        self._tokens(tokens, task)
        text = join(self._pieces, self._rules)
        if self._place == "heading":
            # A closing sequence of hashes would vanish.
            text = re.sub(r"(?:(?<=\s)|^)#+$", lambda end: "&#35;" * len(end[0]), text.rstrip())
        lines = (line.strip(" ") for line in text.split("\n"))
        return "\n".join(line for line in lines if line and line != "\\").removesuffix("\\")

    # From tokens to pieces

    def _tokens(self, tokens: Iterable[Token], task: bool = False, in_link: bool = False) -> None:
        text: list[str] = []
        marks: list[Mark] = []
        links: list[tuple[int, str]] = []

        def flush() -> None:
            nonlocal task
            self._text("".join(text), task)
            task = task and not text
            text.clear()

        for token in tokens:
            if token.type in ("text", "text_special"):
                text.append(token.content)
                continue
            flush()
            task = False
            kind, _, end = token.type.rpartition("_")
            if kind in KINDS:
                self._mark(kind, end == "open", marks)
            elif token.type == "softbreak":
                self._pieces.append("\n" if self._place == "text" else " ")
            elif token.type == "hardbreak":
                self._pieces.append(
                    "<br>" if self._place in _IN_TABLES else " " if self._place == "heading" else "\\\n"
                )
            elif token.type == "code_inline":
                self._apart(self._code(token.content, bool(links)))
            elif token.type == "math_inline":
                self._math(token)
            elif token.type == "image":
                self._image(token, bool(links))
            elif token.type == "link_open":
                links.append((len(self._pieces), self._title(token)))
                if len(links) == 1:  # markdown-it finds autolinks inside links; a page knows no such thing
                    self._link_open(str(token.attrGet("href") or ""))
            elif token.type == "link_close":
                at, title = links.pop()
                if not links:
                    self._link_close(at, title)
            else:  # nothing else is enabled; were it, it is text
                text.append(token.content)
        flush()

    def _text(self, text: str, task: bool = False) -> None:
        text = tidy(text, self._rules)
        if not text:
            return
        if task and (box := _TASK.match(text)):
            self._pieces.append(box[0])
            text = text[box.end() :]
            self._pieces.append(self._escaper.text(text))
            return
        if self._place == "cell":
            # The one tag that models write in tables, for want of another way to break a line there.
            self._pieces.append("<br>".join(self._escaper.text(part) for part in _BREAK.split(text)))
            return
        self._pieces.append(self._escaper.text(text, self._place != "line" and self._at_line_start()))

    def _at_line_start(self) -> bool:
        return not self._pieces or (isinstance(self._pieces[-1], str) and self._pieces[-1].endswith("\n"))

    def _apart(self, piece: str) -> None:
        """Append code or math, never touching another: their delimiters would melt into one.

        (A dollar right before a backtick JupyterLab counts with the code.)
        """
        last = self._pieces[-1] if self._pieces else ""
        if isinstance(last, str) and last[-1:] in ("`", "$") and piece[:1] in ("`", "$"):
            self._pieces.append(" ")
        self._pieces.append(piece)

    def _mark(self, kind: str, opens: bool, marks: list[Mark]) -> None:
        mark = Mark(kind, opens)
        if opens:
            mark.depth = len(marks)
            marks.append(mark)
        else:
            mark.other = marks.pop()
            mark.depth = mark.other.depth
            mark.other.other = mark
        self._pieces.append(mark)

    def _code(self, code: str, in_link: bool) -> str:
        rules = self._rules
        code = tidy(code, rules)
        cell = self._place in _IN_TABLES
        runs = [len(run) for run in re.findall("`+", code)] if rules.code_delimiter else []
        hard = (
            (rules.code_math and _MATH_IN_CODE.search(code) is not None)
            # Such a pair shifts the mask by which marked keeps emphasis out of code.
            or (rules.code_delimiter and re.search("\\\\[^\0-\uffff]", code) is not None)
            or (bool(runs) and (self._rich or in_link))
            or (code.endswith("\\") and self._rich)
            or (in_link and re.search(r"[\[\]\\<>]", code) is not None)
            # nbconvert leaves the backslash of `\\|` in code.
            or (cell and rules.table_pipes and "|" in code)
        )
        length = next(n for n in range(1, len(runs) + 2) if n not in runs)
        if hard or length > _LONGEST_DELIMITER:
            return f"<code>{html_text(code)}</code>"
        if code.strip() and (code[0] == code[-1] == " " or "`" in (code[0], code[-1])):
            code = f" {code} "
        return "`" * length + code + "`" * length if code else ""

    def _math(self, token: Token) -> None:
        tex: str | None = token.content
        if self._place in _IN_TABLES and self._rules.table_pipes:
            tex = in_table(token.content)
        if tex is None or (self._escaper.in_link and re.search(r"[\[\]]", tex)):
            self._text(token.markup + token.content + token.markup)
        else:
            self._apart(token.markup + tex.strip() + token.markup)

    # Links and images

    def _title(self, token: Token) -> str:
        return "" if self._rules.titles else f' "{token.attrGet("title")}"'

    def _link_open(self, href: str) -> None:
        self._bang()
        self._pieces += ["[", href]
        self._escaper.in_link = True

    def _link_close(self, at: int, title: str) -> None:
        # `at` is where the bracket was put (after a mended "!"), the address behind it.
        self._escaper.in_link = False
        href = self._pieces.pop(at + 1)
        assert isinstance(href, str)
        url = safe_url(href, self._rules)
        empty = len(self._pieces) == at + 1
        if url is None:
            self._pieces[at] = ""
            self._text(href if empty else f" ({href})")
            return
        if empty:
            self._pieces.append(self._label(tidy(href, self._rules)))
        self._pieces.append(f"](<{url}>{title})")

    def _image(self, token: Token, in_link: bool) -> None:
        alt = " ".join(tidy(_plain(token.children or []), self._rules).split())
        href = str(token.attrGet("src") or "")
        url = None if in_link else safe_url(href, self._rules)
        shown = self._images and url is not None and url.lower().startswith("http")
        if shown or not self._rules.images_as_links:
            self._pieces.append(f"![{self._label(alt)}](<{url}>)")
            return
        label = f"image: {alt}" if alt else "image"
        if url is None:
            self._text(label if in_link else f"[{label}]")
            return
        self._bang()
        self._pieces.append(f"[{self._label(label)}](<{url}>)")

    def _label(self, text: str) -> str:
        self._escaper.in_link, before = True, self._escaper.in_link
        label = self._escaper.text(text)
        self._escaper.in_link = before
        return label

    def _bang(self) -> None:
        last = self._pieces[-1] if self._pieces else ""
        if self._rules.bang and isinstance(last, str) and last.endswith("!"):
            self._pieces[-1] = last[:-1] + "&#33;"


def _plain(tokens: list[Token]) -> str:
    """What a picture's description says, without its markup."""
    return "".join(_plain(token.children) if token.children else token.content or " " for token in tokens)
