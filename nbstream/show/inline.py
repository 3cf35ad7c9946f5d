"""The inside of a paragraph, heading or cell: inline tokens -> Markdown that every parser reads alike.

Tokens become a flat list of pieces first, emphasis marks being pieces of their own. Only when all
neighbours are known is each pair of marks written: as ``*`` where every parser agrees that it is
emphasis, as ``_`` beside other stars, and as a tag where punctuation or Chinese stands in the way.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from markdown_it.token import Token

from .escape import SPANS_AT_MOST, TextEscaper, html_text, safe_url, tidy
from .rules import Rules
from .tex import in_table

_MARKS = {"em": ("*", "_"), "strong": ("**", "__"), "s": ("~~", None)}
_TAGS = {"em": "em", "strong": "strong", "s": "del"}
_TASK = re.compile(r"\[[ xX]\] (?! )")
# What JupyterLab takes for math also inside code (dollars in code spans it leaves alone).
_MATH_IN_CODE = re.compile(r"\\(?:begin|end)\{[a-z]*\*?\}|\\\\[()\[\]]|@@\d+@@", re.IGNORECASE)
_LONGEST_DELIMITER = 2
_BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)
_DEEPEST = 8


@dataclass(slots=True, eq=False)
class _Mark:
    """One end of an emphasis."""

    kind: str
    opens: bool
    other: _Mark | None = None
    depth: int = 0
    text: str | None = None


_Piece = str | _Mark
Place = Literal["text", "heading", "cell"]


class InlineWriter:
    """Writes the children of one inline token.

    Parameters
    ----------
    rules : Rules
    place : {"text", "heading", "cell"}
        Headings and cells have one line; in cells a pipe is a border.
    images : bool
        Whether images stay images.
    plain_dollars : bool
        The document as a whole holds too many dollars to isolate each.
    """

    def __init__(self, rules: Rules, place: Place = "text", images: bool = False, bulk: bool = False) -> None:
        self._rules, self._place, self._images, self._bulk = rules, place, images, bulk
        self._pieces: list[_Piece] = []
        self._escaper = TextEscaper(rules, bulk)
        self._rich = False

    def write(self, tokens: list[Token], task: bool = False) -> str:
        """Return the Markdown; lines are separated by newlines, none of them blank.

        Parameters
        ----------
        tokens : list of Token
        task : bool
            Whether a leading ``[ ]`` may be the box of a task list.
        """
        literal = "".join(token.content for token in tokens if token.type in ("text", "math_inline"))
        crowded = max(literal.count("$"), literal.count("\\")) > SPANS_AT_MOST
        self._escaper = TextEscaper(self._rules, self._bulk or crowded)
        self._rich = any(token.nesting for token in tokens)
        self._tokens(tokens, task)
        text = self._joined()
        if self._place == "heading":
            # A closing sequence of hashes would vanish.
            text = re.sub(r"(?:(?<=\s)|^)#+$", lambda end: "&#35;" * len(end[0]), text.rstrip())
        lines = (line.strip(" ") for line in text.split("\n"))
        return "\n".join(line for line in lines if line and line != "\\").removesuffix("\\")

    # From tokens to pieces

    def _tokens(self, tokens: Iterable[Token], task: bool = False, in_link: bool = False) -> None:
        text: list[str] = []
        marks: list[_Mark] = []
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
            if kind in _MARKS:
                self._mark(kind, end == "open", marks)
            elif token.type == "softbreak":
                self._pieces.append("\n" if self._place == "text" else " ")
            elif token.type == "hardbreak":
                self._pieces.append({"text": "\\\n", "heading": " ", "cell": "<br>"}[self._place])
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
        self._pieces.append(self._escaper.text(text, self._at_line_start()))

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

    def _mark(self, kind: str, opens: bool, marks: list[_Mark]) -> None:
        mark = _Mark(kind, opens)
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
        cell = self._place == "cell"
        runs = [len(run) for run in re.findall("`+", code)] if rules.code_delimiter else []
        hard = (
            (rules.code_math and _MATH_IN_CODE.search(code) is not None)
            or (bool(runs) and (self._rich or in_link))
            or (code.endswith("\\") and self._rich)
            or (in_link and re.search(r"[\[\]\\<>]", code) is not None)
            or (cell and "\\|" in code)
        )
        length = next(n for n in range(1, len(runs) + 2) if n not in runs)
        if hard or length > _LONGEST_DELIMITER:
            return f"<code>{html_text(code)}</code>"
        if cell and rules.table_pipes:
            code = code.replace("|", "\\|")
        if code.strip() and (code[0] == code[-1] == " " or "`" in (code[0], code[-1])):
            code = f" {code} "
        return "`" * length + code + "`" * length if code else ""

    def _math(self, token: Token) -> None:
        tex: str | None = token.content
        if self._place == "cell" and self._rules.table_pipes:
            tex = in_table(token.content)
        if tex is None or self._escaper.bulk or (self._escaper.in_link and re.search(r"[\[\]]", tex)):
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

    # From pieces to text

    def _joined(self) -> str:
        self._drop_idle_marks()
        at = {id(piece): index for index, piece in enumerate(self._pieces) if isinstance(piece, _Mark)}
        for index, piece in enumerate(self._pieces):
            if isinstance(piece, _Mark) and piece.opens and piece.other:
                self._resolve(piece, piece.other, index, at[id(piece.other)])
        return "".join(piece if isinstance(piece, str) else piece.text or "" for piece in self._pieces)

    def _drop_idle_marks(self) -> None:
        """Forget marks around nothing, towers of them that stop parsers, and those beside white space.

        White space can only come from an entity there, and a tag alone on its line begins a block of HTML.
        """
        idle: set[int] = set()
        for pieces, opens in ((self._pieces, True), (self._pieces[::-1], False)):
            pending: list[_Mark] = []
            for piece in pieces:
                if isinstance(piece, _Mark):
                    if piece.opens == opens:
                        pending.append(piece)
                        continue
                    edge = " "
                elif piece == "":
                    continue
                else:
                    edge = piece[0 if opens else -1]
                if edge.isspace():
                    idle |= {id(each) for mark in pending for each in (mark, mark.other)}
                pending.clear()
        self._pieces = [
            piece
            for piece in self._pieces
            if piece != ""
            and not (isinstance(piece, _Mark) and (id(piece) in idle or piece.depth >= _DEEPEST))
        ]

    def _resolve(self, opening: _Mark, closing: _Mark, start: int, end: int) -> None:
        form = self._form(opening, start, end)
        tag = _TAGS[opening.kind]
        opening.text, closing.text = form or f"<{tag}>", form or f"</{tag}>"

    def _form(self, mark: _Mark, start: int, end: int) -> str | None:
        """The characters to use, or None where only a tag is read alike by all."""
        star, underscore = _MARKS[mark.kind]
        if not self._rules.emphasis_tags:
            return star
        beside = {self._char(start - 1, -1), self._char(start + 1, 0)}
        beside |= {self._char(end - 1, -1), self._char(end + 1, 0)}
        flanks, inside_word = self._flanks(mark, start, end)
        if not flanks:
            return None
        if mark.kind == "s":
            inside = self._pieces[start + 1 : end]
            tilde = any("~" in piece if isinstance(piece, str) else piece.kind == "s" for piece in inside)
            return None if tilde or "~" in beside else star
        if "*" not in beside:
            return star
        return None if inside_word or "_" in beside else underscore

    def _flanks(self, mark: _Mark, start: int, end: int) -> tuple[bool, bool]:
        """Whether every parser sees the marks open and close; whether a word touches them from outside."""
        before, first = _outside(self._char(start - 1, -1)), _inside(self._char(start + 1, 0))
        last, after = _inside(self._char(end - 1, -1)), _outside(self._char(end + 1, 0))
        inside_word = "w" in (before, after)
        # Among others, a mark that can both open and close may pair with the wrong one.
        both = inside_word or before == first == "p" or last == after == "p"
        opens = first == "w" or (first == "p" and before != "w")
        closes = last == "w" or (last == "p" and after != "w")
        return opens and closes and not (mark.depth and both), inside_word

    def _char(self, index: int, which: int) -> str:
        """The character which a mark has for a neighbour; a mark not yet written counts as punctuation."""
        if not 0 <= index < len(self._pieces):
            return "\n"
        piece = self._pieces[index]
        if isinstance(piece, _Mark):
            return piece.text[which] if piece.text else "\1"
        return piece[which] if piece else "\n"


def _plain(tokens: list[Token]) -> str:
    """What a picture's description says, without its markup."""
    return "".join(_plain(token.children) if token.children else token.content or " " for token in tokens)


def _class(character: str) -> str:
    """``w`` for a word, a space for space, ``p`` for punctuation."""
    if character.isspace():
        return " "
    return "p" if unicodedata.category(character)[0] in "PSC" else "w"


def _inside(character: str) -> str:
    return _class(character)


def _outside(character: str) -> str:
    # marked looks at the last half of an emoji and sees no symbol in it.
    return "w" if ord(character) > 0xFFFF else _class(character)
