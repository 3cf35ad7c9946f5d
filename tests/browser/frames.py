"""What a reader sees of a notebook, frame by frame.

`record` samples in every animation frame, so nothing that reaches the screen is missed: the height of the
output, where the page and a chosen neighbour stand, and which words are at a chosen place of the answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.browser.page import Notebook

_RECORD = """
([answer, neighbour]) => {
  const cells = [...document.querySelectorAll('.jp-Notebook .jp-Cell')];
  const area = cells[answer].querySelector('.jp-OutputArea');
  const page = document.querySelector('.jp-WindowedPanel-outer');
  const view = page.getBoundingClientRect();
  const texts = '.nbs-body, .jp-RenderedMarkdown';
  // The middle of what one sees of the answer; later the same place, wherever the page has gone.
  const box = area.getBoundingClientRect();
  const top = Math.max(box.top, view.top), bottom = Math.min(box.bottom, view.bottom);
  window.sampled = [];
  window.eachFrame(() => {
    const now = area.getBoundingClientRect();
    const blocks = top < bottom
      ? [...area.querySelectorAll(texts)].flatMap(text => [...text.children]).filter(block => {
          const { top: from, bottom: to } = block.getBoundingClientRect();
          return from < bottom && to > top && block.textContent.trim() && block.checkVisibility();
        })
      : [];
    window.sampled.push({
      height: now.height,
      scroll: page.scrollTop,
      neighbour: neighbour === null ? 0 : cells[neighbour].getBoundingClientRect().top,
      blocks: blocks.length,
      visible: top < bottom,
      first: blocks.length ? blocks[0].getBoundingClientRect().top : 0,
    });
  });
}
"""
_HEIGHTS = """
() => {
  window.heights = new Map();
  window.eachFrame(() => {
    for (const cell of document.querySelectorAll('.jp-Notebook .jp-CodeCell')) {
      const area = cell.querySelector('.jp-OutputArea');
      const all = window.heights.get(area) ?? [];
      window.heights.set(area, all);
      const height = area.getBoundingClientRect().height;
      if (all.at(-1)?.[0] !== height) {
        const body = area.querySelector('.nbs-body, .jp-RenderedMarkdown');
        const settled = !!area.querySelector('.jp-RenderedMarkdown');
        all.push([height, settled, body?.textContent.slice(-80) ?? '']);
      }
    }
  });
}
"""


WHERE = {
    "above": "box.top - view.bottom - 200",
    "top": "box.top - view.top - 60",
    "middle": "(box.top + box.bottom) / 2 - (view.top + view.bottom) / 2",
    "bottom": "box.bottom - view.bottom + 60",
    "end": "box.bottom - view.top - 150",
    "just below": "box.bottom - view.top + 20",
    "below": "box.bottom - view.top + 200",
}
"""A reader's places: how far the page must scroll that he sees this of an answer."""


@dataclass
class Frames:
    """The samples of one recording."""

    samples: list[dict[str, Any]] = field(default_factory=list)

    def moved(self, name: str) -> float:
        """How far `name` ever was from where it was at first."""
        first = self.samples[0][name]
        return max(abs(sample[name] - first) for sample in self.samples)

    def fell(self) -> float:
        """The largest fall of the height from one frame to the next."""
        return max((a["height"] - b["height"] for a, b in pairwise(self.samples)), default=0.0)

    def blank(self) -> int:
        """In how many frames nothing of the answer stood where it should."""
        return sum(sample["visible"] and not sample["blocks"] for sample in self.samples)


def record(notebook: Notebook, answer: int, neighbour: int | None = None) -> None:
    """Begin to sample the output of cell `answer`, and where cell `neighbour` stands."""
    notebook.page.evaluate(_RECORD, [answer, neighbour])
    notebook.until("window.sampled.length > 2")


def recorded(notebook: Notebook) -> Frames:
    """End the recording some frames from now; what it holds."""
    notebook.page.evaluate("() => { window.last = window.sampled.length + 6; }")
    notebook.until("window.sampled.length >= window.last")
    return Frames(notebook.page.evaluate("() => { window.recorder = null; return window.sampled; }"))


def watch_heights(notebook: Notebook) -> None:
    """Note every height that the output of any code cell has, from now on."""
    notebook.page.evaluate(_HEIGHTS)


def falls(notebook: Notebook, index: int) -> list[str]:
    """Where the output of cell `index` became lower than it was, and its last words there.

    While it streams by anything at all; where it becomes Markdown by more than two pixels.
    """
    seen: list[list[Any]] = notebook.output(index).evaluate("area => window.heights.get(area)")
    assert len(seen) > 1, "nothing was seen"
    return [
        f"from {a[0]} to {b[0]} after {a[2]!r}"
        for a, b in pairwise(seen)
        if b[0] < a[0] - (2 if b[1] else 0.1)
    ]


def read_at(notebook: Notebook, index: int, place: str) -> None:
    """Scroll as a reader does who looks at this place of the output of cell `index`."""
    notebook.output(index).evaluate(
        """(area, place) => {
          const page = document.querySelector('.jp-WindowedPanel-outer');
          const view = page.getBoundingClientRect(), box = area.getBoundingClientRect();
          page.scrollTop += new Function('box', 'view', `return ${place}`)(box, view);
        }""",
        WHERE[place],
    )


def settled(notebook: Notebook) -> None:
    """Wait until nothing of a live view is left."""
    notebook.wait_done()
    notebook.until("!document.querySelector('.nbs-answer')")
