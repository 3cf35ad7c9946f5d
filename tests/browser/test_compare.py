"""Several models' answers side by side: columns that grow at once, stop apart, and give way to a table."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.page import FrontEnd
from tests.served import Served

CELL = "%%llm -m openai:hold,openai:rich:120,openai:endless,spark\nWhich is the best?"


def test_columns_stream_stop_apart_are_kept_and_give_way_to_one_table(lab: FrontEnd, served: Served) -> None:
    lab.set_theme("dark")
    notebook = lab.open([served.setup() + "\n%llm lang zh", CELL, "%llm history\n%llm chat"])
    notebook.run_cell(0)
    notebook.run_cell(1, wait=False)
    output = notebook.output(1)
    columns = output.get_by_role("region")
    held, rich, endless, keyless = (columns.nth(number) for number in range(4))

    keep = rich.get_by_role("button", name="保留")
    expect(keep).to_be_visible()
    expect(held).to_contain_text("Held back")
    assert "Last" not in held.inner_text() or "words." not in held.inner_text()
    expect(keyless.get_by_role("alert")).to_contain_text("%llm login spark")
    expect(columns.nth(1)).to_have_accessible_name("回答 2，openai rich:120")
    expect(output.get_by_role("status")).to_contain_text("4 个模型中还有 2 个在回答")
    notebook.screenshot("compare-dark-zh")

    endless.get_by_role("button", name="停止回答 3，openai endless").click()
    expect(endless).to_contain_text("已停止")
    expect(held.get_by_role("button")).to_be_visible()
    keep.click()
    expect(rich.get_by_role("button", name="已保留")).to_have_attribute("aria-pressed", "true")

    # Wide enough, they stand in one row of columns; where there is no room, one below the other.
    tops = [columns.nth(number).bounding_box() for number in range(2)]
    assert tops[0] and tops[1] and tops[0]["y"] == tops[1]["y"]
    notebook.page.set_viewport_size({"width": 640, "height": 1400})
    notebook.until("document.querySelectorAll('.nbk-column')[1].offsetTop > 100")
    notebook.screenshot("compare-narrow")
    notebook.page.set_viewport_size({"width": 1280, "height": 1400})

    served.release()
    notebook.wait_done()
    table = output.locator(".jp-RenderedMarkdown > table")
    expect(table).to_have_count(1)
    rows = table.locator("> tbody > tr")
    expect(rows).to_have_count(4)
    expect(rows.nth(1)).to_contain_text("✓")
    expect(rows.nth(0)).to_contain_text("Last words.")
    assert output.locator(".nbk-compare").count() == 0
    notebook.screenshot("compare-settled")

    notebook.run_cell(2)
    expect(notebook.output(2)).to_contain_text("openai:rich:120")
    panel = notebook.output(2).locator(".nbp-log article")
    expect(panel).to_have_count(1)
    expect(panel.locator(".nbs-body")).to_contain_text(re.compile(r"\w+"))


def test_all_are_stopped_at_once_and_a_page_reloaded_in_mid_stream_shows_all(
    lab: FrontEnd, served: Served
) -> None:
    stopped, reloaded = "-m openai:hold,openai:hold\nWait.", "-m openai:hold,openai:words:30\nGo on."
    notebook = lab.open([served.setup(), f"%%llm {stopped}", f"%%llm {reloaded}"])
    notebook.run_cell(0)
    notebook.run_cell(1, wait=False)
    columns = notebook.output(1).get_by_role("region")
    expect(columns.nth(1)).to_contain_text("Held back")
    notebook.screenshot("compare-light")
    notebook.output(1).get_by_role("button", name="Stop all").click()
    notebook.wait_done()
    cells = notebook.output(1).locator(".jp-RenderedMarkdown > table > tbody > tr")
    expect(cells).to_have_count(2)
    for number in range(2):
        expect(cells.nth(number)).to_contain_text("stopped")
        expect(cells.nth(number)).to_contain_text("Held back")

    notebook.run_cell(2, wait=False)
    columns = notebook.output(2).get_by_role("region")
    expect(columns.nth(0)).to_contain_text("Held back")
    expect(columns.nth(1).get_by_role("button", name="Keep")).to_be_visible()
    notebook.save()
    notebook.reload()
    served.release()
    notebook.until("window.notebookPanel().sessionContext.session?.kernel?.status === 'idle'")
    notebook.see(2, "Last words.")
    lab.forget()
