"""An answer inside a cell of a table: every word of it, and nothing that breaks out."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nbstream.show.incell import in_cell
from nbstream.show.markdown import settle
from tests.hostile import parsers
from tests.hostile.corpus import Entry, controls, hostile
from tests.hostile.scan import Scan
from tests.hostile.test_random import HOSTILE, thrown
from tests.hostile.test_settled import modules as modules  # a fixture

BESIDE = "the other `cell` $y$ *z*"


class Cells(HTMLParser):
    """How many cells each row of the outer table has, and what one reads in them."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.depth = 0
        self.rows: list[int] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.depth += tag == "table"
        if self.depth == 1 and tag == "tr":
            self.rows.append(0)
        if self.depth == 1 and tag in ("td", "th"):
            self.rows[-1] += 1

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag == "table"

    def handle_data(self, data: str) -> None:
        self.text += data


def table(answer: str) -> str:
    """The answer in a table, beside another; something of ours follows."""
    return f"| # | answer |\n| :-- | :-- |\n| 1 | {in_cell(answer)} |\n| 2 | {BESIDE} |\n\n*the end*"


def broken(source: str, rendered: str, lab: bool) -> list[str]:
    found = Scan(rendered, lab).findings
    if Cells(rendered).rows != [2, 2, 2]:
        found.append(f"rows of {Cells(rendered).rows} cells")
    if "<em>the end</em>" not in rendered:
        found.append("what follows the table is not there")
    return found and [source, *found]


def in_all_readers(answers: list[str], modules: Path) -> None:
    sources = [table(answer) for answer in answers]
    for source, seen in zip(sources, parsers.lab(sources, modules), strict=True):
        assert not broken(source, seen["html"], lab=True)
        assert not broken(source, parsers.with_markdown_it(source), lab=False)


def test_no_hostile_answer_breaks_its_cell(modules: Path) -> None:
    answers = [entry.text for entry in hostile() if entry.kind != "bulk"]
    in_all_readers(answers, modules)
    for answer in answers[::9]:  # nbconvert is slow
        assert not broken(table(answer), parsers.with_nbconvert(table(answer)), lab=False)


def test_nothing_thrown_together_breaks_its_cell(modules: Path) -> None:
    in_all_readers(thrown(HOSTILE, seed=7, count=400, longest=30), modules)


def words(rendered: str) -> str:
    return re.sub(r"\s+|&nbsp;", "", html.unescape(Cells(rendered).text))


@pytest.mark.parametrize("entry", controls(), ids=lambda entry: entry.id)
def test_every_word_of_an_ordinary_answer_stands_in_its_cell(entry: Entry) -> None:
    alone = words(parsers.with_markdown_it(settle(entry.text)))
    beside = words(parsers.with_markdown_it(table(entry.text)))
    assert beside == "#answer1" + alone + "2" + words(parsers.with_markdown_it(BESIDE)) + "theend"


def test_code_stands_there_to_the_letter() -> None:
    code = 'def f(x):\n    return {"a|b": [x < 1, `y`]}\n\n\tprint("$5 & <b>", x)  # *not bold*'
    rendered = parsers.with_markdown_it(table(f"```python\n{code}\n```"))
    found = re.search(r"<pre><code>(.*?)</code></pre>", rendered, re.S)
    assert found and html.unescape(found[1]) == code


def test_an_answer_that_no_table_can_hold_is_shown_as_it_is() -> None:
    for text in ("> " * 3_000 + "deep", "*a" * 30_000, "| a " * 8_000):
        assert "\n" not in in_cell(text)
        assert not broken(text, parsers.with_markdown_it(table(text)), lab=False)
