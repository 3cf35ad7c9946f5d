"""A conversation made with one provider goes on with any other: each dialect's rules of order are kept."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from nbstream.chat.session import Session
from nbstream.messages import Message, ToolCall
from nbstream.providers import registry
from tests.fakes import ernie_v1_server, spark_server

KEYS = {
    "spark": spark_server.CREDENTIALS,
    "ernie": {"api_key": "k" * 20},
    "ernie-v1": ernie_v1_server.CREDENTIALS,
    "anthropic": {"api_key": "k" * 20},
    "gemini": {"api_key": "k" * 20},
}
TEXT = some.sampled_from(["a", "long\n\nanswer", "", " ", "你好"])
RESULT = some.sampled_from(["42", "", " ", '{"x": 1}'])


@some.composite
def histories(draw: Any) -> list[Message]:
    """Turns with blank answers, calls that were answered, half answered or not at all; then a question."""
    messages = [Message("assistant", draw(TEXT))] if draw(some.booleans()) else []
    for number in range(draw(some.integers(0, 4))):
        messages.append(Message("user", draw(TEXT)))
        names = draw(some.lists(some.sampled_from("fg"), max_size=2))
        calls = tuple(
            ToolCall(draw(some.sampled_from(["", f"c{number}{at}"])), name, "{}")
            for at, name in enumerate(names)
        )
        messages.append(Message("assistant", draw(TEXT), tool_calls=calls))
        for call in calls[: draw(some.integers(0, 2))]:
            messages.append(Message("tool", draw(RESULT), tool_call_id=call.id or call.name))
    return [*messages, Message("user", "and now?")]


def sent(provider: str, messages: list[Message]) -> Any:
    call = Session().call(messages, model=provider, credentials=KEYS[provider])
    return json.loads(call.provider.request(call.chat, call.credentials).body or b"")


@given(histories())
def test_spark_is_asked_by_the_user_first_and_last_and_sent_nothing_blank(messages: list[Message]) -> None:
    said = sent("spark", messages)["payload"]["message"]["text"]
    assert said[0]["role"] == said[-1]["role"] == "user"
    assert all(one["content"].strip() for one in said)


@given(histories())
def test_ernie_v1_gets_an_odd_number_in_turn(messages: list[Message]) -> None:
    said = sent("ernie-v1", messages)["messages"]
    assert len(said) % 2 == 1 and said[0]["role"] == "user"
    assert all((one["role"] == "assistant") == bool(at % 2) for at, one in enumerate(said))
    assert all(one["content"].strip() or "function_call" in one for one in said)


@given(histories())
def test_ernie_gets_nothing_blank_and_the_users_word_last(messages: list[Message]) -> None:
    said = sent("ernie", messages)["messages"]
    assert said[0]["role"] in ("user", "system") and said[-1]["role"] in ("user", "tool")
    assert all((one["content"] or "").strip() or one.get("tool_calls") for one in said)


@given(histories())
def test_anthropics_results_stand_right_behind_their_calls(messages: list[Message]) -> None:
    said = sent("anthropic", messages)["messages"]
    assert said[0]["role"] == "user"
    assert all(one["role"] == ("assistant" if at % 2 else "user") for at, one in enumerate(said))
    called: set[str] = set()
    for one in said:
        blocks = one["content"] if isinstance(one["content"], list) else []
        results = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
        assert results <= called, "a result answers a call of the message before it"
        called = {block["id"] for block in blocks if block["type"] == "tool_use"}


@given(histories())
def test_gemini_begins_with_the_user_and_takes_turns(messages: list[Message]) -> None:
    said = sent("gemini", messages)["contents"]
    assert all(one["role"] == ("model" if at % 2 else "user") and one["parts"] for at, one in enumerate(said))


@pytest.mark.parametrize("provider", KEYS)
def test_a_function_that_gave_nothing_back_is_an_answer(provider: str) -> None:
    call = ToolCall("c1", "f", "{}")
    messages = [
        Message("user", "q"),
        Message("assistant", "", tool_calls=(call,)),
        Message("tool", "", tool_call_id="c1"),
    ]
    assert registry.get(provider).name == provider and sent(provider, messages)


@given(histories())
def test_ids_of_calls_are_what_each_service_takes(messages: list[Message]) -> None:
    for provider, wanted in (("mistral", "[a-zA-Z0-9]{9}"), ("openai", r"\S{1,40}")):
        call = Session().call(messages, model=f"{provider}:m", credentials={"api_key": "k" * 20})
        said = json.loads(call.provider.request(call.chat, call.credentials).body or b"")["messages"]
        called: list[str] = []
        for one in said:
            if one["role"] == "tool" and called:
                assert one["tool_call_id"] in called
            called = [call["id"] for call in one.get("tool_calls", ())] or called
            assert len(set(called)) == len(called)
            assert all(re.fullmatch(wanted, id_) for id_ in called)
