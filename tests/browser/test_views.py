"""One answer in several places: after a reload, in a second page, in a second view of the output."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.answers import assert_same
from tests.browser.page import FrontEnd, Notebook, answer_in
from tests.served import Served

SLOWLY = "%%llm -m openai:rich:700@100\nTake your time."


def begin(front: FrontEnd, served: Served) -> Notebook:
    """A saved notebook whose answer is on its way."""
    notebook = front.open([served.setup(), SLOWLY])
    notebook.run_all(wait=False)
    notebook.wait_for(lambda: len(notebook.answer(1)) > 100, "some text")
    notebook.save()
    assert served.log()[0]["closed"] is None, "the answer is over already"
    return notebook


def end(served: Served) -> str:
    """Wait until all was sent; what it was."""
    [record] = served.wait_for(lambda log: log[0]["closed"] is not None, "the end", timeout=60)
    assert record["closed_by"] == "server"
    text: str = record["text"]
    return text


def stays(notebook: Notebook, sent: str) -> None:
    """The whole answer stands there, and still does when the kernel has let go of the widget."""
    expect(notebook.output(1)).to_contain_text("⟡")
    assert_same(notebook.answer(1), sent)
    expect(notebook.output(1).locator("button", has_text="Stop")).not_to_be_visible()
    notebook.page.wait_for_timeout(3000)  # that nothing happens has no event
    assert_same(notebook.answer(1), sent)


def test_a_page_that_is_reloaded_in_mid_stream_shows_everything(front: FrontEnd, served: Served) -> None:
    notebook = begin(front, served)
    notebook.reload()
    notebook.wait_for(lambda: len(notebook.answer(1)) > 100, "the answer to come back")
    sent = end(served)
    notebook.until("window.notebookPanel().sessionContext.session?.kernel?.status === 'idle'")
    stays(notebook, sent)
    notebook.screenshot("reloaded")


def test_two_pages_show_the_same(front: FrontEnd, served: Served) -> None:
    notebook = begin(front, served)
    other = front.view(notebook.path, wait_idle=False)
    other.wait_for(lambda: len(other.answer(1)) > 100, "the answer in the second page")
    sent = end(served)
    notebook.wait_done()
    for page in (notebook, other):
        stays(page, sent)
    other.screenshot("second-page")


def test_a_second_view_of_the_output_shows_the_same(lab: FrontEnd, served: Served) -> None:
    notebook = begin(lab, served)
    notebook.select(1)
    notebook.command("notebook:create-output-view")
    mirror = notebook.page.locator(".jp-LinkedOutputView .jp-OutputArea").first
    notebook.wait_for(lambda: len(answer_in(mirror)) > 100, "the answer in the second view")
    sent = end(served)
    notebook.wait_done()
    for area in (notebook.output(1), mirror):
        expect(area.locator(".nbs-answer")).to_have_count(0)
        assert_same(answer_in(area), sent)
    notebook.screenshot("second-view")
