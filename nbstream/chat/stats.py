"""What the turns of this kernel took: per provider, bounded in memory."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..messages import Answer
from .pool import Seat

KEPT = 4096
"""Samples of latency kept per provider."""


def percentile(samples: Iterable[float], share: float) -> float | None:
    """The value below which `share` (0 to 1) of `samples` lie, or None without samples.

    >>> percentile([1, 2, 3, 4], 0.5)
    2
    """
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered)) - 1))] if ordered else None


@dataclass(frozen=True, slots=True)
class SeatStats:
    """One key or address of several that share a provider's load."""

    name: str
    """The masked tail of its key, and its address where it has one of its own."""
    busy: int
    turns: int
    errors: int
    error: str | None
    """The kind of its last error that made it rest."""
    resting_till: float | None
    """A time of `time.time`, or None: it is awake."""

    @classmethod
    def of(cls, seat: Seat) -> SeatStats:
        left = seat.resting_till - time.monotonic()
        return cls(
            seat.name, seat.busy, seat.turns, seat.errors,
            seat.error.kind if seat.error else None,
            time.time() + left if left > 0 else None,
        )  # fmt: skip


@dataclass(slots=True)
class ProviderStats:
    """One provider's turns in this kernel. Times are seconds; None: not known."""

    provider: str
    turns: int = 0
    errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    seats: tuple[SeatStats, ...] = ()
    """Where several keys or addresses share its load."""
    _first: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT), repr=False)
    _gaps: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT), repr=False)

    @property
    def error_rate(self) -> float:
        return self.errors / self.turns if self.turns else 0.0

    @property
    def first_token_p50(self) -> float | None:
        return percentile(self._first, 0.5)

    @property
    def first_token_p99(self) -> float | None:
        return percentile(self._first, 0.99)

    @property
    def token_p50(self) -> float | None:
        """Seconds between two deltas, the median."""
        return percentile(self._gaps, 0.5)

    @property
    def token_p99(self) -> float | None:
        return percentile(self._gaps, 0.99)

    def add(self, answer: Answer, stamps: Sequence[float]) -> None:
        """Count one finished turn; `stamps` are the arrival times of its deltas in seconds."""
        self.turns += 1
        self.errors += answer.error is not None
        if answer.usage is not None:
            self.input_tokens += answer.usage.input_tokens or 0
            self.output_tokens += answer.usage.output_tokens or 0
        if stamps:
            self._first.append(stamps[0])
            late = stamps[-KEPT:]
            self._gaps.extend(after - before for before, after in itertools.pairwise(late))
