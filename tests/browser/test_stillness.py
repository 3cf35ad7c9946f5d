"""A page that keeps still: while an answer grows, and in the moment when it turns into Markdown.

Recorded frame by frame. Each test keeps to one notebook and one kernel, and asks it many times.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.frames import falls, record, recorded, watch_heights
from tests.browser.page import WAIT, FrontEnd, Notebook
from tests.served import Served

LINES = [f"Paragraph {number} of plain words, **bold** ones, and `code`." for number in range(60)]
FAR = "\n\n".join(LINES)
BLOCKS = r"""
# One

Text

## Two

### Three `code`

#### Four

##### Five

###### Six

Title
=====

Text

Sub
---

- a
- b
  - c
    - d

      para in d
- e

1. one
2. two
   1. inner

Text

- loose

- items

  more

Text

- [ ] open
- [x] done

```python
def f(x):
    return x
```

1. Do

   ```js
   let x = 1;
   ```
2. Then

```
ends empty

```

Text

```
```

    indented

```
LONG
```

| a | b |
|---|--:|
| 1 | `2` |

Text

WIDE

Text

> quoted
>
> > deeper
>
> - in a list

---

A note[^1], a line\x20\x20
break, <b>no tag</b>, $5 and $10, ![alt](https://example.com/x.png), [link](https://example.com/a).

[^1]: The note.

WORD

这是**重点**，`代码` 和数字 123。

> 引用

😀 done, and Euler: $e^{i\pi}+1=0$, \(\frac{a}{b}\), and prices of $5 to $10.

$$E = mc^2$$

Text

$$
\int_0^1 x^2 \, dx = \frac{1}{3}
$$

\[
\begin{aligned} a &= b \\ c &= d \end{aligned}
\]

- in an item: $\sqrt{\frac{x}{y}}$

Text"""
WIDE = "\n".join("|" + cell * 14 for cell in (" a wide column |", "---|", " some words here |"))
EVERYTHING = BLOCKS.replace("LONG", "a long line of code " * 30).replace("WIDE", WIDE)
EVERYTHING = EVERYTHING.replace("WORD", "verylongword" * 30).replace("\\x20", " ").strip()
LAST = {  # blocks whose margin meets the footer's
    "a list": "- a\n- b",
    "a loose list": "- a\n\n- b",
    "a quote": "> a",
    "code": "```\na\n```",
    "a table": "| a | b |\n|---|---|\n| 1 | 2 |",
    "a heading": "## Head",
    "a formula": "$$\n\\sum_{i=1}^n i\n$$",
}

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
  const look = () => {{
    const ghost = document.querySelector('.nbs-ghost');
    if (ghost) window.ghosts.set(ghost.closest('.jp-OutputArea'), places(ghost.closest('.jp-OutputArea')));
    requestAnimationFrame(look);
  }};
  requestAnimationFrame(look);
}}
"""
BARE = """
import json
from IPython.display import Markdown, display
for cell in json.load(open("all.ipynb"))["cells"]:
    for output in cell.get("outputs", []):
        if "data" in output:
            display(Markdown("".join(output["data"]["text/markdown"])))
"""


def ask(text: str) -> str:
    """A cell whose answer is `text`."""
    return f"#hidden\n%%llm -m openai:say\n{text}"


def settled(notebook: Notebook) -> None:
    """Wait until nothing of a live view is left."""
    notebook.wait_done()
    notebook.until("!document.querySelector('.nbs-answer')")


def test_every_block_settles_where_it_stood_and_as_high_as_bare_markdown(
    front: FrontEnd, served: Served
) -> None:
    texts = {"everything": EVERYTHING} | {name: f"$x$\n\nBegin.\n\n{text}" for name, text in LAST.items()}
    notebook = front.open([served.setup(), *(ask(f"{text}⏸") for text in texts.values()), BARE], "all")
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


WHERE = {  # the reader's place: what he sees is this far from the answer's top or bottom
    "above": "box.top - view.bottom - 200",
    "top": "box.top - view.top - 60",
    "middle": "(box.top + box.bottom) / 2 - (view.top + view.bottom) / 2",
    "bottom": "box.bottom - view.bottom + 60",
    "end": "box.bottom - view.top - 150",
    "below": "box.bottom - view.top + 200",
}


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
        expect(notebook.output(2).locator(".nbs-live .nbs-body > *").nth(2)).to_be_attached(timeout=WAIT)
        if "$$" in text:
            last = notebook.output(2).locator(".nbs-live mjx-container").nth(5)
            expect(last).to_be_attached(timeout=WAIT)
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
