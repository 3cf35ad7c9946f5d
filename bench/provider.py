"""The provider of the benchmark: the tests' OpenAI server, which notes when it sends each marker.

    bench:N@R   the answer of `workloads.Workload(N, R)`, every token in a write of its own
    chat        the same, where the last message is ``N@R``: what is typed into a chat
    body:N      N tokens, made before and sent in one piece: what a client can take in at most
    chunks:N    the same bytes, with each token in an HTTP chunk of its own, as providers send them

``GET /bench/sent`` gives the monotonic times of the last ``bench`` answer. The clock is the machine's, the
same in every process.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any, Self

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.workloads import Workload, markers_in, tokens
from tests.environment import ROOT
from tests.fakes.loopback import Exchange, main, paced
from tests.fakes.openai_server import SSE, OpenAIServer
from tests.served import Served

THINKING = 0.5
"""Seconds before the first token, as with a real model: a view has stood for a while when it comes."""
DONE = b"data: [DONE]\n\n"


class BenchServer(OpenAIServer):
    """Speaks OpenAI's chat completions, and remembers when."""

    def __init__(self, key: str | None = None, *, tls: bool = False) -> None:
        super().__init__(key, tls=tls)
        self.sent: dict[str, Any] = {}
        self._bodies: dict[str, bytes] = {}

    async def respond(self, exchange: Exchange) -> None:
        if exchange.record.path == "/bench/sent":
            await exchange.json(200, self.sent)
            return
        body = exchange.record.body
        name, _, argument = str(body.get("model") if isinstance(body, dict) else "").partition(":")
        if name == "chat":
            name, argument = "bench", str(body["messages"][-1]["content"]).strip()
        if name == "bench":
            await self._stream(exchange, Workload.parse(argument))
        elif name in ("body", "chunks"):
            await self._at_once(exchange, int(argument), chunked=name == "chunks")
        else:
            await super().respond(exchange)

    async def _stream(self, exchange: Exchange, workload: Workload) -> None:
        arrived = time.monotonic()
        pieces = [(event(exchange, text), bool(markers_in(text))) for text in workload.tokens()]
        marks: list[float] = []
        self.sent = {"arrived": arrived, "marks": marks, "last": None}
        await exchange.start(200, SSE)
        await exchange.send(event(exchange, ""))
        await asyncio.sleep(max(0.0, arrived + THINKING - time.monotonic()))
        async for batch in paced(pieces, workload.rate):
            for data, marked in batch:
                if marked:
                    marks.append(time.monotonic())
                await exchange.send(data)
        for data in ending(exchange, workload.count):
            await exchange.send(data)
        await exchange.end()
        self.sent["last"] = time.monotonic()

    async def _at_once(self, exchange: Exchange, count: int, *, chunked: bool) -> None:
        key = f"{exchange.record.body.get('model')} {exchange.record.body.get('stream_options')}"
        if key not in self._bodies:
            pieces = [event(exchange, text) for text in tokens(count, 20)]
            pieces += ending(exchange, count)
            if chunked:
                pieces = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces] + [b"0\r\n\r\n"]
            self._bodies[key] = b"".join(pieces)
        body = self._bodies[key]
        if chunked:
            await exchange.start(200, SSE)
            await exchange._write(body)  # its chunks are in it already
        else:
            await exchange.whole(200, body, SSE)


def event(exchange: Exchange, text: str) -> bytes:
    return _event(exchange, [{"index": 0, "delta": {"content": text}, "finish_reason": None}])


def ending(exchange: Exchange, count: int) -> list[bytes]:
    """What comes after the last token: the reason, the usage if it was asked for, the end mark."""
    pieces = [_event(exchange, [{"index": 0, "delta": {}, "finish_reason": "stop"}])]
    if (exchange.record.body.get("stream_options") or {}).get("include_usage"):
        usage = {"prompt_tokens": 1, "completion_tokens": count, "total_tokens": count + 1}
        pieces.append(_event(exchange, [], usage=usage))
    return [*pieces, DONE]


def _event(exchange: Exchange, choices: list[Any], **more: Any) -> bytes:
    data = {"id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1_700_000_000}
    data |= {"model": exchange.record.body.get("model"), "choices": choices} | more
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"


class Provider(Served):
    """``with Provider() as provider:`` the server in a process of its own; `provider.sent()` its times."""

    def __init__(self) -> None:
        super().__init__(key=None)
        self._words = [sys.executable, str(ROOT / "bench/provider.py")]

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def sent(self) -> dict[str, Any]:
        found: dict[str, Any] = self._ask("/bench/sent")
        return found


if __name__ == "__main__":
    main(BenchServer)
