"""Functions of the notebook that a model calls: asked first over stdin, stopped, refused with nobody there.

On ipykernel 6 and 7: one kernel and one server for all of it, with a conversation for each point.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import pytest

from tests.kernel.kernels import Kernel, Run
from tests.kernel.pairs import need, newest_first
from tests.served import Served

DEFINED = '''
import asyncio, time
from pathlib import Path

def weather(city: str, days: int = 1) -> dict:
    """Weather of a city."""
    print("looked up", city)
    return {"celsius": 18}

def slow(city: str) -> str:
    Path("begun").touch()
    time.sleep(60)

async def slow_too(city: str) -> str:
    Path("begun").touch()
    try:
        await asyncio.sleep(60)
    finally:
        Path("cancelled").touch()
'''
HOME: WeakKeyDictionary[Kernel, Path] = WeakKeyDictionary()
CALL = 'Let me look.\ncall weather {"city": "成都"}\n---\nSo: {results}'


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with Served() as server:
        yield server


@pytest.fixture(scope="module", params=["6.29", "newest"])
def asked(
    request: pytest.FixtureRequest, served: Served, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kernel]:
    available = [pair for pair in newest_first(request.param) if pair.made()] or newest_first(request.param)
    home = tmp_path_factory.mktemp("kernel")
    kernel = Kernel(home, need(available[0]))
    try:
        HOME[kernel.ready()] = home
        setup = kernel.run(f"{served.setup()}\n{DEFINED}\n%llm tools add weather")
        assert setup.status == "ok" and "asks first" in setup.markdown, setup.outputs
        yield kernel
    finally:
        kernel.close()


def start(kernel: Kernel, prompt: str = CALL, line: str = "--new") -> Run:
    kernel.run("Path('begun').unlink(missing_ok=True)")
    return kernel.start(f"%%llm -m openai:script {line}\n{prompt}", allow_stdin=True)


def ask(kernel: Kernel, *typed: str, prompt: str = CALL) -> Run:
    """A cell whose model calls, with what a person types at each question."""
    run = start(kernel, prompt)
    for answer in typed:
        question = kernel.client.get_stdin_msg(timeout=30)["content"]
        assert question["password"] is False
        if "weather" in prompt:
            assert 'weather(city="成都")' in question["prompt"], "one sees what one allows"
        kernel.client.input(answer)
    return run.finish()


def sent(served: Served) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = served.log()[-1]["body"]["messages"]
    return messages


def wait_begun(kernel: Kernel, run: Run) -> None:
    """Until the function runs: the status line says so."""
    run.until(lambda run: any(" runs · " in str(message["content"]) for message in run.messages))
    begun = HOME[kernel] / "begun"
    run.until(lambda _: begun.exists())


def test_a_call_is_shown_asks_first_and_its_result_goes_back(asked: Kernel, served: Served) -> None:
    run = ask(asked, "y")
    answer, printed = run.outputs
    assert answer["data"]["text/markdown"].startswith(
        'Let me look.\n\n> **⚙ weather**(city="成都")\n>\n> → {"celsius": 18}\n\nSo: {"celsius": 18}'
    )
    assert answer["data"]["text/plain"] == 'Let me look.\n\nSo: {"celsius": 18}'
    assert printed["text"] == "looked up 成都\n", "what a function prints stands below, as any cell's"
    assert sent(served)[-1]["content"] == '{"celsius": 18}'
    shown = json.dumps([m["content"] for m in run.messages], ensure_ascii=False)
    assert "asks for your permission" in shown and "<strong>⚙ weather</strong>" in shown


def test_no_is_told_to_the_model_and_the_function_does_not_run(asked: Kernel, served: Served) -> None:
    for typed in ("n", "", "maybe"):
        run = ask(asked, typed)
        assert not run.text and "did not allow" in run.markdown
        assert "did not allow" in sent(served)[-1]["content"]


def test_with_nobody_there_a_call_is_refused_unless_it_was_allowed_before(asked: Kernel) -> None:
    run = asked.run(f"%%llm -m openai:script --new\n{CALL}", allow_stdin=False)
    assert run.status == "ok" and "nobody is there" in run.markdown and not run.text
    asked.run("%llm tools add --yes weather")
    run = asked.run(f"%%llm -m openai:script --new\n{CALL}", allow_stdin=False)
    assert '→ {"celsius": 18}' in run.markdown and run.text == "looked up 成都\n"
    asked.run("%llm tools add weather")


def test_always_asks_no_more_until_the_function_is_another(asked: Kernel) -> None:
    assert ask(asked, "always").text and ask(asked).text, "the second time nobody was asked"
    assert "without asking" in asked.run("%llm tools", allow_stdin=True).markdown
    asked.run(DEFINED)
    assert "without asking" in asked.run("%llm tools", allow_stdin=True).markdown, "the same code"
    asked.run(DEFINED.replace('{"celsius": 18}', '{"celsius": 21}'))
    assert "asks first" in asked.run("%llm tools", allow_stdin=True).markdown
    assert '{"celsius": 21}' in ask(asked, "是").markdown, "and it is the new one that runs"
    asked.run(DEFINED)


@pytest.mark.parametrize("function", ["slow", "slow_too"])
@pytest.mark.parametrize("by", ["the kernel's square", "the answer's button"])
def test_stop_ends_a_function_and_the_turn_and_keeps_what_came(
    asked: Kernel, served: Served, by: str, function: str
) -> None:
    asked.run(f"%llm tools add --yes {function}")
    number = len(served.log())
    run = start(asked, f'Let me look.\ncall {function} {{"city": "a"}}\n---\nSo: {{results}}')
    wait_begun(asked, run)
    if by == "the answer's button":
        opened = [m["content"]["data"].get("state", {}) for m in run.messages if m["msg_type"] == "comm_open"]
        asked.say({"turn": next(state["turn"] for state in opened if "turn" in state), "do": "stop"})
    else:
        asked.interrupt()
    run.finish(timeout=10)
    assert run.status == "ok" and not run.errors and "Traceback" not in run.text
    assert run.markdown.startswith("Let me look.\n\n> **⚙ " + function)
    if function == "slow_too":
        assert (HOME[asked] / "cancelled").exists(), "what is awaited can tidy up"
    assert "Stopped by the user" in run.markdown and "stopped" in run.markdown.splitlines()[-1]
    assert len(served.log()) == number + 1, "the model is not asked again"
    assert asked.run("print('free')").text == "free\n", "nothing but our call was interrupted"
    asked.run(f"%llm tools remove {function}")


def test_stop_at_the_question_refuses_and_ends_the_turn(asked: Kernel, served: Served) -> None:
    run = start(asked)
    asked.client.get_stdin_msg(timeout=30)
    asked.interrupt()
    run.finish(timeout=10)
    assert run.status == "ok" and not run.errors and not run.text
    assert run.markdown.startswith("Let me look.") and "Stopped by the user" in run.markdown
    assert asked.run("print('free')").text == "free\n"
    later = asked.run("%%llm -m openai:script\nGo on.", allow_stdin=True)
    assert later.markdown.startswith("Go on."), "what was cut short is no trouble later"
    assert [one["content"] for one in sent(served)][-2:] == ["Let me look.", "Go on."]


def test_a_name_that_is_none_is_a_card(asked: Kernel) -> None:
    misspelt = asked.run("%llm tools add wether", allow_stdin=True).markdown
    assert "There is no wether in this notebook" in misspelt and "`%llm tools add weather`" in misspelt
    for line in ("%llm tools weather", "%llm tools ad weather"):
        assert "`%llm tools add weather`" in asked.run(line, allow_stdin=True).markdown
    unknown = asked.run("%llm tools remove wether", allow_stdin=True).markdown
    assert "`%llm tools remove weather`" in unknown
    removed = asked.run("%llm tools remove all", allow_stdin=True).markdown
    assert "No longer offered to models: `weather`" in removed
    assert "No functions are offered" in asked.run("%llm tools", allow_stdin=True).markdown
    asked.run("%llm tools add weather")
