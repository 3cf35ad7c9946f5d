"""IPython in a terminal of its own: what a model says neither steers it nor ends it in an error."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from nbstream.chat.history import Turn
from nbstream.messages import Answer
from nbstream.show.clean import FOOTER_MARK, clean
from nbstream.show.settled import bundle
from tests.environment import clean as environment
from tests.fakes.hostile_server import KINDS, answer
from tests.hostile.corpus import hostile
from tests.served import Served

# All of C0 and C1 but tab and newline, overrides, isolates, line ends of other kinds, half characters.
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
IPYTHON = ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"]


def terminal(home: Path, cells: list[str], **env: str) -> tuple[bytes, str]:
    """Run cells in a fresh IPython; what stands on its standard output, and on the other."""
    code = f"for cell in {cells!r}: get_ipython().run_cell(cell)"
    words = [sys.executable, *IPYTHON, "--TerminalInteractiveShell.term_title=False", "-c", code]
    done = subprocess.run(
        words, env=environment(home, TERM="dumb", **env), cwd=home, capture_output=True, timeout=90
    )
    return done.stdout, done.stderr.decode("utf-8", "replace")


def test_the_corpus_in_odd_pieces_is_just_text_on_a_terminal(tmp_path: Path) -> None:
    with Served("hostile") as served:
        cells = ["%load_ext nbstream", "%%llm -m openai:hostile:\nGo on.", "%llm history", "%llm show"]
        out, errors = terminal(tmp_path, cells, **served.environment())
    assert errors == ""
    shown = out.decode("utf-8")
    assert STEERING.search(shown) is None
    said = clean(answer(KINDS))
    assert said.replace(FOOTER_MARK, "") in shown, "the answer, whole, and with one footer: ours"
    assert said in shown, "and once more from history, as the model wrote it"


def test_plain_text_of_any_answer_is_just_text() -> None:
    for entry in hostile():
        if entry.kind == "bulk":
            continue
        data, _ = bundle(Turn("prompt", "demo"), Answer(text=entry.text), None)
        assert STEERING.search(data["text/plain"]) is None, entry.id


@pytest.mark.parametrize("encoding", ["gbk", "ascii"])
def test_a_terminal_that_knows_few_characters_shows_what_it_can(tmp_path: Path, encoding: str) -> None:
    cells = [
        "%load_ext nbstream",
        "%llm",
        "%llm models",
        "%llm stats",
        "%%llm\nhello 🚀",
        "%llm history",
        "%llm nosuchverb",
        "%%llm -m nosuchmodel\nhello",
        "%%llm --help\n",
        "%llm help",
        "%%llm -m openai\nno key",
        "%llm why",
        "import nbstream; nbstream.login('openai', api_key='k' * 20)",
        "print('the end')",
    ]
    out, errors = terminal(tmp_path, cells, PYTHONIOENCODING=encoding, NBSTREAM_LANG="zh")
    shown = out.decode(encoding)
    assert shown.rstrip().endswith("the end")
    assert "Traceback" not in shown + errors
    assert "UnicodeEncodeError" not in shown + errors
    assert shown.count("%llm login") >= 2, "the tables and the fixes are there"
    if encoding == "gbk":
        assert "模型" in shown, "and in Chinese where the terminal knows it"
