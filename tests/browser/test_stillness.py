"""A page that keeps still while an answer grows: its height, its reader, and what he has selected."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.answers import EVERYTHING, FAR, ask
from tests.browser.frames import falls, read_at, record, recorded, settled, watch_heights
from tests.browser.page import FrontEnd
from tests.served import Served


def test_an_answer_never_becomes_lower_while_it_comes(front: FrontEnd, served: Served) -> None:
    asking = {
        ask(EVERYTHING).replace("say", "say:600"): "done",
        "%%llm -m openai:think:40@100\nThink.": "thinking",
        "%%llm -m openai:flaky:2:still\nRetry.": "tokens",
        "%%llm -m openai:cut:30\nBreak.": "broke off",
        "%%llm -m openai:status:401\nRefuse.": "login",
    }
    notebook = front.open([served.setup(), *asking])
    notebook.run_cell(0)
    watch_heights(notebook)
    notebook.run_all()
    settled(notebook)
    for index in range(1, len(asking) + 1):
        assert not falls(notebook, index)


def test_the_page_goes_along_only_at_its_end_and_what_is_selected_stays_so(
    front: FrontEnd, served: Served
) -> None:
    parts = [
        FAR.replace("Paragraph", name) for name in ("First", "Second", "Third", "Fourth", "Fifth", "Sixth")
    ]
    notebook = front.open([served.setup(), ask("⏸".join(parts)), "# below"])
    page = notebook.page
    page.set_viewport_size({"width": 1280, "height": 900})
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    notebook.run_cell(0)
    notebook.run_cell(1, wait=False)
    scroller = page.locator(".jp-WindowedPanel-outer")

    def more(name: str) -> float:
        """Let another part come; where the page stands then."""
        served.release()
        notebook.see(1, f"{name} 59")
        found: float = scroller.evaluate("page => page.scrollTop")
        return found

    def end_is_in_sight() -> bool:
        found: bool = page.locator(".jp-Cell").last.evaluate(
            "cell => cell.getBoundingClientRect().bottom <= "
            "document.querySelector('.jp-WindowedPanel-outer').getBoundingClientRect().bottom + 1"
        )
        return found

    notebook.see(1, "First 59")
    assert scroller.evaluate("page => page.scrollTop") == 0, "the page ran away from its reader"
    stop = notebook.output(1).locator(".nbs-stop")
    expect(stop).to_be_in_viewport(ratio=1)
    on_top = "button => button.contains(document.elementFromPoint(button.getBoundingClientRect().left + 9, "
    assert stop.evaluate(on_top + "button.getBoundingClientRect().top + 9))"), "something lies over Stop"
    notebook.screenshot("longer-than-the-page")

    page.mouse.move(600, 500)
    page.mouse.wheel(0, 100_000)
    notebook.until("document.querySelector('.jp-WindowedPanel-outer').scrollTop > 500")
    read_at(notebook, 1, "bottom")  # JupyterLab's page goes on with blank room
    here = more("Second")
    assert here > 1000 and end_is_in_sight(), "the page did not go along"
    page.mouse.wheel(0, -100)
    notebook.until(f"document.querySelector('.jp-WindowedPanel-outer').scrollTop < {here - 50}")
    up = scroller.evaluate("page => page.scrollTop")
    assert more("Third") == up, "the page went along with a reader who had moved up"

    chosen = notebook.output(1).locator("p", has_text="Second 40 of")
    chosen.click(click_count=3)
    words = chosen.inner_text()
    here = scroller.evaluate("page => page.scrollTop")
    assert more("Fourth") == here
    assert page.evaluate("getSelection().toString().trim()") == words
    page.keyboard.press("Control+c")
    assert page.evaluate("navigator.clipboard.readText()").strip() == words

    read_at(notebook, 1, "bottom")
    more("Fifth")
    assert end_is_in_sight(), "the page did not go along again"
    more("Sixth")
    settled(notebook)
    assert end_is_in_sight()
    assert page.evaluate("getSelection().toString().trim()") == words, "settling dropped what was selected"
    assert (
        notebook.output(1)
        .locator(".jp-RenderedMarkdown")
        .evaluate("text => text.contains(getSelection().anchorNode)")
    )


def test_what_one_reads_below_an_answer_stays_there_while_it_comes(front: FrontEnd, served: Served) -> None:
    lines = FAR.replace("Paragraph", "Line")
    notebook = front.open([served.setup(), ask(f"{FAR}\n\n⏸{lines}⏸"), "#md\n" + FAR])
    notebook.run_cell(0)
    notebook.run_cell(1, wait=False)
    notebook.see(1, "Paragraph 59")
    read_at(notebook, 1, "just below")
    record(notebook, 1, 2)
    served.release()
    notebook.see(1, "Line 59")
    seen = recorded(notebook)
    assert seen.samples[-1]["height"] > seen.samples[0]["height"] + 500
    assert seen.moved("neighbour") <= 2
    served.release()
    settled(notebook)


def test_a_dot_that_does_not_breathe_and_a_page_at_twice_its_size(lab: FrontEnd, served: Served) -> None:
    notebook = lab.open([served.setup(), "%%llm -m openai:think:400@50\nThink."])
    notebook.page.emulate_media(reduced_motion="reduce")
    notebook.page.set_viewport_size({"width": 640, "height": 450})
    notebook.run_all(wait=False)
    dot = notebook.output(1).locator(".nbs-dot")
    expect(dot).to_be_visible()
    assert dot.evaluate("dot => getComputedStyle(dot).animationName") == "none"
    expect(notebook.output(1).locator(".nbs-fold")).to_be_visible()
    notebook.output(1).locator(".nbs-bar").scroll_into_view_if_needed()
    for part in (".nbs-status", ".nbs-fold", ".nbs-stop"):
        expect(notebook.output(1).locator(part)).to_be_in_viewport(ratio=1)
    notebook.interrupt()
    notebook.wait_done()
