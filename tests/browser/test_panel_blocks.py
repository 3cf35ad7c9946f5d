"""What stands in an answer in the panel: code to take, formulas and tables to read, and nothing that acts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, expect

from nbstream.show.mathml import mathml
from tests.browser.page import FrontEnd, Notebook
from tests.browser.panel import Panel
from tests.hostile.corpus import hostile
from tests.hostile.test_formulas import formulas
from tests.served import Served

WATCH = (Path(__file__).parents[1] / "hostile" / "watch.js").read_text(encoding="utf-8")
ANSWER = """Two steps:

```python
def area(r):
    return 3.14 * r ** 2  # a rather long line, to be moved sideways where the panel is narrow
```

1. In a list:

   ```sh
   $ ls
   ```

    > indented, in the list

Inline $e^{i\\pi} + 1 = 0$ and then

$$
\\int_0^1 \\frac{x^2}{\\sqrt{1 - x}} \\, dx = \\begin{pmatrix} a & b \\\\ c & d \\end{pmatrix}
$$

| model | input | output | cached | reasoning | context | price | what one says of it |
|---|---|---|---|---|---|---|---|
| one | 128000 | 4096 | 64000 | 1024 | 200000 | 0.15 | a rather long remark that makes the table wide |

The end.
"""
SETUP = """
def say(text, model="openai:say:0", name="main"):
    try:
        nbstream.conversation(name).ask(text, model=model)
    except nbstream.NbstreamError:
        pass
"""
WORST = (
    "script handlers embeds namespaces broken-tags math exfiltration link-schemes links fence-info mermaid"
)
EVIL = "<img src=x onerror=\"window.__pwned='name'\">"
# All that stands in the panel: elements that act, and attributes that do.
ACTS = """root => [...root.querySelectorAll('*')].flatMap(one => [
  ...one.matches('script, iframe, object, embed, form, link, meta, base, style, animate, set, use, video')
    ? [one.outerHTML.slice(0, 80)] : [],
  ...[...one.attributes].filter(({ name, value }) => /^(on.*|src|srcdoc|action)$/i.test(name) ||
    /javascript:|data:|url\\(/i.test(value) && !/^(title|aria-label|data-label)$/.test(name))
    .map(({ name, value }) => `${name}=${value}`.slice(0, 80)),
])"""


ORDINARY = formulas("ordinary.txt")
DRAWN = [mathml(tex, display) for tex, display in ORDINARY]
SIZES = """(turn, all) => all.map(html => {
  const made = document.createElement('p');
  made.innerHTML = html;
  turn.querySelector('.nbs-body').append(made);
  const { width, height } = made.firstChild.getBoundingClientRect();
  made.remove();
  return [width, height];
})"""


class Opened:
    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook
        notebook.run_cell(0)
        self.panel = Panel.opened(notebook, 1)

    def ask(self, text: str, **more: str) -> Locator:
        """The turn that asks `text` of a model which says just that."""
        self.notebook.execute_hidden(f"say({text!r}, **{more!r})")
        self.panel.idle()
        return self.panel.turns.last


@pytest.fixture
def opened(lab: FrontEnd, served: Served) -> Iterator[Opened]:
    setup = served.setup() + "\nimport nbstream\n%llm use openai:say:0" + SETUP
    yield Opened(lab.open([setup, "nbstream.ChatPanel()", "1 + 1"]))


def clipboard(page: Any) -> str:
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def test_code_can_be_taken_and_formulas_and_tables_be_read(opened: Opened, lab: FrontEnd) -> None:
    notebook, panel = opened.notebook, opened.panel
    page = notebook.page
    lab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    turn = opened.ask(ANSWER)
    expect(turn.locator(".nbp-bar")).to_have_count(2)
    python, shell = turn.locator("pre").all()

    # The bar adds no text to what is read, selected and counted.
    assert python.inner_text().startswith("def area")
    assert python.locator(".nbp-bar > span").get_attribute("data-label") == "python"
    python.hover()
    panel.screenshot("panel-blocks")

    # Copied: the code as the model wrote it; by the keyboard, too.
    python.hover()
    python.get_by_role("button", name="Copy the code").click()
    assert clipboard(page) == re.search(r"python\n(.*?)\n```", ANSWER, re.DOTALL)[1]  # type: ignore[index]
    expect(panel.root.get_by_role("status").last).to_have_text("Copied")
    python.get_by_role("button", name="%llm code 1.1").focus()
    page.keyboard.press("Enter")
    assert clipboard(page) == "%llm code 1.1"

    # The line brings just that block into a cell, and nothing runs.
    shell.hover()
    shell.get_by_role("button", name="%llm code").click()
    cells = notebook.page.locator(".jp-Notebook .jp-Cell").count()
    notebook.page.evaluate(
        "text => notebookPanel().content.widgets[2].model.sharedModel.setSource(text)", clipboard(page)
    )
    notebook.run_cell(2)
    expect(notebook.page.locator(".jp-Notebook .jp-Cell")).to_have_count(cells + 1)
    expect(notebook.cell(3)).to_contain_text("ls")
    expect(notebook.cell(3)).to_contain_text("%%bash")
    assert notebook.prompts()[3] == ""

    # Formulas are drawn by the browser: nothing was asked for, and they have a size that fits.
    inline, display = turn.locator("math").all()
    assert inline.get_attribute("display") == "inline"
    line = turn.locator("p", has_text="Inline").bounding_box()
    small, large = inline.bounding_box(), display.bounding_box()
    assert line and small and large
    assert 40 < small["width"] < 200 and small["height"] < line["height"] + 4 < 60
    assert 30 < large["height"] < 120
    assert turn.locator(".mathjax_process, mjx-container, .nbs-tex").count() == 0
    assert turn.locator("msqrt, mfrac, mtable, msubsup").count() == 4
    for (tex, display), (width, height) in zip(ORDINARY, turn.evaluate(SIZES, DRAWN), strict=True):
        assert 4 < width < 900 and 8 < height < (180 if display else 70), tex

    # What is too wide is moved sideways, by the keys too; the panel is not wider for it.
    page.set_viewport_size({"width": 560, "height": 700})
    table = turn.locator("table")
    assert table.evaluate("one => one.scrollWidth > one.clientWidth")
    assert panel.root.evaluate("one => one.scrollWidth <= one.clientWidth + 1")
    panel.screenshot("panel-blocks-narrow")

    # A turn before it is taken out: the line says the number that it has now.
    second = opened.ask("```python\n2\n```")
    second.locator("pre").hover()
    expect(second.get_by_role("button", name="%llm code 2.1")).to_be_visible()
    talk = "nbstream.conversation('main')"
    notebook.execute_hidden(f"{talk}.remove({talk}.turns[0])")
    expect(panel.turns).to_have_count(1)
    page.mouse.move(0, 0)
    second.locator("pre").hover()
    expect(second.get_by_role("button", name="%llm code 1.1")).to_be_visible()


def test_nothing_that_a_model_or_a_server_writes_runs_in_the_panel(opened: Opened, lab: FrontEnd) -> None:
    notebook, panel = opened.notebook, opened.panel
    page = notebook.page
    page.evaluate(WATCH)
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog: {dialog.message}"))
    begun = len(lab.requests)
    worst = [next(one for one in hostile() if one.kind == kind) for kind in WORST.split()]
    worst += [one for kind in ("math", "links") for one in hostile() if one.kind == kind][1:12]
    texts = [one.text for one in worst] + [ANSWER]
    notebook.execute_hidden(f"for text in {texts!r}: say(text)")
    # Names and errors: of a model, of a server, of a conversation; each is text wherever it stands.
    notebook.execute_hidden(f"say({EVIL!r}, model={'openai:' + EVIL!r})")
    notebook.execute_hidden(f"say({EVIL!r}, name={EVIL!r})")
    panel.idle()
    assert panel.turns.count() >= 10
    assert "onerror" in panel.turns.last.inner_text()
    assert panel.root.evaluate(ACTS) == []
    panel.root.get_by_role("button", name="main").first.click()
    expect(panel.root.get_by_text(EVIL, exact=True).last).to_be_visible()
    assert panel.root.evaluate(ACTS) == []
    notebook.screenshot("panel-hostile")
    watched = page.evaluate("window.watched()")
    assert watched["looked"] > 50, "nobody looked"
    assert (watched["wrong"], watched.get("ran")) == ([], None)
    ours = urlsplit(lab.server.url).netloc
    assert {
        urlsplit(url).netloc for url in lab.requests[begun:] if not url.startswith(("data:", "blob:"))
    } <= {ours}
