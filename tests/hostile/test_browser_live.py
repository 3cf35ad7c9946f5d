"""The corpus as it streams: no moment of the live view, nor what it leaves behind, runs or asks for anything.

Once through the real cell magic, in JupyterLab and in Notebook 7, then saved and opened again; and once
every answer by itself, cut at every odd place, applied by the real view.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

import nbstream.show
from nbstream.show.live import LiveMarkdown
from tests.browser.jupyter import Server
from tests.browser.page import FrontEnd
from tests.fakes.hostile_server import KINDS
from tests.hostile.corpus import Entry, hostile
from tests.hostile.test_terminal import STEERING
from tests.served import Served

HERE = Path(__file__).parent
WATCH = (HERE / "watch.js").read_text(encoding="utf-8")
OPS = Path(nbstream.show.__file__).with_name("ops.js").read_text(encoding="utf-8")
RUNS = """
from IPython.display import Markdown
Markdown('<img src=x onerror="window.trusted = (window.trusted ?? 0) + 1">')
"""


class Streamed:
    """All of the corpus streamed into one notebook: what was seen meanwhile, at the end, and later."""

    def __init__(self, server: Server, browser: Browser) -> None:
        self.requests: list[str] = []
        self.dialogs: list[str] = []
        context = browser.new_context(viewport={"width": 1280, "height": 1400}, service_workers="block")
        context.add_init_script(WATCH)
        context.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))
        front = FrontEnd(server, context)
        with Served("hostile") as served:
            asks = [f"%%llm -m openai:hostile:{'+'.join(KINDS[i::4])}@0.004\nGo on." for i in range(4)]
            notebook = front.open([served.setup(), RUNS, *asks], "streamed")
            notebook.run_all()
            assert len(served.log()) == 4
        rules = (HERE / "page.js").read_text(encoding="utf-8")
        self.live = notebook.page.evaluate("window.watched()")
        self.settled: list[dict[str, Any]] = notebook.page.evaluate(rules)
        notebook.save()
        self.plain = [output.data["text/plain"] for cell in range(2, 6) for output in notebook.saved(cell)]
        notebook.reload()
        notebook.until("window.trusted")
        notebook.until("document.querySelectorAll('.jp-RenderedMarkdown').length >= 5")
        notebook.until("document.querySelectorAll('mjx-container').length > 10")
        self.reopened: list[dict[str, Any]] = notebook.page.evaluate(rules)
        self.after = notebook.page.evaluate("window.watched()")
        self.pages = len(context.pages)
        ours = urlsplit(server.url).netloc
        asked = [urlsplit(url) for url in front.requests if not url.startswith(("data:", "blob:"))]
        self.strangers = {url.geturl() for url in asked if url.netloc != ours}
        self.leaks = {url.geturl() for url in asked if "leak" in url.path or url.path.endswith("/secret.png")}
        context.close()
        front.close_kernels()


@pytest.fixture(scope="module", params=["lab", "notebook"])
def streamed(request: Any, browser: Browser, servers: dict[str, Server]) -> Streamed:
    return Streamed(servers[request.param], browser)


def test_nothing_ran_and_nothing_was_asked_for(streamed: Streamed) -> None:
    assert (streamed.live["ran"], streamed.after["ran"]) == (None, None)
    assert streamed.dialogs == []
    assert streamed.pages == 1
    assert streamed.strangers == set()
    assert streamed.leaks == set()


def test_no_moment_of_the_stream_shows_more_than_we_write(streamed: Streamed) -> None:
    assert streamed.live["looked"] > 2_000, "nobody looked"
    assert streamed.live["wrong"] == []


def test_what_stays_shows_only_what_markdown_has(streamed: Streamed) -> None:
    assert len(streamed.settled) == 5
    assert [output["findings"] for output in streamed.settled[1:]] == [[], [], [], []]
    assert len(streamed.plain) == 4
    assert [STEERING.findall(text) for text in streamed.plain] == [[], [], [], []]


def test_so_it_does_when_the_trusted_notebook_is_opened_again(streamed: Streamed) -> None:
    assert streamed.after["trusted"] == 1, "the notebook is trusted: what runs, runs"
    assert len(streamed.reopened) == 5
    assert [output["findings"] for output in streamed.reopened[1:]] == [[], [], [], []]
    assert [output["code"] for output in streamed.reopened] == [output["code"] for output in streamed.settled]


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(service_workers="block")
    page = context.new_page()
    page.set_content("<div class='nbs-body jp-RenderedHTMLCommon'></div>")
    page.add_script_tag(content=WATCH)
    page.add_script_tag(
        content=OPS
        + """
        const body = document.querySelector(".nbs-body");
        const blocks = createBlocks(body);
        window.show = (batches) => {
          blocks.reset();
          for (const ops of batches) {
            blocks.apply(ops);
            lookAt(body);
          }
        };"""
    )
    yield page
    context.close()


def batches(entry: Entry, sizes: random.Random) -> list[Any]:
    """The operations for each piece of an answer that is cut at odd places."""
    live, at, found = LiveMarkdown(), 0, []
    most = max(4, len(entry.text) // 100)
    while at < len(entry.text):
        size = sizes.randint(1, most)
        found.append(live.feed(entry.text[at : at + size]))
        at += size
    return [*found, live.finish(), [["append", 0, ""], *live.snapshot()]]


def test_no_cut_of_any_answer_shows_more_than_we_write(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    sizes = random.Random(3)
    for entry in hostile():
        if entry.kind != "bulk":
            page.evaluate("batches => window.show(batches)", batches(entry, sizes))
    watched = page.evaluate("window.watched()")
    assert watched["looked"] > 10_000, "nobody looked"
    assert watched["wrong"] == []
    assert watched.get("ran") is None
    assert asked == []
