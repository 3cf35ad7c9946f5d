"""Hostile answers, settled, and then read by the parsers that will read them: nothing of theirs is left."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from nbstream.show.markdown import settle
from tests.hostile import parsers
from tests.hostile.corpus import Entry, controls, hostile
from tests.hostile.scan import Scan

CLASSES = {
    *("script", "handlers", "embeds", "namespaces", "broken-tags", "link-schemes", "exfiltration", "code-spans"),
    *("links", "html-blocks", "autolinks", "fence-info", "math", "mermaid", "controls-and-bidi", "bulk"),
    "spoofed-cards",
}
ordinary = [entry for entry in hostile() if entry.kind != "bulk"]
every = pytest.mark.parametrize("entry", hostile(), ids=lambda entry: entry.id)


@pytest.fixture(scope="session")
def modules() -> Path:
    return parsers.node_modules()


@cache
def _lab(modules: Path) -> dict[str, dict[str, Any]]:
    entries = [*hostile(), *controls()]
    answers = parsers.lab([settle(entry.text) for entry in entries], modules)
    return dict(zip((entry.id for entry in entries), answers, strict=True))


def findings(html: str, lab: bool = True) -> list[str]:
    scan = Scan(html, lab)
    scan.findings += [f"bad address {link}" for link in scan.links if "javascript:" in link.lower()[:14]]
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


@every
def test_a_reader_that_lets_html_through_sees_nothing_live(entry: Entry) -> None:
    if entry.kind == "bulk":
        pytest.skip("slow in those parsers, and of one kind with the others")
    settled = settle(entry.text)
    assert findings(parsers.with_markdown_it(settled), lab=False) == []
    assert findings(parsers.with_mistune(settled), lab=False) == []


@every
def test_settled_twice_shows_nothing_live(entry: Entry, modules: Path) -> None:
    if entry.kind == "bulk":
        pytest.skip("of one kind with the others")
    (answer,) = parsers.lab([settle(settle(entry.text))], modules)
    assert findings(answer["html"]) == []


def test_no_page_takes_long_to_read_what_was_bulk(modules: Path) -> None:
    slow = {name: answer["ms"] for name, answer in _lab(modules).items() if answer["ms"] > 8_000}
    assert not slow


BULK = """
import json, sys
from nbstream.show.markdown import settle
for text in json.load(sys.stdin):
    settle(text)
"""


def test_bulk_settles_at_once() -> None:
    """All of it within the time a hanging parser would take for one; the bound is for a busy machine."""
    import json

    texts = json.dumps([entry.text for entry in hostile() if entry.kind == "bulk"])
    done = subprocess.run([sys.executable, "-c", BULK], input=texts, text=True, timeout=60)
    assert done.returncode == 0
