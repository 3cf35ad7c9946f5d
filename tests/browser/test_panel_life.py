"""What a panel lives through: reloads, restarts, lost connections; and what of it stays in the notebook."""

from __future__ import annotations

import contextlib

from playwright.sync_api import Locator, expect

from tests.browser.page import WAIT, FrontEnd, Notebook
from tests.browser.panel import Panel
from tests.fakes.cable import Cable
from tests.served import Served

expect.set_options(timeout=WAIT)


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


def _draft(notebook: Notebook) -> str:
    return notebook.execute_hidden(
        "from nbstream.panel import panel as p, composing as c\n"
        "print([one.desk.part(c.Composing)._draft for one in p._open])"
    )


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
    assert "then this cell" in view.data["text/plain"]
    [answer] = [record["text"] for record in served.log()]
    for said in ("first question", answer):
        assert said in below.data["text/plain"] and said in below.data["text/markdown"]
        assert said not in str(view) and said not in str(notebook.read().metadata)

    # The page is loaded anew. What was typed is there; what is said now cannot be kept, and it says so.
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
    expect(life(panel)).not_to_contain_text("not saved")  # all of it is
    panel.screenshot("panel-restarted")
    life(panel).get_by_role("button", name="Load nbstream").click()
    there = "import sys; print('nbstream' in sys.modules)"  # where the cell is %llm chat it can run now
    notebook.wait_for(lambda: "True" in notebook.execute_hidden(there), "the extension to be loaded")
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
    log = served.wait_for(lambda log: "third" in str(log[-1]["body"]), "the third request")
    last = log[-1]["body"]["messages"]
    assert [m["content"] for m in last if m["role"] == "user"] == [
        f"{n} question" for n in ("first", "second", "third")
    ]


def test_a_cell_that_runs_again_goes_on_where_it_was(lab: FrontEnd, served: Served) -> None:
    busy = "import time\nprint('computes')\nwhile True: time.sleep(0.05)"
    notebook = lab.open([cell(served).replace("words:8", "say:0"), busy])
    panel = Panel.opened(notebook)
    panel.send("the first half ⏸ and the second", wait=False)
    expect(panel.turns.locator(".nbs-body")).to_contain_text("the first half")
    panel.send("what waits", wait=False)
    expect(panel.root.locator(".nbp-queue")).to_contain_text("what waits")
    panel.box.fill("what is being typed")
    panel.page.evaluate("document.activeElement.blur()")  # the kernel hears it
    notebook.wait_for(lambda: "being typed" in _draft(notebook), "the draft to be known to the kernel")

    notebook.run_cell(0)
    panel.ready()
    expect(panel.box).to_have_value("what is being typed")
    expect(panel.root.locator(".nbp-queue")).to_contain_text("what waits")
    expect(panel.turns.locator(".nbs-body")).to_contain_text("the first half")
    assert notebook.execute_hidden("print(len(p._open))").strip() == "1", "the one before is closed"

    # An interrupt is for cells: neither the panel nor what streams into it takes notice.
    notebook.run_cell(1, wait=False)
    notebook.see(1, "computes")  # busy it is with messages, too
    notebook.interrupt()
    notebook.see(1, "KeyboardInterrupt")
    served.release()
    expect(panel.turns).to_have_count(2)
    expect(panel.turns.first).to_contain_text("and the second")
    expect(panel.turns.last.locator(".nbs-body")).to_contain_text("what waits")
    expect(kept(notebook)).to_contain_text("main · 2 turns")
    assert all(record["closed_by"] == "server" for record in served.log())

    # The kernel dies in the middle of an answer: Jupyter starts another, which knows nothing.
    panel.box.fill("cut ⏸ off")
    panel.box.press("Enter")
    expect(panel.turns.last.locator(".nbs-body")).to_contain_text("cut")
    panel.send("in line", wait=False)
    expect(panel.root.locator(".nbp-queue")).to_contain_text("in line")
    panel.box.fill("what is being typed")
    notebook.execute_hidden("import threading, os; threading.Timer(0.2, os._exit, [1]).start()")
    expect(life(panel)).to_contain_text("was restarted", timeout=30_000)
    lab.errors.clear()  # what JupyterLab says of a kernel that died
    notebook.page.locator(".jp-Dialog .jp-mod-accept").click()
    expect(panel.root.locator(".nbp-composer")).to_contain_text("the kernel is not running")
    expect(panel.box).to_have_value("in line\n\nwhat is being typed")
    expect(panel.turns.last).to_contain_text("The kernel ended before this answer did")
    expect(panel.turns.last).to_have_attribute("aria-busy", "false")
    expect(panel.root.locator(".nbp-queue li")).to_have_count(0)
    expect(panel.root.locator(".nbp-acts button").last).to_have_attribute("aria-disabled", "true")
    panel.screenshot("panel-died")
    notebook.until("window.kernelReady()")
    notebook.run_cell(0)
    panel.ready()
    expect(life(panel)).to_be_hidden()  # nothing was saved that could be restored
    expect(panel.box).to_have_value("in line\n\nwhat is being typed")


def test_all_views_of_a_panel_show_the_same_and_one_that_was_cut_off_catches_up(
    lab: FrontEnd, served: Served
) -> None:
    notebook = lab.open([cell(served).replace("words:8", "say:0")])
    panel = Panel.opened(notebook)
    panel.send("first question")
    expect(kept(notebook)).to_contain_text("main · 1 turn ")
    save(notebook)

    notebook.select(0)
    notebook.command("notebook:create-output-view")
    second = Panel(notebook, -1, 1)
    expect(second.root.locator("xpath=ancestor::*[contains(@class, 'jp-LinkedOutputView')]")).to_have_count(1)
    with Cable(lab.server.url) as cable:
        other = Notebook(lab, lab.context.new_page(), notebook.path)
        other.url = other.url.replace(lab.server.url, cable.url)
        lab.pages.append(other)
        other.go()
        views = [panel, second, third := Panel(other)]
        for number, view in enumerate(views, 2):
            expect(view.turns).to_have_count(number - 1)
            view.box.fill(f"question {number}")
            view.box.press("Enter")
            for one in views:
                expect(one.turns).to_have_count(number)
                expect(one.turns.last.locator(".nbs-body")).to_have_text(f"question {number}")
                one.idle()
        # The page that ran the cell keeps all of it, whoever asked.
        expect(kept(notebook)).to_contain_text("main · 4 turns")
        for view in views:
            expect(life(view)).to_be_hidden()

        # The connection of a page is cut while an answer streams: what is typed there stays.
        third.send("the first half ⏸ and the second", wait=False)
        expect(third.turns.last.locator(".nbs-body")).to_contain_text("the first half")
        third.box.fill("written meanwhile")
        cable.cut()
        expect(life(third)).to_contain_text("No connection")
        third.box.press("Enter")
        expect(third.box).to_have_value("written meanwhile")
        third.box.press_sequentially(" and more")
        third.screenshot("panel-away")
        served.release()
        expect(panel.turns.last.locator(".nbs-body")).to_contain_text("and the second")
        cable.mend()
        expect(life(third)).to_be_hidden(timeout=60_000)
        expect(third.turns.last.locator(".nbs-body")).to_contain_text("and the second")
        expect(third.box).to_have_value("written meanwhile and more")
        for _ in range(4):  # on a slow machine JupyterLab may lose its new connection again, and make another
            expect(life(third)).to_be_hidden(timeout=60_000)
            third.box.press("Enter")
            with contextlib.suppress(AssertionError):
                expect(third.turns).to_have_count(6)
                break
            expect(third.box).to_have_value("written meanwhile and more")
        expect(third.turns).to_have_count(6)
        third.idle()
        expect(kept(notebook)).to_contain_text("main · 6 turns")

        # The notebook is closed and opened again, and its kernel lives. JupyterLab mostly leaves every widget
        # with the connection that it closed, until the page is loaded anew; where it has made a new one in
        # time the panel works. It never takes what one writes and is silent.
        save(notebook)
        notebook.page.evaluate("window.jupyterapp.commands.execute('application:close-all')")
        expect(panel.root).to_have_count(0)
        notebook.command("docmanager:open", path=notebook.path)
        notebook.until("window.kernelReady()")
        panel.ready()
        panel.box.fill("after all")
        panel.box.press("Enter")
        lost = life(panel).filter(has_text="has lost its kernel")
        expect(lost.or_(panel.turns.nth(6).locator(".nbs-body").filter(has_text="after all"))).to_be_visible()
        expect(panel.box).to_have_value("after all" if lost.is_visible() else "")

        third.box.fill("typed last")
        other.page.evaluate("() => window.notebookPanel().sessionContext.shutdown()")
        expect(life(third)).to_contain_text("has ended")
        expect(third.box).to_have_value("typed last")
        other.close()
    lab.errors.clear()  # what the front end says of a server that is not there
    lab.forget()
