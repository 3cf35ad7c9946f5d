"""The pages of docs/ lead somewhere, are there in both languages, and say what the code says."""

from __future__ import annotations

import json
import re
import shlex
import unicodedata
from ast import PyCF_ALLOW_TOP_LEVEL_AWAIT
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

import nbstream
from nbstream.errors import KINDS
from nbstream.i18n import sentences
from nbstream.magics import args as arguments
from nbstream.magics.cell import llm
from nbstream.magics.verbs import VERBS
from nbstream.settings import Settings
from tools import reference, website

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ENGLISH_ONLY = {"architecture", "benchmarks"}
NAMES = sorted(path.stem for path in DOCS.glob("*.md") if not path.stem.endswith(".zh"))
TWINS = [name for name in NAMES if name not in ENGLISH_ONLY]
EVERY = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [
        *ROOT.glob("*.md"),
        *DOCS.glob("*.md"),
        *ROOT.glob("binder/*.md"),
        *ROOT.glob("notebooks/*.ipynb"),
    ]
)
MARKDOWN = MarkdownIt("commonmark").enable("table")


@cache
def read(name: str) -> str:
    text = (ROOT / name).read_text(encoding="utf-8")
    if not name.endswith(".ipynb"):
        return text
    cells = json.loads(text)["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


@cache
def tokens(name: str) -> tuple[Token, ...]:
    return tuple(MARKDOWN.parse(read(name)))


def links(name: str) -> Iterator[str]:
    for token in tokens(name):
        for child in token.children or ():
            if target := child.attrs.get("href") or child.attrs.get("src"):
                yield unquote(str(target))
        if token.type in ("html_block", "inline"):
            yield from re.findall(r"<(?:a|img|source)\b[^>]*?(?:href|src|srcset)=\"([^\"]+)\"", token.content)


def headings(name: str) -> list[tuple[int, str]]:
    """Depth and text of each heading."""
    every = tokens(name)
    return [
        (int(token.tag[1]), said.content) for token, said in pairwise(every) if token.type == "heading_open"
    ]


@cache
def anchors(name: str) -> frozenset[str]:
    """What a link into a page may name: headings, as GitHub and MyST write them, and anchors of our own."""
    found = set(re.findall(r"<a id=\"([^\"]+)\"></a>", read(name)))
    for _, text in headings(name):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text).replace("`", "").lower().strip()
        kept = (
            one for one in plain if one in " -_" or unicodedata.category(one)[0] in "LN" or one == "\u0300"
        )
        found.add("".join(kept).replace(" ", "-"))
    return frozenset(found)


@pytest.mark.parametrize("name", EVERY)
def test_every_link_inside_the_repository_leads_somewhere(name: str) -> None:
    for target in links(name):
        path, _, part = target.partition("#")
        if re.match(r"[a-z]+:", path):
            assert path.startswith(("https://", "mailto:", "http://127.0.0.1")), target
            continue
        if path.startswith("attachment:"):
            continue
        there = (ROOT / name).parent / path if path else ROOT / name
        assert there.exists(), target
        if part and there.suffix in (".md", ".ipynb"):
            assert part in anchors(there.resolve().relative_to(ROOT).as_posix()), target


@pytest.mark.parametrize("name", TWINS)
def test_a_page_is_there_in_both_languages_with_the_same_parts(name: str) -> None:
    one, other = f"docs/{name}.md", f"docs/{name}.zh.md"
    assert [depth for depth, _ in headings(one)] == [depth for depth, _ in headings(other)]

    def shape(page: str) -> list[str]:
        kinds = ("table_open", "tr_open", "list_item_open", "fence")
        return [token.type for token in tokens(page) if token.type in kinds]

    assert shape(one) == shape(other)
    assert f"{name}.zh.md" in set(links(one)) and f"{name}.md" in set(links(other))


def test_no_chinese_page_is_left_without_its_english_one() -> None:
    assert {path.name.removesuffix(".zh.md") for path in DOCS.glob("*.zh.md")} == set(TWINS)


@pytest.mark.parametrize("name", TWINS)
def test_both_languages_link_to_the_same_places(name: str) -> None:
    def places(page: str) -> list[str]:
        targets = [re.sub(r"#.*", "", target).replace(".zh.", ".") for target in links(page)]
        return [target for target in targets if target != f"{name}.md"]

    assert sorted(places(f"docs/{name}.md")) == sorted(places(f"docs/{name}.zh.md"))


@pytest.mark.parametrize("lang", website.LANGUAGES)
def test_the_index_names_every_page(lang: str) -> None:
    named = set(links(reference.page(lang, "index")))
    for name in set(NAMES) - {"index"}:
        page = f"{name}.md" if name in ENGLISH_ONLY else Path(reference.page(lang, name)).name
        assert page in named, page


@pytest.mark.parametrize(("name", "text"), reference.pages().items(), ids=list(reference.pages()))
def test_what_the_code_says_of_itself_is_up_to_date(name: str, text: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == text, "run: python tools/reference.py"


@pytest.mark.parametrize("lang", website.LANGUAGES)
def test_every_option_and_every_verb_is_documented(lang: str) -> None:
    page = read(reference.page(lang, "magics"))
    for action in llm.parser._actions:
        assert all(name in page for name in action.option_strings)
    told = [text for depth, text in headings(reference.page(lang, "magics")) if depth == 4]
    assert {text.removeprefix("%llm ") for text in told} == {*VERBS}


@pytest.mark.parametrize("lang", website.LANGUAGES)
def test_every_error_has_its_place_which_no_change_of_words_moves(lang: str) -> None:
    every = {key.removesuffix(".what") for key in sentences("en") if re.match(r"error\..+\.what$", key)}
    page = reference.page(lang, "errors")
    assert set(re.findall(r'<a id="([^"]+)">', read(page))) == {reference.anchor(key) for key in every}
    kinds = [text.split("`")[1] for depth, text in headings(page) if depth == 2 and "`" in text]
    assert set(kinds) == {*KINDS} and len(kinds) == len(KINDS)
    assert not re.search(r"(?<!\{)\{[a-z_]+\}(?!\})", read(page))


@pytest.mark.parametrize("lang", website.LANGUAGES)
def test_the_questions_quote_what_one_really_reads(lang: str) -> None:
    theirs = ("Cell magic", "No module named", "Error displaying widget")
    said = re.sub(r"\{+\w+\}+", "", "\n".join(sentences(lang).values()))
    heads = [text for depth, text in headings(reference.page(lang, "faq")) if depth == 3]
    quoted = [quote for head in heads for quote in re.findall(r"[\"“](.+?)[\"”]", head)]
    assert len(quoted) >= 12 and len(heads) >= 25
    for quote in quoted:
        for part in re.split("…+", quote):
            assert quote.startswith(theirs) or part.strip() in said, quote


@pytest.mark.parametrize("lang", website.LANGUAGES)
def test_every_setting_and_variable_is_documented(lang: str) -> None:
    page = read(reference.page(lang, "settings"))
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.M)) >= set(Settings.class_own_traits(config=True))
    code = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "nbstream").rglob("*.py")))
    assert set(re.findall(r"\bNBSTREAM_[A-Z_]+\b", code)) == set(re.findall(r"\bNBSTREAM_[A-Z_]+\b", page))


@pytest.mark.parametrize("name", EVERY)
def test_every_line_to_paste_can_be_pasted(name: str) -> None:
    """Cells and lines of ours, in fences and between backticks, and blocks of Python."""
    if Path(name).name.startswith("errors."):  # with dots for what differs
        return
    for token in tokens(name):
        if token.type == "fence":  # what stands in one fence is pasted into one cell
            assert not any(line.startswith("%%") for line in token.content.splitlines()[1:]), token.content
        if token.type == "fence" and token.info == "python" and ">>>" not in token.content:
            compile(token.content, name, "exec", PyCF_ALLOW_TOP_LEVEL_AWAIT)
        spans = [child.content for child in token.children or () if child.type == "code_inline"]
        for line in spans + (token.content.splitlines() if token.type == "fence" else []):
            line = re.sub(r" {2,}#.*", "", re.sub(r"\b[NK]\b", "2", line))
            if re.search(r"[\[\]|…]", line) or re.fullmatch(r"%%llm --?[a-z-]+", line):  # a name alone
                continue
            if line.startswith("%%llm "):
                arguments.parse(llm.parser, line.removeprefix("%%llm"))
            elif line.startswith("%llm ") and (given := shlex.split(line)[1:]):
                verb = VERBS[given[0]]
                words, _ = verb._read(given[1:])
                least, most = verb.arity
                assert len(words) <= (len(words) if most is None else most), line
                assert len(words) >= least or line == f"%llm {verb.name}", line


@pytest.mark.parametrize("lang", website.LANGUAGES)
def test_everything_public_is_on_the_page_about_python(lang: str) -> None:
    described = set(re.findall(r"auto\w+:: nbstream\.(\w+)$", read(reference.page(lang, "api")), re.M))
    assert described == {*nbstream.__all__} - {"__version__"}


def test_what_is_laid_out_for_the_site_leads_to_the_other_language_and_to_notebooks() -> None:
    text = "[a](panel.zh.md) [b](spark.md#x) [c](../notebooks/01.ipynb) [d](../README.md) `[e](f.md)`"
    assert website.laid(text, "en").startswith(
        "[a](<site:zh/panel.html>) [b](<part:spark.html#x>) [c](<site:notebooks/01.html>) d "
    )
    assert website.laid("[a](panel.md) [b](spark.zh.md)", "zh") == "[a](<site:../panel.html>) [b](spark.md)"
    linked = website.joined(
        '<a href="02.zh.ipynb"> <a href="../docs/spark.zh.md#a"> <a href="../docs/spark.md">'
    )
    assert linked == '<a href="02.zh.html"> <a href="../zh/spark.html#a"> <a href="../spark.html">'


def test_addresses_outside_are_secure_and_listed_once() -> None:
    listed = website.external()
    assert listed == sorted(set(listed)) and len(listed) > 10
