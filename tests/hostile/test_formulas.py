"""Formulas in the panel: MathML that browsers draw, of what a model may write; all else as its source.

latex2mathml unescapes what it has written, links, colours and runs macros: nothing of that may come through.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from nbstream.show import mathml
from nbstream.show import tex as tex_list
from nbstream.show.live import LiveMarkdown
from nbstream.show.mathml import drawn
from nbstream.show.render import Renderer
from tests.hostile.corpus import spelled_out
from tests.hostile.looked import Looked
from tests.unit.pages import StringPage

HERE = Path(__file__).parent / "formulas"


def formulas(name: str) -> list[tuple[str, bool]]:
    """The lines of a file; one that begins with ``D`` is a formula on a line of its own."""
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [(spelled_out(line.removeprefix("D ")), line.startswith("D ")) for line in lines]


def said(tex: str) -> Counter[str]:
    """The letters and digits of a formula that are not names of commands, nor sizes."""
    names = r"\\(?:begin|end)\{[a-z*]+\}(?:\{[0-9lcr|]+\})?|\\\\\[.*?\]|\\[A-Za-z]+|\W|_"
    return Counter(re.sub(names, "", tex))


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


@pytest.mark.parametrize("seed", range(6))
def test_however_it_is_cut_an_answer_full_of_formulas_ends_as_it_reads(seed: int) -> None:
    sizes = random.Random(seed)
    found = formulas("ordinary.txt")
    sizes.shuffle(found)
    inline = [f"${tex}$" for tex, display in found if not display]
    blocks = [f"$$\n{tex}\n$$" for tex, display in found if display]
    cells = [one for one in inline if "|" not in one]
    text = "\n\n".join(
        [
            *(" and ".join(inline[at : at + 8]) for at in range(0, len(inline), 8)),
            *blocks[:12],
            "\n".join(f"- {one}\n  {one}" for one in inline[:9]),
            "| a | b |\n|---|---|\n" + "\n".join(f"| {one} | $x$ |" for one in cells[:9]),
            *(f"> {one}" for one in inline[:5]),
            *blocks[12:],
        ]
    )
    live, page, at = LiveMarkdown(window=400, mathml=True), StringPage(), 0
    while at < len(text):
        size = sizes.choice((1, 3, 17, 90))
        page.apply(live.feed(text[at : at + size]))
        at += size
    page.apply(live.finish())
    renderer = Renderer(mathml=True)
    assert page.blocks == [renderer.html(node) for node in renderer.parse(text)]
    again = StringPage()
    again.apply(live.snapshot())
    assert again.blocks == page.blocks
    assert "".join(page.blocks).count("<math") > 100


def test_behind_the_list_of_commands_stand_two_more_doors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mathml, "safe_tex", lambda tex, rules: tex)
    known = 0
    for tex, display in formulas("hostile.txt"):
        html = drawn.__wrapped__(tex, display) or ""
        assert Looked(html).wrong == [], tex
        known += bool(html)
    assert known > 30, "they were not asked"


def made_up(sizes: random.Random, depth: int = 0) -> str:
    """A formula of whatever is allowed, in no sensible order."""

    def inside() -> str:
        return "" if depth > 1 else made_up(sizes, depth + 1)

    def piece() -> str:
        kind = sizes.randrange(10)
        if kind < 3:
            return sizes.choice("abxyzN1230+-=<>,.()[]|/!:;'*&")
        if kind < 5:
            arguments = sizes.choice(("", f"{{{inside()}}}", f"{{{inside()}}}{{{inside()}}}"))
            return f"\\{sizes.choice(sorted(tex_list._COMMANDS - {'begin', 'end'}))}{arguments or ' '}"
        if kind < 7:
            return f"{sizes.choice('^_')}{{{inside()}}}"
        if kind < 8:
            return f"\\left({inside()}\\right{sizes.choice(').|')}"
        name = sizes.choice(sorted(tex_list._ENVIRONMENTS))
        columns = {"array": "{ll}", "subarray": "{l}"}.get(
            name, "{2}" if "alignat" in name or "edat" in name else ""
        )
        cells = sizes.choice((" \\\\ ", " & ")).join(inside() for _ in range(3))
        return f"\\begin{{{name}}}{columns}{cells}\\end{{{name}}}"

    return "".join(piece() for _ in range(sizes.randint(1, 4)))


def test_whatever_is_made_up_is_drawn_well_or_not_at_all() -> None:
    drawings = 0
    for seed in range(400):
        html = drawn(made_up(random.Random(seed)), bool(seed % 2))
        if html:
            ElementTree.fromstring(html.replace("&nbsp;", " "))
            assert Looked(html).wrong == [], seed
            drawings += 1
    assert drawings > 100
