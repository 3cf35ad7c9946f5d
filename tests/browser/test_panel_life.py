"""What a panel lives through: reloads, restarts, lost connections; and what of it stays in the notebook."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.browser.page import FrontEnd, Notebook
from tests.browser.panel import Panel
from tests.served import Served


def cell(served: Served) -> str:
    """A cell that makes a panel which asks `served`."""
    return f"{served.setup()}\nimport nbstream\nnbstream.ChatPanel('openai:words:8')"


def life(panel: Panel) -> Locator:
    """Where the panel says what has become of its kernel, and of its notebook."""
    return panel.root.locator(".nbp-life")


def kept(notebook: Notebook) -> Locator:
    """The folded output below the view."""
    return notebook.output(0).locator(".jp-RenderedMarkdown details")


def save(notebook: Notebook) -> None:
    notebook.page.evaluate("document.activeElement.blur()")
    notebook.save()


def restart(notebook: Notebook) -> None:
    notebook.page.evaluate("() => window.notebookPanel().sessionContext.session.kernel.restart()")
    notebook.until("window.kernelReady()")


def test_what_was_said_outlives_the_page_and_the_kernel(front: FrontEnd, served: Served) -> None:
    notebook = front.open([cell(served)])
    panel = Panel.opened(notebook)
    panel.send("first question")
    expect(kept(notebook)).to_contain_text("main · 1 turn ")
    expect(kept(notebook).locator("blockquote")).to_be_hidden()  # one quiet line
    save(notebook)

    # In the file: a sentence for who has no widgets, and the conversation to read. No trait holds any of it.
    *_, view, below = notebook.saved(0)
    assert "Run this cell" in view.data["text/plain"]
    [answer] = [record["text"] for record in served.log()]
    for said in ("first question", answer):
        assert said in below.data["text/plain"] and said in below.data["text/markdown"]
        assert said not in str(view) and said not in str(notebook.read().metadata)

    # The page is loaded anew. What was typed is there; what is said now can no longer be kept, and it says so.
    panel.box.fill("half a thou")
    notebook.wait_for(lambda: "half a thou" in _draft(notebook), "the draft to be known to the kernel")
    notebook.reload()
    panel.ready()
    expect(panel.turns).to_have_count(1)
    expect(panel.box).to_have_value("half a thou")
    expect(life(panel)).to_be_hidden()
    panel.box.fill("second question")
    panel.page.keyboard.press("Enter")
    expect(life(panel)).to_contain_text("is behind")
    expect(kept(notebook)).to_contain_text("main · 1 turn ")
    panel.screenshot("panel-behind")
    life(panel).get_by_role("button", name="Go to the cell").click()
    panel.page.keyboard.press("Shift+Enter")
    expect(kept(notebook)).to_contain_text("main · 2 turns")
    expect(panel.turns).to_have_count(2)
    expect(life(panel)).to_be_hidden()
    save(notebook)

    # A kernel that knows nothing of it: the panel says so, sends nothing, and keeps what is typed.
    panel.box.fill("third question")
    restart(notebook)
    expect(life(panel)).to_contain_text("was restarted")
    panel.box.press("Enter")
    expect(panel.box).to_have_value("third question")
    panel.screenshot("panel-restarted")
    notebook.run_cell(0)
    panel.ready()
    expect(panel.box).to_have_value("third question")
    expect(life(panel)).to_contain_text("2 turns")
    expect(kept(notebook)).to_contain_text("main · 2 turns")  # nothing is lost by not restoring it
    panel.screenshot("panel-restore")
    life(panel).get_by_role("button", name="Restore").click()
    expect(panel.turns).to_have_count(2)
    expect(life(panel)).to_be_hidden()
    panel.box.press("Enter")
    expect(kept(notebook)).to_contain_text("main · 3 turns")
    last = served.log()[-1]["body"]["messages"]
    assert [m["content"] for m in last if m["role"] == "user"] == [
        f"{n} question" for n in ("first", "second", "third")
    ]
    front.forget()


def _draft(notebook: Notebook) -> str:
    return notebook.execute_hidden(
        "from nbstream.panel import panel as p, composing as c\n"
        "print([one.desk.part(c.Composing)._draft for one in p._open])"
    )
