"""A page as a person reads it, line by line, in a notation that one can write by hand.

## Title                     a heading
Words ⟪bold⟫ ⟨italic⟩ ⸨gone⸩ ‹code› ⟦x^2⟧ ⟮text→https://a.example⟯, then⏎a second line
- item                       a list; what else is in the item stands two spaces in
  3. [x] item                numbers as shown, boxes of tasks
> quoted
| cell | cell |              a table: head, alignment, rows
| --- | --: |
«python»                     a block of code; its text is kept apart, to the letter
———                          a rule
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from tests.hostile.scan import formulas

MARKS = {"strong": "⟪⟫", "em": "⟨⟩", "del": "⸨⸩", "s": "⸨⸩", "code": "‹›"}
BLOCKS = {*("p", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "blockquote", "ul", "ol", "li", "table", "hr")}
ALIGN = {"": "---", "left": ":--", "center": ":-:", "right": "--:"}
VOID = {"br", "hr", "input", "img", "wbr"}


@dataclass
class Reading:
    """What is read: the `lines`, and the text of each block of code."""

    lines: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self, math: bool) -> None:
        super().__init__()
        self.read = Reading()
        self._math = math  # whether dollars are still to be typeset
        self._around: list[str] = []  # "> ", or the mark of an item until its first line is written
        self._lists: list[tuple[str, int]] = []
        self._words = ""
        self._run = ""  # text in which no tag stands: what MathJax looks at
        self._heading = ""
        self._links: list[str] = []
        self._row: list[str] | None = None
        self._aligned: list[str] = []
        self._pre = self._code = False
        self._language = ""
        self._skip = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        names = values.get("class", "").split()
        if self._skip:
            self._skip += tag not in VOID
            return
        if tag != "br":
            self._end_run()
        if "anchor-link" in names or "jp-InternalAnchorLink" in names:
            self._skip = 1
        elif self._pre:
            if tag == "code":
                self._language = next((n.partition("-")[2] for n in names if n.startswith("language-")), "")
        elif tag in BLOCKS:
            self._end_words()
            self._open_block(tag, values)
        elif tag in ("td", "th"):
            aligned = values.get("align") or values.get("style", "").replace(" ", "").removeprefix(
                "text-align:"
            )
            self._aligned.append(ALIGN[aligned])
            self._words = ""
        elif tag == "tr":
            self._row, self._aligned = [], []
        elif tag == "br":
            self._run += "⏎"
        elif tag == "input":
            self._words += "[x] " if "checked" in values else "[ ] "
        elif tag == "a":
            self._links.append(values.get("href", ""))
            self._words += "⟮"
        elif tag in MARKS:
            self._code |= tag == "code"
            self._words += MARKS[tag][0]

    def _open_block(self, tag: str, values: dict[str, str]) -> None:
        if tag in ("ul", "ol"):
            self._lists.append((tag, int(values.get("start") or 1)))
        elif tag == "li":
            kind, number = self._lists[-1]
            self._lists[-1] = (kind, number + 1)
            self._around.append(f"{number}. " if kind == "ol" else "- ")
        elif tag == "blockquote":
            self._around.append("> ")
        elif tag == "pre":
            self._pre, self._language = True, ""
            self.read.code.append("")
        elif tag == "hr":
            self._line("———")
        elif tag[0] == "h":
            self._heading = "#" * int(tag[1]) + " "

    def handle_endtag(self, tag: str) -> None:
        if self._skip:
            self._skip -= 1
            return
        self._end_run()
        if self._pre:
            if tag == "pre":
                self._pre = False
                self._line(f"«{self._language}»")
        elif tag in BLOCKS:
            self._end_words()
            if tag in ("ul", "ol"):
                self._lists.pop()
            elif tag in ("li", "blockquote"):
                mark = self._around[-1]
                if tag == "li" and not mark.isspace():
                    self._line("")
                self._around.pop()
        elif tag in ("td", "th") and self._row is not None:
            self._row.append(_tidy(self._words))
            self._words = ""
        elif tag == "tr" and self._row is not None:
            self._line("| " + " | ".join(self._row) + " |")
            self._row = None
        elif tag == "thead":
            self._line("| " + " | ".join(self._aligned) + " |")
        elif tag == "a":
            self._words += f"→{self._links.pop()}⟯"
        elif tag in MARKS:
            self._code &= tag != "code"
            self._words += MARKS[tag][1]

    def handle_data(self, data: str) -> None:
        if self._skip:
            return
        if self._pre:
            self.read.code[-1] += data
        elif self._code:
            self._words += data.replace("\n", " ").replace(" ", "\0")  # blanks in code stay as they are
        else:
            self._run += data

    def _end_run(self) -> None:
        run, self._run = self._run, ""
        if self._math:
            for tex in dict.fromkeys(formulas(run)):
                for mark in ("$$", "$"):
                    run = run.replace(f"{mark}{tex}{mark}", f"⟦{tex}⟧")
        self._words += run

    def _end_words(self) -> None:
        self._end_run()
        if self._row is None and (words := _tidy(self._words)):
            self._line(self._heading + words)
        if self._row is None:
            self._words = self._heading = ""

    def _line(self, text: str) -> None:
        self.read.lines.append(("".join(self._around) + text).rstrip())
        self._around = [mark if mark == "> " else "  " for mark in self._around]


def _tidy(words: str) -> str:
    words = re.sub("[ \t\r\n]+", " ", words)
    return re.sub(" ?⏎ ?", "⏎", words).strip(" ").replace("\0", " ")


def reading(html: str, *, math: bool = False) -> Reading:
    """What `html` shows. With `math`, dollars in the text are formulas as MathJax would find them."""
    reader = _Reader(math)
    reader.feed(html)
    reader.close()
    reader._end_words()
    return reader.read
