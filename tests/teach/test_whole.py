"""``--no-stream``: the answer comes whole, and says the same as the streamed one, by every provider."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

import nbstream
from nbstream.chat.engine import Run
from nbstream.chat.session import session
from nbstream.chat.tap import Tap
from nbstream.errors import NbstreamError
from nbstream.messages import (
    Event,
    Finish,
    Note,
    Opaque,
    ReasoningDelta,
    Retract,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from nbstream.providers import registry
from nbstream.wire.request import BODY, Frame
from tests.fakes.behaviours import Behaving
from tests.fakes.ernie_server import ErnieServer
from tests.fakes.ernie_v1_server import ErnieV1Server
from tests.fakes.scripted import Scene
from tests.fakes.spark_server import CREDENTIALS as SPARK_KEYS
from tests.fakes.spark_server import SparkServer
from tests.providers.speaking import Speaker

SERVERS: dict[str, type[Behaving]] = {"ernie": ErnieServer, "ernie-v1": ErnieV1Server}
NAMES = [one.name for one in registry.loaded() if one.dialect and (not one.package or find_spec(one.package))]
WHOLE = [name for name in NAMES if registry.get(name).whole]


def fake(dialect: str) -> Any:
    return import_module(f"tests.fakes.{dialect.replace('-', '_')}_server")


@pytest.fixture(scope="module")
def servers() -> Iterator[Callable[[str], Any]]:
    """A server for each dialect, started when it is first asked for."""
    running: dict[str, Any] = {}

    def server(dialect: str) -> Any:
        if dialect not in running:
            made = SERVERS.get(dialect) or fake(dialect).SERVER
            running[dialect] = made().__enter__()
        return running[dialect]

    yield server
    for one in running.values():
        one.__exit__(None, None, None)


def asked(name: str, model: str, server: Any, *, stream: bool, prompt: str = "hi") -> nbstream.Stream:
    keys = dict(fake(registry.get(name).dialect).CREDENTIALS)
    return nbstream.stream(
        prompt, model=f"{name}:{model}", base_url=server.url, credentials=keys, retries=0, stream=stream
    )


@pytest.mark.parametrize("name", WHOLE)
def test_the_whole_answer_is_the_streamed_one_and_is_asked_for_without_a_stream(
    name: str, servers: Any
) -> None:
    server = servers(registry.get(name).dialect)
    model = "recite:" + "A%20%2A%2Awhole%2A%2A%20answer%2C%20%E4%BD%A0%E5%A5%BD."
    streamed = asked(name, model, server, stream=True).wait()
    waited = asked(name, model, server, stream=False)
    pieces = list(waited)
    assert waited.answer.text == streamed.text == "A **whole** answer, 你好."
    assert waited.answer.finish_reason == streamed.finish_reason == "stop"
    assert waited.answer.notes == ()
    assert pieces == [waited.answer.text], "it came in pieces all the same"
    said = server.log[-1]
    assert said.body.get("stream") is False or "streamGenerateContent" not in said.path
    assert "event-stream" not in said.headers["accept"]
    assert waited.answer.usage is not None
    if streamed.usage is not None:
        assert waited.answer.usage.input_tokens == streamed.usage.input_tokens


@pytest.mark.parametrize("name", NAMES)
def test_a_service_that_streams_all_the_same_is_heard_to_its_end(name: str) -> None:
    texts = ("你好，", "世界 😀é", " and\nlines", "  end.")
    with fake(registry.get(name).dialect).scripted() as server:
        server.scene = Scene(texts)
        waited = asked(name, "any", server, stream=False)
        answer = waited.wait()
    assert answer.text == "".join(texts)
    assert answer.finish_reason == "stop"
    if not registry.get(name).whole:
        assert len(answer.notes) == 1
        assert registry.get(name).label in answer.notes[0]


def test_nothing_is_given_before_the_end() -> None:
    with SparkServer() as server:
        keys = {"credentials": SPARK_KEYS, "base_url": server.url, "stream": False}
        waiting = nbstream.stream("hi", model="spark:hold", **keys)
        events = iter(waiting.events())
        assert waiting.answer.text == ""
        server.release()
        got = list(events)
    assert [type(one) for one in got][-2:] == [Note, Finish]
    assert "".join(one.text for one in got if isinstance(one, TextDelta)) == "The first half and the second."


def test_what_came_of_an_answer_that_broke_is_kept() -> None:
    with SparkServer() as server:
        keys = {"credentials": SPARK_KEYS, "base_url": server.url}
        broken = nbstream.stream("hi", model="spark:cut:4", retries=0, stream=False, **keys)
        with pytest.raises(NbstreamError):
            broken.wait()
    assert len(broken.answer.text.split()) == 4


class Noticing(Tap):
    """Notices the first frame."""

    def __init__(self) -> None:
        self.seen = threading.Event()

    def frame(self, frame: Frame, events: list[Event]) -> None:
        self.seen.set()


def test_what_came_of_an_answer_that_was_stopped_is_kept() -> None:
    tap = Noticing()
    with SparkServer() as server:
        call = session().call(
            "hi", model="spark:hold", credentials=SPARK_KEYS, base_url=server.url, stream=False,
            taps=[lambda call: tap],
        )  # fmt: skip
        run = Run(call)
        run.start()
        assert tap.seen.wait(10)
        run.cancel()
        assert run.wait(10)
    answer = run.progress.answer()
    assert answer.text.startswith("The first half")
    assert answer.finish_reason == "cancelled"


def test_demo_holds_its_script_back_and_says_so() -> None:
    options = {"model": "demo", "options": {"delay": 0}}
    streamed = nbstream.ask("hello", **options)
    waited = nbstream.ask("hello", stream=False, **options)
    assert waited.text == streamed.text
    assert waited.usage == streamed.usage
    assert len(waited.notes) == 1
    assert waited.timing.first_token is not None
    assert waited.timing.duration == pytest.approx(waited.timing.first_token, abs=0.5)


def test_a_model_that_only_streams_is_asked_again_with_a_stream() -> None:
    said = "This model only support stream mode, please enable the stream parameter to access the model."
    speaker = Speaker("qwen")
    refused = speaker.refused(400, {"error": {"message": said, "code": "invalid_parameter_error"}})
    again = speaker.provider.again(speaker.asked(stream=False), refused)
    assert again is not None
    assert json.loads(again.body or b"")["stream"] is True
    assert speaker.provider.again(speaker.asked(), refused) is None


# --- whole bodies as the services write them ------------------------------------------------------------

CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "成都"}'}}
USAGE = {"prompt_tokens": 9, "completion_tokens": 7, "total_tokens": 16}
GEMINI_USAGE = {"promptTokenCount": 9, "candidatesTokenCount": 5, "thoughtsTokenCount": 2}


def chat(message: dict[str, Any], reason: str | None = "stop", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant"} | message, "finish_reason": reason}
    return {"id": "x", "object": "chat.completion", "choices": [choice], "usage": USAGE} | more


BODIES: dict[str, tuple[str, dict[str, Any], list[Event]]] = {
    "openai thinks, speaks and counts": (
        "openai",
        chat({"content": "Hi", "reasoning_content": "Hm"}),
        [ReasoningDelta("Hm"), TextDelta("Hi"), Usage(9, 7), Finish("stop", "stop")],
    ),
    "openai calls": (
        "openai",
        chat({"content": None, "tool_calls": [CALL]}, "tool_calls"),
        [
            ToolCallDelta(0, "call_1", "weather", '{"city": "成都"}'),
            Usage(9, 7),
            Finish("tool_calls", "tool_calls"),
        ],
    ),
    "openai has no more tokens": (
        "openai",
        chat({"content": "Half"}, "length"),
        [TextDelta("Half"), Usage(9, 7), Finish("length", "length")],
    ),
    "openai refuses": (
        "openai",
        chat({"content": None, "refusal": "No."}, "content_filter"),
        [TextDelta("No."), Usage(9, 7), Finish("content_filter", "content_filter")],
    ),
    "ernie says normal": (
        "ernie",
        chat({"content": "你好"}, "normal"),
        [TextDelta("你好"), Usage(9, 7), Finish("stop", "normal")],
    ),
    "spark-http gives no reason": (
        "spark-http",
        {"code": 0, "message": "Success", "sid": "s", "usage": USAGE,
         "choices": [{"message": {"role": "assistant", "content": "你好"}, "index": 0}]},
        [TextDelta("你好"), Usage(9, 7), Finish("stop")],
    ),
    "spark-http calls with an object": (
        "spark-http",
        {"code": 0, "message": "Success", "sid": "s", "usage": USAGE,
         "choices": [{"message": {"role": "assistant", "content": "", "tool_calls": CALL}, "index": 0}]},
        [ToolCallDelta(0, "call_1", "weather", '{"city": "成都"}'), Usage(9, 7), Finish("tool_calls")],
    ),
    "ernie-v1 speaks": (
        "ernie-v1",
        {"id": "as", "result": "你好", "is_truncated": False, "need_clear_history": False, "usage": USAGE,
         "finish_reason": "normal"},
        [TextDelta("你好"), Usage(9, 7), Finish("stop", "normal")],
    ),
    "ernie-v1 calls": (
        "ernie-v1",
        {"id": "as", "result": "", "usage": USAGE, "finish_reason": "function_call",
         "function_call": {"name": "weather", "arguments": "{}"}},
        [ToolCallDelta(0, None, "weather", "{}"), Usage(9, 7), Finish("tool_calls", "function_call")],
    ),
    "anthropic thinks, speaks and calls": (
        "anthropic",
        {"type": "message", "role": "assistant", "stop_reason": "tool_use",
         "usage": {"input_tokens": 9, "output_tokens": 7},
         "content": [
             {"type": "thinking", "thinking": "Hm", "signature": "sig"},
             {"type": "text", "text": "Hi"},
             {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "成都"}},
         ]},
        [ReasoningDelta("Hm"), TextDelta("Hi"), ToolCallDelta(0, "t1", "weather"),
         ToolCallDelta(0, arguments='{"city": "成都"}'), Usage(9, 7),
         Opaque("anthropic", {"type": "thinking", "thinking": "Hm", "signature": "sig"}),
         Finish("tool_calls", "tool_use")],
    ),
    "gemini thinks and speaks": (
        "gemini",
        {"candidates": [{"content": {"role": "model", "parts": [
            {"text": "Hm", "thought": True}, {"text": "Hi"}]}, "finishReason": "STOP"}],
         "usageMetadata": GEMINI_USAGE},
        [ReasoningDelta("Hm"), TextDelta("Hi"), Usage(9, 7, 2), Finish("stop", "STOP")],
    ),
    "ollama thinks, speaks and calls": (
        "ollama",
        {"model": "m", "message": {"role": "assistant", "content": "Hi", "thinking": "Hm",
         "tool_calls": [{"function": {"name": "weather", "arguments": {"city": "成都"}}}]},
         "done": True, "done_reason": "stop", "prompt_eval_count": 9, "eval_count": 7},
        [ReasoningDelta("Hm"), TextDelta("Hi"), ToolCallDelta(0, None, "weather", '{"city": "成都"}'),
         Usage(9, 7), Finish("tool_calls", "stop")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BODIES)
def test_a_whole_body_becomes_the_events_of_a_stream(case: str) -> None:
    name, body, expected = BODIES[case]
    assert Speaker(name).events(body, event=BODY) == expected


@pytest.mark.parametrize(
    "case", ["openai", "ernie", "spark-http", "ernie-v1", "anthropic", "gemini", "ollama"]
)
def test_an_error_in_a_whole_body_is_that_error(case: str) -> None:
    said = {
        "ernie-v1": {"error_code": 336100, "error_msg": "busy"},
        "spark-http": {"code": 10013, "message": "busy", "sid": "s"},
        "ollama": {"error": "busy"},
        "anthropic": {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}},
    }
    with pytest.raises(NbstreamError, match="busy"):
        Speaker(case).events(said.get(case, {"error": {"message": "busy", "code": 503}}), event=BODY)


def test_what_moderation_withdraws_is_withdrawn_from_a_whole_body_too() -> None:
    body = chat({"content": "坏"}, "content_filter")
    body["choices"][0] |= {"flag": 3, "ban_round": -1, "need_clear_history": True}
    got = Speaker("ernie").events(body, event=BODY)
    assert any(isinstance(one, Retract) for one in got)
    assert got[-1] == Finish("content_filter", "content_filter")
