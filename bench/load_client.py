"""One contender of the load benchmark, in a process of its own: many streams at once in one event loop.

    python bench/load_client.py CONTENDER URL STREAMS TOKENS RATE REQUESTS SECONDS     one JSON line
    python bench/load_client.py reuse URL ROUNDS                 a new connection beside one that is there
    python bench/load_client.py spark URL STREAMS TOKENS RATE    WebSockets, and the memory that each takes

A contender reads `STREAMS` streams at once, then `REQUESTS` short ones a second for `SECONDS`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.figures import quantile
from bench.load_server import many_files

MESSAGES: Any = [{"role": "user", "content": "Everything."}]
SHORT = "load:10@50"
"""What is asked so many times a second."""
Reader = Callable[[str], AsyncIterator[str]]


def nbstream(url: str) -> Reader:
    import nbstream

    def read(model: str) -> AsyncIterator[str]:
        return aiter(
            nbstream.stream(
                "Everything.", model=f"openai:{model}", base_url=url, credentials={"api_key": "k"}
            )
        )

    return read


def openai(url: str) -> Reader:
    import openai

    client = openai.AsyncOpenAI(base_url=url, api_key="k")

    async def read(model: str) -> AsyncIterator[str]:
        async for chunk in await client.chat.completions.create(model=model, messages=MESSAGES, stream=True):
            if chunk.choices:
                yield chunk.choices[0].delta.content or ""

    return read


def httpx2(url: str) -> Reader:
    """By hand, and not careful: no errors, no end mark; but with the one setting that matters."""
    import httpx2

    client = httpx2.AsyncClient(limits=httpx2.Limits(max_connections=None), timeout=None)

    async def read(model: str) -> AsyncIterator[str]:
        body = {"model": model, "messages": MESSAGES, "stream": True}
        async with client.stream("POST", f"{url}/chat/completions", json=body) as response:
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    yield json.loads(line[6:])["choices"][0]["delta"].get("content") or ""

    return read


def by_hand(url: str) -> Reader:
    """The least that asyncio can do: one connection a stream, nothing checked."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)

    async def read(model: str) -> AsyncIterator[str]:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        body = json.dumps({"model": model, "messages": MESSAGES, "stream": True}).encode()
        head = (
            f"POST {parts.path}/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        async for line in reader:
            if line.startswith(b"data: {"):
                yield json.loads(line[6:])["choices"][0]["delta"].get("content") or ""
            elif line.startswith(b"data: [DONE]"):
                break
        writer.close()

    return read


CONTENDERS: dict[str, tuple[str, Callable[[str], Reader]]] = {
    "nbstream": ("`async for text in nbstream.stream(…)`", nbstream),
    "openai": ("openai SDK, `AsyncOpenAI`", openai),
    "by_hand": ("asyncio by hand: bytes, `json.loads`, nothing else", by_hand),
    "httpx2": ("httpx2 by hand: `aiter_lines`, `json.loads`", httpx2),
}


class Watch:
    """What a number of streams took."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.first: list[float] = []
        self.late: list[float] = []

    async def one(self, read: Reader, model: str, count: int) -> None:
        """Read one answer of `count` tokens, each of which says when it was sent."""
        begun, seen = time.monotonic_ns(), 0
        try:
            async for text in read(model):
                now = time.monotonic_ns()
                for stamp in text.split():
                    if seen == 0:
                        self.first.append((now - begun) / 1e6)
                    seen += 1
                    self.late.append((now - int(stamp)) / 1e6)
            if seen != count:
                raise RuntimeError(f"{seen} tokens of {count}")
        except Exception as error:
            self.errors.append(f"{type(error).__name__}: {error}"[:200])

    def figures(self) -> dict[str, Any]:
        first, late = sorted(self.first), sorted(self.late)
        return {
            "errors": len(self.errors),
            "error": self.errors[0] if self.errors else "",
            "first_p50": quantile(first, 0.5),
            "first_p99": quantile(first, 0.99),
            "late_p50": quantile(late, 0.5),
            "late_p99": quantile(late, 0.99),
        }


async def together(read: Reader, streams: int, count: int, rate: float) -> dict[str, Any]:
    """All streams at once."""
    watch = Watch()
    await watch.one(read, "load:3@100", 3)  # what is imported and made at first use
    watch, before = Watch(), memory()
    gc.collect()
    begun, cpu = time.monotonic(), seconds_of_cpu()
    await asyncio.gather(*(watch.one(read, f"load:{count}@{rate:g}", count) for _ in range(streams)))
    return watch.figures() | {
        "wall": time.monotonic() - begun,
        "ideal": (count - 1) / rate,
        "cpu": seconds_of_cpu() - cpu,
        "kilobytes": (memory() - before) / streams,
    }


async def by_the_second(read: Reader, requests: int, seconds: float) -> dict[str, Any]:
    """`requests` short ones a second, whether or not those before have ended."""
    watch, count = Watch(), int(SHORT[5:].partition("@")[0])
    begun, cpu = time.monotonic(), seconds_of_cpu()
    async with asyncio.TaskGroup() as tasks:
        for number in range(round(requests * seconds)):
            await asyncio.sleep(begun + number / requests - time.monotonic())
            tasks.create_task(watch.one(read, SHORT, count))
    return watch.figures() | {"requests": round(requests * seconds), "cpu": seconds_of_cpu() - cpu}


def seconds_of_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def memory() -> float:
    """The most that this process ever held, in kB. (`ru_maxrss` begins with what the parent held.)"""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return float(line.split()[1])
    raise RuntimeError("the system does not say how much memory a process holds")


def reuse(url: str, rounds: int) -> dict[str, Any]:
    """Milliseconds to the first token on a new connection, and on one that another request has left."""
    import nbstream
    from nbstream.chat.background import on_io
    from nbstream.wire import http

    def first() -> float:
        answer = nbstream.ask(
            "Everything.", model="openai:load:1@1000", base_url=url, credentials={"api_key": "k"}
        )
        assert answer.timing.first_token is not None
        return 1000 * answer.timing.first_token

    first()
    new, reused = [], []
    for _ in range(rounds):
        on_io(http.close_all())
        new.append(first())
        reused.append(first())
    return {"new": median(new), "reused": median(reused)}


async def spark(url: str, streams: int, count: int, rate: float) -> dict[str, Any]:
    """WebSockets of Spark, all at once."""
    import nbstream
    from tests.fakes.spark_server import CREDENTIALS

    errors: list[str] = []
    first: list[float] = []
    threads = 0

    async def one(model: str) -> None:
        nonlocal threads
        stream = nbstream.stream("Everything.", model=model, base_url=url, credentials=dict(CREDENTIALS))
        try:
            answer = await stream
            threads = max(threads, threading.active_count())
            first.append(1000 * (answer.timing.first_token or 0))
            if answer.finish_reason != "stop" or len(answer.text.split()) != count:
                raise RuntimeError(f"{answer.finish_reason}, {len(answer.text.split())} words of {count}")
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}"[:200])

    model = f"spark:words:{count}@{rate:g}"
    await one(model)
    errors, first, before = [], [], memory()
    begun, cpu = time.monotonic(), seconds_of_cpu()
    await asyncio.gather(*(one(model) for _ in range(streams)))
    return {
        "streams": streams,
        "errors": len(errors),
        "error": errors[0] if errors else "",
        "first_p50": quantile(sorted(first), 0.5),
        "first_p99": quantile(sorted(first), 0.99),
        "wall": time.monotonic() - begun,
        "ideal": (count - 1) / rate,
        "cpu": seconds_of_cpu() - cpu,
        "threads": threads,
        "kilobytes": (memory() - before) / streams,
    }


async def measured(words: Sequence[str]) -> dict[str, Any]:
    name, url, streams, count, rate, requests, seconds = words
    if name not in CONTENDERS:
        raise SystemExit(f"there is no contender {name}")
    read = CONTENDERS[name][1](url)
    found = {"together": await together(read, int(streams), int(count), float(rate))}
    if float(seconds):
        found["by_the_second"] = await by_the_second(read, int(requests), float(seconds))
    return found


if __name__ == "__main__":
    many_files()
    what, address, *numbers = sys.argv[1:]
    if what == "reuse":
        print(json.dumps(reuse(address, int(numbers[0]))))
    elif what == "spark":
        print(json.dumps(asyncio.run(spark(address, int(numbers[0]), int(numbers[1]), float(numbers[2])))))
    else:
        print(json.dumps(asyncio.run(measured(sys.argv[1:]))))
