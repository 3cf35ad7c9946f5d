"""One answer in several places: after a reload, in a second page, in a second view of the output."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.browser.answers import ask, assert_same
from tests.browser.page import FrontEnd, Notebook, answer_in
from tests.fakes.texts import rich
from tests.served import Served


def begin(front: FrontEnd, served: Served) -> Notebook:
    """A saved notebook whose answer is on its way: one half has come, the other is held back."""
    notebook = front.open([served.setup(), ask(f"{''.join(rich(200))}\n\n⏸{''.join(rich(200))}")])
    notebook.run_all(wait=False)
    notebook.wait_for(lambda: len(notebook.answer(1)) > 100, "some text")
    notebook.save()
    assert served.log()[0]["closed"] is None, "the answer is over already"
    return notebook


def end(served: Served) -> str:
    """Let the rest come; all that was sent."""
    served.release()
    [record] = served.wait_for(lambda log: log[0]["closed"] is not None, "the end", timeout=60)
    assert record["closed_by"] == "server"
    text: str = record["text"]
    return text


def stays(sent: str, *areas: Locator) -> None:
    """The whole answer stands there, and still does when the kernel has let go of the widget."""
    for area in areas:
        expect(area).to_contain_text("⟡", timeout=30_000)
        assert_same(answer_in(area), sent)
    areas[0].page.wait_for_timeout(3000)  # that nothing happens has no event
    for area in areas:
        assert_same(answer_in(area), sent)
        expect(area.locator("button", has_text="Stop")).not_to_be_visible()


def test_a_page_that_is_reloaded_in_mid_stream_shows_everything(front: FrontEnd, served: Served) -> None:
    notebook = begin(front, served)
    notebook.reload()
    sent = end(served)
    notebook.until("window.notebookPanel().sessionContext.session?.kernel?.status === 'idle'")
    stays(sent, notebook.output(1))
    notebook.screenshot("reloaded")
    front.forget()


def test_a_second_page_and_a_second_view_of_the_output_show_the_same(front: FrontEnd, served: Served) -> None:
    notebook = begin(front, served)
    areas = [notebook.output(1)]
    if front.kind == "lab":
        notebook.select(1)
        notebook.command("notebook:create-output-view")
        areas.append(notebook.page.locator(".jp-LinkedOutputView .jp-OutputArea").first)
        notebook.wait_for(lambda: len(answer_in(areas[1])) > 100, "the answer in the second view")
    # A second page hears of the widget when the cell has ended: until then the kernel answers nobody.
    other = front.view(notebook.path, wait_idle=False)
    sent = end(served)
    notebook.wait_done()
    for area in areas:
        expect(area.locator(".nbs-answer")).to_have_count(0)
    stays(sent, *areas, other.output(1))
    other.screenshot("second-page")
    notebook.screenshot("second-view")
    front.forget()
