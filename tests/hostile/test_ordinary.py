"""A hundred ordinary answers come out exact: each word that is read, each line of code that is copied.

In JupyterLab's own page they are looked at in `test_browser_settled`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import nbconvert
import nbformat
import pytest

from nbstream.show.markdown import settle
from nbstream.show.render import render
from tests.hostile import parsers
from tests.hostile.ordinary import Ordinary, ordinary, spelled_alike
from tests.hostile.reading import Reading, reading
from tests.hostile.test_settled import findings, modules  # noqa: F401

each = pytest.mark.parametrize("answer", ordinary(), ids=lambda answer: answer.id)
AWKWARD = set("\"'\\$`<>&\t%{}[]|*_~#@^!") | {"中", "🚀"}


@cache
def _exported() -> dict[str, Reading]:
    """All answers as outputs of one notebook, through ``nbconvert --to html``."""
    notebook = nbformat.v4.new_notebook()
    for answer in ordinary():
        data = {"text/markdown": settle(answer.text), "text/plain": answer.text}
        outputs = [nbformat.v4.new_output("display_data", data=data)]
        notebook.cells.append(nbformat.v4.new_code_cell("", outputs=outputs))
    page, _ = nbconvert.HTMLExporter().from_notebook_node(notebook)
    shown = r'data-mime-type="text/markdown"[^>]*>(.*?)</div>\s*</div>\s*</div>\s*</div>\s*</div>'
    outputs = re.findall(shown, page, re.DOTALL)
    assert len(outputs) == len(ordinary())
    return {answer.id: reading(html, math=True) for answer, html in zip(ordinary(), outputs, strict=True)}


@cache
def _lab(modules: Path) -> dict[str, str]:  # noqa: F811
    answers = parsers.lab([settle(answer.text) for answer in ordinary()], modules)
    return {answer.id: page["html"] for answer, page in zip(ordinary(), answers, strict=True)}


def test_there_are_a_hundred_in_ten_languages_with_every_awkward_character() -> None:
    assert len(ordinary()) >= 100
    named = {name for answer in ordinary() for name in re.findall("«(.+)»", "\n".join(answer.lines))}
    assert len(named - {"text"}) >= 25
    code = "".join(block for answer in ordinary() for block in answer.code)
    assert set(code) >= AWKWARD
    assert re.search(" \n", code), "blanks at the end of a line"


@each
def test_nbconvert_shows_and_copies_it_exactly(answer: Ordinary) -> None:
    read = _exported()[answer.id]
    assert spelled_alike(read.lines, colours=False) == spelled_alike(answer.nbconvert, colours=False)
    assert [code.removesuffix("\n") for code in read.code] == list(answer.code)


@each
def test_jupyterlab_shows_and_copies_it_exactly(answer: Ordinary, modules: Path) -> None:  # noqa: F811
    read = reading(_lab(modules)[answer.id], math=True)
    assert spelled_alike(read.lines) == spelled_alike(answer.lines)
    assert [code.removesuffix("\n") for code in read.code] == list(answer.code)
    assert findings(_lab(modules)[answer.id]) == []


@each
def test_settling_it_again_changes_nothing_that_is_read(answer: Ordinary) -> None:
    once = settle(answer.text)
    if re.search("<(?:em|strong|del)>", once):
        pytest.skip("tags are text when they are read again")
    twice = reading(parsers.with_nbconvert(settle(once)), math=True)
    assert twice == reading(parsers.with_nbconvert(once), math=True)


# Said otherwise while it streams: nothing reaches back to an earlier block, a picture's link has brackets.
OTHERWISE = {
    "math/a system of equations in an environment",
    "structure/a task list",
    "structure/line breaks in a table",
    "web/a link with code and emphasis in it",
    "web/an image",
    "web/reference links",
}


def test_it_reads_the_same_while_it_streams() -> None:
    differ = {answer.id for answer in ordinary() if _live(answer) != (_spelled(answer.lines), answer.code)}
    assert differ <= OTHERWISE


def _live(answer: Ordinary) -> tuple[list[str], tuple[str, ...]]:
    html = re.sub(
        r'<code class="nbs-math[^"]*">(.*?)</code>', r"⟦\1⟧", "".join(render(answer.text)), flags=re.S
    )
    read = reading(html)
    lines = [line.replace("☐ ", "[ ] ", 1).replace("☑ ", "[x] ", 1) for line in read.lines]
    return _spelled(lines), tuple(code.removesuffix("\n") for code in read.code)


def _spelled(lines: Iterable[str]) -> list[str]:
    return spelled_alike((line.replace("\\lt ", "<") for line in lines), colours=False)
