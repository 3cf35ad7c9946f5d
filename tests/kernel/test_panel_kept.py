"""What a panel shows and leaves where nobody looks at it: in a run without a front end, and at a prompt."""

from __future__ import annotations

import json
from pathlib import Path

from nbstream.chat.session import Session
from tests.kernel import headless
from tests.kernel.test_terminal import Terminal
from tests.served import Served

OPEN = "import nbstream\nnbstream.ChatPanel()"


def test_a_headless_run_has_the_conversation_as_markdown_and_no_widget(
    served: Served, tmp_path: Path
) -> None:
    cells = ["%load_ext nbstream", "%%llm -m openai:words:8\nfirst question", OPEN, "%llm chat"]
    done = headless.execute("nbclient", cells, tmp_path, **served.environment())
    assert done.code == 0, done.said
    [record] = served.log()
    for index in (2, 3):
        [output] = done.outputs(index)
        assert set(output.data) == {"text/markdown", "text/plain"}
        for text in output.data.values():
            assert "%%llm" in text and "first question" in text and record["text"] in text
    assert Session().restore(tmp_path / "done.ipynb").turns == {"main": 1}, "wherever it stands"
    assert "widgets" not in done.notebook.metadata
    assert "widget-view" not in json.dumps(done.notebook)


def test_at_a_prompt_it_says_how_one_asks_there(tmp_path: Path, served: Served) -> None:
    terminal = Terminal(tmp_path, **served.environment())
    try:
        said = terminal.run("import nbstream; nbstream.ChatPanel()")
    finally:
        terminal.child.close(force=True)
    assert "%%llm" in said and "Traceback" not in said
