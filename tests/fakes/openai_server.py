"""A loopback server that speaks OpenAI's chat completions; the `model` says how it behaves.

    words:N@R        N random words at R tokens a second (R = 0 or left out: full speed)
    think:N@R        N random words of reasoning, then N of text
    rich:N@R         a random Markdown document of at least N tokens: headings, table, list, fence
    hold             a heading and a table, then the rest only after POST /control/release
    say:R            the last message itself at R tokens a second; waits for /control/release at each ⏸
    slow-first:S     S seconds of silence before the first token
    vector:NAME      replays tests/vectors/NAME.json, each chunk in a write of its own
    vector-bytes:N   the same byte by byte; vector-close:N with a body that ends with the connection
    status:CODE[:S]  refuses with CODE (and Retry-After: S)
    flaky:K[:NAME]   refuses the first K requests with 503, then answers
    html, json       a web page; a whole answer that is no stream
    cut:N            N tokens, then the connection is reset
    endless          streams until the client goes away
    silent           never answers
    echo             streams back the messages it was given, as JSON

``python -m tests.fakes.openai_server [--key KEY] [--tls]`` serves from a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from typing import Any

from . import texts, vectors
from .loopback import Exchange, Loopback, Record, main, paced
from .scripted import Scripted, data

__all__ = ["OpenAIServer", "Record"]

CREDENTIALS = {"api_key": "sk-contract-0123456789"}

SSE = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    "X-Request-Id": "req_fake",
}
MODELS = ("words:200@50", "rich:400@100", "think:50@50", "hold", "endless", "echo", "json")


class OpenAIServer(Loopback):
    """Speaks OpenAI's chat completions over loopback."""

    path = "/v1"

    def __init__(self, key: str | None = None, *, tls: bool = False) -> None:
        super().__init__(key, tls=tls)
        self._refused: Counter[str] = Counter()

    async def respond(self, exchange: Exchange) -> None:
        record = exchange.record
        path = record.path.partition("?")[0]
        if path == "/v1/models":
            await exchange.json(
                200, {"object": "list", "data": [{"id": name, "object": "model"} for name in MODELS]}
            )
        elif path != "/v1/chat/completions" or not isinstance(record.body, dict):
            await _refuse(exchange, 404, f"Unknown request URL: {record.method} {path}")
        else:
            model = str(record.body.get("model"))
            name, _, argument = model.partition(":")
            behaviour = getattr(self, "_" + name.replace("-", "_"), None)
            if name not in BEHAVIOURS or behaviour is None:
                await _refuse(exchange, 404, f"The model `{model}` does not exist", "model_not_found")
            else:
                await behaviour(exchange, argument)

    # --- answers --------------------------------------------------------------------------------------

    async def _words(self, exchange: Exchange, argument: str) -> None:
        count, rate = _count_and_rate(argument)
        await _answer(exchange, texts.words(count), rate)

    async def _rich(self, exchange: Exchange, argument: str) -> None:
        count, rate = _count_and_rate(argument)
        await _answer(exchange, texts.rich(count), rate)

    async def _think(self, exchange: Exchange, argument: str) -> None:
        count, rate = _count_and_rate(argument)
        await _answer(exchange, texts.words(count), rate, reasoning=texts.words(count))

    async def _echo(self, exchange: Exchange, argument: str) -> None:
        said = json.dumps(exchange.record.body["messages"], ensure_ascii=False)
        await _answer(exchange, texts.tokenized(said), 0)

    async def _slow_first(self, exchange: Exchange, argument: str) -> None:
        stream = Stream(exchange)
        await stream.open()
        await asyncio.sleep(float(argument or 1))
        await stream.tokens(texts.words(5), 0)
        await stream.finish()

    async def _hold(self, exchange: Exchange, argument: str) -> None:
        stream = Stream(exchange)
        await stream.open()
        text = "## Held back\n\n| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n\nLast"
        await stream.tokens(texts.tokenized(text), 0)
        await self.released()
        await stream.tokens([" words."], 0)
        await stream.finish()

    async def _say(self, exchange: Exchange, argument: str) -> None:
        stream = Stream(exchange)
        await stream.open()
        for number, part in enumerate(str(exchange.record.body["messages"][-1]["content"]).split("⏸")):
            if number:
                await self.released()
            await stream.tokens(texts.tokenized(part), float(argument or 0))
        await stream.finish()

    async def _json(self, exchange: Exchange, argument: str) -> None:
        await _whole(exchange, texts.words(20))

    async def _vector(self, exchange: Exchange, argument: str) -> None:
        await _replay(exchange, argument)

    async def _vector_bytes(self, exchange: Exchange, argument: str) -> None:
        await _replay(exchange, argument, size=1)

    async def _vector_close(self, exchange: Exchange, argument: str) -> None:
        await _replay(exchange, argument, chunked=False)

    # --- faults ---------------------------------------------------------------------------------------

    async def _status(self, exchange: Exchange, argument: str) -> None:
        code, _, wait = argument.partition(":")
        headers = {"Retry-After": wait} if wait else {}
        await _refuse(exchange, int(code), f"refused with {code}, as asked", headers=headers)

    async def _flaky(self, exchange: Exchange, argument: str) -> None:
        self._refused[argument] += 1
        if self._refused[argument] <= int(argument.partition(":")[0]):
            await _refuse(exchange, 503, "try again", headers={"Retry-After": "0"})
        else:
            await _answer(exchange, texts.words(10), 0)

    async def _html(self, exchange: Exchange, argument: str) -> None:
        page = b"<!doctype html><html><head><title>Welcome</title></head><body>It works!</body></html>"
        await exchange.whole(200, page, {"Content-Type": "text/html; charset=utf-8"})

    async def _cut(self, exchange: Exchange, argument: str) -> None:
        stream = Stream(exchange)
        await stream.open()
        await stream.tokens(texts.words(int(argument or 5)), 0)
        await exchange.reset()

    async def _endless(self, exchange: Exchange, argument: str) -> None:
        stream = Stream(exchange)
        await stream.open()
        while True:
            await stream.tokens(texts.words(64), 0)
            exchange.record.text = ""  # only its end would ever be of use, and it has none

    async def _silent(self, exchange: Exchange, argument: str) -> None:
        await asyncio.Event().wait()


BEHAVIOURS = {
    *("words", "think", "rich", "hold", "slow-first", "vector", "vector-bytes", "vector-close", "status"),
    *("flaky", "html", "json", "cut", "endless", "silent", "echo", "say"),
}


class Stream:
    """An answer as SSE chunks."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self._body = exchange.record.body
        self._count = self._thought = 0

    async def open(self) -> None:
        await self.exchange.start(200, SSE)
        await self._chunk({"role": "assistant", "content": ""})

    async def tokens(self, tokens: list[str], rate: float, field: str = "content") -> None:
        async for batch in paced(tokens, rate):
            for token in batch:
                await self._chunk({field: token})
                if field == "content":
                    self.exchange.record.text += token
                    self._count += 1
                else:
                    self._thought += 1

    async def finish(self, reason: str = "stop") -> None:
        await self._chunk({}, finish_reason=reason)
        if (self._body.get("stream_options") or {}).get("include_usage"):
            usage = _usage(self._body, self._count, self._thought)
            await self.exchange.send(data(self._frame(choices=[], usage=usage)))
        await self.exchange.send(b"data: [DONE]\n\n")
        await self.exchange.end()

    async def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        await self.exchange.send(data(self._frame(choices=[choice])))

    def _frame(self, **fields: Any) -> dict[str, Any]:
        shape = {"id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": int(time.time())}
        return shape | {"model": self._body.get("model")} | fields


async def _answer(
    exchange: Exchange, tokens: list[str], rate: float, reasoning: list[str] | None = None
) -> None:
    if exchange.record.body.get("stream") is not True:
        await _whole(exchange, tokens)
        return
    stream = Stream(exchange)
    await stream.open()
    await stream.tokens(reasoning or [], rate, "reasoning_content")
    await stream.tokens(tokens, rate)
    await stream.finish()


async def _whole(exchange: Exchange, tokens: list[str]) -> None:
    body = exchange.record.body
    exchange.record.text = "".join(tokens)
    message = {"role": "assistant", "content": exchange.record.text}
    await exchange.json(
        200,
        {
            "id": "chatcmpl-fake",
            "object": "chat.completion",
            "model": body.get("model"),
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": _usage(body, len(tokens), 0),
        },
    )


async def _replay(exchange: Exchange, name: str, size: int = 0, *, chunked: bool = True) -> None:
    try:
        vector = vectors.load(name)
    except FileNotFoundError:
        await _refuse(exchange, 404, f"no vector {name}", "model_not_found")
        return
    pieces = vectors.pieces(vector)
    if size:
        raw = b"".join(pieces)
        pieces = [raw[start : start + size] for start in range(0, len(raw), size)]
    await exchange.start(vector["status"], vector["headers"], chunked=chunked)
    for piece in pieces:
        await exchange.send(piece)
        await asyncio.sleep(0)
    exchange.record.text = vector["expect"]["text"]
    await {"eof": exchange.end, "reset": exchange.reset, "incomplete": exchange.incomplete}[vector["end"]]()


async def _refuse(
    exchange: Exchange,
    status: int,
    message: str,
    code: str | None = None,
    headers: dict[str, str] | None = None,
) -> None:
    error = {"message": message, "type": "fake_error", "param": None, "code": code}
    await exchange.json(status, {"error": error}, {"X-Request-Id": "req_fake"} | (headers or {}))


def _usage(body: dict[str, Any], count: int, thought: int) -> dict[str, Any]:
    asked = sum(len(str(message.get("content")).split()) for message in body.get("messages") or [])
    return {
        "prompt_tokens": asked,
        "completion_tokens": count + thought,
        "total_tokens": asked + count + thought,
        "completion_tokens_details": {"reasoning_tokens": thought},
    }


def _count_and_rate(argument: str) -> tuple[int, float]:
    count, _, rate = argument.partition("@")
    return int(count or 50), float(rate or 0)


def scripted() -> Scripted:
    """For the contract suite."""
    return Scripted(
        "/v1",
        said=lambda text: data({"choices": [{"index": 0, "delta": {"content": text}}]}),
        ends=data({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}) + b"data: [DONE]\n\n",
        fails=lambda message: data({"error": {"message": message, "code": 500}}),
    )


if __name__ == "__main__":
    main(OpenAIServer)
