"""Stopping: the button on the answer and the kernel's ■ keep what came, and nothing else breaks."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser.page import FrontEnd, Notebook
from tests.served import Served


def by_the_button(notebook: Notebook) -> None:
    notebook.output(1).locator("button", has_text="Stop").click()


def by_the_square(notebook: Notebook) -> None:
    notebook.interrupt()


@pytest.mark.parametrize("stop", [by_the_button, by_the_square])
def test_stopping_keeps_what_came_and_the_next_cell_runs(front: FrontEnd, served: Served, stop) -> None:  # type: ignore[no-untyped-def]
    cells = [served.setup(), "%%llm -m openai:words:5000@60\nGo on and on.", "print('next')"]
    notebook = front.open(cells)
    notebook.run_all(wait=False)
    notebook.wait_for(lambda: len(notebook.answer(1)) > 100, "some text")
    before = notebook.answer(1)
    pressed = time.monotonic()
    stop(notebook)
    notebook.see(2, "next", timeout=5000)
    took = time.monotonic() - pressed
    notebook.wait_done()
    expect(notebook.output(1).locator(".jp-RenderedMarkdown")).to_be_visible()
    after = notebook.answer(1)
    log = served.wait_for(lambda log: log[0]["closed"] is not None, "the socket to close")
    sent = re.sub(r"\s", "", log[0]["text"])
    assert after.startswith(before), "what stood there is gone"
    assert sent.startswith(after), "what stands there was not sent"
    assert log[0]["closed_by"] == "client"
    assert took < 3, f"stopping took {took:.1f} s"
    text = notebook.text(1)
    assert re.search(r"stopped · ≈ \d+ tokens", text), text[-200:]
    assert "Traceback" not in text and "KeyboardInterrupt" not in text
    assert notebook.prompts() == ["1", "2", "3"]
    notebook.screenshot(stop.__name__)


@pytest.mark.parametrize("stop", [by_the_button, by_the_square])
def test_stopping_works_before_the_first_token(front: FrontEnd, served: Served, stop) -> None:  # type: ignore[no-untyped-def]
    notebook = front.open([served.setup(), "%%llm -m openai:silent\nWell?", "print('next')"])
    notebook.run_all(wait=False)
    expect(notebook.output(1).locator("button", has_text="Stop")).to_be_visible()
    served.wait_for(bool, "the request")
    stop(notebook)
    notebook.see(2, "next", timeout=5000)
    notebook.see(1, "stopped")
    assert "Traceback" not in notebook.text(1)
    assert notebook.output(1).locator(".nbs-answer").count() == 0


def test_a_stopped_turn_is_in_history(front: FrontEnd, served: Served) -> None:
    notebook = front.open([served.setup(), "%%llm -m openai:words:5000@60\nGo on.", "%llm history"])
    notebook.run_cell(0)
    notebook.run_cell(1, wait=False)
    notebook.wait_for(lambda: len(notebook.answer(1)) > 50, "some text")
    by_the_button(notebook)
    notebook.wait_done()
    notebook.run_cell(2)
    notebook.see(2, "stopped")
    notebook.see(2, "Go on.")
    notebook.screenshot("history")
