"""A model calls a function of the notebook, gets what it gave, and answers: in each dialect that calls.

Each fake refuses a second request that its service would refuse: a call without its result, a result without
its call, a thought without its signature, roles out of order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from nbstream.chat.history import Turn
from nbstream.chat.session import session
from nbstream.chat.toolbox import toolbox
from nbstream.chat.tools import described
from nbstream.i18n import set_language
from nbstream.magics import args
from nbstream.magics.asking import ask
from nbstream.magics.cell import llm
from nbstream.magics.template import Prepared

DIALECTS = ("openai", "anthropic", "gemini", "ollama", "ernie", "ernie-v1", "spark", "spark-http")
ONE_CALL = ("spark", "ernie-v1")
"""Their answers hold one call at most."""
PROMPT = 'Let me look.\ncall weather {"city": "成都"}\n---\nIt is {results} there.'
CALLED: list[str] = []


def weather(city: str) -> dict[str, int]:
    """Weather of a city."""
    CALLED.append(city)
    return {"celsius": 18}


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Any]]:
    made = {}
    for dialect in DIALECTS:
        module = import_module(f"tests.fakes.{dialect.replace('-', '_')}_server")
        name = {"ernie": "ErnieServer", "ernie-v1": "ErnieV1Server", "spark": "SparkServer"}.get(dialect)
        made[dialect] = getattr(module, name)() if name else module.SERVER()
        made[dialect].credentials = module.CREDENTIALS
        made[dialect].__enter__()
    yield made
    for server in made.values():
        server.__exit__()


@pytest.fixture(autouse=True)
def here(servers: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    set_language("en")
    CALLED.clear()
    for dialect, server in servers.items():
        server.log.clear()
        place = server.origin.replace("http", "ws") + "/do/script" if dialect == "spark" else server.url
        monkeypatch.setenv(dialect.upper().replace("-", "_") + "_BASE_URL", place)
        session().login(dialect, **server.credentials)
    toolbox().add("weather", described(weather), unasked=True)
    yield
    toolbox().clear()
    session().conversations.clear()
    session().logout()
    set_language(None)


def asked(dialect: str, prompt: str = PROMPT, line: str = "") -> Turn:
    """One cell, run with nobody there; its turn."""
    names = {"spark": "spark", "gemini": "gemini:gemini-3-script"}
    model = names.get(dialect, f"{dialect}:script")
    options = args.parse(llm.parser, f"-m {model} {line}")
    ask(Prepared(prompt), options, "headless")
    return session().conversation().turns[-1]


def body(server: Any) -> dict[str, Any]:
    found: dict[str, Any] = server.log[-1].body
    return found


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_call_is_made_and_its_result_goes_back(dialect: str, servers: dict[str, Any]) -> None:
    turn = asked(dialect)
    assert turn.answer is not None and turn.answer.error is None, turn.answer
    asked_for = [record for record in servers[dialect].log if "/oauth/" not in record.path]
    assert CALLED == ["成都"] and len(asked_for) == 2
    assert turn.answer.finish_reason == "stop" and '{"celsius": 18}' in turn.answer.text
    assert "weather" in json.dumps(body(servers[dialect])), "the tools are offered again"
    whole = turn.whole(turn.answer)
    assert whole.text == f"Let me look.\n\n{turn.answer.text}"
    assert [call.name for call in whole.tool_calls] == ["weather"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_later_turns_send_the_rounds_again(dialect: str, servers: dict[str, Any]) -> None:
    asked(dialect)
    turn = asked(dialect, "Thank you.")
    assert turn.answer is not None and turn.answer.text == "Thank you.", turn.answer
    sent = json.dumps(body(servers[dialect]), ensure_ascii=False)
    assert "成都" in sent and "celsius" in sent


@pytest.mark.parametrize("first", DIALECTS)
def test_a_conversation_with_calls_goes_on_with_any_other_provider(
    first: str, servers: dict[str, Any]
) -> None:
    both = 'call weather {"city": "成都"}\ncall weather {"city": "合肥"}\n---\nDone: {results}'
    asked(first, PROMPT if first in ONE_CALL else both)
    for second in DIALECTS:
        turn = asked(second, f"Thank you, {second}.")
        assert turn.answer is not None and turn.answer.text == f"Thank you, {second}.", turn.answer
        assert "celsius" in json.dumps(body(servers[second])), "what was found out is known there too"


@pytest.mark.parametrize("dialect", [one for one in DIALECTS if one not in ONE_CALL])
def test_several_calls_of_one_round_are_made_in_order(dialect: str) -> None:
    turn = asked(
        dialect,
        'call weather {"city": "a"}\ncall weather {"city": "b"}\n---\n'
        'call weather {"city": "c"}\n---\nDone: {results}',
    )
    assert CALLED == ["a", "b", "c"]
    assert turn.answer is not None and turn.answer.text == 'Done: {"celsius": 18}', turn.answer
    assert [len(one.tool_calls) for one in turn.rounds if one.role == "assistant"] == [2, 1]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("wrong", ['{"city": 3}', '{"town": "成都"}'])
def test_a_bad_call_goes_back_to_the_model_and_is_not_made(dialect: str, wrong: str) -> None:
    turn = asked(dialect, f"call weather {wrong}\n---\nI see: {{results}}")
    assert not CALLED and turn.answer is not None and turn.answer.error is None, turn.answer
    assert "The call was not made" in turn.answer.text and "city" in turn.answer.text


def test_what_was_billed_is_the_sum_of_the_rounds(servers: dict[str, Any]) -> None:
    turn = asked("openai")
    assert turn.answer is not None and turn.answer.usage is not None
    first, second = (record.body["messages"] for record in servers["openai"].log)
    words = [sum(len(str(one.get("content")).split()) for one in messages) for messages in (first, second)]
    assert turn.answer.usage.input_tokens == sum(words)
    assert session().stats["openai"].input_tokens >= sum(words)


def test_anthropics_thoughts_go_back_with_their_signatures(servers: dict[str, Any]) -> None:
    talk = session().conversation("thinking")
    server = servers["anthropic"]
    prompt = f"think Let me see.\n{PROMPT}"
    options = {"thinking": {"type": "adaptive"}}
    tools = toolbox().schemas()
    turn, run = talk.begin(prompt, model="anthropic:script", options=options, tools=tools)
    run.start()
    assert run.wait(10) and turn.answer is not None
    from nbstream.messages import Message

    said = Message.many(turn.answer)[0]
    result = Message("tool", "18", tool_call_id=said.tool_calls[0].id)
    again = talk.go_on(turn, (said, result))
    again.start()
    assert again.wait(10) and turn.answer is not None and turn.answer.text == "It is 18 there.", turn.answer
    [thought] = [one for one in body(server)["messages"][1]["content"] if one["type"] == "thinking"]
    assert thought["thinking"] == "Let me see." and thought["signature"]


def test_reasoning_goes_back_where_the_host_wants_it(servers: dict[str, Any]) -> None:
    session().login("deepseek", api_key="sk-0123456789abcdef", base_url=servers["openai"].url)
    asked("deepseek", f"think Let me see.\n{PROMPT}")
    assert body(servers["openai"])["messages"][1]["reasoning_content"] == "Let me see."
    asked("openai", f"think Let me see.\n{PROMPT}", line="--new")
    assert "reasoning_content" not in json.dumps(body(servers["openai"]))


def test_there_is_a_bound_on_rounds_and_the_model_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session().settings, "tool_rounds", 2)
    one = 'call weather {"city": "a"}'
    turn = asked("openai", "\n---\n".join([one, one, one, "Enough: {results}"]))
    assert len(CALLED) == 2
    assert turn.answer is not None and "too many calls" in turn.answer.text
    turn = asked("openai", "\n---\n".join([one] * 9), line="--new")
    assert len(CALLED) == 4, "a model that goes on calling is not asked for ever"
    assert turn.answer is not None and "2 rounds" in turn.answer.notes[0]


def test_a_call_that_cannot_be_made_is_not_repeated_for_ever(servers: dict[str, Any]) -> None:
    wrong = "call weather {}"
    before = len(servers["openai"].log)
    turn = asked("openai", "\n---\n".join([wrong] * 9))
    assert len(servers["openai"].log) - before == 4 and not CALLED
    assert turn.answer is not None and turn.answer.notes[0].startswith("ended: the model repeats")
    turn = asked("openai", "\n---\n".join([wrong, wrong, wrong, "Enough: {results}"]), line="--new")
    assert turn.answer is not None and "Do not repeat it" in turn.answer.text
    mended = 'call weather {"city": "a"}'
    asked("openai", "\n---\n".join([wrong, wrong, mended, "{results}"]), line="--new")
    assert len(CALLED) == 1, "one that was mended is made"


def test_an_error_goes_back_without_its_traceback_or_a_key(servers: dict[str, Any]) -> None:
    key = "sk-canary-0123456789abcdef"
    session().login("deepseek", api_key=key)

    def broken(city: str) -> None:
        raise ValueError(f"{city}: 401 for key {key}")

    toolbox().add("broken", described(broken), unasked=True)
    turn = asked("openai", 'call broken {"city": "a"}\n---\nSo: {results}')
    assert turn.answer is not None and turn.answer.text.startswith(
        "So: The function failed: ValueError: a: 401"
    )
    assert key not in json.dumps([one.body for one in servers["openai"].log]) + str(turn)
    assert "Traceback" not in json.dumps(body(servers["openai"]))


def test_what_a_function_gives_is_bounded_and_says_so(
    servers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session().settings, "tool_result", 1_000)

    def long(city: str) -> str:
        return "x" * 5_000

    toolbox().add("long", described(long), unasked=True)
    asked("openai", 'call long {"city": "a"}\n---\nok')
    sent = body(servers["openai"])["messages"][-1]["content"]
    assert len(sent) < 1_100 and "4,000 more characters" in sent


def test_a_function_that_is_awaited_is_awaited() -> None:
    import asyncio

    async def later(city: str) -> str:
        await asyncio.sleep(0)
        CALLED.append(city)
        return f"later {city}"

    toolbox().add("later", described(later), unasked=True)
    turn = asked("openai", 'call later {"city": "a"}\n---\nSo: {results}')
    assert turn.answer is not None and turn.answer.text == "So: later a"


def test_a_call_that_takes_too_long_is_stopped_and_the_model_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio
    import time

    monkeypatch.setattr(session().settings, "tool_timeout", 0.05)

    def slow(city: str) -> None:
        time.sleep(60)

    async def slow_too(city: str) -> None:
        await asyncio.sleep(60)

    toolbox().add("slow", described(slow), unasked=True)
    toolbox().add("slow_too", described(slow_too), unasked=True)
    turn = asked("openai", 'call slow {"city": "a"}\ncall slow_too {"city": "a"}\n---\nSo: {results}')
    assert turn.answer is not None and turn.answer.text.count("longer than 0.05 seconds") == 2, turn.answer


def test_a_function_that_exits_does_not_end_the_kernel() -> None:
    def leave(city: str) -> None:
        raise SystemExit(3)

    toolbox().add("leave", described(leave), unasked=True)
    turn = asked("openai", 'call leave {"city": "a"}\n---\nSo: {results}')
    assert turn.answer is not None and "SystemExit" in turn.answer.text


def test_a_function_may_ask_a_model_itself_and_that_one_is_offered_no_functions(
    servers: dict[str, Any],
) -> None:
    def research(topic: str) -> str:
        nested = asked("openai", f"About {topic}.", line="--no-history")
        return nested.prompt + " ok"

    session().conversation().ask("Hello.", model="openai:script")
    toolbox().add("research", described(research), unasked=True)
    turn = asked("openai", 'call research {"topic": "tea"}\n---\nSo: {results}')
    assert turn.answer is not None and turn.answer.text.endswith("ok"), turn.answer
    inner = next(one.body for one in servers["openai"].log if "About tea." in str(one.body["messages"][-1]))
    assert "tools" not in inner


def test_in_python_a_function_is_told_and_its_call_stands_in_the_answer(servers: dict[str, Any]) -> None:
    import nbstream

    answer = nbstream.ask('call weather {"city": "成都"}', model="openai:script", tools=[weather])
    assert [(call.name, call.arguments) for call in answer.tool_calls] == [("weather", '{"city": "成都"}')]
    assert not CALLED, "nothing is run: nobody was asked"
    assert body(servers["openai"])["tools"] == [described(weather).schema]
    with pytest.raises(nbstream.NbstreamError) as caught:
        nbstream.ask("hi", model="openai:script", tools=["weather"])
    assert caught.value.case == "tool"


def test_a_model_that_knows_no_tools_is_told_by_its_card(
    servers: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    turn = asked("ollama", "Hello.", line="-m ollama:no-tools")
    assert turn.answer is not None and turn.answer.error is not None
    assert "does not support tools" in turn.answer.error.why
    assert "%llm tools remove all" in capsys.readouterr().out
    toolbox().clear()
    turn = asked("ollama", "Hello.", line="--new -m ollama:no-tools")
    assert turn.answer is not None and turn.answer.text == "Hello."


def test_the_audit_log_says_which_tool_ran_and_how_it_ended_and_no_more(tmp_path: Any) -> None:
    log = tmp_path / "audit.jsonl"
    session().audit.open(log)
    try:
        asked("openai", 'call weather {"city": "成都"}\ncall weather {}\n---\nok')
    finally:
        session().audit.close()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    tools = [one for one in lines if one["event"] == "tool"]
    assert [one["outcome"] for one in tools] == ["done", "invalid"] and tools[0]["tool"] == "weather"
    assert "成都" not in log.read_text() and "celsius" not in log.read_text()
