"""The corpus in real JupyterLab and Notebook: settled, trusted, opened. Nothing runs, nothing is asked for.

All answers stand as outputs in one notebook. That it is trusted, so that nothing is sanitized, shows in
one output of our own which does run.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
import pytest
from playwright.sync_api import Browser

from nbstream.show.markdown import parser, settle
from nbstream.show.rules import RULES
from tests.browser.jupyter import Server
from tests.hostile.corpus import Entry, controls, hostile
from tests.hostile.ordinary import Ordinary, ordinary, spelled_alike
from tests.hostile.reading import reading

HERE = Path(__file__).parent
# Bulk that stays Markdown; what settles as one block of code is one block of code here too.
BULK = {"many dollars", "many spaced dollars", "nested quotations", "many prices", "entities", "our mark"}
RUNS = '<img src=x onerror="window.trusted = true">'


def sample(kind: str) -> list[Entry | Ordinary]:
    entries = [entry for entry in hostile() if entry.kind != "bulk" or entry.name in BULK]
    if kind == "notebook":  # which renders with the code of JupyterLab
        entries = entries[::4]
    return [*entries, *controls(), *ordinary()]


def write(server: Server, entries: list[Entry | Ordinary]) -> str:
    """A trusted notebook with one output for each entry, and two formulas: a bad one, one to wait for."""
    texts = [settle(entry.text) for entry in entries]
    outputs = [
        nbformat.v4.new_output("display_data", data={"text/markdown": text, "text/plain": "x"})
        for text in [RUNS, *texts, "$\\nosuchcommand$", "$the^{last}$"]
    ]
    notebook = nbformat.v4.new_notebook()
    for start in range(0, len(outputs), 40):
        cell = nbformat.v4.new_code_cell("", outputs=outputs[start : start + 40])
        notebook.cells.append(cell)
    nbformat.write(notebook, server.root / "settled.ipynb")
    words = [sys.executable, "-m", "jupyter", "trust", "settled.ipynb"]
    subprocess.run(words, cwd=server.root, env=server.env, check=True, capture_output=True, timeout=60)
    return "settled.ipynb"


class Visit:
    """What a page did, and what it shows."""

    def __init__(self, server: Server, browser: Browser, kind: str, name: str, entries: list[Any]) -> None:
        self.entries = entries
        self.requests: list[str] = []
        self.dialogs: list[str] = []
        context = browser.new_context(viewport={"width": 1280, "height": 1400}, service_workers="block")
        context.set_default_timeout(90_000)
        context.on("request", lambda request: self.requests.append(request.url))
        page = context.new_page()
        page.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))
        path = f"/lab/tree/{name}" if kind == "lab" else f"/notebooks/{name}"
        page.goto(f"{server.url}{path}?token={server.token}")
        page.wait_for_function(
            "n => document.querySelectorAll('.jp-RenderedMarkdown').length >= n", arg=len(entries) + 3
        )
        page.wait_for_function(
            "[...document.querySelectorAll('.jp-RenderedMarkdown')].pop().querySelector('mjx-container')"
        )
        page.wait_for_function("window.trusted")
        self.shown: list[dict[str, Any]] = page.evaluate((HERE / "page.js").read_text(encoding="utf-8"))
        self.canary = page.evaluate("window.__pwned")
        self.pages = len(context.pages)
        self.address = page.url
        context.close()


@pytest.fixture(scope="module", params=["lab", "notebook"])
def visit(request: Any, browser: Browser, servers: dict[str, Server]) -> Visit:
    server, entries = servers[request.param], sample(request.param)
    name = write(server, entries)
    return Visit(server, browser, request.param, name, entries)


def test_nothing_ran(visit: Visit) -> None:
    assert visit.canary is None
    assert visit.dialogs == []
    assert visit.pages == 1


def test_nothing_was_asked_for_but_what_the_front_end_needs(visit: Visit) -> None:
    ours = urlsplit(visit.address).netloc
    asked = [urlsplit(url) for url in visit.requests]
    strangers = {url.geturl() for url in asked if url.scheme not in ("data", "blob") and url.netloc != ours}
    assert strangers == set()
    # `x` is the source of the one picture that we put there ourselves.
    leaks = {url.geturl() for url in asked if "leak" in url.path or url.path.endswith("/secret.png")}
    assert leaks == set()


def test_every_answer_shows_only_what_markdown_has(visit: Visit) -> None:
    entries = visit.entries
    shown = visit.shown[1:-2]
    assert len(shown) == len(entries)
    found = {entry.id: each["findings"] for entry, each in zip(entries, shown, strict=True)}
    assert {name: findings for name, findings in found.items() if findings} == {}


def test_ordinary_answers_read_as_they_were_meant(visit: Visit) -> None:
    """The words one reads, and the code one copies."""
    for answer, shown in zip(ordinary(), visit.shown[-2 - len(ordinary()) : -2], strict=True):
        read = reading(shown["html"])
        lines = [re.sub("⟦.*?⟧", "⟦formula⟧", line) for line in answer.lines]
        assert spelled_alike(read.lines) == spelled_alike(lines), answer.id
        assert [code.removesuffix("\n") for code in read.code] == list(answer.code), answer.id


def test_no_formula_of_an_ordinary_answer_is_an_error(visit: Visit) -> None:
    assert visit.shown[-2]["broken"] == 1, "this is how one would see it"
    ours = visit.shown[-2 - len(controls()) - len(ordinary()) : -2]
    assert [shown["text"] for shown in ours if shown["broken"]] == []


def test_code_reads_to_the_letter(visit: Visit) -> None:
    """What a person copies from a block of code is what the model wrote."""
    for entry, each in zip(visit.entries, visit.shown[1:-2], strict=True):
        if entry.kind == "controls":
            tokens = parser(RULES).parse(entry.text)
            wrote = [t.content.rstrip("\n") for t in tokens if t.type in ("fence", "code_block")]
            assert [code.rstrip("\n") for code in each["code"]] == wrote, entry.id


def test_formulas_are_typeset_and_prices_are_not(visit: Visit) -> None:
    shown = {entry.name: each for entry, each in zip(visit.entries, visit.shown[1:-2], strict=True)}
    assert shown["inline math"]["formulas"] == 3
    assert shown["display math on several lines"]["formulas"] == 1
    assert shown["an environment alone"]["formulas"] == 1
    assert shown["math in Chinese"]["formulas"] == 3
    assert shown["a whole answer"]["formulas"] == 3
    assert shown["prices"]["formulas"] == 0
    assert "$12, or $30 for two; between $5-$10." in shown["prices"]["text"]
    assert shown["backslashes"]["formulas"] == 0
