"""Record the tapes of the notebooks: tools/tapes.py [NAME …]

There is a tape for each file in tools/lessons. Its notebook is run, in both languages, against the test
servers of tests/fakes, which speak the protocols of the services; what they say to each cell stands in that
file, by the cell's id. Nothing here needs a key or the network, and no real service is asked.

    en, zh     the answer
    error      the service's code that ends it; its `message`, where the code alone does not bring it
    call       a function that is called at the end: its name, its arguments; `call.en`, `call.zh` where they
               differ
    clock      by how many seconds the server's clock is ahead
    NAME       a table of the same for one provider, where a cell asks several

A cell that asks several times has a list of such tables, a round each.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import tomllib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LESSONS, NOTEBOOKS = ROOT / "tools/lessons", ROOT / "notebooks"
LANGUAGES = {"en": "", "zh": ".zh"}
RECORD = """from nbstream.chat.session import session
from nbstream.teach.recording import Recorder
session().taps.append(Recorder({path!r}))"""

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))


def record(name: str) -> Path:
    """Make notebooks/tapes/NAME.tape anew."""
    from tests.fakes.lesson_servers import Lesson

    told = tomllib.loads((LESSONS / f"{name}.toml").read_text(encoding="utf-8"))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "tapes").mkdir()
        lesson = Lesson()
        env = _servers(stack, lesson)
        for language, ending in LANGUAGES.items():
            lesson.language = language
            notebook = NOTEBOOKS / f"{told['notebook']}{ending}.ipynb"
            _run(notebook, folder, lesson, told, env | {"NBSTREAM_LANG": language}, name)
        made = folder / "tapes" / f"{name}.tape"
        kept = NOTEBOOKS / "tapes" / made.name
        kept.parent.mkdir(exist_ok=True)
        shutil.copy(made, kept)
    return kept


def _servers(stack: ExitStack, lesson: Any) -> dict[str, str]:
    """The test servers, and what makes the providers ask them."""
    from tests.fakes import ernie_server, ernie_v1_server, lesson_servers, spark_server
    from tests.served import KEY

    spark = stack.enter_context(lesson_servers.LessonSpark(lesson))
    ernie = stack.enter_context(lesson_servers.LessonErnie(lesson))
    ernie_v1 = stack.enter_context(lesson_servers.LessonErnieV1(lesson))
    openai = stack.enter_context(lesson_servers.LessonOpenAI(lesson))
    deepseek = stack.enter_context(lesson_servers.LessonDeepSeek(lesson))
    spark_keys = {f"SPARK_{name.upper()}": key for name, key in spark_server.CREDENTIALS.items()}
    return {
        **spark_keys,
        "SPARK_BASE_URL": spark.origin.replace("http", "ws", 1),
        "QIANFAN_API_KEY": ernie_server.CREDENTIALS["api_key"],
        "ERNIE_BASE_URL": ernie.url,
        "QIANFAN_AK": ernie_v1_server.CREDENTIALS["api_key"],
        "QIANFAN_SK": ernie_v1_server.CREDENTIALS["secret_key"],
        "ERNIE_V1_BASE_URL": ernie_v1.url,
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": openai.url,
        "DEEPSEEK_API_KEY": KEY,
        "DEEPSEEK_BASE_URL": deepseek.url,
        "NBSTREAM_DEMO_SPEED": "max",
    }


def _run(
    notebook: Path, folder: Path, lesson: Any, told: dict[str, Any], env: dict[str, str], name: str
) -> None:
    """Run a notebook, recording where it would play."""
    import nbformat
    from nbclient import NotebookClient

    from tests.environment import clean

    book = nbformat.read(notebook, as_version=4)
    tape = f"tapes/{name}.tape"
    for cell in book.cells:
        cell.source = cell.source.replace(f"%llm replay {tape}", RECORD.format(path=tape))

    def begins(cell: Any, cell_index: int) -> None:
        lesson.cell(told.get(cell.id))

    environment = clean(folder / "home", **env)
    client = NotebookClient(
        book,
        timeout=120,
        kernel_name="python3",
        allow_errors=True,
        resources={"metadata": {"path": str(folder)}},
    )
    client.on_cell_execute = begins
    client.execute(env=environment)
    for cell in book.cells:
        said = json.dumps([output.get("data", {}) for output in cell.get("outputs", [])])
        if told.get(cell.id) and "text/markdown" not in said:
            raise SystemExit(f"{notebook.name}: the cell {cell.id} left no answer")


def main() -> None:
    os.chdir(ROOT)
    for name in sys.argv[1:] or sorted(path.stem for path in LESSONS.glob("*.toml")):
        made = record(name)
        print(f"nbstream: {made.relative_to(ROOT)}: {made.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
