"""The provider of the load benchmark: many answers at once, each token with the time at which it was sent.

    load:N@R    N tokens at R a second, the first at once; a token is ``1234567890 ``, the clock's nanoseconds

The clock is the machine's, the same in every process. Kept lean: it has the same two cores as its clients.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.environment import ROOT
from tests.fakes.loopback import Exchange, Loopback, main
from tests.served import Served

SSE = {"Content-Type": "text/event-stream; charset=utf-8"}


class LoadServer(Loopback):
    """Speaks OpenAI's chat completions, as one who has much to do."""

    path = "/v1"

    async def respond(self, exchange: Exchange) -> None:
        body = exchange.record.body
        model = str(body.get("model")) if isinstance(body, dict) else ""
        count, _, rate = model.removeprefix("load:").partition("@")
        if not model.startswith("load:"):
            await exchange.json(404, {"error": {"message": f"no model {model}"}})
            return
        await stream(exchange, int(count), float(rate), bool(body.get("stream_options")))
        self.log.clear()  # nobody reads it, and it would grow by each request


async def stream(exchange: Exchange, count: int, rate: float, usage: bool) -> None:
    """`count` tokens, each in an HTTP chunk and a write of its own."""
    before, after = _event({"content": "@"}).split(b"@")
    length = len(before) + len(after)
    await exchange.start(200, SSE)
    begun = time.perf_counter()
    for number in range(count):
        if (wait := begun + number / rate - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        stamp = b"%d " % time.monotonic_ns()
        await exchange._write(b"%x\r\n%s%s%s\r\n" % (length + len(stamp), before, stamp, after))
    last = [_event({}, "stop")]
    if usage:
        last.append(
            _event(None, usage={"prompt_tokens": 1, "completion_tokens": count, "total_tokens": count + 1})
        )
    for data in [*last, b"data: [DONE]\n\n"]:
        await exchange.send(data)
    await exchange.end()


def _event(delta: Any, reason: str | None = None, **more: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": reason}]
    data = {
        "id": "chatcmpl-load",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "load",
    }
    return b"data: " + json.dumps(data | {"choices": choices} | more).encode() + b"\n\n"


class Serving(Served):
    """``with Serving() as server:`` a server in a process of its own."""

    def __init__(self, *words: str, script: str = "bench/load_server.py") -> None:
        super().__init__(key=None)
        self._words = [sys.executable, str(ROOT / script), *words]

    def __enter__(self) -> Serving:
        super().__enter__()
        return self


def many_files() -> None:
    """Let this process have as many connections as the machine allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 8192:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))


if __name__ == "__main__":
    many_files()
    main(LoadServer)
