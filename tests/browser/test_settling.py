"""The moment when the live view gives way to Markdown: nobody should see it.

Recorded frame by frame. Each test keeps to one notebook and one kernel, and asks it many times.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.answers import EVERYTHING, FAR, LAST, ask
from tests.browser.frames import WHERE, read_at, record, recorded, settled
from tests.browser.page import WAIT, FrontEnd
from tests.served import Served

# Of every block, item and cell of an answer: what it is, and its place in the output. `ghosts` keeps them as
# the view showed them last, in the frames in which it already lay over the Markdown.
PLACES = """
area => {
  const { top, left } = area.getBoundingClientRect();
  const text = area.querySelector('.nbs-body') ?? area.querySelector('.jp-RenderedMarkdown');
  return [...text.querySelectorAll(':scope > *, li, th, td')].map(block => {
    const box = block.getBoundingClientRect();
    const align = getComputedStyle(block).textAlign.replace('-webkit-', '').replace('start', 'left');
    return [`${block.tagName} ${align}`, box.top - top, box.left - left, box.height];
  });
}
"""
GHOSTS = f"""
() => {{
  const places = {PLACES};
  window.ghosts = new Map();
  window.eachFrame(() => {{
    const ghost = document.querySelector('.nbs-ghost');
    if (ghost) window.ghosts.set(ghost.closest('.jp-OutputArea'), places(ghost.closest('.jp-OutputArea')));
  }});
}}
"""
BARE = """
import json, os
from IPython.display import Markdown, display
for cell in json.load(open(os.environ["JPY_SESSION_NAME"]))["cells"]:
    for output in cell.get("outputs", []):
        if "data" in output:
            display(Markdown("".join(output["data"]["text/markdown"])))
"""


def test_every_block_settles_where_it_stood_and_as_high_as_bare_markdown(
    front: FrontEnd, served: Served
) -> None:
    texts = {"everything": EVERYTHING} | {name: f"$x$\n\nBegin.\n\n{text}" for name, text in LAST.items()}
    notebook = front.open([served.setup(), *(ask(f"{text}⏸") for text in texts.values()), BARE])
    notebook.page.evaluate(GHOSTS)
    notebook.run_cell(0)
    for index, name in enumerate(texts, 1):
        notebook.run_cell(index, wait=False)
        body = notebook.output(index).locator(".nbs-body > *")
        expect(body.nth(2)).to_be_attached(timeout=WAIT)
        notebook.output(index).scroll_into_view_if_needed()
        if "$$" in texts[name]:  # the first ones wait for the typesetter and its letters
            notebook.until("document.querySelector('.nbs-body mjx-container')")
            notebook.page.evaluate("document.fonts.ready")
        served.release()
        settled(notebook)
        live = notebook.output(index).evaluate("area => window.ghosts.get(area)")
        after = notebook.output(index).evaluate(PLACES)
        assert [block for block, *_ in live] == [block for block, *_ in after], name
        for was, stands in zip(live, after, strict=True):
            assert was[1:] == pytest.approx(stands[1:], abs=2), (
                f"{name}: {was} is {stands} (top, left, height)"
            )
    notebook.save()
    notebook.run_cell(len(texts) + 1)
    bare = notebook.outputs(len(texts) + 1)
    expect(bare.nth(len(texts) - 1).locator("mjx-container")).to_have_count(2)
    for index, name in enumerate(texts):
        heights = []
        for output in (notebook.outputs(index + 1), bare.nth(index)):
            output.scroll_into_view_if_needed()
            box = output.bounding_box()
            heights.append(box["height"] if box else None)
        assert heights[0] == pytest.approx(heights[1], abs=1), name


@pytest.mark.parametrize(
    ("text", "places"),
    [(EVERYTHING + FAR, tuple(WHERE)), ("A few words.\n\n- one\n- two\n\nEnd.", ("top", "bottom", "end"))],
    ids=["longer than the page", "short"],
)
def test_nothing_moves_for_the_reader_when_an_answer_settles(
    front: FrontEnd, served: Served, text: str, places: tuple[str, ...]
) -> None:
    lines = "#md\n" + FAR
    notebook = front.open([served.setup(), lines, ask(f"{text}⏸"), "print('below\\n' * 60)", lines])
    notebook.page.set_viewport_size({"width": 1280, "height": 900})
    notebook.run_cell(0)
    notebook.run_cell(3)
    for place in places:
        notebook.run_cell(2, wait=False)
        live = notebook.output(2).locator(".nbs-live .nbs-body")
        expect(live).to_contain_text(text.splitlines()[-1][:12], timeout=WAIT)
        if "$$" in text:
            expect(live.locator("mjx-container")).to_have_count(6, timeout=WAIT)
        notebook.page.evaluate("document.fonts.ready")
        read_at(notebook, 2, place)
        record(notebook, 2, 1 if place == "above" else 3)
        served.release()
        settled(notebook)
        seen = recorded(notebook)
        assert not seen.blank(), f"{place}: for a frame the answer was gone"
        assert seen.fell() <= 2, f"{place}: the output fell by {seen.fell()}"
        for what in ("scroll", "neighbour", "first"):
            assert seen.moved(what) <= 2, f"{place}: {what} moved by {seen.moved(what)}"
