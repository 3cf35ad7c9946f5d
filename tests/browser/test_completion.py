"""TAB in a notebook: the pop-up, and what is in the cell afterwards. The doctor's table, in two languages."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.page import FrontEnd, Notebook
from tests.served import Served


def text(notebook: Notebook, index: int) -> str:
    found: str = notebook.page.evaluate(
        "i => window.notebookPanel().content.widgets[i].model.sharedModel.getSource()", index
    )
    return found


def write(notebook: Notebook, index: int, source: str) -> None:
    """Put `source` into a cell and the cursor to its end."""
    notebook.select(index)
    notebook.page.evaluate(
        "([i, s]) => window.notebookPanel().content.widgets[i].model.sharedModel.setSource(s)",
        [index, source],
    )
    notebook.cell(index).locator(".cm-content").click()
    notebook.page.keyboard.press("Control+End")


def offered(notebook: Notebook) -> list[str]:
    """The pop-up's lines, once it is there."""
    items = notebook.page.locator(".jp-Completer:not(.lm-mod-hidden) .jp-Completer-item .jp-Completer-match")
    expect(items.first).to_be_visible()
    return items.all_inner_texts()


def test_tab_opens_the_pop_up_and_a_choice_replaces_just_the_word(lab: FrontEnd, served: Served) -> None:
    env = {
        "DEEPSEEK_BASE_URL": served.url,
        "DEEPSEEK_API_KEY": "sk-wrong-0123456789abcdef",
        "HTTPS_PROXY": "pigeon://me:secret@proxy.example",
    }
    ill = f"os.environ.update({env})\n%llm lang zh\n%llm doctor"
    notebook = lab.open([served.setup(), "frame = 1\nfruit = 2", "", "%llm doctor", ill])
    for index in (0, 1):
        notebook.run_cell(index)
    keyboard = notebook.page.keyboard

    write(notebook, 2, "%%llm -m openai:wor")
    keyboard.press("Tab")  # the list of models is fetched at the first TAB: it may be there at the second
    notebook.wait_for(lambda: notebook.execute_hidden(KNOWN) == "True\n", "the list of models")
    if offered(notebook) == ["openai:wor"]:
        keyboard.press("Escape")
        keyboard.press("Tab")
        notebook.wait_for(lambda: offered(notebook) != ["openai:wor"], "another list")
    assert offered(notebook) == ["openai:words:200@50"]
    notebook.screenshot("completion-models")
    keyboard.press("Enter")
    notebook.wait_for(lambda: text(notebook, 2) == "%%llm -m openai:words:200@50", "the only match")

    write(notebook, 2, "%%llm --")
    keyboard.press("Tab")
    options = offered(notebook)
    assert "--model" in options and "--no-history" in options
    notebook.screenshot("completion-options")
    keyboard.press("Escape")

    write(notebook, 2, "%llm use deep")
    keyboard.press("Tab")
    assert offered(notebook) == ["deepseek"]
    keyboard.press("Enter")
    notebook.wait_for(lambda: text(notebook, 2) == "%llm use deepseek", "the only match")

    write(notebook, 2, "%%llm -m openai\nWhat is {{fr")
    keyboard.press("Tab")
    names = offered(notebook)
    assert names[:2] == ["frame", "fruit"]
    notebook.screenshot("completion-names")
    keyboard.press("Enter")
    notebook.wait_for(lambda: text(notebook, 2).startswith("%%llm -m openai\nWhat is {{frame"), "the choice")

    write(notebook, 2, "%llm ")
    keyboard.press("Tab")
    assert {"use", "models", "doctor", "history"} <= {*offered(notebook)}
    notebook.screenshot("completion-verbs")
    keyboard.press("Escape")

    notebook.run_cell(3)
    notebook.see(3, "key accepted")
    notebook.screenshot("doctor-en")
    notebook.run_cell(4)
    notebook.see(4, "密钥有效")
    expect(notebook.output(4).locator("tr", has_text="✗")).to_have_count(2)
    notebook.see(4, "%llm login deepseek")
    assert "secret@" not in notebook.text(4)
    notebook.screenshot("doctor-zh")


KNOWN = "from nbstream.chat.catalog import catalog\nprint('openai' in catalog().heard_of())"
