"""Tools and their calls between the form that all share (OpenAI's) and those of other dialects. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ..messages import Message, ToolCall


def function(tool: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The ``{"name", "description", "parameters"}`` in a tool, bare or wrapped; None for another form.

    >>> function({"type": "function", "function": {"name": "f"}}), function({"google_search": {}})
    ({'name': 'f'}, None)
    """
    inner = tool.get("function")
    if tool.get("type") == "function" and isinstance(inner, Mapping):
        return inner
    bare = "name" in tool and "type" not in tool and "input_schema" not in tool
    return tool if bare else None


def arguments(call: ToolCall) -> dict[str, Any]:
    """A call's arguments as an object; what the model wrote may be none.

    >>> arguments(ToolCall("", "f", "")), arguments(ToolCall("", "f", "{oh"))
    ({}, {'INVALID_JSON': '{oh'})
    """
    if not call.arguments.strip():
        return {}
    try:
        found = json.loads(call.arguments)
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {"INVALID_JSON": call.arguments}


def arguments_text(call: ToolCall) -> str:
    """A call's arguments as JSON text, whatever the model wrote: some services read it again.

    >>> arguments_text(ToolCall("", "f", "")), arguments_text(ToolCall("", "f", '{"a":1}'))
    ('{}', '{"a":1}')
    """
    try:
        good = isinstance(json.loads(call.arguments), dict)
    except (ValueError, RecursionError):
        good = False
    return call.arguments if good else json.dumps(arguments(call), ensure_ascii=False)


def call_ids(messages: tuple[Message, ...], fits: str = r"\S{1,40}") -> list[str]:
    """An id for each call, in order: its own, where that `fits` and no other call of its message has it.

    Another provider's may be longer than here allowed, and some give none. Ours fit everywhere.

    >>> calls = (ToolCall("a", "f", ""), ToolCall("a", "f", ""), ToolCall("", "f", ""))
    >>> call_ids((Message("assistant", tool_calls=calls),))
    ['a', 'call00001', 'call00002']
    """
    ids: list[str] = []
    for message in messages:
        own: set[str] = set()
        for call in message.tool_calls:
            good = call.id not in own and re.fullmatch(fits, call.id)
            ids.append(call.id if good else f"call{len(ids):05}")
            own.add(call.id)
    return ids


def answered(messages: tuple[Message, ...]) -> dict[int, tuple[int, ToolCall]]:
    """Which call each tool message answers: by the message's position, the call's number and the call.

    By id; by name, where there is none (Gemini and Ollama have calls without ids); else in order.
    """
    found: dict[int, tuple[int, ToolCall]] = {}
    calls: list[tuple[int, ToolCall]] = []
    open_: list[tuple[int, ToolCall]] = []
    for position, message in enumerate(messages):
        if message.tool_calls:
            open_.clear()  # what was not answered before the model called again never will be
        for call in message.tool_calls:
            open_.append((len(calls), call))
            calls.append(open_[-1])
        if message.role != "tool":
            continue
        wanted = message.tool_call_id or ""
        same = [one for one in open_ if wanted and one[1].id == wanted]
        same = same or [one for one in open_ if one[1].name == wanted]
        if same or open_:
            one = (same or open_)[0]
            open_.remove(one)
            found[position] = one
    return found
