"""IPython in a terminal: tokens on standard output, and Ctrl-C keeps what came."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.environment import clean
from tests.served import Served

pexpect = pytest.importorskip("pexpect", reason="a terminal to drive")
PROMPT = r"In \[\d+\]: "


class Terminal:
    """A person at the IPython prompt."""

    def __init__(self, home: Path, **env: str) -> None:
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"],
            env=clean(home, TERM="dumb", **env),
            cwd=str(home),
            encoding="utf-8",
            timeout=30,
            dimensions=(40, 200),
            # Tests that run in a shell's background are born deaf to Ctrl-C, and so would be their children.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )
        self.child.expect(PROMPT)

    def type(self, *lines: str) -> None:
        """Type a cell; two empty lines end a cell magic at the simple prompt."""
        for line in lines if len(lines) == 1 else [*lines, "", ""]:
            self.child.sendline(line)

    def run(self, *lines: str) -> str:
        """Type a cell and give what stands between it and the next prompt."""
        self.type(*lines)
        self.child.expect(r"(?:\r\n)" + PROMPT)
        return str(self.child.before)


@pytest.fixture
def terminal(tmp_path: Path, served: Served) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path, **served.environment())
    terminal.run("%load_ext nbstream")
    yield terminal
    terminal.child.close(force=True)


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


def test_tokens_stream_to_standard_output(terminal: Terminal, served: Served) -> None:
    terminal.type("%%llm -m openai:hold", "Hold on")
    terminal.child.expect("Held back")
    [record] = served.log()
    assert record["closed"] is None, "the first words stand there while the server holds the rest back"
    served.release()
    terminal.child.expect("Last words.")
    terminal.child.expect(PROMPT)


def test_the_whole_answer_is_printed(terminal: Terminal, served: Served) -> None:
    said = terminal.run("%%llm -m openai:words:300", "Write")
    [record] = served.log()
    assert squeezed(record["text"]) in squeezed(said)


def test_ctrl_c_keeps_the_partial_answer(terminal: Terminal, served: Served) -> None:
    terminal.type("%%llm -m openai:words:5000@50 -o part", "Write")
    terminal.child.expect(r"(\w+ ){5}")
    terminal.child.sendintr()
    terminal.child.expect(PROMPT)
    assert "Traceback" not in terminal.child.before and "KeyboardInterrupt" not in terminal.child.before
    assert "cancelled" in terminal.run("print(part.finish_reason, len(part.text) > 0)")
    [record] = served.wait_for(lambda log: log[0]["closed"] is not None, "the socket to close")
    assert record["closed_by"] == "client"


def test_an_error_is_three_lines_and_no_traceback(terminal: Terminal) -> None:
    said = terminal.run("%%llm -m openai:status:401", "Write")
    assert "%llm login openai" in said
    assert "Traceback" not in said and "sk-test" not in said


def test_code_is_printed_at_a_prompt_that_takes_no_next_input(terminal: Terminal) -> None:
    code = "```python%0Aone = 1%0Aone + 1%0A```"
    said = terminal.run(f"%%llm --code -m 'openai:recite:{code}'", "Write")
    assert "one = 1\r\none + 1" in said.replace("```python", "").rpartition("```")[2]
    terminal.run("1 / 0")
    assert "one + 1" in terminal.run(f"%llm fix -m 'openai:recite:{code}'")
    assert "one = 1\r\none + 1" in terminal.run("%llm code")


def test_a_conversation_is_mended_at_a_prompt_that_takes_no_next_input(
    terminal: Terminal, served: Served
) -> None:
    terminal.run("import nbstream")
    terminal.type("%%llm -m openai:words:5000@50 -t 0.5", "Write")
    terminal.child.expect(r"(\w+ ){5}")
    terminal.child.sendintr()
    terminal.child.expect(PROMPT)
    assert "%%llm --at 1 -m openai:words:5000@50 -t 0.5\r\nWrite" in terminal.run("%llm edit 1")
    begun = squeezed(
        terminal.run("print(nbstream.conversation('main').turns[0].answer.text)").partition("\n")[2]
    )
    terminal.run("nbstream.conversation('main').turns[0].model = 'openai:words:3'")
    said = squeezed(terminal.run("%llm continue"))
    assert begun + squeezed(served.log()[-1]["text"]) in said
    nowhere = squeezed(terminal.run("%llm restore"))
    assert "hasnonotebookofitsown" in nowhere and "Traceback" not in nowhere
    said = squeezed(terminal.run("%llm retry -m openai:words:4"))
    assert squeezed(served.log()[-1]["text"]) in said
    assert "1(2/2)" in squeezed(terminal.run("%llm history -v"))


def test_a_tool_asks_at_the_prompt_and_its_result_is_printed(terminal: Terminal) -> None:
    terminal.run("def weather(city: str): print('looked up'); return {'celsius': 18}")
    assert "asks first" in terminal.run("%llm tools add weather")
    cell = ("%%llm -m openai:script", "Let me look.", 'call weather {"city": "a"}', "---", "So: {results}")
    terminal.type(*cell)
    terminal.child.expect(r'⚙ weather\(city="a"\)\s+Run weather\(city="a"\)\?.*: ')
    terminal.child.sendline("y")
    terminal.child.expect(r"looked up\s+→ .*18.*\s+So: .*18.*\s+⟡ openai script · .*" + PROMPT)
    terminal.type(*cell)
    terminal.child.expect("Run weather")
    terminal.child.sendintr()
    terminal.child.expect("Stopped by the user.*stopped.*" + PROMPT)
    assert "Traceback" not in terminal.child.before
