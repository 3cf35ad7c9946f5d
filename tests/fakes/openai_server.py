"""A loopback server that speaks OpenAI's chat completions; see `behaviours` for the models it has.

``python -m tests.fakes.openai_server [--key KEY] [--tls]`` serves from a process of its own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from .behaviours import MODELS, Behaving, Speech, unanswered
from .loopback import Exchange, Record, main
from .scripted import Scripted, data

__all__ = ["OpenAIServer", "Record"]

CREDENTIALS = {"api_key": "sk-contract-0123456789"}

SSE = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    "X-Request-Id": "req_fake",
}
CODES = {401: "invalid_api_key", 404: "model_not_found"}


class Stream(Speech):
    """An answer as SSE chunks."""

    def tool(self) -> str:
        return str(self.body["tools"][0]["function"]["name"])

    async def open(self) -> None:
        await self.exchange.start(200, SSE)
        await self._chunk({"role": "assistant", "content": ""})

    async def token(self, text: str, *, thought: bool) -> None:
        await self._chunk({"reasoning_content" if thought else "content": text})

    async def call(self, name: str, arguments: Mapping[str, Any]) -> None:
        index, id_ = self.next_id("call_fake")
        made = {"index": index, "id": id_, "type": "function"}
        await self._chunk({"tool_calls": [made | {"function": {"name": name, "arguments": ""}}]})
        text = json.dumps(arguments, ensure_ascii=False)
        for part in (text[:5], text[5:]):
            await self._chunk({"tool_calls": [{"index": index, "function": {"arguments": part}}]})

    async def finish(self, reason: str = "stop") -> None:
        await self._chunk({}, finish_reason=reason)
        if (self.body.get("stream_options") or {}).get("include_usage"):
            await self.exchange.send(data(self._frame(choices=[], usage=self._usage())))
        await self.exchange.send(b"data: [DONE]\n\n")
        await self.exchange.end()

    async def fail(self, message: str) -> None:
        await self.exchange.send(data({"error": {"message": message, "type": "server_error", "code": 500}}))

    async def whole(self, text: str) -> None:
        self.exchange.record.text = text
        self.said = len(text.split())
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": text},
            "finish_reason": "stop",
        }
        shape = {"id": "chatcmpl-fake", "object": "chat.completion", "model": self.body.get("model")}
        await self.exchange.json(
            200, shape | {"created": int(time.time()), "choices": [choice], "usage": self._usage()}
        )

    def _usage(self) -> dict[str, Any]:
        total = self.said + self.thought
        return {
            "prompt_tokens": self.asked,
            "completion_tokens": total,
            "total_tokens": self.asked + total,
            "completion_tokens_details": {"reasoning_tokens": self.thought},
        }

    async def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        await self.exchange.send(data(self._frame(choices=[choice])))

    def _frame(self, **fields: Any) -> dict[str, Any]:
        shape = {"id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": int(time.time())}
        return shape | {"model": self.body.get("model")} | fields


class OpenAIServer(Behaving):
    """Speaks OpenAI's chat completions over loopback."""

    path = "/v1"
    speech = Stream

    async def respond(self, exchange: Exchange) -> None:
        record = exchange.record
        path = record.path.partition("?")[0]
        if path == "/v1/models":
            listed = [{"id": name, "object": "model", "created": 0, "owned_by": "fake"} for name in MODELS]
            await exchange.json(200, {"object": "list", "data": listed})
        elif path != "/v1/chat/completions" or not isinstance(record.body, dict):
            await self.refuse(exchange, 404, f"Unknown request URL: {record.method} {path}")
        elif wrong := unanswered(record.body.get("messages")):
            await self.refuse(exchange, 400, wrong)
        else:
            await self.behave(exchange, str(record.body.get("model")))

    async def refuse(
        self, exchange: Exchange, status: int, message: str, headers: dict[str, str] | None = None
    ) -> None:
        error = {"message": message, "type": "fake_error", "param": None, "code": CODES.get(status)}
        await exchange.json(status, {"error": error}, {"X-Request-Id": "req_fake"} | (headers or {}))


def scripted() -> Scripted:
    """For the contract suite."""
    return Scripted(
        "/v1",
        said=lambda text: data({"choices": [{"index": 0, "delta": {"content": text}}]}),
        ends=data({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}) + b"data: [DONE]\n\n",
        fails=lambda message: data({"error": {"message": message, "code": 500}}),
    )


SERVER = OpenAIServer

if __name__ == "__main__":
    main(OpenAIServer)
