"""The harness itself, on plain cells: what the other browser tests lean on."""

from __future__ import annotations

import nbformat
import pytest
from playwright.sync_api import expect

from tests.browser.page import FrontEnd

COUNTER = """
import anywidget, traitlets
class Counter(anywidget.AnyWidget):
    _esm = '''
    export default { render({ model, el }) {
      const b = document.createElement("button");
      const show = () => { b.textContent = "count " + model.get("n"); };
      b.className = "counter";
      b.onclick = () => { model.set("n", model.get("n") + 1); model.save_changes(); };
      model.on("change:n", show); show(); el.append(b);
    } };
    '''
    n = traitlets.Int(0).tag(sync=True)
counter = Counter(); counter
"""


def test_cells_run_and_show_what_they_print_and_display(front: FrontEnd) -> None:
    notebook = front.open(
        ["print('hello', 6 * 7)", "from IPython.display import Markdown; Markdown('## Two')"]
    )
    notebook.run_all()
    notebook.see(0, "hello 42")
    expect(notebook.output(1).locator("h2")).to_contain_text("Two")
    assert "hello 42" in notebook.text(0)
    assert notebook.prompts() == ["1", "2"]
    notebook.screenshot("harness")


def test_a_widget_works_and_the_kernel_knows(front: FrontEnd) -> None:
    notebook = front.open([COUNTER])
    notebook.run_all()
    button = notebook.output(0).locator("button.counter")
    expect(button).to_have_text("count 0")
    button.click()
    expect(button).to_have_text("count 1")
    assert notebook.execute_hidden("print(counter.n)") == "1\n"


def test_saving_writes_the_file_and_a_new_page_shows_it(front: FrontEnd) -> None:
    notebook = front.open(["print('kept')"])
    notebook.run_all()
    notebook.save()
    assert notebook.saved(0) == [nbformat.v4.new_output("stream", name="stdout", text="kept\n")]
    notebook.close()
    front.close_kernels()
    front.view(notebook.path).see(0, "kept")


def test_the_square_of_the_toolbar_interrupts(front: FrontEnd) -> None:
    notebook = front.open(["import threading; print('begun', flush=True); threading.Event().wait(600)"])
    notebook.run_all(wait=False)
    notebook.see(0, "begun")
    assert notebook.prompts() == ["*"]
    notebook.interrupt()
    notebook.see(0, "KeyboardInterrupt")
    notebook.wait_done()


def test_a_reloaded_page_and_a_second_page_reach_the_same_kernel(front: FrontEnd) -> None:
    notebook = front.open(["x = 5", "print(x)"])
    notebook.run_cell(0)
    notebook.save()
    notebook.reload()
    notebook.run_cell(1)
    notebook.see(1, "5")
    other = front.view(notebook.path)
    assert other.execute_hidden("print(x + 1)") == "6\n"


def test_nothing_of_the_machine_leaks_into_a_kernel(front: FrontEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = front.open(["1"])
    names = notebook.execute_hidden(
        "import os; print([n for n in os.environ if 'KEY' in n or 'proxy' in n.lower()])"
    )
    assert names == "[]\n"
    home = notebook.execute_hidden("from pathlib import Path; print(Path.home())").strip()
    assert home == front.server.env["HOME"]


def test_a_request_to_a_stranger_is_noticed(lab: FrontEnd) -> None:
    notebook = lab.open(["from IPython.display import HTML; HTML('<img src=\"http://192.0.2.1/x.png\">')"])
    notebook.run_all()
    notebook.wait_for(lambda: bool(lab.strangers()), "the request")
    assert lab.strangers() == ["http://192.0.2.1/x.png"]
    lab.requests.clear()
    lab.errors.clear()
    lab.forget()  # it might ask again
