"""Hostile answers, settled, and then read by the parsers that will read them: nothing of theirs is left."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from nbstream.errors import NbstreamError
from nbstream.show.cards import error_markdown, table
from nbstream.show.markdown import parser, settle
from nbstream.show.rules import RULES
from tests.hostile import parsers
from tests.hostile.corpus import Entry, controls, hostile
from tests.hostile.outline import meant, outline
from tests.hostile.scan import Scan

CLASSES = {
    *("script", "handlers", "embeds", "namespaces", "broken-tags", "link-schemes", "exfiltration"),
    *("code-spans", "links", "html-blocks", "autolinks", "fence-info", "math", "mermaid"),
    *("controls-and-bidi", "bulk", "spoofed-cards"),
}
named: Any = {"ids": lambda entry: entry.id}
# Bulk is slow in the other parsers, and of one kind with the rest.
ordinarily = pytest.mark.parametrize("entry", [e for e in hostile() if e.kind != "bulk"], **named)
CHANGED_ON_PURPOSE = {"table with a line break and math", "relative link"}
every = pytest.mark.parametrize("entry", hostile(), **named)


@pytest.fixture(scope="session")
def modules() -> Path:
    return parsers.node_modules()


@cache
def _lab(modules: Path, times: int = 1) -> dict[str, dict[str, Any]]:
    entries = [entry for entry in hostile() if times == 1 or entry.kind != "bulk"] + list(controls())
    settled = [settle(entry.text) for entry in entries]
    for _ in range(times - 1):
        settled = [settle(text) for text in settled]
    return dict(zip((entry.id for entry in entries), parsers.lab(settled, modules), strict=True))


def findings(html: str, lab: bool = True) -> list[str]:
    scan = Scan(html, lab)
    elsewhere = [link for link in scan.links if not link.startswith("#")]  # nbconvert names its headings
    scan.findings += [f"bad address {link}" for link in elsewhere if "javascript:" in link.lower()[:14]]
    return scan.findings


@pytest.mark.parametrize("kind", sorted(CLASSES))
def test_each_class_has_twenty_answers(kind: str) -> None:
    assert len([entry for entry in hostile() if entry.kind == kind]) >= 20
    assert {entry.kind for entry in hostile()} == CLASSES


@every
def test_jupyterlab_sees_nothing_live(entry: Entry, modules: Path) -> None:
    answer = _lab(modules)[entry.id]
    assert "error" not in answer
    assert findings(answer["html"]) == []


@ordinarily
def test_a_reader_that_lets_html_through_sees_nothing_live(entry: Entry) -> None:
    settled = settle(entry.text)
    assert findings(parsers.with_markdown_it(settled), lab=False) == []
    assert findings(parsers.with_nbconvert(settled), lab=False) == []


@ordinarily
def test_settled_twice_shows_nothing_live(entry: Entry, modules: Path) -> None:
    assert findings(_lab(modules, 2)[entry.id]["html"]) == []


def test_no_page_takes_long_to_read_what_was_bulk(modules: Path) -> None:
    slow = {name: answer["ms"] for name, answer in _lab(modules).items() if answer["ms"] > 8_000}
    assert not slow


@pytest.mark.parametrize("entry", controls(), **named)
def test_an_ordinary_answer_comes_out_as_one_would_have_written_it(entry: Entry) -> None:
    assert settle(entry.text) == entry.expected


@pytest.mark.parametrize("entry", controls(), **named)
def test_an_ordinary_answer_is_shown_as_it_was_meant(entry: Entry, modules: Path) -> None:
    if entry.name in CHANGED_ON_PURPOSE:
        pytest.skip("its expectation says how it changes")
    shown = meant(entry.text)
    assert outline(_lab(modules)[entry.id]["html"]) == shown
    assert findings(_lab(modules)[entry.id]["html"]) == []
    if not re.search("<(?:em|strong|del)>", settle(entry.text)):  # these tags are not read back
        assert outline(_lab(modules, 2)[entry.id]["html"]) == shown


@pytest.mark.parametrize("entry", controls(), **named)
def test_code_is_the_models_to_the_letter(entry: Entry, modules: Path) -> None:
    wrote = [t.content for t in parser(RULES).parse(entry.text) if t.type in ("fence", "code_block")]
    read = Scan(_lab(modules)[entry.id]["html"]).blocks
    assert [code.rstrip("\n") for code in read] == [code.rstrip("\n") for code in wrote]


def test_what_a_server_says_in_an_error_or_a_table_is_text_too(modules: Path) -> None:
    """Cards and tables are Markdown of ours with words of others in them; even in a line to paste."""
    texts = [entry.text for entry in hostile() if entry.kind != "bulk"]
    ours = [error_markdown(NbstreamError(text, text, f"%llm use {text}")) for text in texts]
    ours += [error_markdown(NbstreamError("what", text, text)) for text in texts]
    ours += [table([text, "b"], [[text, 1], ["a", text]]) for text in texts]
    for markdown, answer in zip(ours, parsers.lab(ours, modules), strict=True):
        assert findings(answer["html"]) == [], markdown
        assert findings(parsers.with_markdown_it(markdown), lab=False) == [], markdown
        assert findings(parsers.with_nbconvert(markdown), lab=False) == [], markdown


BULK = """
import json, sys
from nbstream.show.markdown import parser, settle
from nbstream.show.rules import RULES
for text in json.load(sys.stdin):
    settle(text)
"""


def test_bulk_settles_at_once() -> None:
    """All of it within the time a hanging parser would take for one; the bound is for a busy machine."""
    texts = json.dumps([entry.text for entry in hostile() if entry.kind == "bulk"])
    done = subprocess.run([sys.executable, "-c", BULK], input=texts, text=True, timeout=60)
    assert done.returncode == 0
