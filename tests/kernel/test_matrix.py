"""``%%llm`` in the kernels of other versions: each pair of ipykernel and IPython, on each Python.

One kernel for each pair, which is running already when its turn comes. The versions that ran are printed at
the end of the test run; with ``CI=true`` a pair that is wanted and missing is a failure.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

import pytest

from tests.kernel.conftest import RAN
from tests.kernel.kernels import Kernel, Run
from tests.kernel.pairs import Pair, need, pairs
from tests.served import Log, Served

VERSIONS = (
    "'Python %s · ipykernel %s · IPython %s' % (__import__('platform').python_version(), "
    "__import__('ipykernel').__version__, __import__('IPython').__version__)"
)
TABS = [  # at |, what is replaced, a match
    ("%%llm --mo|", "--mo", "--model"),
    ("%%llm -m op|\nprompt", "op", "openai"),
    ("%%llm -m openai:words:2|", "openai:words:2", "openai:words:200@50"),
    ("%%llm -m spark:4.0|", "spark:4.0", "spark:4.0Ultra"),
    ("%%llm -m 星|", "星", "星火"),
    ("%%llm -c ma|", "ma", "main"),
    ("x = 1\n%llm hist|", "hist", "history"),
    ("%llm use spark:4.0|", "spark:4.0", "spark:4.0Ultra"),
    ("%%llm\n你好 {{fra|}} and more\n", "fra", "frame"),
    ("%%llm\nprompt {{frame.col|", "frame.col", "frame.columns"),
]
VERSION: WeakKeyDictionary[Kernel, int] = WeakKeyDictionary()
"""The major version of each kernel's ipykernel."""
# ■ in the moment in which %%llm imports its HTTP client.
PRESS = """
import os, signal, sys
pressed = []
class Press:
    def find_spec(self, name, *_):
        if name == "httpx2" and not pressed:
            pressed.append(name)
            os.kill(os.getpid(), signal.SIGINT)
assert "httpx2" not in sys.modules
sys.meta_path.insert(0, Press())
"""


class Fleet(dict[Pair, Kernel]):
    """The kernels: while one is tested, the next starts."""

    def __init__(self, factory: pytest.TempPathFactory, order: list[Pair]) -> None:
        super().__init__()
        self._factory, self._order = factory, order

    def __missing__(self, pair: Pair) -> Kernel:
        self[pair] = Kernel(self._factory.mktemp("kernel"), pair)
        return self[pair]

    def take(self, pair: Pair) -> Kernel:
        kernel = self[pair].ready()
        after = self._order[self._order.index(pair) + 1 :]
        if after and after[0].made():
            self[after[0]]
        return kernel


@pytest.fixture(scope="module")
def fleet(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    asked = [getattr(item, "callspec", None) for item in request.session.items]
    order = list(
        dict.fromkeys(
            spec.params["asked"] for spec in asked if spec and isinstance(spec.params.get("asked"), Pair)
        )
    )
    kernels = Fleet(tmp_path_factory, order)
    yield kernels
    for kernel in kernels.values():
        kernel.close()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with Served() as server:
        yield server


@pytest.fixture(scope="module", params=pairs(), ids=lambda pair: pair.name)
def asked(request: Any, fleet: Fleet, served: Served) -> Iterator[Kernel]:
    """A kernel of the pair, which has loaded nbstream and asks the loopback server."""
    pair = request.param
    if not pair.made():
        request.config.stash[RAN].append(f"{pair.name} is not here")
    kernel = fleet.take(need(pair))
    assert kernel.run(served.setup()).status == "ok"
    VERSION[kernel] = int(kernel.value("__import__('ipykernel').__version__.split('.')[0]"))
    request.config.stash[RAN].append(kernel.value(VERSIONS))
    yield kernel
    fleet.pop(pair).close()


def test_an_interrupt_during_the_first_imports_shows_no_traceback(asked: Kernel) -> None:
    # The first test of each kernel: TAB and the doctor import the client too.
    run = asked.run(PRESS)
    assert run.status == "ok", run.errors
    run = asked.run("%%llm -m openai:silent --no-history\nWell?", allow_stdin=True)
    assert run.status == "ok", run.errors
    assert "stopped" in run.markdown
    assert asked.value("pressed") == "['httpx2']"


def test_tab_completes_options_models_verbs_and_names(asked: Kernel, served: Served) -> None:
    asked.run(
        "class Frame:\n    columns = 3\n    ran = 0\n    @property\n    def total(self):\n"
        "        Frame.ran += 1\n        return self\nframe = Frame()"
    )
    begun = len(served.log())
    end = time.monotonic() + 20  # the list of models is fetched meanwhile: TAB does not wait for it
    while "openai:hold" not in asked.complete("%%llm -m openai:h|")["matches"]:
        assert time.monotonic() < end, "the list of models never came"
    for jedi in (True, False):
        asked.run(f"%config IPCompleter.use_jedi = {jedi}")
        for cell, replaced, match in TABS:
            reply = asked.complete(cell)
            assert match in reply["matches"], (cell, reply["matches"][:10])
            assert reply["replaced"] == replaced, cell
            types = {one["type"] for one in reply["metadata"]["_jupyter_types_experimental"]}
            assert len(types) == 1, f"nobody else has a word to say: {cell}"
        for cell in ("%%llm\n{{frame.total.|", "%%llm\n{{[frame][0].total.co|"):
            asked.complete(cell)
    assert asked.value("Frame.ran") == "0", "nothing of theirs runs because somebody is writing"
    assert len(served.log()) == begun, "no model was asked anything"


def test_the_doctor_knows_the_kernel_and_that_the_server_is_there(asked: Kernel) -> None:
    told = asked.run("%llm doctor", cell_id="c1", allow_stdin=True).markdown
    own = asked.value("__import__('ipykernel').__version__")
    assert f"ipykernel {own}" in told and "key accepted" in told and "✗" not in told
    assert ("and on subshells" in told) == (VERSION[asked] >= 7)


def since(served: Served, begun: int) -> Log:
    return served.log()[begun:]


def prompts(record: dict[str, Any]) -> list[str]:
    return [m["content"] for m in record["body"]["messages"] if m["role"] == "user"]


def plain(run: Run) -> str:
    [output] = run.outputs
    text: str = output["data"]["text/plain"]
    return text


def comm_of(run: Run) -> str:
    """The comm of the answer widget, which is the last that a display opens."""
    shown = next(m for m in run.messages if m["msg_type"] == "display_data")
    model: str = shown["content"]["data"]["application/vnd.jupyter.widget-view+json"]["model_id"]
    return model


def turn_of(run: Run) -> str:
    opened = [m["content"]["data"].get("state", {}) for m in run.messages if m["msg_type"] == "comm_open"]
    return str(next(state["turn"] for state in opened if "turn" in state))


def streaming(kernel: Kernel, served: Served, options: str = "") -> tuple[Run, int]:
    """An answer that goes on and on, of which some text has come; and its number at the server."""
    number = len(served.log())
    cell = f"%%llm -m openai:words:5000@100 --no-history {options}\nGo on."
    run = kernel.start(cell, allow_stdin=True)
    run.until(lambda run: run.types().count("comm_msg") > 8)
    return run, number


def assert_stopped(kernel: Kernel, served: Served, run: Run, number: int) -> None:
    run.finish(timeout=10)
    assert run.status == "ok"
    assert not run.errors and "Traceback" not in run.text
    log = served.wait_for(lambda log: log[number]["closed"] is not None, "the socket to close")
    assert log[number]["closed_by"] == "client"
    assert plain(run), "what had come is gone"
    assert log[number]["text"].startswith(plain(run)), "what stands there was not sent"
    assert "stopped" in run.markdown
    assert kernel.value("6 * 7") == "42", "the next cell does not run"


def test_text_comes_before_the_answer_ends(asked: Kernel, served: Served) -> None:
    run = asked.start("%%llm -m openai:hold --no-history\nTable?", allow_stdin=True)
    run.until(lambda run: any("Held back" in json.dumps(m["content"]) for m in run.messages))
    assert not run.idle and run.reply is None
    served.release()
    assert run.finish().status == "ok"
    assert set(run.outputs[0]["data"]) == {"text/markdown", "text/plain"}
    assert plain(run).startswith("## Held back") and plain(run).endswith("Last words.")


def test_an_interrupt_keeps_what_came(asked: Kernel, served: Served) -> None:
    run, number = streaming(asked, served)
    asked.interrupt()
    assert_stopped(asked, served, run, number)


def test_stop_is_heard_on_the_control_channel_while_the_cell_blocks(asked: Kernel, served: Served) -> None:
    run, number = streaming(asked, served)
    asked.say({"turn": turn_of(run), "do": "stop"})
    assert_stopped(asked, served, run, number)


def test_stop_is_heard_on_the_control_channel_while_another_cell_computes(
    asked: Kernel, served: Served
) -> None:
    background, number = streaming(asked, served, "--background")
    busy = asked.start("n = 0\nprint('begun', flush=True)\nwhile True: n += 1")
    busy.until(lambda run: "begun" in run.text)
    asked.say({"turn": turn_of(background), "do": "stop"})
    served.wait_for(lambda log: log[number]["closed"] is not None, "the socket to close")
    assert not busy.idle
    asked.interrupt()
    assert busy.finish(timeout=10).errors[0]["ename"] == "KeyboardInterrupt"
    background.until(lambda run: bool(run.markdown))
    assert_stopped(asked, served, background, number)


def test_stop_is_heard_by_comm_while_the_cell_blocks(asked: Kernel, served: Served) -> None:
    subshell = asked.subshell() if VERSION[asked] >= 7 else None
    run, number = streaming(asked, served)
    asked.say({"do": "stop"}, comm_of(run), subshell)
    assert_stopped(asked, served, run, number)


def test_queued_cells_run_in_order(asked: Kernel, served: Served) -> None:
    number = len(served.log())
    cells = ["order = ['a']"]
    for name, length in [("b", "80@100"), ("c", "3"), ("d", "3")]:  # b: until comm messages are pumped
        cells += [f"%%llm -m openai:words:{length}\n{name}", f"order.append({name!r})"]
    runs = [asked.start(cell, cell_id=f"order-{n}", allow_stdin=True) for n, cell in enumerate(cells)]
    runs[1].until(lambda run: "display_data" in run.types())
    asked.say({"do": "ack", "seq": 1}, comm_of(runs[1]))
    assert [run.finish().status for run in runs] == ["ok"] * len(cells)
    counts = [run.reply["execution_count"] for run in runs if run.reply]
    assert counts == list(range(counts[0], counts[0] + len(cells)))
    assert [prompts(record)[-1] for record in since(served, number)] == list("bcd")
    assert [plain(run) for run in runs[1::2]] == [record["text"] for record in since(served, number)]
    assert asked.value("order") == "['a', 'b', 'c', 'd']"


def test_background_returns_at_once_and_settles_later(asked: Kernel, served: Served) -> None:
    number = len(served.log())
    cell = "%%llm -m openai:hold --background --no-history -o later\nHold"
    run = asked.run(cell, allow_stdin=True)
    served.wait_for(lambda log: len(log) > number, "the request")
    assert asked.value("sum(range(1000))") == "499500", "the kernel is free while the answer streams"
    assert since(served, number)[0]["closed"] is None
    served.release()
    run.until(lambda run: bool(run.markdown))
    assert plain(run).endswith("Last words.")
    assert asked.value("later.answer.finish_reason") == "stop"


def test_a_cell_that_runs_again_replaces_its_turn(asked: Kernel, served: Served) -> None:
    def ask(text: str, cell: str) -> list[str]:
        run = asked.run(f"%%llm -m openai:words:3 -c talk\n{text}", cell_id=cell, allow_stdin=True)
        assert run.status == "ok"
        return prompts(served.log()[-1])

    assert ask("one", "h1") == ["one"]
    assert ask("two", "h2") == ["one", "two"]
    assert ask("one, better", "h1") == ["one, better"]
    assert ask("two", "h2") == ["one, better", "two"]


def test_with_nobody_there_markdown_is_published_and_a_failed_turn_raises(
    asked: Kernel, served: Served
) -> None:
    run = asked.run("%%llm -m openai:words:20 --no-history\nHello", allow_stdin=False)
    assert run.status == "ok"
    assert "comm_open" not in run.types()
    assert set(run.outputs[0]["data"]) == {"text/markdown", "text/plain"}
    assert plain(run) == served.log()[-1]["text"]
    failed = asked.run("%%llm -m openai:status:404 --no-history\nHello", allow_stdin=False)
    assert failed.status == "error"
    assert failed.markdown, "the card is published before the cell fails"
