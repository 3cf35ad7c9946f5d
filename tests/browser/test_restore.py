"""A restarted kernel takes the conversation back from the notebook that a person sees."""

from __future__ import annotations

from typing import Any

from tests.browser.page import FrontEnd, Notebook
from tests.served import Served

ASK = "%%llm -m openai:words:8\n"


def source(notebook: Notebook, index: int, text: str) -> None:
    script = "([i, text]) => window.notebookPanel().content.widgets[i].model.sharedModel.setSource(text)"
    notebook.page.evaluate(script, [index, text])


def rename(notebook: Notebook, name: str) -> None:
    notebook.page.evaluate("name => window.notebookPanel().context.rename(name)", name)
    notebook.until(f"window.notebookPanel().context.path === '{name}'")


def said(record: dict[str, Any]) -> list[str]:
    return [message["content"] for message in record["body"]["messages"]]


def test_what_was_said_before_a_restart_is_known_after_it(lab: FrontEnd, served: Served) -> None:
    cells = [served.setup(), *(f"{ASK}question {n}" for n in "abcde"), "%llm restore", f"{ASK}and now?"]
    notebook = lab.open(cells)
    for index in range(6):
        notebook.run_cell(index)
    answers = {said(record)[-1][-1]: record["text"] for record in served.log()}
    assert list(answers) == ["a", "b", "c", "d", "e"]

    # A person tidies up, and runs nothing: b is edited, c deleted, e moved to the top, d made to ask another.
    source(notebook, 2, f"{ASK}question b, but better")
    source(notebook, 4, "%%llm -m openai:words:3\nquestion d")
    model = "window.notebookPanel().content.model.sharedModel"
    notebook.page.evaluate(f"() => {{ {model}.moveCell(5, 1); {model}.deleteCell(4); }}")
    notebook.save()
    rename(notebook, "renamed.ipynb")  # since the kernel was started: the server alone knows
    notebook.page.evaluate("() => window.notebookPanel().sessionContext.session.kernel.restart()")
    notebook.until("window.kernelReady()")

    notebook.run_cell(0)
    notebook.run_cell(5)
    notebook.see(5, "renamed.ipynb")
    shown = notebook.text(5)
    for told in (
        "✓ turn 1", "place of turn 2 kept", "edited since it was asked", "would ask openai:words:3",
        "the cell was moved", "the order in which they were asked", "any more: 1",
    ):  # fmt: skip
        assert told in shown, told
    notebook.screenshot("restored")

    notebook.run_cell(6)
    kept = [part for letter in "ade" for part in (f"question {letter}", answers[letter])]
    assert said(served.log()[-1]) == [*kept, "and now?"]

    notebook.run_cell(3)  # the edited one takes its own place
    assert said(served.log()[-1]) == [*kept[:2], "question b, but better"]
    better = served.log()[-1]["text"]
    notebook.run_cell(6)
    assert said(served.log()[-1]) == [
        *kept[:2], "question b, but better", better, *kept[2:], "and now?"
    ]  # fmt: skip
    rename(notebook, notebook.path)
    lab.forget()  # this page would look for the other name whenever it is loaded again
