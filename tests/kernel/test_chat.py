"""``%llm chat`` in a kernel: what it costs before it is used, what it takes, and what it says elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.kernel.kernels import Kernel, running
from tests.served import Served

SLOW = """
import nbstream, threading, time

def slow(do: str) -> str:
    wish = {"do": do, "view": "v", "id": do, "turn": panel.desk.talk.turns[-1].id}
    threading.Timer(0, panel.desk.hear, (wish,)).start()
    for _ in range(6000):  # a signal that comes as a long sleep begins would wait for its end
        time.sleep(0.01)
"""
OPEN = "sys.modules['nbstream.panel.panel']._open"
VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with running(tmp_path_factory.mktemp("home")) as kernel:
        kernel.run("%load_ext nbstream")
        yield kernel


def test_before_somebody_asks_for_a_panel_none_is_imported(kernel: Kernel) -> None:
    kernel.run("import sys\n%llm\n%llm help", allow_stdin=True)
    found = "[one for one in sys.modules if one in ('anywidget', 'nbstream.panel.panel')]"
    assert kernel.value(found) == "[]"
    help = kernel.run("%llm help chat", allow_stdin=True).outputs[0]["data"]["text/plain"]
    assert "%llm chat [-m MODEL] [-s TEXT] [-c NAME]" in help


def test_a_panel_opens_on_the_conversation_and_the_model_that_are_named(kernel: Kernel) -> None:
    run = kernel.run("%llm chat -m spark:ultra -s 'Be brief.' -c idea", "p", allow_stdin=True)
    view, kept = run.outputs
    assert VIEW in view["data"] and "text/markdown" in kept["data"] and not run.errors
    found = kernel.value(f"[(one.model, one.conversation, one.desk.presets) for one in {OPEN}]")
    assert found == "[('spark:ultra', 'idea', {'system': 'Be brief.'})]"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("chat -m opnai", "openai"),
        ("chat -m spark:4.0Ulta", "4.0Ultra"),
        ("chat --modle demo", "--model"),
        ("chat hello", "%llm chat [-m MODEL]"),
        ("chat -c ' '", "conversation"),
    ],
)
def test_what_it_cannot_take_is_said_and_the_panel_that_is_there_stays(
    kernel: Kernel, line: str, said: str
) -> None:
    kernel.run("%llm chat", "q", allow_stdin=True)
    run = kernel.run(f"%llm {line}", "q", allow_stdin=True)
    assert "⚠" in run.markdown and said in run.markdown
    assert not any(VIEW in output.get("data", {}) for output in run.outputs)
    assert kernel.value(f"sum(one.origin.cell == 'q' for one in {OPEN})") == "1"


def test_tab_knows_its_options_and_their_values(kernel: Kernel) -> None:
    assert kernel.complete("%llm cha|")["matches"] == ["chat"]
    assert "--conversation" in kernel.complete("%llm chat --c|")["matches"]
    assert kernel.complete("%llm chat -m spark:4.0|")["matches"] == ["spark:4.0Ultra"]
    assert "idea" in kernel.complete("%llm chat -c id|")["matches"]


@pytest.mark.parametrize("do", ["stop", "remove"])
def test_a_panel_stops_a_function_that_a_cells_model_has_called(
    kernel: Kernel, served: Served, do: str
) -> None:
    kernel.run(
        f"{served.setup()}\n{SLOW}\n%llm reset\n%llm tools add --yes slow\npanel = nbstream.ChatPanel()"
    )
    prompt = f'call slow {{"do": "{do}"}}\n---\nSo: {{results}}'
    run = kernel.run(f"%%llm -m openai:script\n{prompt}", allow_stdin=True)
    assert "slow" in run.markdown and "stopped" in run.markdown and not run.errors
    assert len(served.log()) == 1, "no other round followed"
    assert kernel.value("[turn.status for turn in panel.desk.talk.turns]") == (
        "['stopped']" if do == "stop" else "[]"
    )


def test_where_nobody_looks_there_is_no_view(kernel: Kernel) -> None:
    kernel.run("%%llm -m demo\nhello", "c")
    run = kernel.run("%llm chat", "h")
    assert not run.errors and VIEW not in json.dumps([one.get("data") for one in run.outputs])
    assert "hello" in run.markdown
