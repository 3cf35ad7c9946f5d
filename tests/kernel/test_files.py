"""``%llm save``, ``load``, ``export`` and ``restore`` in a real kernel."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.kernel.kernels import Kernel, Run, running
from tests.kernel.pairs import need, newest_first
from tests.served import KEY, Served

ASK = "%%llm -m openai:words:6\n"


class Page:
    """What a front end does with a notebook: runs cells, keeps their outputs, saves the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cells: dict[str, Any] = {}

    def run(self, kernel: Kernel, id: str, source: str) -> Run:
        run = kernel.run(source, cell_id=id, allow_stdin=True)
        outputs = [
            {"output_type": "display_data", "data": one["data"], "metadata": one["metadata"]}
            for one in run.outputs
            if "data" in one
        ]
        self.cells[id] = {
            "cell_type": "code", "id": id, "source": source, "outputs": outputs,
            "metadata": {}, "execution_count": len(self.cells) + 1,
        }  # fmt: skip
        return run

    def save(self) -> None:
        cells = list(self.cells.values())
        self.path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def page(home: Path) -> Page:
    return Page(home / "lesson.ipynb")


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with Served() as server:
        yield server


@pytest.fixture(scope="module")
def asked(home: Path, page: Page, server: Served) -> Iterator[Kernel]:
    """A kernel whose server said where its notebook is; three cells have asked."""
    with running(home, JPY_SESSION_NAME=str(page.path)) as kernel:
        page.run(kernel, "setup", server.setup())
        for letter in "abc":
            page.run(kernel, letter, f"{ASK}question {letter}")
        yield kernel


def said(server: Served) -> list[str]:
    return [message["content"] for message in server.log()[-1]["body"]["messages"]]


def test_a_saved_conversation_goes_on_where_it_was_loaded(asked: Kernel, home: Path, server: Served) -> None:
    assert "3 turns" in asked.run("%llm save talk").markdown
    asked.run("%llm reset")
    asked.run(f"{ASK}aside", cell_id="x", allow_stdin=True)
    shown = asked.run("%llm load talk").markdown
    assert "3 turns" in shown and "main-1" in shown
    asked.run(f"{ASK}and now?", cell_id="y", allow_stdin=True)
    assert [text for text in said(server) if "question" in text or "?" in text] == [
        "question a", "question b", "question c", "and now?"
    ]  # fmt: skip
    asked.run("%llm undo")
    assert KEY not in (home / "talk.json").read_text()


def test_save_and_load_from_python(asked: Kernel, home: Path) -> None:
    asked.run("import nbstream\ntalk = nbstream.conversation('main')")
    assert asked.value("talk.save('python.json').turns") == "3"
    assert asked.value("nbstream.conversation('other').load('python.json').name") == "other"
    assert asked.value("len(nbstream.conversation('other').turns)") == "3"


@pytest.mark.parametrize(("name", "holds"), [("t.md", "> question b"), ("t.json", '"role": "user"')])
def test_an_export_lies_beside_the_notebook(asked: Kernel, home: Path, name: str, holds: str) -> None:
    assert name in asked.run(f"%llm export {name}").markdown
    assert holds in (home / name).read_text()


def test_an_exported_notebook_runs(asked: Kernel, home: Path, page: Page) -> None:
    asked.run("%llm export t.ipynb")
    cells = nbformat.read(home / "t.ipynb", as_version=4).cells
    assert page.run(asked, cells[1].id, cells[1].source).status == "ok"


def test_mistakes_are_cards_with_the_line_to_paste(asked: Kernel, home: Path) -> None:
    (home / "mine.md").write_text("mine")
    for line, fix in {
        "%llm export t.pdf": "%llm export t.md",
        "%llm export mine.md": "%llm export mine.md --overwrite",
        "%llm load t.ipynb": "%llm restore t.ipynb",
        "%llm save a.json -c nobody": "Ask something first",
        "%llm save": "%llm save FILE",
        "%llm restore nowhere.ipynb": "path",
    }.items():
        run = asked.run(line, allow_stdin=True)
        assert fix in run.markdown, line
        assert not run.errors


def test_a_new_kernel_knows_again_what_the_notebook_tells(
    asked: Kernel, home: Path, page: Page, server: Served
) -> None:
    page.run(asked, "r", "%llm retry -m openai:words:7")
    page.run(asked, "s", "%llm show 1")
    page.run(asked, "w", f"{ASK}in vain")
    page.run(asked, "u", "%llm undo")
    page.run(asked, "d", "%%time\n%%llm -m openai:words:6\nquestion {{6 * 7}}")
    page.run(asked, "z", "%%llm -m openai:words:3 --no-history\nno trace")
    before = asked.value("[(t.id, t.prompt, t.model) for t in nbstream.conversation('main').turns]")
    sent = said_next(asked, server)
    page.save()
    with running(home, JPY_SESSION_NAME=str(page.path)) as kernel:
        kernel.run(server.setup(), cell_id="setup")
        shown = kernel.run("%llm restore", cell_id="restore", allow_stdin=True).markdown
        assert "lesson.ipynb" in shown and "--no-history" in shown and "undo or reset" in shown
        assert shown.count("✓") == 5, shown
        kernel.run("import nbstream")
        after = kernel.value("[(t.id, t.prompt, t.model) for t in nbstream.conversation('main').turns]")
        assert after == before
        assert [re.sub("42", "{{6 * 7}}", text) for text in sent] == said_next(kernel, server)


def said_next(kernel: Kernel, server: Served) -> list[str]:
    """What another question sends along; it leaves no trace."""
    kernel.run(f"{ASK}and?", allow_stdin=True)
    kernel.run("%llm undo")
    return said(server)


def test_another_notebook_s_file_is_not_taken_for_this_one_unless_it_is_named(
    asked: Kernel, home: Path, page: Page, server: Served
) -> None:
    page.save()
    pair = need(newest_first("6.29")[0])  # the oldest kernel that there is
    kernel = Kernel(home, pair, JPY_SESSION_NAME=str(page.path))
    try:
        kernel.ready().run(server.setup(), cell_id="of another notebook")
        shown = kernel.run("%llm restore", cell_id="and this", allow_stdin=True).markdown
        assert "lesson.ipynb" in shown and "%llm restore FILE.ipynb" in shown
        assert "4 turns" in kernel.run("%llm restore lesson.ipynb", allow_stdin=True).markdown
        kernel.run(f"{ASK}question b, better", cell_id="b", allow_stdin=True)
        assert said(server)[::2] == ["question a", "question b, better"], "it takes its own place"
    finally:
        kernel.close()
