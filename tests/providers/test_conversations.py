"""A conversation with stopped, cut and failed turns goes on, with any service and from one to another.

The servers refuse what the services refuse: roles out of order, an even number, blanks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, NamedTuple

import pytest

from nbstream.chat.conversation import Conversation
from nbstream.chat.history import Turn
from nbstream.chat.session import Session
from nbstream.messages import Answer, Message, Opaque, TextDelta, ToolCall
from tests.fakes.anthropic_server import SIGNATURE, AnthropicServer
from tests.fakes.openai_server import OpenAIServer


class Service(NamedTuple):
    """Whom to ask, and the models there that fail before the first word."""

    provider: str
    server: str
    refuses: str = "status:400"


SERVICES = [
    Service("spark", "spark_server:SparkServer", "error:10013:0"),
    Service("spark-http", "spark_http_server:SparkHTTPServer"),
    Service("ernie", "ernie_server:ErnieServer", "refuse:invalid_model"),
    Service("ernie-v1", "ernie_v1_server:ErnieV1Server", "refuse:336100"),
    Service("anthropic", "anthropic_server:AnthropicServer"),
    Service("gemini", "gemini_server:GeminiServer"),
    Service("ollama", "ollama_server:OllamaServer"),
    Service("openai", "openai_server:OpenAIServer"),
]


class Asker:
    """A conversation with one service, turn by turn."""

    def __init__(self, service: Service, module: Any, url: str) -> None:
        self.service, self.talk = service, Session().conversation()
        self._given = {"base_url": url, "credentials": dict(module.CREDENTIALS), "retries": 0, "timeout": 10}

    def begin(self, model: str, **more: Any) -> tuple[Turn, Any]:
        return self.talk.begin("Well?", model=f"{self.service.provider}:{model}", **self._given, **more)

    def ask(self, model: str, **more: Any) -> Turn:
        turn, run = self.begin(model, **more)
        run.start()
        assert run.wait(10)
        return turn

    def stop(self, model: str, *, after: str) -> Turn:
        """Ask, and press Stop when a text has come, or when the request is on its way."""
        turn, run = self.begin(model)
        if after == "text":
            for event in run.read():  # leaving it cancels
                if isinstance(event, TextDelta):
                    break
        else:
            run.start()
            run.cancel()
        assert run.wait(10)
        return turn

    def resume(self, turn: Turn) -> Turn:
        run = self.talk.resume(turn)
        run.start()
        assert run.wait(10)
        return turn


@pytest.fixture(params=SERVICES, ids=lambda one: one.provider)
def asker(request: Any) -> Iterator[Asker]:
    service: Service = request.param
    name, _, server = service.server.partition(":")
    module = import_module(f"tests.fakes.{name}")
    with getattr(module, server)() as running:
        yield Asker(service, module, running.url)


def test_every_turn_stays_visible_and_none_breaks_the_order_of_what_is_sent(asker: Asker) -> None:
    first = asker.ask("words:3", cell="a")
    stopped = asker.stop("endless", after="text")
    nothing = asker.stop("silent", after="nothing")
    refused = asker.ask(asker.service.refuses)
    cut = asker.ask("cut:3")
    assert [turn.status for turn in (first, stopped, nothing, refused, cut)] == [
        "done", "stopped", "stopped", "failed", "failed",
    ]  # fmt: skip
    assert cut.answer and cut.answer.text and nothing.answer and not nothing.answer.text
    assert asker.talk.turns == [first, stopped, nothing, refused, cut]

    good = [
        asker.ask("words:3"),
        asker.ask("words:3", cell="a"),  # its cell again: nothing comes before it
        asker.ask("words:3", at=nothing),  # an edit: the stopped turn is the last before it
        asker.ask("words:3"),
        asker.ask("words:3", at=asker.talk.turns[0]),
    ]
    asker.talk.history.go_to(cut)
    good.append(asker.ask("words:3"))
    assert [turn.answer and turn.answer.error for turn in good] == [None] * len(good)


def test_an_answer_that_was_cut_is_gone_on_with_and_the_conversation_after_it(asker: Asker) -> None:
    asker.ask("words:2")
    turn = asker.ask("cut:3")
    assert turn.answer is not None and turn.answer.error is not None
    begun = turn.answer.text
    turn.model = f"{asker.service.provider}:words:3"  # the same service, in a better mood
    asker.resume(turn)
    answer = turn.answer
    assert (answer.error, answer.finish_reason) == (None, "stop")
    assert answer.text.startswith(begun.rstrip()) and len(answer.text) > len(begun)
    assert len(answer.notes) == 1, "it says how it was gone on with"
    assert asker.ask("words:2").status == "done"
    assert len(asker.talk.turns) == 3


# --- from one service to another ----------------------------------------------------------------------

CALL = ToolCall("toolu_1", "weather", '{"city": "成都"}')
ROUNDS = (
    Message(
        "assistant",
        "Let me look.",
        reasoning="Ask the tool.",
        tool_calls=(CALL,),
        opaque=(
            Opaque("anthropic", {"type": "thinking", "thinking": "Ask the tool.", "signature": SIGNATURE}),
        ),
    ),
    Message("tool", "18 degrees", tool_call_id="toolu_1"),
)


@pytest.fixture
def two() -> Iterator[tuple[AnthropicServer, OpenAIServer]]:
    with AnthropicServer() as anthropic, OpenAIServer() as openai:
        yield anthropic, openai


def asking(talk: Conversation, server: Any) -> Callable[..., dict[str, Any]]:
    def ask(provider: str, **more: Any) -> dict[str, Any]:
        """The request that comes of a question."""
        given = {"base_url": server.url, "credentials": {"api_key": "k" * 20}, "retries": 0}
        answer = talk.ask("And now?", model=f"{provider}:think:4", **given, **more)
        assert answer.finish_reason == "stop" and answer.reasoning
        body: dict[str, Any] = server.log[-1].body
        return body

    return ask


def test_what_a_model_thought_goes_to_no_other_and_its_state_only_home(
    two: tuple[AnthropicServer, OpenAIServer],
) -> None:
    talk = Session().conversation()
    ask_anthropic, ask_openai = (asking(talk, server) for server in two)
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    ask_anthropic("anthropic", options=thinking)
    first = talk.turns[0]
    assert first.answer is not None and first.answer.reasoning
    first.rounds = ROUNDS  # it called a tool before it answered

    said = ask_openai("openai")["messages"]
    assert [one["role"] for one in said] == ["user", "assistant", "tool", "assistant", "user"]
    assert "reasoning_content" not in str(said) and SIGNATURE not in str(said)
    assert first.answer.reasoning not in str(said)

    said = ask_openai("deepseek")["messages"]
    assert said[1]["reasoning_content"] == "Ask the tool.", "with a tool call this one insists on it"
    assert sum("reasoning_content" in one for one in said) == 1 and SIGNATURE not in str(said)

    said = ask_anthropic("anthropic", options=thinking)["messages"]
    blocks = said[1]["content"]
    assert (blocks[0]["type"], blocks[0]["signature"]) == ("thinking", SIGNATURE)
    assert str(said).count("'thinking'") == 2, "that block alone: elsewhere thoughts are no use"
    second = talk.turns[1].answer
    assert isinstance(second, Answer) and second.reasoning and second.reasoning not in str(said)


def test_a_turn_that_is_taken_out_while_it_runs_is_stopped(
    two: tuple[AnthropicServer, OpenAIServer],
) -> None:
    server = two[1]
    talk = Session().conversation()
    for take_out in (talk.undo, talk.reset):
        given = {"base_url": server.url, "credentials": {"api_key": "k" * 20}}
        _, run = talk.begin("Go on.", model="openai:endless", **given)
        run.start()
        take_out()
        assert run.wait(10) and run.progress.answer().finish_reason == "cancelled"
        assert talk.turns == []


def test_going_on_asks_with_the_options_of_the_turn(two: tuple[AnthropicServer, OpenAIServer]) -> None:
    server = two[1]
    talk = Session().conversation()
    given = {"base_url": server.url, "credentials": {"api_key": "k" * 20}, "options": {"seed": 7}}
    turn, run = talk.begin("Go.", model="openai:half:3", system="Be brief.", temperature=0.5, **given)
    run.start()
    assert run.wait(10)
    there = talk.branch("other")
    run = there.resume(there.turns[0])
    run.start()
    assert run.wait(10)
    body = server.log[-1].body
    assert (body["seed"], body["temperature"], body["messages"][0]["content"]) == (7, 0.5, "Be brief.")
    assert turn.answer is not None and len(turn.answer.text.split()) == 3, "the branch's turn went on"
