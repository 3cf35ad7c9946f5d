"""Nothing is lost, and Jupyter's own limits (1,000 messages and 1 MB a second) never bite."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.answers import assert_same
from tests.browser.page import FrontEnd
from tests.served import Served


def arrives_complete(front: FrontEnd, served: Served, model: str) -> None:
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


def test_twenty_thousand_tokens_at_two_thousand_a_second_arrive_complete(
    lab: FrontEnd, served: Served
) -> None:
    arrives_complete(lab, served, "rich:20000@2000")


def test_all_that_a_server_can_send_at_once_arrives_complete(front: FrontEnd, served: Served) -> None:
    arrives_complete(front, served, "words:8000")
