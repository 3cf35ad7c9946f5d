"""Short ways to ask an OpenAI-compatible provider something, without a socket."""

from __future__ import annotations

import json
from typing import Any

from nbstream.credentials import Secret
from nbstream.errors import NbstreamError
from nbstream.messages import ChatRequest, Message
from nbstream.providers import registry
from nbstream.providers.openai import OpenAICompatible
from nbstream.wire.request import Frame, WireResponse

KEY = {"api_key": Secret("sk-test-0123456789abcdef")}


def provider(name: str = "openai") -> OpenAICompatible:
    made = registry.get(name)
    assert isinstance(made, OpenAICompatible)
    return made


def asked(name: str = "openai", model: str = "m", key: Any = KEY, **what: Any):
    messages = what.pop("messages", Message.many("hi"))
    return provider(name).request(ChatRequest(messages, model, **what), key)


def body(name: str = "openai", model: str = "m", **what: Any) -> dict[str, Any]:
    return json.loads(asked(name, model, **what).body)


def events(*data: Any, name: str = "openai", event: str = "", done: bool = True) -> list[Any]:
    frames = [Frame(item if isinstance(item, str) else json.dumps(item), event) for item in data]
    if done:
        frames.append(Frame("[DONE]"))
    return [item for item in provider(name).events(iter(frames)) if item is not None]


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def refused(status: int, payload: Any, name: str = "openai", **headers: str) -> NbstreamError:
    raw = payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return provider(name).refused(WireResponse(status, named, raw))
