"""A conversation is seen and mended from the notebook: each in the oldest and the newest kernel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kernel.kernels import Kernel, Run
from tests.kernel.pairs import need, newest_first
from tests.served import KEY, Log, Served


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with Served() as server:
        yield server


@pytest.fixture(scope="module", params=["6.29", "newest"])
def asked(request: Any, served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel that has loaded nbstream and asks the loopback server, as ``openai`` and as ``llamacpp``."""
    available = [pair for pair in newest_first(request.param) if pair.made()] or newest_first(request.param)
    kernel = Kernel(tmp_path_factory.mktemp("kernel"), need(available[0]), LLAMACPP_API_KEY=KEY)
    try:
        kernel.ready()
        run = kernel.run(
            f"{served.setup()}\nos.environ['LLAMACPP_BASE_URL'] = {served.url!r}\nimport nbstream"
        )
        assert run.status == "ok", run.errors
        yield kernel
    finally:
        kernel.close()


class Notebook:
    """Cells with ids that ask in a conversation of their own, and what the server heard of them."""

    def __init__(self, kernel: Kernel, served: Served, talk: str) -> None:
        self.kernel, self.served, self.talk = kernel, served, talk
        self.begun = len(served.log())

    def ask(self, prompt: str, cell: str, options: str = "", model: str = "openai:words:3") -> Run:
        return self.run(f"%%llm -m {model} -c {self.talk} {options}\n{prompt}", cell)

    def verb(self, line: str, cell: str | None = None) -> Run:
        return self.run(f"%llm {line} -c {self.talk}", cell)

    def run(self, source: str, cell: str | None = None) -> Run:
        run = self.kernel.run(source, cell and f"{self.talk}-{cell}", allow_stdin=True)
        assert run.status == "ok" and not run.errors, run.errors
        return run

    @property
    def log(self) -> Log:
        return self.served.log()[self.begun :]

    @property
    def last(self) -> list[str]:
        """What the last request said, message by message; of the assistant's only that there was one."""
        said = self.log[-1]["body"]["messages"]
        return [m["content"] if m["role"] == "user" else "…" for m in said]

    def tree(self) -> Any:
        """All turns, the branch in use last."""
        history = f"nbstream.conversation({self.talk!r}).history"
        code = f"[[t.number, t.prompt, t.status] for t in [*{history}.every(), *{history}.turns]]"
        return json.loads(self.kernel.value(f"__import__('json').dumps({code})"))


@pytest.fixture
def notebook(request: Any, asked: Kernel, served: Served) -> Notebook:
    return Notebook(asked, served, request.node.originalname.removeprefix("test_")[:20])


def next_cell(run: Run) -> str:
    """The text that a front end puts into the cell below."""
    assert run.reply is not None
    [payload] = [one for one in run.reply["payload"] if one["source"] == "set_next_input"]
    assert not payload["replace"]
    return str(payload["text"])


def turn_of(run: Run) -> str:
    opened = [m["content"]["data"].get("state", {}) for m in run.messages if m["msg_type"] == "comm_open"]
    return str(next(state["turn"] for state in opened if "turn" in state))


def plain(run: Run) -> str:
    [output] = run.outputs
    return str(output["data"]["text/plain"])


def test_edit_puts_the_prompt_into_the_next_cell_to_run_as_that_turn(notebook: Notebook) -> None:
    for cell in ("one", "two", "three"):
        notebook.ask(cell, cell, "-t 0.5")
    cell = next_cell(notebook.verb("edit 2", "edit"))
    assert not notebook.verb("edit 2", "edit").reply["payload"], "running all again adds no cell"  # type: ignore[index]
    assert cell == f"%%llm --at 2 -m openai:words:3 -c {notebook.talk} -t 0.5\ntwo"
    better = notebook.run(cell.replace("two", "two, better"), "new")
    assert "not sent along any more: 1." in better.text
    assert f"%llm version 2 1 -c {notebook.talk}\n" in better.text
    assert notebook.last == ["one", "…", "two, better"]
    assert notebook.log[-1]["body"]["temperature"] == 0.5
    assert not notebook.run(cell.replace("two", "two, best"), "new").text, "nothing followed this one"
    notebook.ask("and then", "four")
    assert notebook.last == ["one", "…", "two, best", "…", "and then"]
    table = notebook.verb("history -v").markdown
    assert "| 2 (2/2) |" in table and "two, best" in table and "three" not in table
    assert [turn[1] for turn in notebook.tree()] == [
        "one", "two", "three", "two, best", "and then", "one", "two, best", "and then",
    ]  # fmt: skip
    notebook.verb("version 2 1")
    assert "three" in notebook.verb("history").markdown, "the first version, and what followed it"


def test_running_all_twice_gives_the_history_of_once(notebook: Notebook) -> None:
    def run_all() -> Any:
        notebook.ask("one", "a")
        notebook.ask("two", "b", model="openai:status:404")
        notebook.ask("three", "c")
        notebook.ask("two, edited", "d", "--at 2")
        notebook.verb("retry -m openai:words:2", "e")
        notebook.ask("after", "f")
        return notebook.tree(), notebook.last

    once = run_all()
    assert run_all() == once
    assert once[1] == ["one", "…", "two, edited", "…", "after"]
    notebook.ask("two", "b", model="openai:status:404")
    assert run_all() == once, "whichever cell ran in between"


def test_going_on_goes_on_with_the_same_answer_when_all_runs_twice(notebook: Notebook) -> None:
    for _ in range(2):
        begun = plain(notebook.ask("Go.", "a", model="openai:half:4"))
        whole = plain(notebook.verb("continue", "c"))
        assert whole == begun + notebook.log[-1]["text"]
        notebook.ask("after", "b")
        assert notebook.log[-1]["body"]["messages"][1]["content"] == whole
    assert [turn[1] for turn in notebook.tree()] == ["Go.", "after"] * 2


def test_retry_asks_again_and_keeps_the_earlier_answer(notebook: Notebook) -> None:
    notebook.ask("one", "a")
    first = plain(notebook.ask("two", "b", '-s "Be brief." -t 0.25'))
    run = notebook.verb("retry -m openai:words:6", "r")
    assert "comm_open" in run.types(), "it streams as a cell does"
    assert plain(run) == notebook.log[-1]["text"] != first
    body = notebook.log[-1]["body"]
    assert (body["model"], body["temperature"], body["messages"][0]["content"]) == (
        "words:6",
        0.25,
        "Be brief.",
    )
    assert notebook.last[1:] == ["one", "…", "two"]
    assert "words:6" in (versions := notebook.verb("version").markdown) and "words:3" in versions
    notebook.verb("version 2 1")
    assert plain(notebook.verb("show")) == first
    assert "version 2" in notebook.verb("undo").markdown, "the other version is left"
    assert "words:6" in notebook.verb("version 2 1").markdown
    assert "words:6" in notebook.verb("history").markdown


def test_continue_goes_on_after_stop_with_one_answer(notebook: Notebook) -> None:
    notebook.ask("one", "a")
    run = notebook.kernel.start(
        f"%%llm -m llamacpp:words:5000@100 -c {notebook.talk}\nGo.", "g", allow_stdin=True
    )
    run.until(lambda run: run.types().count("comm_msg") > 8)
    notebook.kernel.interrupt()
    begun = plain(run.finish())
    run = notebook.kernel.start(f"%llm continue -c {notebook.talk}", "c", allow_stdin=True)
    run.until(lambda run: run.types().count("comm_msg") > 8)
    notebook.kernel.say({"turn": turn_of(run), "do": "stop"})  # the button on the answer
    longer = plain(run.finish())
    assert longer.startswith(begun.rstrip()) and len(longer) > len(begun)
    assert "stopped" in run.markdown
    begun = longer
    notebook.kernel.run(f"nbstream.conversation({notebook.talk!r}).turns[-1].model = 'llamacpp:words:4'")
    run = notebook.verb("continue")
    assert notebook.log[-1]["body"]["messages"][-1] == {"role": "assistant", "content": begun.rstrip()}
    assert plain(run) == begun.rstrip() + notebook.log[-1]["text"]
    assert "continued" in run.markdown
    notebook.ask("and?", "b")
    assert notebook.last == ["one", "…", "Go.", "…", "and?"]


def test_continue_asks_where_a_service_has_no_other_way(notebook: Notebook) -> None:
    begun = plain(notebook.ask("Go.", "a", model="openai:half:4"))
    run = notebook.verb("continue")
    assert [m["role"] for m in notebook.log[-1]["body"]["messages"]] == ["user", "assistant", "user"]
    assert plain(run) == begun + notebook.log[-1]["text"]
    assert "continued by a plain request" in run.markdown


def test_continue_asks_when_the_service_refuses_to_go_on_by_itself(notebook: Notebook) -> None:
    begun = plain(notebook.ask("Go.", "a", model="llamacpp:half:4"))
    run = notebook.verb("continue")
    assert [record["body"]["messages"][-1]["role"] for record in notebook.log] == [
        "user",
        "assistant",
        "user",
    ]
    assert plain(run) == begun.rstrip() + notebook.log[-1]["text"]
    assert "continued by a plain request" in run.markdown and "⚠" not in run.markdown


def test_nothing_is_gone_on_with_where_there_is_nothing(notebook: Notebook) -> None:
    notebook.ask("one", "a")
    assert "is whole" in notebook.verb("continue").markdown
    notebook.ask("two", "b", model="openai:status:404")
    assert "%llm retry" in notebook.verb("continue").markdown
    assert len(notebook.log) == 2


def test_a_branch_goes_its_own_way(notebook: Notebook) -> None:
    notebook.ask("one", "a")
    notebook.ask("two", "b")
    other = f"{notebook.talk}-2"
    for _ in range(2):  # the cell may run again: it begins the branch anew
        notebook.run(f"%llm branch {other} 1 -c {notebook.talk}", "br")
        notebook.run(f"%%llm -m openai:words:3 -c {other}\nelse", "else")
        assert notebook.last == ["one", "…", "else"]
    assert "already" in notebook.run(f"%llm branch {other} -c {notebook.talk}", "elsewhere").markdown
    assert f"{other} · turns: 2" in notebook.verb("history -v").markdown
    notebook.ask("three", "c")
    assert notebook.last == ["one", "…", "two", "…", "three"]


def test_undo_and_reset_take_turns_out(notebook: Notebook) -> None:
    for cell in "abc":
        notebook.ask(cell, cell)
    assert "left: 1" in notebook.verb("undo 2").markdown
    notebook.ask("d", "d")
    assert notebook.last == ["a", "…", "d"]
    notebook.ask("c", "c")
    assert notebook.last[-3:] == ["d", "…", "c"], "a cell whose turn was taken out comes last"
    notebook.verb("reset")
    assert "no turns yet" in notebook.verb("history").markdown
    assert "no turns yet" in notebook.verb("continue").markdown
    assert "there are 3 now" in notebook.verb("redo").markdown
    notebook.ask("e", "e")
    assert notebook.last[-3:] == ["c", "…", "e"], "what was brought back is sent along again"
    notebook.verb("reset")
    notebook.ask("a", "a")
    for line in ("undo x", "show 9", "edit 9", "retry 9", "version 9", "pin 9"):
        assert "⚠" in notebook.verb(line).markdown


def test_a_pinned_turn_says_so(notebook: Notebook) -> None:
    notebook.ask("one", "a")
    notebook.ask("two", "b")
    notebook.verb("pin 1")
    notebook.ask("one!", "a")
    table = notebook.verb("history -v").markdown
    assert table.count("pinned") == 1 and "| pinned |" in table.splitlines()[2], (
        "also when its cell ran again"
    )
    notebook.verb("unpin 1")
    assert "· pinned" not in notebook.verb("history -v").markdown


def test_with_nobody_there_edit_says_the_cell_and_a_failed_retry_fails_once(notebook: Notebook) -> None:
    notebook.ask("one", "a")
    run = notebook.kernel.run(f"%llm edit -c {notebook.talk}")
    assert "%%llm --at 1 -m openai:words:3" in run.markdown and not run.reply["payload"]  # type: ignore[index]
    run = notebook.kernel.run(f"%llm retry -m openai:status:404 -c {notebook.talk}")
    assert run.status == "error" and run.markdown.count("⚠") == 1
