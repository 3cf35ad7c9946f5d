"""One conversation, wherever it is looked at: cells and panels show the same after every step.

And what may go wrong with an answer is shown in the panel, and mended there.
"""

from __future__ import annotations

import json
import re

from playwright.sync_api import Locator, expect

from tests.browser.page import FrontEnd, Notebook
from tests.browser.panel import Panel
from tests.fakes.spark_server import CREDENTIALS, SparkServer
from tests.served import Served

SEEN = """root => [...root.querySelectorAll('.nbp-transcript article')].map(one => {
    const text = name => one.querySelector(name)?.textContent ?? '';
    const steps = one.querySelector('.nbp-steps');
    const which = steps.hidden ? '' : /\\d+.\\d+/.exec(steps.textContent)[0];
    return [text('.nbp-prompt'), text('.nbs-body').trim(), which];
})"""
Seen = list[list[str]]


def press(turn: Locator, *names: str) -> None:
    """Press buttons of a turn, which show when one points at it."""
    for name in names:
        turn.hover()
        turn.get_by_role("button", name=name, exact=True).or_(turn.get_by_text(name, exact=True)).click()


class Both:
    """Two panels on one conversation."""

    def __init__(self, notebook: Notebook, *panels: Panel) -> None:
        self.notebook, self.panels = notebook, panels

    def show(self, *turns: tuple[str, ...]) -> None:
        """Wait until both show just these: the prompt, the answer, and which version of how many."""
        wanted = [[*turn, ""][:3] for turn in turns]
        seen: list[Seen] = []

        def alike() -> bool:
            seen[:] = [panel.root.evaluate(SEEN) for panel in self.panels]
            return all(one == wanted for one in seen)

        try:
            self.notebook.wait_for(alike, "both panels to agree", 10_000)
        except AssertionError:
            assert seen == [wanted] * len(self.panels)
            raise


def test_cells_and_two_panels_are_one_conversation(lab: FrontEnd, served: Served) -> None:
    cells = [
        served.setup() + "\n%llm use openai:say:0",
        "%llm chat",
        "import nbstream\nnbstream.ChatPanel()",
        "%%llm\nfrom a ⏸cell",
        "%llm history",
        "%llm undo",
        "%llm redo",
        "%llm use openai:words:7",
        "%llm retry 1 -m openai:words:5",
        "%llm reset",
        "%llm lang zh",
    ]
    notebook = lab.open(cells)
    for index in range(3):
        notebook.run_cell(index)
    one, two = Panel(notebook, 1), Panel(notebook, 2)
    one.ready(), two.ready()
    both = Both(notebook, one, two)

    # What a cell asks streams into both; what a panel asks is in the cells' history.
    notebook.run_cell(3, wait=False)
    both.show(("from a ⏸cell", "from a"))
    expect(one.root.locator("article[aria-busy=true]")).to_have_count(1)
    served.release()
    notebook.wait_done()
    both.show(("from a ⏸cell", "from a cell"))
    two.send("from a panel")
    both.show(("from a ⏸cell", "from a cell"), ("from a panel", "from a panel"))
    notebook.run_cell(4)
    notebook.see(4, "from a panel")

    # Edit, then back and forth between the versions.
    press(one.turns.nth(1), "Edit")
    one.page.keyboard.press("Control+a")
    one.page.keyboard.insert_text("from the other")
    one.page.keyboard.press("Enter")
    first = ("from a ⏸cell", "from a cell")
    both.show(first, ("from the other", "from the other", "2/2"))
    press(two.turns.nth(1), "Earlier version")
    both.show(first, ("from a panel", "from a panel", "1/2"))
    press(one.turns.nth(1), "Later version")
    both.show(first, ("from the other", "from the other", "2/2"))

    # Delete, and bring back; take out, and bring back, by cells.
    press(one.turns.nth(1), "Delete question and answer", "Delete this version?")
    both.show(first, ("from a panel", "from a panel"))
    notebook.run_cell(6)
    both.show(first, ("from the other", "from the other", "2/2"))
    notebook.run_cell(5)
    both.show(first)
    notebook.run_cell(6)
    both.show(first, ("from the other", "from the other", "2/2"))

    # Another model, chosen in a cell, answers in the panel and shows in both heads.
    notebook.run_cell(7)
    for panel in (one, two):
        expect(panel.root.locator(".nbp-head")).to_contain_text("words:7")
    two.send("how many?")
    assert len(two.turns.last.locator(".nbs-body").inner_text().split()) == 7
    before = one.root.evaluate(SEEN)

    # Another model is asked again: from a panel, and from a cell, which takes an earlier place.
    press(two.turns.last, "Try again with another model")
    two.root.get_by_role("searchbox").fill("openai:say:0")
    two.root.get_by_role("button", name="openai:say:0").last.click()
    both.show(*before[:-1], ("how many?", "how many?", "2/2"))
    notebook.run_cell(8)
    both.show(("from a ⏸cell", served.log()[-1]["text"].strip(), "2/2"))
    notebook.screenshot("panel-shared")
    notebook.run_cell(10)
    for panel in (one, two):
        expect(panel.box).to_have_attribute("placeholder", re.compile("[一-龥]"))
    notebook.screenshot("panel-shared-zh")
    notebook.run_cell(9)
    both.show()


def test_what_goes_wrong_with_an_answer_is_shown_and_mended_in_the_panel(
    lab: FrontEnd, served: Served
) -> None:
    with SparkServer() as spark:
        keys = {f"SPARK_{name.upper()}": value for name, value in CREDENTIALS.items()}
        given = json.dumps({"SPARK_BASE_URL": spark.url, **keys})
        setup = served.setup() + f"\nimport nbstream\nnbstream.config.retries = 1\nos.environ.update({given})"
        notebook = lab.open([setup, "nbstream.ChatPanel()"])
        notebook.run_cell(0)
        panel = Panel.opened(notebook, 1)
        last = panel.turns.last
        card = last.locator(".nbp-error")

        def use(model: str) -> None:
            notebook.execute_hidden(f"nbstream.use({model!r})")

        def well() -> None:
            """The service is well again."""
            notebook.execute_hidden("nbstream.conversation().turns[-1].model = 'openai:words:4'")

        # Cut in mid-stream: what came is kept, and goes on.
        use("openai:cut:6")
        panel.send("One?")
        expect(card).to_contain_text("broke off")
        begun = panel.answer()
        assert begun and "cell" not in card.inner_text()
        notebook.screenshot("panel-cut")
        well()
        card.get_by_role("button", name="Continue").click()
        expect(card).to_be_empty()
        panel.idle()
        assert panel.answer().startswith(begun) and len(panel.answer()) > len(begun)

        # Too fast: the wait is shown and counted; then a card, and another try beside the first.
        use("openai:status:429:2")
        panel.send("Two?", wait=False)
        expect(last).to_contain_text("again in")
        notebook.screenshot("panel-busy")
        expect(card.get_by_role("button", name="Try again")).to_be_visible()
        well()
        card.get_by_role("button", name="Try again").click()
        expect(last.locator(".nbp-steps")).to_contain_text("2/2")
        panel.idle()
        expect(card).to_be_empty()

        # Stopped before the first token; and later, then gone on with.
        use("openai:silent")
        panel.send("Three?", wait=False)
        expect(last).to_have_attribute("aria-busy", "true")
        panel.box.press("Escape")
        expect(last).to_contain_text("stopped")
        assert panel.answer() == ""
        use("openai:words:5000@60")
        panel.send("Four?", wait=False)
        notebook.wait_for(lambda: panel.turns.count() == 4 and len(panel.answer()) > 40, "some text")
        panel.box.press("Escape")
        expect(last).to_contain_text("stopped")
        begun = panel.answer()
        well()
        press(last, "Continue")
        expect(last).not_to_contain_text("stopped")
        panel.idle()
        assert panel.answer().startswith(begun) and len(panel.answer()) > len(begun)

        # Withdrawn by moderation: text and thought go, in every view.
        use("spark:withdraw:12")
        panel.send("Five?", wait=False)
        body = last.locator(".nbs-body")
        notebook.wait_for(lambda: panel.turns.count() == 5 and len(body.inner_text().split()) > 5, "text")
        shown = body.inner_text().strip()[:20]
        spark.release()
        expect(card).to_contain_text("很抱歉，无法继续回答。")
        expect(last).not_to_contain_text(shown)
        expect(last).not_to_contain_text("A thought")
        notebook.screenshot("panel-mended")
        use("openai:say:0")
        card.get_by_role("button", name="Change the question").click()
        notebook.page.keyboard.insert_text(" Or six?")
        notebook.page.keyboard.press("Enter")
        expect(body).to_contain_text("Five? Or six?")
        expect(last.locator(".nbp-steps")).to_contain_text("2/2")

        # What cannot be sent is still there.
        press(last, "Edit")
        notebook.page.keyboard.press("Control+a")
        notebook.page.keyboard.insert_text("{{1 / 0}}")
        notebook.page.keyboard.press("Enter")
        expect(panel.root).to_contain_text("ZeroDivisionError")
        expect(panel.box).to_have_value("{{1 / 0}}")
        notebook.page.keyboard.press("Escape")
        expect(panel.box).to_have_value("")
        expect(last.locator(".nbp-prompt")).to_have_text("Five? Or six?")
