"""A loopback server that speaks Anthropic's Messages API; see `behaviours` for the models it has.

``python -m tests.fakes.anthropic_server [--key KEY] [--tls]`` serves from a process of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .behaviours import MODELS, Behaving, Speech
from .loopback import Exchange, main
from .scripted import Scripted

CREDENTIALS = {"api_key": "sk-ant-contract-0123456789"}

SSE = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    "request-id": "req_fake",
}
TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "gateway_timeout_error",
    529: "overloaded_error",
}
REASONS = {"stop": "end_turn", "tool_calls": "tool_use"}
SIGNATURE = "c2lnbmF0dXJl"


def event(kind: str, **fields: Any) -> bytes:
    """One event, with its name twice, as the service sends it."""
    raw = json.dumps({"type": kind, **fields}, ensure_ascii=False)
    return f"event: {kind}\ndata: {raw}\n\n".encode()


class Stream(Speech):
    """An answer as content blocks: thinking with its signature, text, tool use."""

    _index = -1
    _open = ""

    def told(self) -> list[tuple[str, str]]:
        told = []
        for message in self.messages:
            content = message["content"]
            blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
            kinds = {block["type"] for block in blocks}
            if message["role"] == "assistant":
                told += [("call", "")] if "tool_use" in kinds else []
                continue
            for block in blocks:
                known = {"tool_result": ("result", block.get("content")), "text": ("ask", block.get("text"))}
                told += [known[block["type"]]] if block["type"] in known else []
        return [(kind, str(text)) for kind, text in told]

    async def open(self) -> None:
        await self.exchange.start(200, SSE)
        await self.exchange.send(event("message_start", message=self._message([], None, 1)))
        await self.exchange.send(event("ping"))

    async def token(self, text: str, *, thought: bool) -> None:
        kind = "thinking" if thought else "text"
        if self._open != kind:
            empty = {"thinking": "", "signature": ""} if thought else {"text": ""}
            await self._start({"type": kind, **empty})
        await self._delta({"type": f"{kind}_delta", kind: text})

    async def call(self, name: str, arguments: Mapping[str, Any]) -> None:
        _, id_ = self.next_id("toolu_fake")
        await self._start({"type": "tool_use", "id": id_, "name": name, "input": {}})
        text = json.dumps(arguments, ensure_ascii=False)
        for part in ("", text[:5], text[5:]):
            await self._delta({"type": "input_json_delta", "partial_json": part})

    async def finish(self, reason: str = "stop") -> None:
        await self._stop()
        delta = {"stop_reason": REASONS[reason], "stop_sequence": None}
        usage = {"output_tokens": self.said + self.thought}
        await self.exchange.send(event("message_delta", delta=delta, usage=usage) + event("message_stop"))
        await self.exchange.end()

    async def fail(self, message: str) -> None:
        error = {"type": "overloaded_error", "message": message}
        await self.exchange.send(event("error", error=error, request_id="req_fake"))

    async def whole(self, text: str) -> None:
        content = [{"type": "text", "text": text}]
        message = self._message(content, "end_turn", len(text.split()))
        await self.exchange.json(200, message, {"request-id": "req_fake"})

    def _message(self, content: list[Any], reason: str | None, output: int) -> dict[str, Any]:
        return {
            "id": "msg_fake",
            "type": "message",
            "role": "assistant",
            "model": self.body.get("model"),
            "content": content,
            "stop_reason": reason,
            "stop_sequence": None,
            "usage": {"input_tokens": self.asked, "output_tokens": output},
        }

    async def _start(self, block: dict[str, Any]) -> None:
        await self._stop()
        self._index += 1
        self._open = block["type"]
        await self.exchange.send(event("content_block_start", index=self._index, content_block=block))

    async def _delta(self, delta: dict[str, Any]) -> None:
        await self.exchange.send(event("content_block_delta", index=self._index, delta=delta))

    async def _stop(self) -> None:
        if self._open == "thinking":
            await self._delta({"type": "signature_delta", "signature": SIGNATURE})
        if self._open:
            await self.exchange.send(event("content_block_stop", index=self._index))
        self._open = ""


class AnthropicServer(Behaving):
    """Speaks Anthropic's Messages API over loopback, and insists on what the service insists on."""

    speech = Stream

    def authorized(self, headers: dict[str, str]) -> bool:
        return self.key is None or headers.get("x-api-key") == self.key or super().authorized(headers)

    async def respond(self, exchange: Exchange) -> None:
        record, body = exchange.record, exchange.record.body
        path = record.path.partition("?")[0]
        if path == "/v1/models":
            listed = [
                {"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z"}
                for name in MODELS
            ]
            page = {"data": listed, "has_more": False, "first_id": MODELS[0], "last_id": MODELS[-1]}
            await exchange.json(200, page)
        elif path != "/v1/messages" or record.method != "POST" or not isinstance(body, dict):
            await self.refuse(exchange, 404, "Not Found")
        elif wrong := _wrong(record.headers, body):
            await self.refuse(exchange, 400, wrong)
        else:
            await self.behave(exchange, str(body.get("model")))

    async def refuse(
        self, exchange: Exchange, status: int, message: str, headers: dict[str, str] | None = None
    ) -> None:
        error = {"type": TYPES.get(status, "api_error"), "message": message}
        body = {"type": "error", "error": error, "request_id": "req_fake"}
        await exchange.json(status, body, {"request-id": "req_fake"} | (headers or {}))


def _wrong(headers: dict[str, str], body: dict[str, Any]) -> str:
    """What the service would not accept, in its manner; "" where all is well."""
    if "anthropic-version" not in headers:
        return "anthropic-version: header is required"
    if not isinstance(body.get("max_tokens"), int):
        return "max_tokens: Field required"
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        return "messages: at least one message is required"
    if any(message.get("role") not in ("user", "assistant") for message in messages):
        return 'messages: Unexpected role. The allowed roles are "user" or "assistant".'
    if messages[0]["role"] != "user":
        return 'messages: first message must use the "user" role'
    if messages[-1]["role"] != "user":  # newer models do not go on from a beginning
        return "This model does not support assistant message prefill."
    used: set[str] = set()
    waiting: set[str] = set()
    for number, message in enumerate(messages):
        blocks = message["content"] if isinstance(message["content"], list) else []
        kinds = [block["type"] for block in blocks]
        if waiting - {block.get("tool_use_id") for block in blocks}:
            return (
                f"messages.{number}: `tool_use` ids were found without `tool_result` blocks immediately after"
            )
        waiting = {block["id"] for block in blocks if block["type"] == "tool_use"}
        if {block["id"] for block in blocks if block["type"] == "tool_use"} & used:
            return f"messages.{number}: `tool_use` ids must be unique"
        if "" in [message["content"], *(block.get("text") for block in blocks)]:
            return f"messages.{number}: text content blocks must be non-empty"
        thinking = (body.get("thinking") or {}).get("type") in ("enabled", "adaptive")
        if thinking and "tool_use" in kinds and kinds[0] not in ("thinking", "redacted_thinking"):
            return f"messages.{number}.content.0.type: Expected `thinking` or `redacted_thinking`"
        for block in blocks:
            if block["type"] == "thinking" and block.get("signature") != SIGNATURE:
                return f"messages.{number}: Invalid `signature` in `thinking` block"
            if block["type"] == "tool_result" and block["tool_use_id"] not in used:
                return f"messages.{number}: unexpected `tool_use_id` found in `tool_result` blocks"
            used |= {block["id"]} if block["type"] == "tool_use" else set()
    return ""


def scripted() -> Scripted:
    """For the contract suite."""
    ends = event("content_block_stop", index=0)
    ends += event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 5})
    return Scripted(
        "",
        said=lambda text: event("content_block_delta", index=0, delta={"type": "text_delta", "text": text}),
        ends=ends + event("message_stop"),
        fails=lambda message: event("error", error={"type": "api_error", "message": message}),
    )


SERVER = AnthropicServer

if __name__ == "__main__":
    main(AnthropicServer)
