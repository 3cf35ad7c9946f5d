"""A turn is asked differently in a cell of its own; the history shows both versions."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.page import FrontEnd
from tests.served import Served

CELLS = [
    "%%llm -m openai:words:12 -t 0.5\nWhat is a tuple?",
    "%%llm -m openai:words:5000@60\nGo on and on.",
    "%llm edit 1",
    "%llm history -v",
    "%llm version 1 1",
    "%llm continue",
]


def test_a_prompt_is_edited_in_the_next_cell_and_the_history_shows_both_versions(
    lab: FrontEnd, served: Served
) -> None:
    notebook = lab.open([served.setup(), *CELLS])
    for index in (0, 1):
        notebook.run_cell(index)
    notebook.run_cell(2, wait=False)
    notebook.wait_for(lambda: len(notebook.answer(2)) > 50, "some text")
    notebook.interrupt()
    notebook.wait_done()
    begun = notebook.answer(2)

    notebook.run_cell(3)
    notebook.see(3, "is in the next cell")
    editor = notebook.cell(4).locator(".cm-content")
    expect(editor).to_contain_text("%%llm --at 1 -m openai:words:12 -t 0.5")
    editor.click()
    notebook.page.keyboard.press("Control+End")
    notebook.page.keyboard.type(" And a list?")
    notebook.run_cell(4)
    messages = served.log()[-1]["body"]["messages"]
    assert [m["content"] for m in messages] == ["What is a tuple? And a list?"]

    notebook.run_cell(5)
    table = notebook.output(5).locator("table")
    expect(table).to_contain_text("And a list?")
    expect(table).to_contain_text("(2/2)")
    notebook.screenshot("history")

    notebook.run_cell(6)  # back to the first version, and to what followed it
    notebook.run_cell(7, wait=False)
    notebook.wait_for(lambda: len(notebook.answer(7)) > len(begun) + 50, "more text")
    assert notebook.answer(7).startswith(begun), "what had come stands at the beginning"
    notebook.interrupt()
    notebook.wait_done()
    notebook.see(7, "continued by a plain request")
    assert [m["role"] for m in served.log()[-1]["body"]["messages"]][-2:] == ["assistant", "user"]
    notebook.screenshot("continued")
    assert "Traceback" not in notebook.text(7)
