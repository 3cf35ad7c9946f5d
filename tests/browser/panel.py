"""The chat panel in a page, as a person uses it: with the mouse and the keyboard."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.browser.page import SHOTS, WAIT, Notebook, squeezed

CELL = "import nbstream\nnbstream.ChatPanel()"


class Panel:
    """The panel in the output of cell `index`; `place` tells apart several views of it."""

    def __init__(self, notebook: Notebook, index: int = 0, place: int = 0) -> None:
        self.notebook, self.page = notebook, notebook.page
        self.root: Locator = (
            notebook.page.locator(".nbp").nth(place)
            if index < 0
            else (notebook.cell(index).locator(".nbp").nth(place))
        )

    @classmethod
    def opened(cls, notebook: Notebook, index: int = 0) -> Panel:
        """Run cell `index`, which makes the panel, and wait until it stands."""
        notebook.run_cell(index)
        panel = cls(notebook, index)
        panel.ready()
        return panel

    def ready(self) -> None:
        """Wait until it has heard from the kernel."""
        expect(self.root).to_be_visible()
        expect(self.box).to_be_visible()

    @property
    def box(self) -> Locator:
        """Where one types."""
        return self.root.locator(".nbp-composer textarea").first

    @property
    def turns(self) -> Locator:
        return self.root.locator(".nbp-transcript article")

    def send(self, text: str, wait: bool = True) -> None:
        """Type `text` and press Enter; wait until the answer has ended."""
        self.box.click()
        self.page.keyboard.insert_text(text)
        self.page.keyboard.press("Enter")
        if wait:
            expect(self.turns.filter(has_text=text).last).to_be_visible()
            self.idle()

    def idle(self) -> None:
        """Wait until no answer is on its way."""
        expect(self.root.locator(".nbp-transcript article[aria-busy=true]")).to_have_count(0, timeout=WAIT)

    def answer(self, place: int = -1) -> str:
        """The squeezed text of an answer."""
        return squeezed(self.turns.nth(place).locator(".nbs-body").inner_text())

    def screenshot(self, name: str) -> Path:
        """Write shots/NAME.FRONTEND.png, of the panel alone."""
        SHOTS.mkdir(exist_ok=True)
        path = SHOTS / f"{name}.{self.notebook.front.kind}.png"
        self.root.screenshot(path=path, animations="disabled")
        return path


class Head:
    """The head of one panel."""

    def __init__(self, panel: Panel) -> None:
        self.panel, self.page = panel, panel.page
        self.talks, self.model = panel.root.locator(".nbp-talks"), panel.root.locator(".nbp-model")
        self.settings = panel.root.get_by_role("button", name="Settings")
        self.popup: Locator = panel.root.locator("dialog[open]")

    def open(self, button: Locator) -> None:
        button.click()
        expect(self.popup).to_be_visible()
        expect(self.popup.locator("b")).not_to_be_empty()

    def item(self, text: str) -> Locator:
        return self.popup.locator(".nbp-list button").filter(has_text=text)

    def field(self, label: str) -> Locator:
        return self.popup.get_by_label(label)

    def press(self, verb: str) -> None:
        self.popup.get_by_role("button", name=verb, exact=True).click()

    def gone(self) -> None:
        expect(self.popup).to_have_count(0)
