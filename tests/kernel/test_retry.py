"""Repeats show themselves, and Stop works while they wait."""

from __future__ import annotations

import time
from typing import Any

from tests.kernel.kernels import Kernel, Run
from tests.served import Served


def states(run: Run) -> list[dict[str, Any]]:
    """The status lines that went to the view, in order."""
    sent = [m["content"]["data"].get("content") or {} for m in run.messages if m["msg_type"] == "comm_msg"]
    return [message["status"] for message in sent if message.get("status")]


def test_a_repeat_counts_down_and_then_the_answer_comes(kernel: Kernel, served: Served) -> None:
    kernel.run(served.setup())
    run = kernel.run("%%llm -m openai:flaky:1:one\nHello", allow_stdin=True)
    [waiting] = [state for state in states(run) if state["step"] < 0]
    assert "again in {s} s" in waiting["text"] and "1 of 2" in waiting["text"]
    assert len(served.log()) == 2
    assert run.outputs[0]["data"]["text/plain"] == served.log()[1]["text"]


def test_the_wait_is_what_the_server_asked_for_and_stop_ends_it(kernel: Kernel, served: Served) -> None:
    kernel.run(served.setup())
    run = kernel.start("%%llm -m openai:status:429:60\nHello", allow_stdin=True, cell_id="a")
    run.until(lambda run: any(state["step"] < 0 for state in states(run)))
    waiting = next(state for state in states(run) if state["step"] < 0)
    assert waiting["seconds"] == 60
    stopped = time.monotonic()
    kernel.interrupt()
    run.finish()
    assert time.monotonic() - stopped < 5, "the wait of a minute was cut short"
    assert run.status == "ok" and not run.errors
    assert "stopped" in run.markdown
    assert len(served.log()) == 1
    assert "stopped" in kernel.run("%llm history", allow_stdin=True).markdown


def test_what_cannot_get_better_is_not_repeated(kernel: Kernel, served: Served) -> None:
    kernel.run(served.setup())
    kernel.run("%%llm -m openai:status:401\nHello", allow_stdin=True)
    assert len(served.log()) == 1


def test_nothing_is_repeated_once_text_was_shown(kernel: Kernel, served: Served) -> None:
    kernel.run(served.setup())
    run = kernel.run("%%llm -m openai:cut:20\nHello", allow_stdin=True)
    [record] = served.log()
    text = run.outputs[0]["data"]["text/plain"]
    assert text and record["text"].startswith(text), "what had come is kept"
    assert "⚠" in run.markdown


def test_a_turn_that_queues_says_so_and_stop_ends_it(kernel: Kernel, served: Served) -> None:
    kernel.run(served.setup() + "\nimport nbstream\nnbstream.config.max_streams = {'openai': 1}")
    kernel.run("%%llm -m openai:hold --background\nHello", allow_stdin=True, cell_id="a")
    run = kernel.start("%%llm -m openai:words:3 -c other\nHello", allow_stdin=True, cell_id="b")
    run.until(lambda run: any("queued, 1st" in state["text"] for state in states(run)))
    kernel.interrupt()
    run.finish()
    assert "stopped" in run.markdown and len(served.log()) == 1
    run = kernel.start("%%llm -m openai:words:3 -c other\nHello", allow_stdin=True, cell_id="b")
    run.until(lambda run: any("queued, 1st" in state["text"] for state in states(run)))
    served.release()
    run.finish()
    assert run.outputs[0]["data"]["text/plain"] == served.log()[-1]["text"]
