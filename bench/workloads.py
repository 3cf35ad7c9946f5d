"""What is streamed: Markdown in which marker words such as ``m00042`` can be told apart, and at what speed.

The words are drawn from a seeded generator: every contender of a run is sent the same answer.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.fakes.texts import word

PATIENCE = 20
"""Seconds that a contender may take longer than the provider."""
MARKERS = 1000
"""Markers in one answer at most: enough for a 99th percentile, few enough to cost nothing."""


@dataclass(frozen=True)
class Workload:
    """An answer of `count` tokens at `rate` tokens a second (0: as fast as the connection takes them)."""

    count: int
    rate: int

    @classmethod
    def parse(cls, text: str) -> Workload:
        """The workload of a name.

        >>> Workload.parse("4000@200").name
        '4000@200'
        """
        found = re.fullmatch(r"(\d+)(?:@(\d+))?", text)
        if not found:
            raise ValueError(f"a workload is TOKENS@RATE, such as 4000@200, or TOKENS for full speed: {text}")
        return cls(int(found[1]), int(found[2] or 0))

    @property
    def name(self) -> str:
        return f"{self.count}@{self.rate}" if self.rate else str(self.count)

    @property
    def label(self) -> str:
        return f"{self.count:,} @ {self.rate:,}/s" if self.rate else f"{self.count:,} at full speed"

    @property
    def bound(self) -> float:
        """Seconds after which a contender that has not finished is given up."""
        return PATIENCE + (self.count / self.rate if self.rate else 0)

    @property
    def every(self) -> int:
        """Every how many tokens a marker stands."""
        return max(2, self.count // MARKERS)

    def tokens(self) -> list[str]:
        return tokens(self.count, self.every)


WORKLOADS = (Workload(500, 50), Workload(4_000, 200), Workload(20_000, 2_000), Workload(8_000, 0))
QUICK = (Workload(1_000, 200),)


def marker(number: int) -> str:
    return f"m{number:05d}"


class Writer:
    """Markdown, token by token: each token is one word and the marks around it."""

    def __init__(self, every: int, seed: int) -> None:
        self.tokens: list[str] = []
        self.markers = 0
        self._every = every
        self._rng = random.Random(seed)
        self._since = every

    def add(self, before: str, after: str = "", *, mark: bool = False) -> None:
        if mark or self._since >= self._every:
            chosen, self._since = marker(self.markers), 0
            self.markers += 1
        else:
            chosen = word(self._rng)
        self._since += 1
        self.tokens.append(before + chosen + after)

    def some(self, count: int, first: str = "", last: str = "") -> None:
        """`count` words in a row, the first after `first`, the last before `last`."""
        for index in range(count):
            self.add(first if index == 0 else " ", last if index == count - 1 else "")

    def paragraph(self) -> None:
        self.some(self._rng.randint(12, 30))
        self.some(2, " **", "**")
        self.some(self._rng.randint(4, 12), " ")
        self.add(" `", "`.\n\n")

    def heading(self) -> None:
        self.some(self._rng.randint(2, 4), "## ", "\n\n")

    def bullets(self) -> None:
        rows = self._rng.randint(3, 8)
        for row in range(rows):
            self.some(self._rng.randint(3, 8), "- ", "\n\n" if row == rows - 1 else "\n")

    def table(self) -> None:
        rows = self._rng.randint(3, 8)
        for row in range(rows):
            end = " |\n|---|---:|---|\n" if row == 0 else " |\n\n" if row == rows - 1 else " |\n"
            self.add("| ")
            self.add(" | ")
            self.some(2, " | ", end)

    def fence(self) -> None:
        self.add("```python\ndef ", "(total):\n")
        for _ in range(self._rng.randint(3, 8)):
            self.some(3, f"    total += {self._rng.randint(1, 99)}  # ", "\n")
        self.add("    return total  # ", "\n```\n\n")

    def block(self) -> Callable[[], None]:
        kinds = [self.paragraph, self.paragraph, self.heading, self.bullets, self.table, self.fence]
        return self._rng.choice(kinds)

    def end(self, count: int) -> None:
        """A last paragraph of just `count` tokens, whose last one is a marker."""
        for index in range(count - 1):
            self.add("" if index == 0 else " ")
        self.add(" ", ".", mark=True)


LONGEST_BLOCK = 80


def tokens(count: int, every: int, seed: int = 20) -> list[str]:
    """Just `count` tokens of mixed Markdown, a marker about `every` tokens; the last one is a marker.

    >>> made = tokens(300, 4)
    >>> len(made), made[-1], made == tokens(300, 4)
    (300, ' m00075.', True)
    """
    writer = Writer(every, seed)
    while len(writer.tokens) < count - LONGEST_BLOCK - 2:
        writer.block()()
    writer.end(count - len(writer.tokens))
    return writer.tokens


def markers_in(text: str) -> list[int]:
    """The numbers of the markers that `text` holds, in its order.

    >>> markers_in("a m00000 **m00001** b")
    [0, 1]
    """
    return [int(found) for found in re.findall(r"m(\d{5})", text)]


TURN = 320
"""Tokens of an answer that stands above; with its question about 333."""


def said(turns: int) -> list[tuple[str, str]]:
    """What was said before: so many questions and answers, with no marker in them.

    >>> [(question, len(text) > 1000, markers_in(text)) for question, text in said(1)]
    [('What of number 0, and why is it so?', True, [])]
    """
    made = []
    for number in range(turns):
        text = "".join(tokens(TURN, TURN, seed=number))
        made.append((f"What of number {number}, and why is it so?", re.sub(r"m(\d{5})", "ocean", text)))
    return made
