"""Make the pictures of the README and the pages, from real runs in JupyterLab: tools/pictures.py [NAME ...]

Needs Chromium; no key and no network: `demo` answers, and tapes. What is seen is what came: nothing is
painted over but for the numbers in the picture of the panel's parts.
"""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, FloatRect, Locator, Page, expect, sync_playwright  # noqa: E402

from tests.browser import chromium  # noqa: E402
from tests.browser.jupyter import Server  # noqa: E402
from tests.browser.page import FrontEnd, Notebook  # noqa: E402
from tests.browser.panel import Panel  # noqa: E402

IMAGES, LESSONS = ROOT / "docs/img", ROOT / "notebooks/img"
WIDE, EDGE, GAP = 900, 8, 5
"""Pixels of CSS: how wide a picture is; what is left at the sides of what it shows, and above and below."""
SHARP = 2
"""Pixels of a still per pixel of CSS."""
COLOURS = 128
FRAME = 0.1
"""Seconds that a frame of the animated picture lasts."""
BARE = """
.jp-Cell .jp-cell-toolbar, .jp-cell-menu, .jp-Notebook-footer, .jp-Toolbar { display: none !important }
.jp-SideBar, #jp-left-stack, #jp-top-panel, #jp-bottom-panel, #jp-menu-panel { display: none !important }
.jp-Notebook .jp-Cell { border-color: transparent !important; box-shadow: none !important }
.jp-Notebook .jp-Cell:first-child, .jp-Collapser { display: none !important }
"""
SAID = {
    "en": {
        "why": "Why does streaming feel faster?",
        "sse": "How does SSE carry tokens?",
        "last": "What did I just ask?",
    },
    "zh": {"why": "为什么流式输出感觉更快？", "sse": "SSE 怎样传送 token？", "last": "我刚才问了什么？"},
}


class Studio:
    """One JupyterLab and one browser for all pictures."""

    def __init__(self, browser: Browser, folder: Path) -> None:
        self.browser, self.folder = browser, folder
        self.server = Server("lab", folder)
        shutil.copytree(ROOT / "notebooks", self.server.root / "lessons")

    @contextmanager
    def notebook(
        self, cells: list[str], lang: str, high: int = 900, sharp: float = SHARP, wide: int = WIDE
    ) -> Iterator[Notebook]:
        """A notebook of `cells`, in a page that shows little else; nbstream is loaded."""
        context = self.browser.new_context(
            viewport={"width": wide + 120, "height": high}, device_scale_factor=sharp, locale="en-US"
        )
        front = FrontEnd(self.server, context)
        notebook = front.open(["%load_ext nbstream", *cells])
        notebook.page.add_style_tag(content=BARE)
        notebook.page.set_viewport_size({"width": wide + 2, "height": high})
        notebook.execute_hidden(f"%load_ext nbstream\n%llm use demo\n%llm lang {lang}")
        notebook.page.evaluate("window.jupyterapp.shell.collapseLeft()")
        yield notebook
        context.close()
        front.server.close_kernels()


def clip(notebook: Notebook, first: Locator, last: Locator) -> FloatRect:
    """The part of the page from `first` to `last`, both whole, as wide as the notebook."""
    top, end = first.bounding_box(), last.bounding_box()
    assert top and end
    return {
        "x": max(0, top["x"] - EDGE),
        "y": max(0, top["y"] - GAP),
        "width": top["width"] + 2 * EDGE,
        "height": end["y"] + end["height"] - top["y"] + 2 * GAP,
    }


def still(notebook: Notebook, name: str, first: Locator, last: Locator, folder: Path = IMAGES) -> None:
    """Write NAME.png, in few colours: a screen has no more."""
    shot = notebook.page.screenshot(clip=clip(notebook, first, last), animations="disabled")
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.png"
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    told(path, picture)


def named(name: str, lang: str) -> str:
    return name if lang == "en" else f"{name}.{lang}"


# --- the pictures -------------------------------------------------------------------------------------


POINTER = """
() => {
  const arrow = document.createElement('div');
  arrow.innerHTML = '<svg width=18 height=24><path d="M1 1v17l4-4 3 8 3-1-3-8h6z" stroke="white"/></svg>';
  arrow.style.cssText = 'position: fixed; left: -40px; z-index: 9999; pointer-events: none';
  document.body.append(arrow);
  addEventListener('mousemove', ({ clientX, clientY }) =>
    Object.assign(arrow.style, { left: `${clientX}px`, top: `${clientY}px` }));
}
"""
"""What a screen has and a screenshot has not."""


def stream(studio: Studio, lang: str) -> None:
    """Animated: a question is typed, the answer streams into the cell, Stop keeps what came."""
    with studio.notebook([""], lang, high=900, sharp=1) as notebook:
        page, cell = notebook.page, notebook.cell(1)
        page.evaluate(POINTER)
        cell.locator(".cm-content").click()
        page.mouse.move(700, 420)
        with filmed(page) as frames:
            page.wait_for_timeout(400)
            page.keyboard.insert_text("%%llm")
            page.keyboard.press("Enter")
            for letter in SAID[lang]["why"]:
                page.keyboard.insert_text(letter)
                page.wait_for_timeout(25 if lang == "en" else 60)
            page.wait_for_timeout(300)
            page.keyboard.press("Control+Enter")
            cell.locator(".nbs-body td").first.wait_for()
            stop = cell.locator(".nbs-stop")
            box = stop.bounding_box()
            assert box
            page.mouse.move(box["x"] + 20, box["y"] + 60, steps=4)
            stop.click(force=True)  # it moves: lines come above it
            notebook.wait_done()
            page.wait_for_timeout(700)
        film(named("stream", lang), frames, clip(notebook, cell, cell))


@contextmanager
def filmed(page: Page) -> Iterator[list[tuple[float, bytes]]]:
    """What `page` shows meanwhile: each new picture of it, and when it came."""
    frames: list[tuple[float, bytes]] = []
    screen = page.context.new_cdp_session(page)

    def shown(event: dict[str, Any]) -> None:
        frames.append((event["metadata"]["timestamp"], base64.b64decode(event["data"])))
        screen.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})

    screen.on("Page.screencastFrame", shown)
    screen.send("Page.startScreencast", {"format": "png", "everyNthFrame": 2})
    yield frames
    screen.send("Page.stopScreencast")


def film(name: str, frames: list[tuple[float, bytes]], area: FloatRect) -> None:
    """Write NAME.webp from what was seen at which time; the last picture stays a while."""
    x, y = round(area["x"]), round(area["y"])
    box = (x, y, x + round(area["width"]), y + round(area["height"]))
    pictures: list[Image.Image] = []
    lasts: list[int] = []
    place, moment, last = 0, frames[0][0], b""
    while moment <= frames[-1][0] + FRAME:
        while place + 1 < len(frames) and frames[place + 1][0] <= moment:
            place += 1
        if frames[place][1] is last:
            lasts[-1] += round(1000 * FRAME)
        else:
            last = frames[place][1]
            pictures.append(Image.open(io.BytesIO(last)).convert("RGB").crop(box))
            lasts.append(round(1000 * FRAME))
        moment += FRAME
    lasts[-1] += 2000
    path = IMAGES / f"{name}.webp"
    first, *others = pictures
    first.save(path, save_all=True, append_images=others, duration=lasts, loop=0, lossless=True, method=4)
    told(path, first, f"{len(pictures)} frames, {sum(lasts) / 1000:.1f} s")


def told(path: Path, picture: Image.Image, *more: str) -> None:
    size = f"{picture.width} x {picture.height}"
    print(
        f"{path.relative_to(ROOT)}:", ", ".join([size, *more, f"{path.stat().st_size:,} bytes"]), flush=True
    )


def panel(studio: Studio, lang: str) -> None:
    """The panel while an answer streams into it."""
    with studio.notebook(["%llm chat"], lang, high=1000) as notebook:
        shown = Panel.opened(notebook, 1)
        shown.send(SAID[lang]["sse"], wait=False)
        expect(shown.turns.last.locator("li").first).to_be_visible()
        still(notebook, named("panel", lang), notebook.cell(1), shown.root)


PARTS = {
    1: ".nbp-talks",
    2: ".nbp-model",
    3: ".nbp-head [name=settings_sheet]",
    4: "[data-do=edit]",
    5: ".nbp-line .nbp-steps",
    6: ".nbp-line .nbp-tools",
    7: ".nbp-composer textarea",
}
NUMBER = """
(node, number) => {
  const box = node.getBoundingClientRect(), badge = document.createElement('div');
  badge.textContent = number;
  badge.style.cssText = `position: fixed; left: ${box.left - 12}px; top: ${box.top - 9}px; z-index: 9999;
    width: 18px; height: 18px; border-radius: 9px; background: #c2410c; color: white;
    font: bold 12px/18px sans-serif; text-align: center; pointer-events: none`;
  document.body.append(badge);
}
"""


def parts(studio: Studio, lang: str) -> None:
    """The panel's parts, numbered, on a turn that was cut short and asked twice: for notebook 03."""
    cells = ["%llm chat", f"%%llm --max-tokens 60\n{SAID[lang]['why']}", "%llm retry 1"]
    with studio.notebook(cells, lang, high=1000) as notebook:
        shown = Panel.opened(notebook, 1)
        notebook.run_cell(2)
        notebook.run_cell(3)
        shown.idle()
        expect(shown.root.locator(".nbp-steps span")).to_have_text("2/2")
        shown.root.locator(".nbp-log").evaluate("log => log.scrollTo(0, 0)")
        shown.root.locator(".nbp-prompt").hover()
        for number, where in PARTS.items():
            shown.root.locator(where).first.evaluate(NUMBER, number)
        still(notebook, named("panel", lang), shown.root, shown.root, LESSONS)


def error(studio: Studio, lang: str) -> None:
    """What a failed question leaves: what happened, why, and the line that mends it."""
    with studio.notebook([f"%%llm -m spark\n{SAID[lang]['why']}"], lang) as notebook:
        notebook.run_cell(1)
        still(notebook, named("error", lang), notebook.cell(1), notebook.cell(1))


def xray(studio: Studio, lang: str) -> None:
    """What goes over the wire, beside the answer, as notebook 02 shows it."""
    cells = ["%llm replay lessons/tapes/spark_and_ernie.tape", lesson("02_spark_and_ernie", "spark", lang)]
    with studio.notebook(cells, lang, high=1300) as notebook:
        notebook.run_cell(1)
        notebook.run_cell(2, wait=False)
        shown = notebook.output(2).locator(".nbx")
        expect(shown.locator(".nbx-frames > details").nth(8)).to_be_visible()
        still(notebook, named("xray", lang), notebook.cell(2), notebook.cell(2))
        notebook.wait_done()


def compare(studio: Studio, lang: str) -> None:
    """Three models at once, as notebook 06 asks them."""
    cells = ["%llm replay lessons/tapes/compare_and_judge.tape", lesson("06_compare_and_judge", "ask", lang)]
    with studio.notebook(cells, lang, high=1100, wide=1000) as notebook:
        notebook.run_cell(1)
        notebook.run_cell(2, wait=False)
        columns = notebook.output(2).locator(".nbk-column")
        expect(columns.nth(2).locator(".nbs-body")).to_contain_text(re.compile(r"\S{3}"))
        expect(columns.nth(0).locator(".nbs-body")).to_contain_text(re.compile(r"\S{3}"))
        notebook.page.wait_for_timeout(500)  # a line or two
        still(notebook, named("compare", lang), notebook.cell(2), notebook.cell(2))
        notebook.wait_done()


def versus(studio: Studio, lang: str) -> None:
    """The same question streamed and waited for: two timelines."""
    with studio.notebook(["%llm stream-vs-wait"], lang, high=1100) as notebook:
        notebook.run_cell(1)
        notebook.page.locator(".jp-WindowedPanel-outer").evaluate("outer => outer.scrollTo(0, 0)")
        table = notebook.output(1).locator("table").first
        still(notebook, named("stream-vs-wait", lang), notebook.cell(1), table)


def lesson(notebook: str, cell: str, lang: str) -> str:
    """What stands in the cell with this id."""
    book = json.loads((ROOT / "notebooks" / f"{named(notebook, lang)}.ipynb").read_text("utf-8"))
    return "".join(next(one for one in book["cells"] if one["id"] == cell)["source"])


PICTURES: dict[str, Callable[[Studio, str], None]] = {
    "stream": stream,
    "panel": panel,
    "parts": parts,
    "error": error,
    "xray": xray,
    "compare": compare,
    "versus": versus,
}


def main() -> None:
    wanted = sys.argv[1:] or list(PICTURES)
    expect.set_options(timeout=60_000)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        studio = Studio(browser, Path(folder) / "lab")
        studio.server.start()
        try:
            for name in wanted:
                for lang in ("en", "zh"):
                    PICTURES[name](studio, lang)
        finally:
            browser.close()
            studio.server.stop()


if __name__ == "__main__":
    main()
