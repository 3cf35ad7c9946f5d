"""``%%llm`` in a real kernel: what it sends, what it keeps, what it shows."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kernel.kernels import Kernel, Run
from tests.served import Served


@pytest.fixture
def asked(kernel: Kernel, served: Served) -> Iterator[Kernel]:
    """A kernel that has loaded nbstream and asks the loopback server."""
    run = kernel.run(served.setup())
    assert run.status == "ok", run.errors
    yield kernel


def prompts(record: dict[str, Any]) -> list[str]:
    return [m["content"] for m in record["body"]["messages"] if m["role"] == "user"]


def plain(run: Run) -> str:
    [output] = run.outputs
    text: str = output["data"]["text/plain"]
    return text


# --- what a cell leaves -------------------------------------------------------------------------------


def test_with_somebody_there_a_widget_streams_and_markdown_stays(asked: Kernel, served: Served) -> None:
    run = asked.run("%%llm -m openai:words:50@200\nHello", cell_id="a", allow_stdin=True)
    shown = next(m for m in run.messages if m["msg_type"] == "display_data")
    assert "application/vnd.jupyter.widget-view+json" in shown["content"]["data"]
    [output] = run.outputs
    assert set(output["data"]) == {"text/markdown", "text/plain"}
    assert output["data"]["text/plain"] == served.log()[0]["text"]


def test_with_nobody_there_no_widget_is_made(asked: Kernel, served: Served) -> None:
    run = asked.run("%%llm -m openai:words:50\nHello", allow_stdin=False)
    assert "comm_open" not in run.types()
    assert set(run.outputs[0]["data"]) == {"text/markdown", "text/plain"}
    assert plain(run) == served.log()[0]["text"]


def test_a_failed_turn_ends_well_with_somebody_there_and_fails_with_nobody(asked: Kernel) -> None:
    cell = "%%llm -m openai:status:404\nHello"
    with_somebody = asked.run(cell, allow_stdin=True)
    assert with_somebody.status == "ok"
    assert not with_somebody.errors
    with_nobody = asked.run(cell, allow_stdin=False)
    assert with_nobody.status == "error"
    assert with_nobody.markdown, "the card is published before the cell fails"


def test_the_receipt_names_the_model_and_what_was_spent(asked: Kernel) -> None:
    run = asked.run("%%llm -m openai:words:20\nHello", allow_stdin=True)
    receipt = run.outputs[0]["metadata"]["nbstream"]
    assert (receipt["provider"], receipt["model"]) == ("openai", "words:20")
    assert receipt["usage"]["output_tokens"] == 20
    assert "sk-test" not in json.dumps(receipt)


def test_a_result_can_be_bound_to_a_name(asked: Kernel, served: Served) -> None:
    asked.run("%%llm -m openai:words:20 -o found\nHello", allow_stdin=True)
    assert asked.value("found.text == found.text.strip() and found.finish_reason") == "stop"
    assert json.loads(asked.value("__import__('json').dumps(found.text)")) == served.log()[0]["text"]


def test_few_messages_carry_many_tokens(asked: Kernel) -> None:
    begun = time.monotonic()
    run = asked.run("%%llm -m openai:words:4000@2000\nFast", allow_stdin=True)
    took = time.monotonic() - begun
    sent = [m for m in run.messages if m["msg_type"] == "comm_msg"]
    assert len(sent) / took < 50, f"{len(sent)} messages in {took:.1f} s"


# --- history ------------------------------------------------------------------------------------------


def test_running_a_cell_again_replaces_its_turn(asked: Kernel, served: Served) -> None:
    def ask(text: str, cell: str) -> list[str]:
        asked.run(f"%%llm -m openai:echo\n{text}", cell_id=cell, allow_stdin=True)
        return prompts(served.log()[-1])

    assert ask("one", "a") == ["one"]
    assert ask("two", "b") == ["one", "two"]
    assert ask("one, better", "a") == ["one, better"]
    assert ask("two", "b") == ["one, better", "two"]
    assert ask("three", "c") == ["one, better", "two", "three"]


def test_without_a_cell_id_a_run_appends(asked: Kernel, served: Served) -> None:
    for _ in range(3):
        asked.run("%%llm -m openai:echo\nagain", allow_stdin=True)
    assert prompts(served.log()[-1]) == ["again"] * 3


def test_new_and_no_history_send_nothing_of_before(asked: Kernel, served: Served) -> None:
    asked.run("%%llm -m openai:echo\none", cell_id="a", allow_stdin=True)
    asked.run("%%llm -m openai:echo --no-history\ntwo", cell_id="b", allow_stdin=True)
    assert prompts(served.log()[-1]) == ["two"]
    asked.run("%%llm -m openai:echo\nthree", cell_id="c", allow_stdin=True)
    assert prompts(served.log()[-1]) == ["one", "three"]
    asked.run("%%llm -m openai:echo --new\nfour", cell_id="d", allow_stdin=True)
    assert prompts(served.log()[-1]) == ["four"]


# --- stopping and waiting -----------------------------------------------------------------------------


def test_an_interrupt_keeps_the_partial_answer_and_lands_at_once(asked: Kernel, served: Served) -> None:
    run = asked.start("%%llm -m openai:words:5000@100 -o partial\nGo on", cell_id="a", allow_stdin=True)
    run.until(lambda r: r.types().count("comm_msg") > 10)
    begun = time.monotonic()
    asked.interrupt()
    run.finish(timeout=10)
    assert time.monotonic() - begun < 2
    assert run.status == "ok"
    assert not run.errors and "Traceback" not in run.text
    [record] = served.wait_for(lambda log: log[0]["closed"] is not None, "the socket to close")
    assert record["closed_by"] == "client"
    text = plain(run)
    assert text and record["text"].startswith(text)
    assert asked.value("partial.finish_reason") == "cancelled"


def test_an_interrupt_with_nobody_there_ends_the_cell_too(asked: Kernel, served: Served) -> None:
    run = asked.start("%%llm -m openai:words:5000@100\nGo on", allow_stdin=False)
    served.wait_for(bool, "the request")
    begun = time.monotonic()
    asked.interrupt()
    run.finish(timeout=10)
    assert time.monotonic() - begun < 2
    assert served.log()[0]["closed_by"] == "client"


def test_background_returns_at_once_and_settles_later(asked: Kernel, served: Served) -> None:
    begun = time.monotonic()
    run = asked.run("%%llm -m openai:hold --background -o later\nHold", cell_id="a", allow_stdin=True)
    assert time.monotonic() - begun < 2
    served.wait_for(bool, "the request")
    busy = asked.run("print(6 * 7)")
    assert busy.text == "42\n", "the kernel is free while the answer streams"
    assert served.log()[0]["closed"] is None
    served.release()
    run.until(lambda r: bool(r.markdown))
    assert "Last words." in run.markdown
    assert asked.value("later.answer.finish_reason") == "stop"


def test_cells_that_wait_in_the_queue_keep_their_order(asked: Kernel, served: Served) -> None:
    runs = [
        asked.start(f"%%llm -m openai:words:30@300\nQuestion {n}", cell_id=f"c{n}", allow_stdin=True)
        for n in range(5)
    ]
    for run in runs:
        assert run.finish().status == "ok"
    assert [prompts(record)[-1] for record in served.log()] == [f"Question {n}" for n in range(5)]
    assert [plain(run) for run in runs] == [record["text"] for record in served.log()]


# --- loading ------------------------------------------------------------------------------------------


def test_loading_twice_does_no_harm_and_unloading_leaves_nothing(asked: Kernel) -> None:
    listens = "'nbstream_request' in get_ipython().kernel.control_handlers"
    assert asked.run("%load_ext nbstream").status == "ok"
    assert asked.run("%%llm -m openai:words:3\nHello", allow_stdin=True).status == "ok"
    assert asked.value(listens) == "True"
    assert asked.run("%unload_ext nbstream").status == "ok"
    assert asked.value(listens) == "False"
    found = asked.value("[n for k in get_ipython().magics_manager.magics.values() for n in k if 'llm' in n]")
    assert found == "[]"
    assert "UsageError" in asked.run("%%llm\nHello").text, "the magic is gone"
    assert "%llm" in asked.run("%load_ext nbstream\n%llm help").markdown, "and it comes back"


def test_a_key_on_the_magic_line_is_refused_and_not_repeated(asked: Kernel, served: Served) -> None:
    run = asked.run("%%llm -m openai:echo --api-key sk-abcdef0123456789abcdef\nHello", allow_stdin=True)
    assert not served.log(), "nothing may be sent"
    assert "sk-abcdef" not in json.dumps([run.outputs, run.reply])
