"""What it took: ``%llm stats``."""

from __future__ import annotations

import time

from ...chat.session import session
from ...chat.stats import SeatStats
from ...i18n import t
from ...show.cards import table
from .registry import verb


@verb("stats")
def stats() -> str:
    found = session().statistics().values()
    rows = [
        [
            one.provider,
            one.turns,
            f"{one.input_tokens:,} → {one.output_tokens:,}",
            t("line.unknown") if one.cost is None else f"{one.cost:.4f}",
            f"{_ms(one.first_token_p50)} / {_ms(one.first_token_p99)}",
            f"{_ms(one.token_p50)} / {_ms(one.token_p99)}",
            f"{one.error_rate:.0%}",
        ]
        for one in found
    ]
    if not rows:
        return t("line.no_stats")
    heads = ("provider", "turn_count", "tokens", "cost", "first_token", "token_gap", "errors")
    shown = table([t(f"line.{name}") for name in heads], rows)
    seats = [
        [one.provider, seat.name, seat.busy, seat.turns, seat.errors, _resting(seat)]
        for one in found
        for seat in one.seats
    ]
    if not seats:
        return shown
    names = ("provider", "seat", "busy", "turn_count", "failed", "resting")
    return f"{shown}\n\n{table([t(f'line.{name}') for name in names], seats)}"


def _resting(seat: SeatStats) -> str:
    if seat.resting_till is None:
        return t("line.awake")
    till = time.strftime("%H:%M:%S", time.localtime(seat.resting_till))
    return t("line.resting_till", time=till, reason=t(f"kind.{seat.error}"))


def _ms(seconds: float | None) -> str:
    return "?" if seconds is None else f"{1000 * seconds:.0f} ms"
