"""TAB in a terminal, under the second name, and where somebody's object or folder makes trouble."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.environment import clean
from tests.kernel.kernels import running

# What prompt_toolkit is told at | in each cell: how many characters go, and what takes their place.
TERMINAL = """
import json, sys
from IPython.terminal.interactiveshell import TerminalInteractiveShell
from IPython.terminal.ptutils import IPythonPTCompleter
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
shell = TerminalInteractiveShell.instance()
shell.run_cell("%load_ext nbstream\\nframe = 1\\nclass Fruit: pass\\ndef fruity(): pass\\nfruits = {}")
told = []
for cell in json.loads(sys.argv[1]):
    document = Document(cell.replace("|", "", 1), cell.index("|"))
    found = IPythonPTCompleter(shell=shell).get_completions(document, CompleteEvent())
    told.append([[-one.start_position, one.text] for one in found])
print("TOLD", json.dumps(told))
"""


def in_terminal(home: Path, *cells: str) -> list[list[list[Any]]]:
    done = subprocess.run(
        [sys.executable, "-c", TERMINAL, json.dumps(cells)],
        env=clean(home), cwd=home, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert not done.stderr
    printed, _, told = done.stdout.partition("TOLD ")
    assert "Traceback" not in printed
    found: list[list[list[Any]]] = json.loads(told)
    return found


def test_a_terminal_completes_the_same(tmp_path: Path) -> None:
    option, model, verb, name, nothing, tool, schema = in_terminal(
        tmp_path, "%%llm --mo|", "%%llm -m spark:4.0|", "%llm hist|", "%%llm\nthe {{fra|}}", "%%llm -x|",
        "%llm tools add fr|", "%%llm -f json --schema fr|",
    )  # fmt: skip
    assert option == [[4, "--model"]]
    assert model == [[9, "spark:4.0Ultra"]]
    assert verb == [[4, "history"]]
    assert name == [[3, "frame"]]
    assert [text for _, text in tool] == ["fruity"], "functions"
    assert {text for _, text in schema} == {"Fruit", "fruits"}, "what can be a schema"
    assert nothing == [[2, "-x"]], "an option that there is not becomes nothing else"


def test_trouble_is_never_printed_over_what_somebody_types(tmp_path: Path) -> None:
    with running(tmp_path) as kernel:
        kernel.run("%load_ext nbstream")
        kernel.run(
            "class Shy:\n    def __dir__(self): raise RuntimeError('leave me')\n"
            "    def __getattr__(self, name): print('asked', name); raise SystemExit\n"
            "shy = Shy()\nglobals()['not a name'] = 1\nglobals()[5] = 2"
        )
        run = kernel.start("print('next')")
        for cell in (
            "%%llm\n{{shy.|",
            "%%llm\n{{shy.a.b|",
            "%%llm\n{{not|",
            "%%llm -a nowhere/\x00|",
            "%llm 'x|",
        ):
            kernel.complete(cell)
        kernel.run("from nbstream.magics import sources\ndel sources.own_names")
        reply = kernel.complete("%%llm\n{{sh|")
        assert reply["status"] == "ok", "even where we have broken something ourselves"
        run.finish()
        everything = [m for one in kernel.runs.values() for m in one.messages]
        said = "".join(m["content"]["text"] for m in everything if m["msg_type"] == "stream")
        assert "asked" not in said and "leave me" not in said and "Traceback" not in said

        kernel.run("%unload_ext nbstream")
        assert kernel.value("len(get_ipython().Completer.custom_matchers)") == "0"
        kernel.run("%reload_ext nbstream\n%reload_ext nbstream")
        assert kernel.value("len(get_ipython().Completer.custom_matchers)") == "1"


def test_where_another_extension_owns_the_name_all_lines_say_the_other(tmp_path: Path) -> None:
    with running(tmp_path) as kernel:
        kernel.run(
            "from IPython.core.magic import register_cell_magic\n"
            "@register_cell_magic\ndef llm(line, cell): pass\n%load_ext nbstream"
        )
        assert "--model" in kernel.complete("%%nbstream --mo|")["matches"]
        assert "history" in kernel.complete("%nbstream hist|")["matches"]
        assert "--model" not in kernel.complete("%%llm --mo|")["matches"]
        shown = kernel.run("%nbstream use spark:9", allow_stdin=True).markdown
        assert "%nbstream use spark:" in shown and "%llm" not in shown
        shown = kernel.run("%%nbstream -m openai\nhello", allow_stdin=True).markdown
        assert "%nbstream login openai" in shown and "%llm" not in shown
        shown = kernel.run("%nbstream models", allow_stdin=True).markdown
        assert "%nbstream login openai" in shown and "%llm" not in shown
        shown = kernel.run("%nbstream help", allow_stdin=True).markdown
        assert "%nbstream use MODEL" in shown and "%llm" not in shown
        ask = "nbstream.ask('hello', model='demo', options={'delay': 0}).text"
        lesson = kernel.run(f"import nbstream\nprint({ask})").text
        assert "%nbstream" in lesson and "%llm" not in lesson, "nor do the lessons of demo"
