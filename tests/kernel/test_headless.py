"""The same notebook with nobody there: Markdown and no widget, and a failing exit when a turn fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.kernel import headless
from tests.served import Served


@pytest.mark.parametrize("runner", headless.RUNNERS)
def test_the_answer_is_in_the_notebook_as_markdown_alone(runner: str, served: Served, tmp_path: Path) -> None:
    cells = [
        "%load_ext nbstream",
        "%%llm -m openai:rich:200 -o answer\nWrite.",
        "print(answer.finish_reason)",
    ]
    done = headless.execute(runner, cells, tmp_path, **served.environment())
    assert done.code == 0, done.said
    [record] = served.log()
    [output] = done.outputs(1)
    assert set(output.data) == {"text/markdown", "text/plain"}
    assert output.data["text/plain"] == record["text"]
    assert done.outputs(2)[0].text == "stop\n"
    assert "widgets" not in done.notebook.metadata
    assert "widget-view" not in json.dumps(done.notebook)


@pytest.mark.parametrize(
    ("runner", "model"), [("nbclient", "cut:20"), *((one, "status:401") for one in headless.RUNNERS)]
)
def test_a_failed_turn_fails_the_run(runner: str, model: str, served: Served, tmp_path: Path) -> None:
    cells = ["%load_ext nbstream", f"%%llm -m openai:{model}\nWrite.", "print('not reached')"]
    done = headless.execute(runner, cells, tmp_path, **served.environment())
    assert done.code != 0
    assert not done.outputs(2)
    assert "sk-test" not in done.said + json.dumps(done.notebook)
    if runner != "jupyter execute":  # it writes nothing when it fails
        kinds = [output.output_type for output in done.outputs(1)]
        assert kinds == ["display_data", "error"]


def test_the_demo_needs_nothing(tmp_path: Path) -> None:
    cells = ["%load_ext nbstream", "%%llm\nWhat is a token?"]
    done = headless.execute("nbclient", cells, tmp_path)
    assert done.code == 0, done.said
    assert done.outputs(1)[0].data["text/markdown"]
