"""Operations applied by ops.js in a real page: the same document as the strings say, and no work twice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

import nbstream.show
from nbstream.show.live import LiveMarkdown
from nbstream.show.render import render
from tests.unit.pages import StringPage
from tests.unit.test_live import ANSWER, MARKS

OPS = Path(nbstream.show.__file__).with_name("ops.js").read_text(encoding="utf-8")
HTML = "[...document.querySelector('#root').children].map(block => block.outerHTML)"
LONG = [
    ANSWER,
    "```python\n" + 'def f(x):\n    """Words."""\n    return x + 1  # why\n\n' * 60,
    "| a | b |\n|---|---|\n" + "".join(f"| **{i}** | `x` 😀 |\n" for i in range(150)),
    "- one\n\n" + "".join(f"- item {i}\n  1. sub\n\n     > quote **{i}**\n" for i in range(60)),
    "Words **bold** and `code` [link](https://x.y) and 中文 &amp; more. " * 80,
]


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    page = context.new_page()
    page.set_content("<div id=root class=jp-RenderedHTMLCommon></div>")
    page.add_script_tag(content=OPS + "\nwindow.blocks = createBlocks(document.querySelector('#root'));")
    yield page
    page.close()


def apply(page: Page, ops: list[list[Any]]) -> None:
    page.evaluate("ops => window.blocks.apply(ops)", ops)


@pytest.mark.parametrize("number", range(len(LONG)))
@pytest.mark.parametrize("step", [7, 64])
def test_the_page_shows_what_the_operations_say(page: Page, number: int, step: int) -> None:
    text, live, strings = LONG[number], LiveMarkdown(), StringPage()
    for at in range(0, len(text), step):
        ops = live.feed(text[at : at + step])
        apply(page, ops)
        strings.apply(ops)
        if at % (step * 16) == 0:
            assert page.evaluate(HTML) == strings.blocks
    apply(page, live.finish())
    assert page.evaluate(HTML) == render(text)


def test_soup_of_marks_too(page: Page) -> None:
    dice = random.Random(5)
    for window in (0, 8, 1_000) * 10:
        feeds = [dice.choice(MARKS) for _ in range(30)]
        live = LiveMarkdown(window)
        page.evaluate("() => window.blocks.reset()")
        for feed in feeds:
            apply(page, live.feed(feed))
        apply(page, live.finish())
        assert page.evaluate(HTML) == render("".join(feeds))


def test_a_view_that_comes_late_rebuilds_the_state_and_goes_on(page: Page) -> None:
    live, strings = LiveMarkdown(0), StringPage()
    for number, at in enumerate(range(0, len(ANSWER), 5)):
        ops = live.feed(ANSWER[at : at + 5])
        strings.apply(ops)
        if number % 20 == 0:
            page.evaluate("() => window.blocks.reset()")
            ops = live.snapshot()
        apply(page, ops)
        if number % 20 in (0, 1, 19):
            assert page.evaluate(HTML) == strings.blocks


def test_what_a_person_selected_stays_selected(page: Page) -> None:
    live = LiveMarkdown()
    apply(page, live.feed("First **block** of words.\n\nSecond paragraph begins"))
    page.evaluate("() => getSelection().selectAllChildren(document.querySelector('#root').firstElementChild)")
    for word in ["", "and", "goes", "on\n\n#", "Head\n\n-", "a\n-", "b\n\n```\ncode\n```\n"]:
        apply(page, live.feed(word + " "))
        assert page.evaluate("() => getSelection().toString()").strip() == "First block of words."


def test_plain_words_grow_without_touching_what_is_selected_beside_them(page: Page) -> None:
    live = LiveMarkdown()
    apply(page, live.feed("Only one paragraph here"))
    page.evaluate(
        """() => {
          const text = document.querySelector('#root p').firstChild;
          getSelection().setBaseAndExtent(text, 0, text, 8);
        }"""
    )
    for word in ["and", "more", "plain", "words"]:
        apply(page, live.feed(" " + word))
    assert page.evaluate("() => getSelection().toString()") == "Only one"


@pytest.mark.parametrize(
    "text",
    [
        "- item with **bold** words\n" * 600,
        "| a | b |\n|---|---|\n" + "| row | **x** |\n" * 600,
        "> - quoted\n>   - nested **item**\n" * 300,
        "```python\n" + "x = 1  # why\n" * 900,
        "Words **bold** and `code` and more. " * 400,
    ],
)
def test_a_long_block_costs_the_page_no_more_than_a_short_one(page: Page, text: str) -> None:
    """Counted in nodes that came or went with each batch."""
    page.evaluate(
        """() => {
          const inside = node => node.querySelectorAll ? node.querySelectorAll('*').length : 0;
          const size = list => [...list].reduce((n, node) => n + 1 + inside(node), 0);
          window.observer = new MutationObserver(() => {});
          window.observer.observe(document.querySelector('#root'), { childList: true, subtree: true });
          window.count = () => window.observer.takeRecords()
            .reduce((n, r) => n + size(r.addedNodes) + size(r.removedNodes), 0);
        }"""
    )
    live, counts = LiveMarkdown(), []
    for at in range(0, len(text), 32):
        ops = live.feed(text[at : at + 32])
        counts.append(page.evaluate("ops => { window.blocks.apply(ops); return window.count(); }", ops))
    early, late = sum(counts[50:150]), sum(counts[-101:-1])
    assert late < 1.5 * early + 200


def test_reset_leaves_an_empty_page(page: Page) -> None:
    live = LiveMarkdown()
    apply(page, live.feed("a\n\nb\n\n- c"))
    page.evaluate("() => window.blocks.reset()")
    assert page.evaluate(HTML) == []
    apply(page, LiveMarkdown().feed("again"))
    assert page.evaluate(HTML) == ["<p>again</p>"]


def test_the_script_is_small_and_leaves_style_to_the_style_sheet() -> None:
    assert len(OPS.encode()) < 4_000
    assert not any(word in OPS for word in ("position", "z-index", "url(", "export", "import"))
