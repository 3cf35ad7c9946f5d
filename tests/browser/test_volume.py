"""Nothing is lost, and Jupyter's own limits (1,000 messages and 1 MB a second) never bite."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.answers import assert_same
from tests.browser.page import FrontEnd
from tests.served import Served


@pytest.mark.parametrize("model", ["rich:20000@2000", "words:8000"])
def test_long_and_fast_answers_arrive_complete(front: FrontEnd, served: Served, model: str) -> None:
    since = front.server.log_file.stat().st_size
    notebook = front.open([served.setup(), f"%%llm -m openai:{model}\nEverything."])
    notebook.run_cell(0)
    notebook.run_cell(1, wait=False)
    notebook.wait_done(timeout=120_000)
    expect(notebook.output(1).locator(".nbs-answer")).to_have_count(0)
    [record] = served.log()
    assert_same(notebook.answer(1), record["text"])
    notebook.save()
    [output] = notebook.saved(1)
    assert output.data["text/plain"] == record["text"]
    assert "rate exceeded" not in front.server.log(since)
