"""Short ways to ask a provider of any dialect something, without a socket."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from nbstream.credentials import Secret
from nbstream.errors import NbstreamError
from nbstream.messages import ChatRequest, Event, Message, Opaque, ToolCall
from nbstream.providers import registry
from nbstream.wire.request import Frame, WireRequest, WireResponse

KEY = {"api_key": Secret("sk-test-0123456789abcdef")}
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
"""A tool in the form that all providers take."""


class Speaker:
    """One provider, by name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.provider = registry.get(name)

    def asked(self, model: str = "m", key: Any = KEY, **what: Any) -> WireRequest:
        """The request for a question, or for `messages`."""
        messages = what.pop("messages", None)
        messages = Message.many("hi") if messages is None else Message.many(messages)
        return self.provider.request(ChatRequest(messages, model, **what), key)

    def body(self, model: str = "m", **what: Any) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.asked(model, **what).body or b"")
        return body

    def events(self, *data: Any, event: str = "") -> list[Event]:
        """The events of frames with this data: text as it is, anything else as JSON."""
        frames = [Frame(item if isinstance(item, str) else json.dumps(item), event) for item in data]
        return [item for item in self.provider.events(iter(frames)) if item is not None]

    def refused(self, status: int, payload: Any, **headers: str) -> NbstreamError:
        """The error for a response with this body."""
        raw = payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return self.provider.refused(WireResponse(status, named, raw))

    def models(self, payload: Any) -> list[str]:
        """The names in a list of models."""
        response = WireResponse(200, {}, json.dumps(payload).encode())
        return [model.name for model in self.provider.models(response)]


def talk_with_a_tool(
    id_: str = "call_1", opaque: Iterable[Opaque] = (), said: str = "Looking."
) -> tuple[Message, ...]:
    """A question, a call of the weather, and its result."""
    call = ToolCall(id_, "weather", '{"city": "成都"}')
    return (
        Message("user", "How is the weather?"),
        Message("assistant", said, tool_calls=(call,), opaque=tuple(opaque)),
        Message("tool", '{"celsius": 18}', tool_call_id=id_),
    )
