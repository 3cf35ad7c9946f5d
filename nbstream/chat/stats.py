"""What the turns of this kernel took: per provider, bounded in memory."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..messages import Answer, Cost, Usage
from .pool import Seat

KEPT = 4096
"""Samples of latency kept per provider."""
TURNS = 200
"""Single turns kept: the last ones of this kernel."""


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


@dataclass(frozen=True, slots=True)
class TurnStats:
    """What one turn took. Times are seconds; None: not known."""

    model: str
    started: float
    """Seconds since the epoch."""
    outcome: str
    """``done``, ``stopped``, or the kind of its error."""
    input_tokens: int | None
    output_tokens: int | None
    cost: Cost | None
    first_token: float | None
    duration: float | None
    retries: int = 0
    tape: bool = False
    """Played from a tape: it cost nothing."""

    @classmethod
    def of(cls, answer: Answer, retries: int = 0) -> TurnStats:
        usage, timing = answer.usage or Usage(), answer.timing
        stopped = "stopped" if answer.finish_reason == "cancelled" else "done"
        return cls(
            answer.model,
            timing.started,
            answer.error.kind if answer.error is not None else stopped,
            usage.input_tokens,
            usage.output_tokens,
            answer.cost if answer.tape is None else Cost(0.0, answer.cost.currency if answer.cost else "USD"),
            timing.first_token,
            timing.duration,
            retries,
            answer.tape is not None,
        )

    @property
    def failed(self) -> bool:
        return self.outcome not in ("done", "stopped")

    @property
    def free(self) -> bool:
        """Whether nothing came, which nobody bills."""
        return self.failed and self.first_token is None and not self.output_tokens

    @property
    def streaming(self) -> float | None:
        """Seconds from the first token to the end, where these are enough to make a rate of."""
        if self.duration is None or self.first_token is None:
            return None
        return spent if (spent := self.duration - self.first_token) > 0.05 else None

    @property
    def rate(self) -> float | None:
        """Tokens in a second, once they came."""
        return self.output_tokens / self.streaming if self.output_tokens and self.streaming else None


@dataclass(slots=True)
class ProviderStats:
    """One provider's turns in this kernel. Times are seconds; None: not known."""

    provider: str
    turns: int = 0
    errors: int = 0
    retries: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    costs: dict[str, float] = field(default_factory=dict)
    """By currency, at list price: what is known of it."""
    unpriced: int = 0
    """Turns whose cost nobody knows."""
    seats: tuple[SeatStats, ...] = ()
    """Where several keys or addresses share its load."""
    _streamed: tuple[int, float] = field(default=(0, 0.0), repr=False)
    _first: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT), repr=False)
    _gaps: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT), repr=False)

    @property
    def cost(self) -> float | None:
        """What all turns cost; None where a part of it is not known, or there are several currencies."""
        if self.unpriced or len(self.costs) > 1:
            return None
        return next(iter(self.costs.values()), 0.0 if self.turns else None)

    @property
    def currency(self) -> str | None:
        """The currency of `cost`."""
        return next(iter(self.costs)) if len(self.costs) == 1 else None

    @property
    def error_rate(self) -> float:
        return self.errors / self.turns if self.turns else 0.0

    @property
    def throughput(self) -> float | None:
        """Tokens in a second while they came, over all turns."""
        tokens, spent = self._streamed
        return tokens / spent if spent else None

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

    def add(self, answer: Answer, stamps: Sequence[float], retries: int = 0) -> TurnStats:
        """Count one finished turn, and give what it took; `stamps` are the arrival times of its deltas."""
        turn = TurnStats.of(answer, retries)
        self.turns += 1
        self.errors += turn.failed
        self.retries += retries
        self.input_tokens += turn.input_tokens or 0
        self.output_tokens += turn.output_tokens or 0
        if turn.cost is not None and turn.cost.amount:
            self.costs[turn.cost.currency] = self.costs.get(turn.cost.currency, 0.0) + turn.cost.amount
        elif turn.cost is None and not turn.free:
            self.unpriced += 1
        if turn.output_tokens and turn.streaming:
            tokens, spent = self._streamed
            self._streamed = tokens + turn.output_tokens, spent + turn.streaming
        if stamps:
            self._first.append(stamps[0])
            late = stamps[-KEPT:]
            self._gaps.extend(after - before for before, after in itertools.pairwise(late))
        return turn
