"""The kernel's own ■ keeps what came, and nothing else breaks. The Stop button: `test_stop_kernels.py`."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.page import FrontEnd
from tests.served import Served


def test_the_square_keeps_what_came_the_next_cell_runs_and_history_knows(
    front: FrontEnd, served: Served
) -> None:
    cells = [
        served.setup(),
        "%%llm -m openai:words:5000@60\nGo on and on.",
        "print('next')",
        "%%llm -m openai:silent\nWell?",
        "%llm history",
    ]
    notebook = front.open(cells)
    notebook.run_all(wait=False)
    notebook.wait_for(lambda: len(notebook.answer(1)) > 100, "some text")
    before = notebook.answer(1)
    notebook.interrupt()
    notebook.see(2, "next")
    expect(notebook.output(1).locator(".jp-RenderedMarkdown")).to_be_visible()
    after = notebook.answer(1)
    log = served.wait_for(lambda log: log[0]["closed"] is not None, "the socket to close")
    assert after.startswith(before), "what stood there is gone"
    assert re.sub(r"\s", "", log[0]["text"]).startswith(after), "what stands there was not sent"
    assert log[0]["closed_by"] == "client"
    text = notebook.text(1)
    assert re.search(r"stopped · ≈ \d+ tokens", text), text[-200:]
    assert "Traceback" not in text and "KeyboardInterrupt" not in text

    served.wait_for(lambda log: len(log) == 2, "the request of the cell that is silent")
    notebook.interrupt()
    notebook.see(3, "stopped")
    assert "Traceback" not in notebook.text(3)
    assert notebook.output(3).locator(".nbs-answer").count() == 0

    notebook.wait_done()
    assert notebook.prompts() == ["1", "2", "3", "4", "5"]
    notebook.see(4, "stopped")
    notebook.see(4, "Go on and on.")
    notebook.screenshot("stopped")
