"""What a conversation costs that is held all day: preparing a turn behind 1,000 others, and memory.

Run it by itself (``python bench/history.py``), or call `measure`. CPU time of this process, with no model:
a turn is prepared as a cell does it (`Conversation.begin`), for a model that reads 8,192 tokens and for one
whose window nobody knows, to which everything is sent. The same turn is prepared again and again and the
least of its times counts, so noise falls out; both lengths are timed in turn, so the machine's speed does.
"""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from nbstream.chat.conversation import Conversation
from nbstream.chat.history import Turn
from nbstream.chat.session import Session
from nbstream.messages import Answer, Timing, Usage

MOST = 2.0
"""What preparing a turn may cost after 1,000 turns, as a multiple of what it costs after 10."""
SHORT, LONG = 10, 1_000
ROUNDS = 200
PROMPT = "What does this cell do, and how would one write it so that it is easy to read? " * 3
TEXT = "It reads the file line by line, and counts how often each word occurs. 它逐行读取文件。 " * 20
KEYS = {"app_id": "a", "api_key": "k" * 32, "api_secret": "s" * 32}
MODELS: dict[str, dict[str, Any]] = {
    "a model that reads 8,192 tokens": {"model": "spark:lite", "credentials": KEYS},
    "the same, two turns pinned": {"model": "spark:lite", "credentials": KEYS},
    "a window that nobody knows": {
        "model": "openai:unheard-of",
        "base_url": "http://127.0.0.1:9/v1",
        "credentials": {"api_key": "k" * 20},
    },
}
BOUNDED = [name for name in MODELS if "nobody" not in name]
"""Where the promise holds: with a window unknown, all that was said is sent, and that costs what it is."""


def talk(count: int, *, pins: bool = False) -> Conversation:
    """A conversation of `count` finished turns; the first two may be pinned."""
    made = Conversation("main", Session())
    for number in range(count):
        turn = made.history.begin(Turn(f"{number} {PROMPT}", "spark:lite", pinned=pins and number < 2))
        answer = Answer(TEXT, finish_reason="stop", usage=Usage(500, 400), timing=Timing(0.0, 0.5, 3.0, 400))
        made.history.finish(turn, answer)
    return made


def measure(rounds: int = ROUNDS) -> dict[str, Any]:
    """The costs of preparing a turn, and the memory of one.

    Returns
    -------
    dict
        `rows`: for each model `what`, `short` and `long` (milliseconds of CPU after so many turns), `ratio`,
        `bounded` (whether the promise is about it), `ok`. `memory`: bytes of a turn in the history, and
        `text`, the characters that it holds. `again`: bytes by which a cell grows that runs 1,000 times.
    """
    rows = []
    for what, options in MODELS.items():
        both = [talk(count, pins="pinned" in what) for count in (SHORT, LONG)]
        least = [float("inf"), float("inf")]
        for _ in range(rounds):
            for place, one in enumerate(both):
                least[place] = min(least[place], _prepared(one, options))
        short, long = least
        bounded = what in BOUNDED
        ratio = long / short
        ok = not bounded or ratio <= MOST
        rows.append(
            {"what": what, "short": short, "long": long, "ratio": ratio, "bounded": bounded, "ok": ok}
        )
    return {"rows": rows, "memory": _memory(), "text": len(PROMPT) + len(TEXT), "again": _again()}


def _prepared(one: Conversation, options: dict[str, Any]) -> float:
    gc.disable()
    begun = time.thread_time_ns()
    one.begin("And why is that so?", **options)
    spent = time.thread_time_ns() - begun
    gc.enable()
    one.undo(1)
    return spent / 1e6


def _memory() -> float:
    """Bytes that a turn takes, all that it holds included."""
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    held = Conversation("main", Session())
    for number in range(LONG):
        turn = held.history.begin(Turn(f"{number} {PROMPT}", "spark:lite"))
        held.history.finish(turn, Answer(f"{number} {TEXT}", usage=Usage(500, 400)))
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return grown / LONG


def _again() -> int:
    """Bytes by which the kernel grows when one cell runs 1,000 times, after the first 20."""
    one = Conversation("main", Session())

    def run(number: int) -> None:
        one.begin(f"{number} {PROMPT}", model="demo", cell="a", execution=str(number))[1].cancel()

    for number in range(220):  # the statistics keep 200 turns
        run(number)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(220, 1_220):
        run(number)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return grown


def table(found: dict[str, Any]) -> str:
    """What was measured, as Markdown."""
    lines = [
        f"| preparing a turn, for | after {SHORT} turns, ms | after {LONG:,}, ms | ratio | |",
        "|---|--:|--:|--:|---|",
    ]
    for row in found["rows"]:
        verdict = "" if row["ok"] else f"above {MOST:g}"
        verdict = verdict if row["bounded"] else "everything is sent"
        figures = f"{row['short']:.2f} | {row['long']:.2f} | {row['ratio']:.2f}"
        lines.append(f"| {row['what']} | {figures} | {verdict} |")
    size = f"{found['memory'] / 1000:.1f} kB, {found['text']:,} characters of which are prompt and answer"
    again = f"{max(0, found['again']) / 1000:.0f} kB"
    return "\n".join(lines) + f"\n\nA turn takes {size}. One cell that runs 1,000 times more takes {again}."


def main() -> int:
    """Print the table; 1 if the promise is not kept."""
    found = measure()
    print(table(found))
    return 0 if all(row["ok"] for row in found["rows"]) else 1


if __name__ == "__main__":
    sys.exit(main())
