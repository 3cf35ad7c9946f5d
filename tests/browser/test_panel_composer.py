"""The composer in a real page: keys, files, names, the waiting line, Stop, and the empty panel."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Locator, expect

from tests.browser.page import WAIT, FrontEnd
from tests.browser.panel import Panel
from tests.kernel.pairs import need, newest_first, write_spec
from tests.served import Served

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
# Files, as the mouse or the clipboard brings them.
GIVE = """
(target, [kind, files, words]) => {
  const data = new DataTransfer();
  for (const [name, type, size, base64] of files) {
    const text = base64 ? atob(base64) : 'A'.repeat(size);
    const bytes = Uint8Array.from(text, letter => letter.charCodeAt(0));
    data.items.add(new File([bytes], name, { type }));
  }
  if (words) data.setData("text/plain", words);
  const facts = { bubbles: true, cancelable: true };
  const event = kind === "paste"
    ? new ClipboardEvent("paste", { ...facts, clipboardData: data })
    : new DragEvent(kind, { ...facts, dataTransfer: data });
  return target.dispatchEvent(event);
}
"""
# What an input method does on Enter: in Chromium, in older ones, and in Safari, which ends first.
ENTERS = """
box => {
  const enter = { key: "Enter", bubbles: true, cancelable: true };
  const key = facts => new KeyboardEvent("keydown", { ...enter, ...facts });
  box.dispatchEvent(key({ isComposing: true }));
  box.dispatchEvent(key({ keyCode: 229 }));
  box.dispatchEvent(new CompositionEvent("compositionend", { data: "你好" }));
  box.dispatchEvent(key({}));
}
"""
# A kernel that takes its time to hear.
SLOW = """
ms => {
  const { kernel } = window.notebookPanel().sessionContext.session;
  delete kernel.sendControlMessage;
  const send = kernel.sendControlMessage.bind(kernel);
  if (ms) kernel.sendControlMessage = message => void setTimeout(send, ms, message);
}
"""


class Composer(Panel):
    """The panel, and what stands around its box."""

    @property
    def place(self) -> Locator:
        return self.root.locator(".nbp-composer")

    @property
    def button(self) -> Locator:
        return self.place.locator(".nbp-acts button").last

    @property
    def waiting(self) -> Locator:
        return self.place.locator(".nbp-queue li")

    @property
    def chips(self) -> Locator:
        return self.place.locator(".nbp-chips li")

    @property
    def says(self) -> Locator:
        return self.place.locator("[role=status]")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def write(self, text: str) -> None:
        self.box.focus()
        self.page.keyboard.insert_text(text)

    def give(self, kind: str, *files: Any, text: str = "") -> None:
        self.box.evaluate(GIVE, [kind, files, text])

    def holds(self, text: str) -> None:
        expect(self.box).to_have_value(text, timeout=WAIT)

    def asked(self) -> list[str]:
        return [" ".join(one.split()) for one in self.turns.locator(".nbp-prompt").all_inner_texts()]


CELLS = [
    "{setup}\nimport pandas\nprices = pandas.DataFrame({{'a': [1, 2]}})",
    "nbstream.ChatPanel('openai:hold')",
    "x = 1",
]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with Served() as server:
        yield server


def opened(lab: FrontEnd, served: Served) -> Composer:
    setup = f"{served.setup()}\nimport nbstream"
    notebook = lab.open([cell.format(setup=setup) for cell in CELLS])
    notebook.run_cell(0)
    notebook.run_cell(1)
    panel = Composer(notebook, 1)
    panel.ready()
    return panel


def test_one_writes_sends_queues_stops_and_attaches(lab: FrontEnd, served: Served) -> None:
    panel = opened(lab, served)
    the_empty_panel_offers_questions_and_says_who_reads_them(panel)
    keys_are_the_boxes_and_not_jupyters(panel)
    enter_of_an_input_method_does_not_send(panel)
    names_complete_behind_braces(panel)
    keys_wait_for_the_names_that_belong_to_the_text(panel)
    files_come_by_paste_drop_and_button_and_are_bounded(panel)
    a_message_goes_with_its_files(panel, served)
    what_is_written_meanwhile_waits_in_sight(panel, served)
    stop_holds_what_waits_and_it_comes_back_into_the_box(panel)
    what_cannot_be_sent_comes_back_with_its_reason(panel)
    arrow_up_edits_the_last_prompt(panel)
    what_was_typed_survives_a_reload(panel)


def the_empty_panel_offers_questions_and_says_who_reads_them(panel: Composer) -> None:
    offered = panel.place.locator(".nbp-opening button")
    expect(offered).to_have_count(3)
    expect(offered.first).to_contain_text("{{prices}}")
    expect(panel.place.locator(".nbp-opening p")).to_contain_text("127.0.0.1")
    panel.screenshot("composer-empty")


def keys_are_the_boxes_and_not_jupyters(panel: Composer) -> None:
    notebook = panel.notebook
    before, saved = notebook.prompts(), notebook.file.stat().st_mtime_ns
    panel.box.click()
    panel.press("a", "b", "d", "d", "m", "Escape", "x", "Shift+Enter", "y", "Control+s")
    panel.holds("abddmx\ny")
    notebook.wait_for(lambda: notebook.file.stat().st_mtime_ns != saved, "Ctrl+S to save the notebook")
    panel.button.focus()
    panel.press("a", "b", "d", "d", "m", "Escape", "x")
    expect(notebook.page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(len(CELLS))
    assert notebook.prompts() == before and notebook.page.locator(".jp-Dialog").count() == 0
    # It grows with what one writes, up to ten lines.
    heights = []
    for lines in (1, 3, 10, 30):
        panel.box.fill("\n".join("x" * lines))
        heights.append(panel.box.evaluate("box => box.clientHeight"))
    assert heights[0] < heights[1] < heights[2] and heights[3] == heights[2] == heights[0] + 9 * 20
    panel.box.fill("")


def enter_of_an_input_method_does_not_send(panel: Composer) -> None:
    panel.write("你好")
    panel.box.evaluate(ENTERS)
    panel.holds("你好")
    expect(panel.turns).to_have_count(0)
    panel.box.fill("")


def names_complete_behind_braces(panel: Composer) -> None:
    panel.write("About {{pri")
    options = panel.place.locator("[role=option]")
    expect(options.first).to_have_text(re.compile("^prices.*DataFrame · 2 × 1$"))
    expect(panel.box).to_have_attribute("aria-activedescendant", options.first.get_attribute("id") or "-")
    panel.press("Tab")
    panel.holds("About {{prices}}")
    expect(options).to_have_count(0)
    panel.press("Control+z")
    panel.holds("About {{pri")
    panel.press("End", "Backspace", "Backspace")
    expect(options.filter(has_text="pandas")).to_have_count(1)
    panel.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    panel.press("Escape")
    expect(options).to_have_count(0)
    panel.holds("About {{p")
    panel.box.fill("")


def keys_wait_for_the_names_that_belong_to_the_text(panel: Composer) -> None:
    panel.write("{{p")
    expect(panel.place.locator("[role=option]").first).to_contain_text("pandas")
    panel.page.evaluate(SLOW, 400)
    panel.press("r", "Tab")
    panel.holds("{{prices}}")
    panel.page.evaluate(SLOW, 0)
    panel.box.fill("")


def files_come_by_paste_drop_and_button_and_are_bounded(panel: Composer) -> None:
    panel.give("paste", ["dot.png", "image/png", 0, PNG])
    expect(panel.chips).to_have_text(["dot.png"])
    panel.give("paste", ["cells.png", "image/png", 0, PNG], text="a spreadsheet's cells")
    panel.give("drop", ["notes.txt", "text/plain", 12], ["huge.bin", "", 8_000_000])
    expect(panel.chips).to_have_text(["dot.png", "notes.txt"])
    expect(panel.says).to_contain_text("huge.bin")
    expect(panel.says).to_contain_text("8 MB")
    with panel.page.expect_file_chooser() as chooser:
        panel.place.get_by_role("button", name="Attach").click()
    chooser.value.set_files({"name": "more.csv", "mimeType": "text/csv", "buffer": b"a,b"})
    expect(panel.chips).to_have_text(["dot.png", "notes.txt", "more.csv"])
    panel.screenshot("composer-files")
    panel.chips.filter(has_text="more.csv").get_by_role("button").click()
    expect(panel.chips).to_have_count(2)
    expect(panel.box).to_be_focused()


def a_message_goes_with_its_files(panel: Composer, served: Served) -> None:
    panel.write("Look at {{prices}}")
    panel.press("Enter")
    panel.holds("")
    expect(panel.chips).to_have_count(0)
    expect(panel.turns).to_have_count(1)
    sent = served.wait_for(lambda log: len(log) == 1, "the request")[0]["body"]["messages"][-1]["content"]
    said = "".join(part.get("text", "") for part in sent)
    assert "{{" not in said and "int64" in said, said
    assert "notes.txt:\n\n```\nAAAAAAAAAAAA\n```" in said
    assert any(part["type"] == "image_url" for part in sent)
    expect(panel.place.locator(".nbp-opening")).to_be_hidden()
    # Nothing of it is in a trait, nor in what would be saved.
    assert "AAAAAAAAAAAA" not in json.dumps(panel.notebook.read())
    traits = "".join(
        panel.notebook.execute_hidden(
            "import ipywidgets; print([w.get_state() for w in "
            "ipywidgets.widgets.widget._instances.values() if hasattr(w, 'panel')])"
        ).split("words")[-1:]
    )
    assert "Look at" not in traits and "AAAA" not in traits


def what_is_written_meanwhile_waits_in_sight(panel: Composer, served: Served) -> None:
    expect(panel.button).to_have_attribute("aria-label", re.compile("^Stop"))
    panel.write("second")
    panel.press("Enter")
    panel.write("third")
    panel.press("Enter")
    expect(panel.waiting).to_have_count(2)
    expect(panel.waiting.first).to_contain_text("second")
    panel.screenshot("composer-waiting")
    served.release()
    expect(panel.turns).to_have_count(2)
    expect(panel.waiting).to_have_count(1)
    assert panel.asked() == ["Look at {{prices}}", "second"]


def stop_holds_what_waits_and_it_comes_back_into_the_box(panel: Composer) -> None:
    panel.press("Escape")
    expect(panel.button).to_have_attribute("aria-label", re.compile("^Send"))
    expect(panel.turns.last).to_contain_text("stopped")
    expect(panel.waiting).to_contain_text(["Paused"])
    panel.write("and more")
    panel.waiting.get_by_role("button", name="Back").click()
    expect(panel.waiting).to_have_count(0)
    panel.holds("third\n\nand more")
    panel.box.fill("")


def what_cannot_be_sent_comes_back_with_its_reason(panel: Composer) -> None:
    panel.write("It is {{1 / 0}}")
    panel.press("Enter")
    panel.holds("It is {{1 / 0}}")
    expect(panel.root).to_contain_text("division by zero")
    expect(panel.turns).to_have_count(2)
    expect(panel.waiting).to_have_count(0)
    expect(panel.says).to_contain_text("1 / 0")
    panel.place.get_by_role("button", name="Dismiss").click()
    expect(panel.says).to_be_empty()
    panel.box.fill("")


def arrow_up_edits_the_last_prompt(panel: Composer) -> None:
    panel.box.focus()
    panel.press("ArrowUp")
    panel.holds("second")
    expect(panel.place).to_contain_text("message 2")
    panel.screenshot("composer-editing")
    panel.press("Escape")
    panel.holds("")


def what_was_typed_survives_a_reload(panel: Composer) -> None:
    panel.write("half a sen")
    desk = "__import__('nbstream.panel.panel').panel.panel._open"
    draft = f"print([one._desk.part(type(one._desk.parts[1]))._draft for one in {desk}])"
    panel.notebook.wait_for(lambda: "half a sen" in panel.notebook.execute_hidden(draft), "the draft")
    panel.notebook.cell(2).locator(".cm-content").click()
    panel.notebook.save()
    panel.notebook.reload()
    panel.holds("half a sen")


# --- Stop while the kernel computes ---------------------------------------------------------------------

BUSY = "while not flag.exists(): sum(range(1000))\nflag.unlink()"
# As in front ends that are not built on JupyterLab's services.
NO_CONTROL = "window.notebookPanel().sessionContext.session.kernel.sendControlMessage = undefined"


@pytest.mark.parametrize("version", ["newest", "6.29"])
def test_stop_works_while_the_kernel_computes_or_says_why_not(
    lab: FrontEnd, served: Served, version: str
) -> None:
    """Before the first token, too; where nothing reaches a busy kernel there is the interrupt."""
    available = [pair for pair in newest_first(version) if pair.made()] or newest_first(version)
    kernel = write_spec(lab.server.kernels, need(available[0]))
    flag = lab.server.root / f"panel-flag-{kernel}"
    setup = f"{served.setup()}\nimport nbstream\nfrom pathlib import Path\nflag = Path({flag.name!r})"
    path = lab.write([setup, "nbstream.ChatPanel('openai:silent')", BUSY, "print('queued')"])
    file = lab.server.root / path
    notebook = nbformat.read(file, as_version=4)
    notebook.metadata["kernelspec"] = {"name": kernel, "display_name": kernel, "language": "python"}
    nbformat.write(notebook, file)
    page = lab.view(path)
    try:
        page.run_cell(0)
        panel = Composer.opened(page, 1)
        stopped = panel.turns.filter(has_text="stopped")
        page.run_cell(2, wait=False)
        page.run_cell(3, wait=False)
        page.wait_for(lambda: page.prompts()[2:4] == ["*", "*"], "both cells to wait")
        before = len(served.log())
        panel.send("Well?", wait=False)
        served.wait_for(lambda log: len(log) > before, "the request")
        expect(panel.button).to_have_attribute("aria-label", re.compile("^Stop"))
        panel.button.click()
        expect(stopped).to_have_count(1)
        expect(panel.box).to_be_focused()
        served.wait_for(lambda log: log[before]["closed"] is not None, "the socket to close")
        assert page.prompts()[2:4] == ["*", "*"], "it waited for the cell"

        panel.send("And now?", wait=False)
        served.wait_for(lambda log: len(log) > before + 1, "the request")
        page.page.evaluate(NO_CONTROL)
        panel.press("Escape")
        if version == "6.29":  # no subshells: what a view says waits for the cell
            expect(panel.says).to_contain_text("busy with a cell")
            panel.screenshot("composer-unheard")
            panel.place.get_by_role("button", name="Interrupt").click()
            page.see(2, "KeyboardInterrupt")
        expect(stopped).to_have_count(2)
        expect(panel.says).to_be_empty()
        assert version == "6.29" or page.prompts()[2:4] == ["*", "*"], "it waited for the cell"
    finally:
        flag.touch()
