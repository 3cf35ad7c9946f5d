"""What a client costs: tokens a second with nothing to show, from an answer that is there at once.

The server sends bytes that it made before, so the reader is what is measured. Two shapes: ``body``, one
piece with a length; and ``chunks``, each token in an HTTP chunk of its own, as providers stream. Each
reader runs in a process of its own, the readers in turn.

    python bench/client.py READER URL      one reader: a JSON line
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.environment import clean

COUNT = 20_000
SHAPES = ("body", "chunks")
MESSAGES: Any = [{"role": "user", "content": "Everything."}]
Reader = Callable[[str], Callable[[str], Iterator[str]]]


def stream(url: str) -> Callable[[str], Iterator[str]]:
    import nbstream

    def read(model: str) -> Iterator[str]:
        yield from nbstream.stream(
            "Everything.", model=f"openai:{model}", base_url=url, credentials={"api_key": "k"}
        )

    return read


def ask(url: str) -> Callable[[str], Iterator[str]]:
    import nbstream

    def read(model: str) -> Iterator[str]:
        yield nbstream.ask(
            "Everything.", model=f"openai:{model}", base_url=url, credentials={"api_key": "k"}
        ).text

    return read


def openai(url: str) -> Callable[[str], Iterator[str]]:
    import openai

    client = openai.OpenAI(base_url=url, api_key="k")

    def read(model: str) -> Iterator[str]:
        for chunk in client.chat.completions.create(model=model, messages=MESSAGES, stream=True):
            if chunk.choices:
                yield chunk.choices[0].delta.content or ""

    return read


def httpx2(url: str) -> Callable[[str], Iterator[str]]:
    """By hand, and not careful: no errors, no end mark, lines broken where Unicode says so."""
    import httpx2

    client = httpx2.Client()

    def read(model: str) -> Iterator[str]:
        body = {"model": model, "messages": MESSAGES, "stream": True}
        with client.stream("POST", f"{url}/chat/completions", json=body) as response:
            for line in response.iter_lines():
                if line.startswith("data: {"):
                    yield json.loads(line[6:])["choices"][0]["delta"].get("content") or ""

    return read


def transport(url: str) -> Callable[[str], Iterator[str]]:
    """The bytes alone, decoded by nobody: what httpx2 and h11 take of the time."""
    import httpx2

    client = httpx2.Client()

    def read(model: str) -> Iterator[str]:
        body = {"model": model, "messages": MESSAGES, "stream": True}
        with client.stream("POST", f"{url}/chat/completions", json=body) as response:
            for _ in response.iter_raw():
                yield ""

    return read


READERS: dict[str, tuple[str, Reader]] = {
    "nbstream.stream": ("`for text in nbstream.stream(…)`", stream),
    "nbstream.ask": ("`nbstream.ask(…)`", ask),
    "openai": ("openai SDK, sync stream", openai),
    "httpx2": ("httpx2 by hand: `iter_lines`, `json.loads`", httpx2),
    "transport": ("httpx2, bytes thrown away", transport),
}


def measure(url: str, home: Path, rounds: int = 5, count: int = COUNT) -> dict[str, dict[str, float]]:
    """Tokens a second, by reader and shape: the median of `rounds` processes each."""
    found: dict[str, dict[str, list[float]]] = {name: {shape: [] for shape in SHAPES} for name in READERS}
    for _ in range(rounds):
        for name in READERS:
            words = [sys.executable, __file__, name, url, str(count)]
            done = subprocess.run(words, capture_output=True, text=True, timeout=120, env=clean(home))
            if done.returncode:
                raise RuntimeError(f"the reader {name} failed:\n{done.stderr}")
            for shape, speed in json.loads(done.stdout).items():
                found[name][shape].append(speed)
    return {name: {shape: median(all_) for shape, all_ in shapes.items()} for name, shapes in found.items()}


def once(name: str, url: str, count: int) -> dict[str, float]:
    """Tokens a second of one reader in this process, warm."""
    read = READERS[name][1](url)
    speeds = {}
    for shape in SHAPES:
        for size in (200, count):  # the first is to be warm
            begun = time.perf_counter()
            text = "".join(read(f"{shape}:{size}"))
            took = time.perf_counter() - begun
        if name != "transport":
            assert f"m{text.count('m0') - 1:05d}" in text, "the text is not complete"
        speeds[shape] = count / took
    return speeds


if __name__ == "__main__":
    print(json.dumps(once(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
