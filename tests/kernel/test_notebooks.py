"""Every notebook of the project runs with nobody there, no key and no network, and keeps its answers."""

from __future__ import annotations

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
