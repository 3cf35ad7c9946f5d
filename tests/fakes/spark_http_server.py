"""A loopback server that speaks Spark's OpenAI-style endpoints; the `model` says how it behaves.

words:N@R       N random words at R a second; any other model: twenty
echo            streams back path and question, as JSON
vector:NAME     replays a transcript; vector-bytes:NAME byte by byte
error:CODE[:K]  K words, then that code flat in the stream
endless, silent
"""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

from . import texts
from .loopback import Exchange, Loopback, main, paced
from .scripted import Scripted
from .spark_frames import transcripts

CREDENTIALS = {"api_password": "pWd0123456789:contract"}
SSE = {"Content-Type": "text/event-stream"}
SID = "cha000c0ffe@dx19ab34cd56e7f80001"


class SparkHTTPServer(Loopback):
    """Speaks Spark's HTTP dialect over loopback."""

    path = "/v1"

    async def unauthorized(self, exchange: Exchange) -> None:
        await exchange.json(401, {"message": "HMAC signature cannot be verified: apikey not found"})

    async def respond(self, exchange: Exchange) -> None:
        body = exchange.record.body
        if not exchange.record.path.endswith("/chat/completions") or not isinstance(body, dict):
            await exchange.json(404, {"message": "no Route matched with those values"})
            return
        name, _, argument = str(body.get("model")).partition(":")
        if name in ("vector", "vector-bytes"):
            await _replay(exchange, transcripts()[argument], 1 if name == "vector-bytes" else 0)
        elif name == "silent":
            await asyncio.Event().wait()
        elif name == "error":
            code, _, count = argument.partition(":")
            await self._say(exchange, texts.words(int(count or 0)))
            await exchange.send(_flat(int(code), f"failed with {code}, as asked"))
            await exchange.end()
        elif name == "endless":
            while True:
                await self._say(exchange, texts.words(64))
        else:
            count, _, rate = argument.partition("@") if name == "words" else ("20", "", "")
            said = json.dumps({"path": exchange.record.path, **body}, ensure_ascii=False)
            tokens = texts.tokenized(said) if name == "echo" else texts.words(int(count or 50))
            await self._say(exchange, tokens, float(rate or 0))
            await exchange.send(b"data:[DONE]\n\n")
            await exchange.end()

    async def _say(self, exchange: Exchange, tokens: list[str], rate: float = 0) -> None:
        if not exchange.record.written:
            await exchange.start(200, SSE)
        async for batch in paced(tokens, rate):
            for token in batch:
                await exchange.send(chunk(token))
                exchange.record.text += token


def chunk(content: str, **more: Any) -> bytes:
    """One event, with no blank after ``data:`` and no finish reason, as the service writes it."""
    choice = {"delta": {"role": "assistant", "content": content}, "index": 0}
    shape = {"code": 0, "message": "Success", "sid": SID, "id": SID, "created": 1, "choices": [choice]}
    return b"data:" + json.dumps(shape | more, ensure_ascii=False).encode() + b"\n\n"


def _flat(code: int, message: str) -> bytes:
    return b"data:" + json.dumps({"code": code, "message": message, "sid": SID}).encode() + b"\n\n"


async def _replay(exchange: Exchange, transcript: dict[str, Any], size: int) -> None:
    response = transcript["response"]
    await exchange.start(response["status"], response["headers"])
    for one in transcript["frames"]:
        if "abort" in one:
            await exchange.reset()
            return
        raw = one["text"].encode() if "text" in one else base64.b64decode(one["b64"])
        for start in range(0, len(raw), size or len(raw)):
            await exchange.send(raw[start : start + (size or len(raw))])
            await asyncio.sleep(0)
    await exchange.end()


def scripted() -> Scripted:
    """For the contract suite."""
    return Scripted("/v1", said=chunk, ends=b"data:[DONE]\n\n", fails=lambda message: _flat(10012, message))


if __name__ == "__main__":
    main(SparkHTTPServer)
