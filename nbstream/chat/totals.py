"""What the rounds of one turn took together. Pure."""

from __future__ import annotations

from dataclasses import replace

from ..messages import Answer, Cost, Timing, Usage


def added(before: Answer, last: Answer) -> Answer:
    """`last`, with what the rounds up to `before` took: each is billed, so tokens add up.

    Times are those spent with the model: not while a tool ran, nor while a person was asked.

    >>> a = Answer("", usage=Usage(10, 2), timing=Timing(100.0, None, 1.0, 0))
    >>> b = Answer("done", usage=Usage(15, 3), timing=Timing(160.0, 0.5, 2.0, 3))
    >>> both = added(a, b)
    >>> both.usage.input_tokens, both.usage.output_tokens, both.timing
    (25, 5, Timing(started=100.0, first_token=1.5, duration=3.0, pieces=3))
    """
    notes = tuple(dict.fromkeys((*before.notes, *last.notes)))
    return replace(
        last,
        usage=_usage(before.usage, last.usage),
        timing=_timing(before.timing, last.timing),
        cost=_cost(before.cost, last.cost),
        notes=notes,
    )


def _cost(before: Cost | None, last: Cost | None) -> Cost | None:
    if before is None or last is None or before.currency != last.currency:
        return None
    return Cost(before.amount + last.amount, last.currency)


def _usage(before: Usage | None, last: Usage | None) -> Usage | None:
    if before is None or last is None:
        return None  # a sum of which a part is unknown is unknown
    return Usage(
        _sum(before.input_tokens, last.input_tokens),
        _sum(before.output_tokens, last.output_tokens),
        _sum(before.reasoning_tokens, last.reasoning_tokens),
        _sum(before.cached_tokens, last.cached_tokens),
    )


def _sum(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b


def _timing(before: Timing, last: Timing) -> Timing:
    spent = before.duration or 0.0
    first = before.first_token
    if first is None and last.first_token is not None:
        first = spent + last.first_token
    duration = None if last.duration is None else spent + last.duration
    return Timing(before.started, first, duration, before.pieces + last.pieces)
