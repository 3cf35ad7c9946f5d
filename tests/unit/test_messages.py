"""What may stand in a list of messages."""

from __future__ import annotations

from typing import Any

import pytest

from nbstream.errors import NbstreamError
from nbstream.messages import Answer, Message, Opaque, ToolCall

CALL = ToolCall("call_1", "weather", '{"city": "成都"}')


def test_an_answer_is_the_assistants_message_with_all_that_its_provider_wants_back() -> None:
    state = (Opaque("anthropic", {"signature": "s"}),)
    answer = Answer("Looking.", "hm", [CALL], opaque=state)
    assert Message.many(["hi", answer]) == (
        Message("user", "hi"),
        Message("assistant", "Looking.", "hm", (CALL,), opaque=state),
    )


@pytest.mark.parametrize("arguments", ['{"city": "成都"}', {"city": "成都"}])
def test_dicts_may_have_tool_calls_and_results_as_openai_has_them(arguments: Any) -> None:
    called = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": arguments}}
    asked = {"role": "assistant", "content": None, "tool_calls": [called]}
    result = {"role": "tool", "content": "18", "tool_call_id": "call_1"}
    assert Message.many([asked, result]) == (
        Message("assistant", tool_calls=(CALL,)),
        Message("tool", "18", tool_call_id="call_1"),
    )
    assert Message.many({"role": "assistant", "content": "", "tool_calls": [CALL]})[0].tool_calls == (CALL,)


@pytest.mark.parametrize(
    "wrong",
    [
        7,
        {"role": "king", "content": "hi"},
        {"role": "user", "content": None},
        {"role": "assistant", "content": "", "tool_calls": [7]},
        {"role": "assistant", "content": "", "tool_calls": 7},
        {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": None}}]},
    ],
)
def test_what_cannot_be_read_is_said(wrong: Any) -> None:
    with pytest.raises(NbstreamError) as caught:
        Message.many([wrong])
    assert caught.value.kind == "config" and "cannot read this message" in caught.value.what
