"""The moment when the live view gives way to Markdown: nobody should see it."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.page import FrontEnd, Notebook
from tests.served import Served

# One sample a frame: the height of the output, the place of the cell below, the scroll position, and
# whether any text of the answer stands on the screen.
RECORD = """
([cell, below]) => {
  const area = document.querySelectorAll('.jp-Notebook .jp-Cell')[cell].querySelector('.jp-OutputArea');
  const next = document.querySelectorAll('.jp-Notebook .jp-Cell')[below];
  const scroller = document.querySelector('.jp-WindowedPanel-outer');
  window.frames_seen = [];
  const look = () => {
    const text = [...area.querySelectorAll('.nbs-body, .jp-RenderedMarkdown')]
      .some(node => node.getBoundingClientRect().height > 0 && node.textContent.includes('Held'));
    window.frames_seen.push({
      height: area.getBoundingClientRect().height,
      next: next.getBoundingClientRect().top,
      scroll: scroller.scrollTop,
      text,
    });
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}
"""
PLACES = """
area => ['h2', 'table', 'th', 'td', 'p'].map(name => {
  const nodes = [...area.querySelectorAll(name)].filter(node => !node.closest('.nbs-ghost'));
  const box = nodes[0].getBoundingClientRect();
  const align = getComputedStyle(nodes[0]).textAlign.replace('-webkit-', '').replace('start', 'left');
  return [name + ' ' + align, Math.round(box.left), Math.round(box.top), Math.round(box.height)];
})
"""


def held(front: FrontEnd, served: Served, above: int = 0) -> Notebook:
    """A notebook whose second-last cell streams and is held back; `above`: lines printed before it."""
    cells = [
        served.setup(),
        f"print('line\\n' * {above}, end='')",
        "%%llm -m openai:hold\nGo.",
        "print('below')",
    ]
    notebook = front.open(cells)
    notebook.run_all(wait=False)
    expect(notebook.output(2).locator("td").first).to_be_visible()
    notebook.see(2, "Last")
    return notebook


def test_blocks_stay_where_they_were(front: FrontEnd, served: Served) -> None:
    notebook = held(front, served)
    before = notebook.output(2).evaluate(PLACES)
    served.release()
    notebook.wait_done()
    expect(notebook.output(2).locator(".nbs-answer")).to_have_count(0)
    after = notebook.output(2).evaluate(PLACES)
    for old, new in zip(before, after, strict=True):
        assert old[0] == new[0], "the text of a cell is aligned in another way"
        for was, stands in zip(old[1:], new[1:], strict=True):
            assert abs(was - stands) <= 2, f"{old} became {new} (left, top, height)"


@pytest.mark.parametrize("above", [0, 120])
def test_nothing_jumps_and_nothing_blinks(front: FrontEnd, served: Served, above: int) -> None:
    notebook = held(front, served, above)
    notebook.output(2).locator("td").last.scroll_into_view_if_needed()
    notebook.page.evaluate(RECORD, [2, 3])
    notebook.until("window.frames_seen.length > 5")
    served.release()
    notebook.wait_done()
    expect(notebook.output(2).locator(".nbs-answer")).to_have_count(0)
    notebook.until("!document.querySelector('.nbs-settling')")
    frames: list[dict[str, Any]] = notebook.page.evaluate("window.frames_seen")
    first, last = frames[0], frames[-1]
    assert all(frame["text"] for frame in frames), "for a frame the answer was gone"
    lowest = min(frame["height"] for frame in frames)
    assert lowest >= min(first["height"], last["height"]) - 2, "for a frame the output collapsed"
    assert abs(last["height"] - first["height"]) < 40, (first, last)
    assert abs(last["scroll"] - first["scroll"]) < 40, "the page scrolled away"
