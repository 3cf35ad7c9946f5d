"""Formulas in the panel: MathML that browsers draw, of what a model may write; all else as its source.

latex2mathml unescapes what it has written, links, colours and runs macros: nothing of that may come through.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from nbstream.show import mathml
from nbstream.show.live import LiveMarkdown
from nbstream.show.mathml import drawn
from nbstream.show.render import Renderer
from tests.hostile.corpus import Entry, controls, hostile, spelled_out
from tests.hostile.scan import TAGS

HERE = Path(__file__).parent / "formulas"
OURS = {
    "class": re.compile(r"(?:(?:language-[\w+#.-]{1,24}|nbs-[a-z-]{1,16}) ?)+", re.ASCII),
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


def formulas(name: str) -> list[tuple[str, bool]]:
    """The lines of a file; one that begins with ``D`` is a formula on a line of its own."""
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [(spelled_out(line.removeprefix("D ")), line.startswith("D ")) for line in lines]


def said(tex: str) -> Counter[str]:
    """The letters and digits of a formula that are not names of commands, nor sizes."""
    names = r"\\(?:begin|end)\{[a-z*]+\}(?:\{[0-9lcr|]+\})?|\\\\\[.*?\]|\\[A-Za-z]+|\W|_"
    return Counter(re.sub(names, "", tex))


class Looked(HTMLParser):
    """Names each element and attribute that neither our Markdown nor our formulas have."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.wrong: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS and tag not in mathml.ATTRIBUTES:
            self.wrong.append(f"<{tag}>")
        for name, value in attrs:
            pattern = VALUE if name in mathml.ATTRIBUTES.get(tag, ()) else OURS.get(name)
            if pattern is None or not pattern.fullmatch(value or ""):
                self.wrong.append(f"{name}={value!r} on <{tag}>")

    def handle_comment(self, data: str) -> None:
        self.wrong.append(f"comment {data[:40]!r}")

    handle_decl = handle_pi = unknown_decl = handle_comment


@pytest.mark.parametrize(("tex", "display"), formulas("ordinary.txt"))
def test_an_ordinary_formula_is_drawn_and_well_formed(tex: str, display: bool) -> None:
    html = drawn(tex, display)
    assert html, "shown as its source"
    root = ElementTree.fromstring(html.replace("&nbsp;", " "))
    assert root.tag == "math" and root.get("display") == ("block" if display else "inline")
    text = unicodedata.normalize("NFKD", "".join(root.itertext()))
    assert "\\" not in text
    assert not said(tex) - Counter(text), "something that it says is not drawn"
    assert Looked(html).wrong == []


@pytest.mark.parametrize(("tex", "display"), formulas("hostile.txt"))
def test_of_a_hostile_formula_nothing_comes_through_but_text(tex: str, display: bool) -> None:
    html = mathml.mathml(tex, display)
    assert Looked(html).wrong == []
    assert len(html) < 60_000
    depth = most = 0
    for closing in re.findall(r"<(/?)[a-z]", html):
        depth += -1 if closing else 1
        most = max(most, depth)
    assert depth == 0 and most < 100


def test_what_would_be_drawn_wrongly_is_shown_as_it_is_written() -> None:
    for tex, display in formulas("refused.txt"):
        assert drawn(tex, display) is None, tex
        assert mathml.mathml(tex, display).startswith('<code class="nbs-math')


@pytest.mark.parametrize(
    "entry", [one for one in (*hostile(), *controls()) if one.kind != "bulk"], ids=lambda entry: entry.id
)
def test_no_answer_of_the_corpus_shows_more_with_formulas_drawn(entry: Entry) -> None:
    live = LiveMarkdown(mathml=True)
    live.feed(entry.text)
    live.finish()
    html = "".join(str(op[-1]) for op in live.snapshot())
    assert Looked(html).wrong == []


def test_the_answer_widget_goes_on_writing_sources() -> None:
    text = "So $x^2$ is\n\n$$\\frac{a}{b}$$\n"
    nodes = Renderer().parse(text)
    assert "<math" not in "".join(map(Renderer().html, nodes))
    assert "".join(map(Renderer(mathml=True).html, nodes)).count("<math") == 2


def test_a_formula_is_drawn_when_it_is_whole_and_not_before() -> None:
    live = LiveMarkdown(mathml=True)
    shown = [
        str(live.feed(piece))
        for piece in ("It is $\\fr", "ac{a}", "{b}$ ", "here.\n\n", "$$\nx^", "2\n", "$$\n\n")
    ]
    assert ["</math>" in piece for piece in shown] == [False, False, True, False, False, False, True]
    assert not any("$" in piece or "fr<" in piece for piece in shown)
