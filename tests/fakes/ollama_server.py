"""A loopback server that speaks Ollama's own API; see `behaviours` for the models it has.

Beside these ``no-tools`` says the prompt, and refuses tools as a model does that was not made for them.

``python -m tests.fakes.ollama_server [--key KEY] [--tls]`` serves from a process of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .behaviours import MODELS, Behaving, Speech
from .loopback import Exchange, main
from .scripted import Scripted

CREDENTIALS = {"api_key": "ollama-contract-0123456789"}

NDJSON = {"Content-Type": "application/x-ndjson"}
STAMP = {"created_at": "2026-11-20T12:00:00.123456789Z"}


def line(value: Any) -> bytes:
    """`value` as Ollama writes it: U+2028 and U+2029 escaped, U+0085 not."""
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode() + b"\n"


class Stream(Speech):
    """An answer as lines of JSON."""

    @property
    def streamed(self) -> bool:
        return self.body.get("stream") is not False

    def tool(self) -> str:
        return str(self.body["tools"][0]["function"]["name"])

    async def open(self) -> None:
        await self.exchange.start(200, NDJSON)

    async def token(self, text: str, *, thought: bool) -> None:
        await self._line({"content": "", "thinking": text} if thought else {"content": text})

    async def call(self, name: str, arguments: Mapping[str, Any]) -> None:
        await self._line(
            {"content": "", "tool_calls": [{"function": {"name": name, "arguments": arguments}}]}
        )

    async def finish(self, reason: str = "stop") -> None:
        await self._line({"content": ""}, **self._last())  # stop, also after tool calls
        await self.exchange.end()

    async def fail(self, message: str) -> None:
        await self.exchange.send(line({"error": message}))

    async def whole(self, text: str) -> None:
        self.exchange.record.text = text
        self.said = len(text.split())
        shape = {"model": self.body.get("model"), **STAMP}
        await self.exchange.json(
            200, shape | {"message": {"role": "assistant", "content": text}} | self._last()
        )

    def _last(self) -> dict[str, Any]:
        counts = {"prompt_eval_count": self.asked, "eval_count": self.said + self.thought}
        return {
            "done": True,
            "done_reason": "stop",
            "total_duration": 5_000_000,
            **{name: count for name, count in counts.items() if count},
        }

    async def _line(self, message: dict[str, Any], **more: Any) -> None:
        shape = {"model": self.body.get("model"), **STAMP, "message": {"role": "assistant"} | message}
        await self.exchange.send(line(shape | {"done": False} | more))


class OllamaServer(Behaving):
    """Speaks Ollama's own API over loopback, and insists on what the server insists on."""

    speech = Stream

    async def respond(self, exchange: Exchange) -> None:
        record, body = exchange.record, exchange.record.body
        path = record.path.partition("?")[0]
        if path == "/api/tags":
            details = {"family": "fake", "parameter_size": "4.0B", "quantization_level": "Q4_K_M"}
            listed = [{"name": name, "model": name, "size": 1, "details": details} for name in MODELS]
            await exchange.json(200, {"models": listed})
        elif path == "/api/version":
            await exchange.json(200, {"version": "0.40.0"})
        elif path != "/api/chat" or record.method != "POST" or not isinstance(body, dict):
            await exchange.whole(404, b"404 page not found", {"Content-Type": "text/plain"})
        elif wrong := _wrong(body):
            await self.refuse(exchange, 400, wrong)
        else:
            await self.behave(exchange, str(body.get("model")))

    async def play_no_tools(self, exchange: Exchange, argument: str) -> None:
        if exchange.record.body.get("tools"):
            name = f"registry.ollama.ai/library/{exchange.record.body['model']}"
            await self.refuse(exchange, 400, f"{name} does not support tools")
        else:
            await self.play_script(exchange, argument)

    async def unauthorized(self, exchange: Exchange) -> None:
        await self.refuse(exchange, 401, "unauthorized")

    async def refuse(
        self, exchange: Exchange, status: int, message: str, headers: dict[str, str] | None = None
    ) -> None:
        await exchange.json(status, {"error": message}, headers)


def _wrong(body: dict[str, Any]) -> str:
    """What the server would not accept, in its manner; "" where all is well."""
    for message in body.get("messages") or []:
        if message.get("role") not in ("system", "user", "assistant", "tool"):
            return f"invalid role: {message.get('role')}"
        for call in message.get("tool_calls") or []:
            if not isinstance(call["function"]["arguments"], dict):
                kind = "ToolCallFunctionArguments"
                return f"json: cannot unmarshal string into Go struct field .arguments of type api.{kind}"
    if not isinstance(body.get("options") or {}, dict):
        return "json: cannot unmarshal into Go struct field ChatRequest.options"
    return ""


def scripted() -> Scripted:
    """For the contract suite."""
    return Scripted(
        "",
        said=lambda text: line({"message": {"role": "assistant", "content": text}, "done": False}),
        ends=line({"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}),
        fails=lambda message: line({"error": message}),
        content_type="application/x-ndjson",
    )


SERVER = OllamaServer

if __name__ == "__main__":
    main(OllamaServer)
