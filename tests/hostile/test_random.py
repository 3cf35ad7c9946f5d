"""Answers thrown together from the pieces that parsers quarrel about. The seeds are fixed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from nbstream.show.markdown import settle
from tests.hostile import parsers
from tests.hostile.ordinary import spelled_alike
from tests.hostile.outline import meant, outline
from tests.hostile.reading import reading
from tests.hostile.test_settled import findings, modules  # noqa: F401

HOSTILE = [
    *("<img src=x onerror=alert(1)>", "<script>", "</script>", "<svg onload=x>", '"onclick=x '),
    *("<!--", "-->", "`", "``", "```", "$", "$$", "\\begin{x}", "\\end{x}", "\\begin{align}"),
    *("\\end{align}", "\\\\(", "\\\\)", "\\(", "\\)", "\\[", "\\]", "\\\\[", "\\\\]", "@@0@@"),
    *("@@1@@", "@@", "\n", "\n\n", "\n> ", "\n- ", "\n  ", "\n1. ", "\n```py\n", "\n```\n"),
    *("\n~~~\n", "~~", "\\", "{", "}", "|", "\n|a|b|\n|-|-|\n|", "*", "**", "_", "[", "]("),
    *("](http://x.y/", '](<http://x.y/"onclick=z>)', ")", "![", "!", "<", ">", "&lt;", "&#60;"),
    *("&#36;", "&#96;", "&#92;", "&amp;", "https://a.b/`", "www.a.b", "a@b.c"),
    *("<http://a.b/$>", "<![CDATA[", "]]>", "<?x", "\\href{javascript:x}{y}", "\\class{a}{b}"),
    *("\\frac{a}{b}", "x", "a b", "中", "%", '"', "'", "\t", "    ", "<br>", "<pre>", "<code>"),
    *("</code>", "\n<pre><code>", "\n<div>\n", "\n    ", "⟡", "&#x27e1;", "&#x202e;", "\u202e"),
    *("\r", "\u2028", "&#10;", "&NewLine;", '```"><img onerror=x>\n', "```mermaid\n", "[a][a]"),
    *("[a]", '\n[a]: javascript:x "t"\n', "^", "=", "\n===\n", "\n---\n", "\n# ", "+", ":"),
    *(" ", "  \n", "`$`", "$x$", "`a\\|b`", "\\|", "\\`", "\\$", "\\<", "<span>&#36;</span>"),
    # Entities of all that is special; what nbconvert and others read besides CommonMark.
    *("&dollar;", "&lbrace;", "&Tab;", "&colon;", "javascript&colon;x", "&commat;", "&grave;", "&bsol;"),
    *("&lsqb;", "&excl;", "&num;", "&ast;", "&lowbar;", "`$$`", "`$$ ", "\n: ", "\n\n: x", "[^1]"),
    *("\n[^1]: <b>\n", "\u200b", "\u2060", "\ufeff", "\xa0", "\u3000", "::: x\n", "==", "{{x}}", "{%"),
    *("\n$$\n", "\n\\[\n", "\n\\]\n", "<x@y.z>", "https://x.y/*_`", "\n    - ", "\n\t", "\n>```\n"),
    *("\n- ```\n", "\n1) ", "\n***\n", "\n</pre>", "<code>&#60;</code>", "<span>&#92;</span>", "^[x]"),
    *("\n~~~~\n", "````", "\\text{<}", "$a<b$", "$`x`$", "\\(`x`\\)", "\n    $$x", "\n# $x$ #\n", "?>"),
    *("<strong>", "]", "\\🚀", "🚀", "*i*", "`a\\🚀<b>*`", "\\𠮷", "~~i~~", "[l](http://x.y)"),
]
ORDINARY = [
    *("**", "*", "_", "__", "~~", "`", "``", "a", "b", "中", "文", "，", "“", "”", " ", " ", "\n"),
    *("\\", "<", ">", "[", "]", "(", ")", "|", "!", "#", "-", "+", "1.", "&amp;", "&", "&#42;"),
    *("https://", "www.x.y", "@", "x", "word", ".", ",", ":", "=", "`c`", "**b**", "*i*"),
    *("[l](http://x.y)", "~", '"', "'", "🚀", "{", "}", "\n\n", "\n- ", "\n  - ", "\n1. "),
    *("\n> ", "\n```py\n", "\n```\n", "    ", "  \n", "`a|b`", "`$x`", "$x^2$", "\n# "),
    *("$$y$$", "\\(z\\)", "\n---\n"),
]


def thrown(pieces: list[str], seed: int, count: int, longest: int) -> list[str]:
    chance = random.Random(seed)
    return ["".join(chance.choices(pieces, k=chance.randint(2, longest))) for _ in range(count)]


@pytest.mark.parametrize("seed", range(4))
def test_nothing_thrown_together_is_live(seed: int, modules: Path) -> None:  # noqa: F811
    texts = thrown(HOSTILE, seed, 1_500, (8, 20, 40, 40)[seed])
    settled = [settle(text) for text in texts]
    for number, answer in enumerate(parsers.lab(settled, modules)):
        text, ours = texts[number], settled[number]
        assert "error" not in answer, text
        assert findings(answer["html"]) == [], text
        if number % 3 == seed % 3:  # the other readers take twice as long
            assert findings(parsers.with_markdown_it(ours), lab=False) == [], text
            assert findings(parsers.with_nbconvert(ours), lab=False) == [], text


def test_nbconvert_shows_what_jupyterlab_shows(modules: Path) -> None:  # noqa: F811
    """But for empty lines at the edges of code, which its highlighter drops."""
    settled = [settle(text) for text in thrown(ORDINARY, 9, 2_000, 14)]
    for ours, answer in zip(settled, parsers.lab(settled, modules), strict=True):
        lab = reading(answer["html"], math=True)
        other = reading(parsers.with_nbconvert(ours), math=True)
        assert spelled_alike(other.lines, colours=False) == spelled_alike(lab.lines, colours=False)
        assert [code.strip("\n") for code in other.code] == [code.strip("\n") for code in lab.code]


@pytest.mark.parametrize("seed", range(2))
def test_jupyterlab_shows_what_was_meant(seed: int, modules: Path) -> None:  # noqa: F811
    """Of six thousand odd answers at most a handful differ, and those in white space or a lazy line."""
    texts = thrown(ORDINARY, seed, 3_000, 25)
    answers = parsers.lab([settle(text) for text in texts], modules)
    differ = [
        (text, meant(text), outline(answer["html"]))
        for text, answer in zip(texts, answers, strict=True)
        if meant(text) != outline(answer["html"])
    ]
    assert len(differ) <= 6, differ[:8]
