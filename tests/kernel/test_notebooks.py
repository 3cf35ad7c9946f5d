"""Every notebook of the project runs with nobody there, no key and no network, and keeps its answers."""

from __future__ import annotations

import ast
import re
import shutil
from typing import Any

import pytest

from tests.environment import ROOT
from tests.kernel import headless

NOTEBOOKS = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
AT_ONCE = {"NBSTREAM_DEMO_SPEED": "max", "NBSTREAM_TAPE_SPEED": "max"}
Ran = tuple[str, dict[str, Any]]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """What was said while they ran, and the notebooks with their outputs."""
    folder = tmp_path_factory.mktemp("notebooks") / "run"
    shutil.copytree(ROOT / "notebooks", folder, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    return headless.execute_files(folder, NOTEBOOKS, **AT_ONCE)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_to_its_end_and_fails_only_where_it_says_so(name: str, ran: Ran) -> None:
    said, notebooks = ran
    code = [cell for cell in notebooks[name].cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code), said
    for cell in code:
        failed = any(output.output_type == "error" for output in cell.outputs)
        assert failed == ("raises-exception" in cell.metadata.get("tags", [])), (cell.id, said)
        # What ends in "?" is a question to IPython, not to us.
        assert not any("Object `" in output.get("text", "") for output in cell.outputs), cell.id


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_each_question_leaves_its_answer_as_markdown(name: str, ran: Ran) -> None:
    asked = [cell for cell in ran[1][name].cells if cell.source.startswith("%%llm")]
    assert asked
    for cell in asked:
        kinds = [kind for output in cell.outputs for kind in output.get("data", {})]
        assert "text/markdown" in kinds, cell.id
        assert "application/vnd.jupyter.widget-view+json" not in kinds, cell.id


def printed(notebook: Any, id: str) -> str:
    """What the cell `id` printed."""
    (cell,) = [cell for cell in notebook.cells if cell.id == id]
    return "".join(output.get("text", "") for output in cell.outputs)


@pytest.mark.parametrize("name", ["02_spark_and_ernie.ipynb", "02_spark_and_ernie.zh.ipynb"])
def test_the_habits_of_tutorials_fail_before_the_readers_eyes_and_ours_do_not(name: str, ran: Ran) -> None:
    notebook = ran[1][name]
    assert printed(notebook, "compare").endswith("True\n")
    assert "'GET /v4.0/chat?authorization=" in (seen := printed(notebook, "certificates"))
    assert "SSLCertVerificationError" in seen and seen.endswith(", '']\n")
    assert "name 'false' is not defined" in printed(notebook, "eval")
    assert "an-example-key" in printed(notebook, "token")
    theirs, ours = printed(notebook, "chunks").split("nbstream:")
    assert "输出很简单" in ours and "流式" in ours and "很简单\n" not in theirs


@pytest.mark.parametrize("name", ["04_how_streaming_works.ipynb", "04_how_streaming_works.zh.ipynb"])
def test_what_is_measured_is_as_the_text_says(name: str, ran: Ran) -> None:
    notebook = ran[1][name]
    rows = [re.findall(r"[\d.]+(?= MB)", line) for line in printed(notebook, "pressure").splitlines()]
    assert [float(read) for read, _ in rows] == [0.01, 5, 10]
    assert all(float(sent) < 45 for _, sent in rows)  # it would have sent 50
    again, ours = (float(size) for size in re.findall(r"[\d.]+(?= MB)", printed(notebook, "quadratic")))
    assert ours < again / 50
    assert "cancelled" in printed(notebook, "cancel")
    pieces = [ast.literal_eval(piece) for piece in re.findall(r"b'.*'", printed(notebook, "bytes"))]
    assert any(not_text(piece) for piece in pieces) and not not_text(b"".join(pieces))


def not_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return True
    return False
