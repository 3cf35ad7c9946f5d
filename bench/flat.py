"""What a batch of a live answer costs at token 20,000, against what it costs at token 200.

Run it by itself (``python bench/flat.py``), or call `measure`. CPU time of this process, without a browser:
an answer of each kind is fed to `LiveMarkdown`, in batches of 66 tokens (2,000 a second, thirty times a
second) and of one. The same batch does the same work in every run, so the least of its times is its cost,
and noise of the machine falls out; two stretches of the same run are compared, so its speed falls out too.
"""

from __future__ import annotations

import gc
import sys
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from nbstream.show.live import LiveMarkdown

MOST = 1.3
"""What the late batches may cost, as a multiple of the early ones."""
TOKEN = 4  # characters
EARLY, LATE = 200, 20_000  # tokens
BATCHES = {66: 1_980, 1: 1_320}
"""Tokens a batch, and how many tokens behind each of these places are timed."""
RUNS = 3

_SIZE = (LATE + max(BATCHES.values())) * TOKEN
_PROSE = "Words come one by one, **some** of them bold, and `code` in [a link](https://example.com/a) too. "
_PYTHON = "def f{n}(x, y={n}):\n    # what it is for\n    return x + y * {n}  # why\n\n"
_ROW = (
    "| row {n} | **bold** and `code` | some more words, so that it is as long as a row of a real table is |\n"
)
_ITEM = "- item {n} with **bold** words and `code`, and as many more as people write in an item\n"


def _lines(*templates: str, indent: str = "", first: str = "") -> str:
    """The templates again and again, numbered, each line set in."""
    text, size = [first], len(first)
    for number, template in enumerate(cycle(templates)):
        piece = template.replace("{n}", str(number))
        piece = "".join(indent + line for line in piece.splitlines(keepends=True))
        text.append(piece)
        size += len(piece)
        if size > _SIZE:
            return "".join(text)
    raise AssertionError


_TABLE = "| a | b | c |\n|---|---|---|\n"
_BLOCKS = (
    "## Heading {n}\n\n",
    _PROSE * 2 + "\n\n",
    "- one\n- **two**\n  1. nested {n}\n\n",
    "```python\n" + _PYTHON + "```\n\n",
    "| a | b |\n|---|--:|\n| `x` | {n} |\n| y | 2 |\n\n",
    "这是**第{n}段**，中文没有空格，`代码`也有。\n\n",
    "> A quote, $x^2$ and *more*.\n\n",
)

WORKLOADS: dict[str, str] = {
    "mixed text": _lines(*_BLOCKS),
    "one fence of 2,000 lines": _lines(_PYTHON, first="```python\n"),
    "a table of 800 rows": _lines(_ROW, first=_TABLE),
    "a list of 1,000 items": _lines(_ITEM),
    "one item that holds all that": _lines(
        *_BLOCKS, _ITEM * 12 + "\n", _TABLE + _ROW * 12 + "\n", indent="  ", first="- item\n\n"
    ),
    "a quote in a list in a quote": _lines(
        _PROSE + "\n", _PROSE + "\n", "\n", _ITEM, _ITEM, "\n", indent=">   > ", first="> - > begins\n"
    ),
    "a paragraph of 60 kB": _lines(_PROSE),
}
"""What answers are made of; and, below, what a model would have to mean ill, or be broken, to write."""

HOSTILE: dict[str, str] = {
    "a paragraph in Chinese": _lines("这是一个**很长**的段落，没有空格，一直写下去。"),
    "short paragraphs": _lines("word {n}\n\n"),
    "indented code": _lines("    x = f(1, {n})  # why\n"),
    "a formula that never ends": _lines("a + b = c_{n} \\\\\n", first="$$\n"),
    "a heading that never ends": _lines("word {n} and more ", first="# "),
    "a line of code that never ends": _lines("f({n}) + ", first="```python\n"),
    "a code span that never ends": _lines("word {n} and more ", first="a `"),
    "a link that never ends": _lines("word {n} and more ", first="see ["),
    "emphasis that never ends": _lines("word {n} and more ", first="a **b *c ~~d "),
    "a formula in a line that never ends": _lines("word {n} and more ", first="a $b "),
    "a cell that never ends": _lines("word {n} and more ", first="| a | b |\n|---|---|\n| a | "),
    "a header that never ends": _lines("word {n} and | more ", first="| a "),
    "rows without cells": _lines("|{n}|\n", first="|" + "a|" * 50 + "\n|" + "-|" * 50 + "\n"),
    "5,000 quote marks": _lines("word {n} and more\n", first=">" * 5_000 + " "),
    "twenty levels": _lines("word {n}\n", indent="- " * 20),
    "stairs": _lines(*("  " * step + "- word {n}\n" for step in range(25))),
    "lists that become loose": _lines(
        *(f"{mark} a\n" * 330 + f"\n{mark} b\n\n" for mark in "-*"), indent="  ", first="- outer\n\n"
    ),
    "open emphasis everywhere": _lines("**a _b ~~c "),
    "open brackets everywhere": _lines("[a ![b "),
    "HTML": _lines("<div><b onclick=x>{n}</b></div> "),
    "prices": _lines("$5 and ${n} and "),
    "hard breaks": _lines("a line of verse {n}  \n"),
    "empty lines": _lines("\n"),
    "rows of no table": _lines("|\n"),
    "delimiters of no table": _lines(":-\n"),
    "rules": _lines("---\n"),
    "an open comment": _lines("some words {n}\n", first="```c\n/* "),
}


def measure(workloads: dict[str, str] | None = None, runs: int = RUNS) -> list[dict[str, Any]]:
    """One row for each workload and size of batch: its early and late cost, and their ratio.

    Returns
    -------
    list of dict
        `workload`, `batch` (tokens), `early` and `late` (milliseconds of CPU for an average batch), `worst`
        (the dearest late batch), `ratio` (late to early), `hostile` and `ok`.
    """
    named = {**WORKLOADS, **HOSTILE} if workloads is None else workloads
    return [_row(name, text, batch, runs) for name, text in named.items() for batch in BATCHES]


def _row(name: str, text: str, batch: int, runs: int) -> dict[str, Any]:
    early, late = _costs(text, batch, runs)
    ratio = (sum(late) / len(late)) / (sum(early) / len(early))
    return {
        "workload": name,
        "batch": batch,
        "early": sum(early) / len(early),
        "late": sum(late) / len(late),
        "worst": max(late),
        "ratio": ratio,
        "hostile": name in HOSTILE,
        "ok": ratio <= MOST,
    }


def _costs(text: str, batch: int, runs: int) -> tuple[list[float], list[float]]:
    """The least milliseconds that each batch took, of those in the early and of those in the late stretch."""
    times = [_run(text, batch) for _ in range(runs)]
    early, late = (zip(*stretch, strict=True) for stretch in zip(*times, strict=True))
    return [min(each) for each in early], [min(each) for each in late]


def _run(text: str, batch: int) -> tuple[list[float], list[float]]:
    live = LiveMarkdown()
    gc.collect()
    live.feed(text[: EARLY * TOKEN])
    early = _timed(live, text, EARLY, batch)
    for token in range(EARLY + BATCHES[batch], LATE, 66):  # what lies between is not measured
        live.feed(text[token * TOKEN : min(token + 66, LATE) * TOKEN])
    return early, _timed(live, text, LATE, batch)


def _timed(live: LiveMarkdown, text: str, start: int, batch: int) -> list[float]:
    """Milliseconds of CPU for each batch of a stretch."""
    times = []
    for token in range(start, start + BATCHES[batch], batch):
        piece = text[token * TOKEN : (token + batch) * TOKEN]
        begun = time.thread_time_ns()
        live.feed(piece)
        times.append((time.thread_time_ns() - begun) / 1e6)
    return times


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = [
        "| workload | tokens a batch | at token 200, ms | at token 20,000, ms | worst, ms | ratio | |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for row in rows:
        verdict = "" if row["ok"] else f"above {MOST}"
        figures = f"{row['early']:.3f} | {row['late']:.3f} | {row['worst']:.2f} | {row['ratio']:.2f}"
        lines.append(f"| {row['workload']} | {row['batch']} | {figures} | {verdict} |")
    return "\n".join(lines)


def main(names: list[str]) -> int:
    """Print the table, of the workloads named or of all; 1 if one of them is not flat."""
    every = {**WORKLOADS, **HOSTILE}
    chosen = {name: text for name, text in every.items() if not names or any(part in name for part in names)}
    rows = measure(chosen)
    print(table(rows))
    return 0 if all(row["ok"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(list(islice(sys.argv, 1, None))))
