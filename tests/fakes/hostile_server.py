"""The server of `openai_server`, answering with the corpus of hostile text.

    hostile:A+B+…@S  the classes A, B, … of ``tests/hostile/data`` (none named: all that are no bulk), cut
                     at odd places; after each 40 characters a pause of S seconds

Halves of characters go out as JSON escapes, as servers send them that cut a text where they please.
"""

from __future__ import annotations

import asyncio
import itertools
import json

from tests.hostile.corpus import hostile

from .loopback import Exchange, main
from .openai_server import OpenAIServer, Stream

KINDS = sorted({entry.kind for entry in hostile()} - {"bulk"})
SIZES = (1, 2, 3, 5, 8, 13, 1, 1, 40)


class HostileServer(OpenAIServer):
    """Speaks OpenAI's chat completions, and nothing good."""

    async def play_hostile(self, exchange: Exchange, argument: str) -> None:
        stream = Stream(exchange)
        await stream.open()
        kinds, _, pause = argument.partition("@")
        text = answer(kinds.split("+") if kinds else KINDS)
        at = since = 0
        for size in itertools.cycle(SIZES):
            piece = text[at : at + size]
            if not piece:
                break
            choice = {"index": 0, "delta": {"content": piece}, "finish_reason": None}
            await exchange.send(b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n")
            at += size
            since += size
            if since > 40:
                await asyncio.sleep(float(pause or 0))
                since = 0
        await stream.finish()


def answer(kinds: list[str]) -> str:
    """All answers of some classes as one, each in blocks of its own."""
    return "\n\n".join(closed(entry.text) for entry in hostile() if entry.kind in kinds)


def closed(text: str) -> str:
    """`text`, with an end to a block of code that it leaves open: the next answer is not code."""
    fence = ""
    for line in text.split("\n"):
        word = line.lstrip(" >-0123456789.")
        run = word[: len(word) - len(word.lstrip(word[:1]))] if word[:3] in ("```", "~~~") else ""
        if not fence:
            fence = run
        elif run.startswith(fence) and not word[len(run) :].strip():
            fence = ""
    return f"{text}\n{fence}" if fence else text


if __name__ == "__main__":
    main(HostileServer)
