"""Anthropic's Messages API: the request, and what is refused. ``blocks.py`` reads the stream."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..credentials import Credentials, Secret
from ..errors import NbstreamError, fail
from ..i18n import t
from ..messages import ChatRequest, Event, Message
from ..wire.request import Frame, WireRequest, WireResponse, encoded
from .addresses import endpoint, plain
from .attached import base64, images
from .base import HostProvider, Model
from .blocks import message_events
from .parsing import listed, mapping, word
from .refusals import clean, from_response
from .structured import bounded, without
from .toolcalls import answered, arguments, function

VERSION = "2023-06-01"
ENDPOINT = "/v1/messages"
ENDS = (ENDPOINT, "/v1/models", "/v1")

MAX_TOKENS = (
    (r"claude-3-(opus|sonnet|haiku)", 4_096),
    (r"claude-3-5", 8_192),
    (r"claude|opus|sonnet|haiku", 32_000),
)
"""How long an answer may be where nobody says, since the service insists on a number: not above the
limit of any model of that name, and beyond what one reads in a cell."""
MAX_TOKENS_ELSEWHERE = 8_192
ROOM = 4_096
"""Tokens for the answer beside a fixed budget of thinking, which counts towards the same number."""


class Anthropic(HostProvider):
    """Anthropic, and services of the same shape at another base URL."""

    no_pictures = None
    whole = True

    def request(self, chat: ChatRequest, credentials: Credentials) -> WireRequest:
        model = chat.model or self.default_model
        if not model:
            raise fail("config.no_model", provider=self.name, label=self.label)
        body: dict[str, Any] = {"model": model, "messages": self._messages(chat), "stream": chat.stream}
        if system := _system(chat):
            body["system"] = system
        if chat.temperature is not None:
            body["temperature"] = chat.temperature
        if chat.tools:
            body["tools"] = [_tool(tool) for tool in chat.tools]
        body["max_tokens"] = chat.max_tokens or _room(model, chat.options)
        shape = bounded(chat.schema) if chat.schema and "output_config" not in chat.options else None
        if shape is not None:
            body["output_config"] = {"format": {"type": "json_schema", "schema": shape}}
        body |= chat.options
        slow = re.search(self.host.slow, model, re.I) or "thinking" in body or not chat.stream
        accept = "text/event-stream" if chat.stream else "application/json"
        return WireRequest(
            "sse",
            url=self._url(chat.base_url, ENDPOINT, insecure=chat.allow_insecure),
            headers=_headers(credentials, accept) | {"Content-Type": "application/json"},
            body=encoded(body),
            slow_start=bool(slow),
            allow_insecure=chat.allow_insecure,
            dispensable=("output_config.format",) if shape is not None else (),
        )

    def events(self, frames: Iterator[Frame]) -> Iterator[Event | None]:
        return message_events(self.host, frames)

    def refused(self, response: WireResponse) -> NbstreamError:
        return from_response(self.host, response)

    def again(self, request: WireRequest, error: NbstreamError) -> WireRequest | None:
        """Once more with the model's own limit, where our number was above it; or with the newer thinking.

        Or without the form for JSON, which older models do not have.
        """
        try:
            body = json.loads(request.body or b"{}")
        except ValueError:
            return None
        model = word(body.get("model"))
        if error.kind == "not_found":
            asked = dict(model=clean(model, 100), url=plain(request.url, ENDPOINT))
            error.fix = t("refusal.not_found.fix", provider=self.name, **asked)
        if (
            error.status == 400
            and "adaptive" in error.why
            and "budget_tokens" in mapping(body.get("thinking"))
        ):
            return replace(request, body=encoded(body | {"thinking": {"type": "adaptive"}}))
        # "max_tokens: 32000 > 8192, which is the maximum allowed number of output tokens for …"
        limit = re.search(r"max_tokens: (\d+) > (\d+)", error.why) if error.status == 400 else None
        if limit is None or body.get("max_tokens") != _room(model, body):
            return without(request, error)
        return replace(request, body=encoded(body | {"max_tokens": int(limit.group(2))}))

    def models_request(self, credentials: Credentials, base_url: str | None = None) -> WireRequest | None:
        url = self._url(base_url, "/v1/models")
        url += "&limit=1000" if "?" in url else "?limit=1000"
        return WireRequest("json", url=url, method="GET", headers=_headers(credentials, "application/json"))

    def models(self, response: WireResponse) -> list[Model]:
        # Newest first, as it comes.
        found = listed(self.host, response, "data")
        return [Model(item["id"], word(item.get("display_name"))) for item in found if word(item.get("id"))]

    def _url(self, base_url: str | None, path: str, *, insecure: bool = False) -> str:
        return endpoint(base_url or self.base_url, self.host, path, known=ENDS, insecure=insecure)

    def _messages(self, chat: ChatRequest) -> list[dict[str, Any]]:
        """User and assistant in turn, as the service wants them: neighbours of one role are one message."""
        answers = answered(chat.messages)
        turns: list[tuple[str, list[dict[str, Any]]]] = []
        calls = 0
        for position, message in enumerate(chat.messages):
            if message.role == "system":
                continue
            role, blocks = "user", _images(message) + _text(message)
            if message.role == "tool":
                number, call = answers.get(position, (0, None))
                id_ = _id(call.id, number) if call else _id(message.tool_call_id or "", 0)
                blocks = [{"type": "tool_result", "tool_use_id": id_, "content": message.content}]
            elif message.role == "assistant":
                role = "assistant"
                if message.tool_calls:  # elsewhere the service has no use for what was thought
                    blocks = self._thought(message) + blocks
                for call in message.tool_calls:
                    use = {"id": _id(call.id, calls), "name": call.name, "input": arguments(call)}
                    blocks.append({"type": "tool_use", **use})
                    calls += 1
            if not blocks:
                continue
            if turns and turns[-1][0] == role:
                turns[-1][1].extend(blocks)
            else:
                turns.append((role, blocks))
        if turns and turns[0][0] == "assistant":  # a conversation begins with the user's word
            turns.insert(0, ("user", [{"type": "text", "text": "…"}]))
        if turns and turns[-1][0] == "assistant" and "text" in turns[-1][1][-1]:
            last = turns[-1][1][-1]
            last["text"] = last["text"].rstrip()  # refused otherwise: it would be the beginning of the answer
        return [{"role": role, "content": _content(blocks)} for role, blocks in turns]

    def _thought(self, message: Message) -> list[dict[str, Any]]:
        """Thinking blocks with their signatures, unchanged: the service refuses tool calls without them."""
        return [
            dict(one.data)
            for one in message.opaque
            if one.provider == self.name and isinstance(one.data, Mapping)
        ]


def _headers(credentials: Credentials, accept: str) -> dict[str, str | Secret]:
    headers: dict[str, str | Secret] = {"Accept": accept, "anthropic-version": VERSION}
    if key := credentials.get("api_key"):
        headers["x-api-key"] = key
    elif token := credentials.get("auth_token"):
        headers["Authorization"] = token.wrap("Bearer {}")
    return headers


def _system(chat: ChatRequest) -> str:
    said = [chat.system, *(message.content for message in chat.messages if message.role == "system")]
    return "\n\n".join(one for one in said if one and one.strip())


def _room(model: str, options: Mapping[str, Any]) -> int:
    """The `max_tokens` of a call that names none."""
    room = next((n for pattern, n in MAX_TOKENS if re.search(pattern, model, re.I)), MAX_TOKENS_ELSEWHERE)
    thinking = options.get("thinking")
    budget = thinking.get("budget_tokens") if isinstance(thinking, Mapping) else None
    return max(room, budget + ROOM) if type(budget) is int else room


def _tool(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    """A tool as the dialect wants it; one that is in its own form already stays."""
    found = function(tool)
    if found is None:
        return tool
    rest = {name: value for name, value in found.items() if name != "parameters" and value is not None}
    return rest | {"input_schema": found.get("parameters") or {"type": "object", "properties": {}}}


def _text(message: Message) -> list[dict[str, Any]]:
    """The text of a message as blocks: an empty one is refused, so there is none."""
    return [{"type": "text", "text": message.content}] if message.content.strip() else []


def _images(message: Message) -> list[dict[str, Any]]:
    """Pictures, which the service wants ahead of the text about them."""
    return [
        {"type": "image", "source": {"type": "base64", "media_type": one.media_type, "data": base64(one)}}
        for one in images(message)
    ]


def _content(blocks: list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    return blocks[0]["text"] if len(blocks) == 1 and blocks[0]["type"] == "text" else blocks


def _id(id_: str, number: int) -> str:
    """A call's id as the dialect allows it: another provider's may have other signs, or be missing."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", id_) or f"call_{number}"
