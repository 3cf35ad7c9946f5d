"""A loopback server that speaks Spark's OpenAI-style endpoints; see `behaviours` for the models it has.

Beside these any other model gets twenty words, ``error:CODE[:K]`` K words and then that code flat in the
stream, and ``vector:NAME`` (``vector-bytes:NAME``) replays a transcript of Spark's own.

``python -m tests.fakes.spark_http_server [--key KEY] [--tls]`` serves from a process of its own.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from typing import Any

from . import texts
from .behaviours import Behaving, Speech, unanswered
from .loopback import Exchange, main
from .scripted import Scripted
from .spark_frames import transcripts

CREDENTIALS = {"api_password": "pWd0123456789:contract"}
SSE = {"Content-Type": "text/event-stream"}
SID = "cha000c0ffe@dx19ab34cd56e7f80001"
SHAPE = {"code": 0, "message": "Success", "sid": SID, "id": SID, "created": 1795219200}
DONE = b"data:[DONE]\n\n"


def event(value: dict[str, Any]) -> bytes:
    """One event, with no blank after ``data:``, as the service writes it."""
    return b"data:" + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def chunk(content: str, **delta: Any) -> bytes:
    """A piece of the answer: no object, no model, no finish reason."""
    shape = {"role": "assistant", "content": content} | delta
    return event(SHAPE | {"choices": [{"delta": shape, "index": 0}]})


def flat(code: int, message: str) -> bytes:
    """An error in mid-stream."""
    return event({"code": code, "message": message, "sid": SID})


class Stream(Speech):
    """An answer as events; a call is one object unless an array is asked for."""

    def tool(self) -> str:
        return str(self.body["tools"][0]["function"]["name"])

    async def open(self) -> None:
        await self.exchange.start(200, SSE)

    async def token(self, text: str, *, thought: bool) -> None:
        await self.exchange.send(chunk("", reasoning_content=text) if thought else chunk(text))

    async def call(self, name: str, arguments: Mapping[str, Any]) -> None:
        said = json.dumps(arguments, ensure_ascii=False)
        index, id_ = self.next_id("call_1")
        call = {"id": id_, "type": "function", "function": {"name": name, "arguments": said}}
        switched = self.body.get("tool_calls_switch") is True
        await self.exchange.send(chunk("", tool_calls=[call | {"index": index}] if switched else call))

    async def finish(self, reason: str = "stop") -> None:
        await self.exchange.send(event(SHAPE | {"choices": [], "usage": self._usage()}) + DONE)
        await self.exchange.end()

    async def fail(self, message: str) -> None:
        await self.exchange.send(flat(10012, message))

    async def whole(self, text: str) -> None:
        self.exchange.record.text = text
        self.said = len(text.split())
        choice = {"message": {"role": "assistant", "content": text}, "index": 0}
        await self.exchange.json(200, SHAPE | {"choices": [choice], "usage": self._usage()})

    def _usage(self) -> dict[str, int]:
        made = self.said + self.thought
        return {"prompt_tokens": self.asked, "completion_tokens": made, "total_tokens": self.asked + made}


class SparkHTTPServer(Behaving):
    """Speaks Spark's HTTP dialect over loopback."""

    path = "/v1"
    speech = Stream

    async def respond(self, exchange: Exchange) -> None:
        body = exchange.record.body
        if not exchange.record.path.endswith("/chat/completions") or not isinstance(body, dict):
            await exchange.json(404, {"message": "no Route matched with those values"})
            return
        if wrong := unanswered(body.get("messages")):
            await self.refuse(exchange, 400, wrong)
            return
        model = str(body.get("model"))
        name = model.partition(":")[0].replace("-", "_")
        known = hasattr(self, f"play_{name}") or name == "no_such_model"
        await self.behave(exchange, model if known else "words:20")

    async def refuse(
        self, exchange: Exchange, status: int, message: str, headers: dict[str, str] | None = None
    ) -> None:
        error = {"message": f"{message} (sid: {SID})", "type": "api_error", "param": None, "code": None}
        await exchange.json(status, {"error": error}, headers)

    async def unauthorized(self, exchange: Exchange) -> None:
        await exchange.json(401, {"message": "HMAC signature cannot be verified: apikey not found"})

    async def play_echo(self, exchange: Exchange, argument: str) -> None:
        said = json.dumps({"path": exchange.record.path, **exchange.record.body}, ensure_ascii=False)
        await self.answer(exchange, texts.tokenized(said), 0)

    async def play_error(self, exchange: Exchange, argument: str) -> None:
        code, _, count = argument.partition(":")
        stream = await self._begun(exchange, count)
        await exchange.send(flat(int(code), f"failed with {code}, as asked"))
        await stream.exchange.end()

    async def _replay(self, exchange: Exchange, name: str, size: int = 0, *, chunked: bool = True) -> None:
        transcript = transcripts()[name]
        response = transcript["response"]
        await exchange.start(response["status"], response["headers"], chunked=chunked)
        for one in transcript["frames"]:
            if "abort" in one:
                await exchange.reset()
                return
            raw = one["text"].encode() if "text" in one else base64.b64decode(one["b64"])
            for start in range(0, len(raw), size or len(raw)):
                await exchange.send(raw[start : start + (size or len(raw))])
                await asyncio.sleep(0)
        await exchange.end()


SERVER = SparkHTTPServer


def scripted() -> Scripted:
    """For the contract suite."""
    return Scripted("/v1", said=chunk, ends=DONE, fails=lambda message: flat(10012, message))


if __name__ == "__main__":
    main(SparkHTTPServer)
