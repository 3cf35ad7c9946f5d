"""What it took: ``%llm stats``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from ...chat.session import session
from ...chat.stats import ProviderStats, SeatStats, TurnStats
from ...i18n import t
from ...show import amounts
from ...show.cards import table
from ...show.words import title
from ..surface import surface
from .registry import Shown, verb

LISTED = 50
"""Single turns that ``-v`` shows: the last ones."""

SHOWN = "<style>.nbs-plot{display:block!important}</style>"
"""Goes where the picture goes: what sanitizes a notebook that is not trusted takes both out, and would leave
the words of the picture standing as text."""

Sheet = tuple[Sequence[str], list[list[Any]]]
"""A table: its head, and its rows."""


@verb("stats")
def stats(*, verbose: bool = False) -> Shown:
    providers = list(session().statistics().values())
    turns = list(session().last_turns)
    if not providers:
        return t("line.no_stats")
    sheets = [_by_provider(providers)]
    sheets += [_seats(providers)] if any(one.seats for one in providers) else []
    sheets += [_by_turn(turns)] if verbose and turns else []
    notes = [t("stats.prices")] if any(sum(one.costs.values()) for one in providers) else []
    text = "\n\n".join([*(table(*sheet) for sheet in sheets), *notes])
    if surface() != "notebook" or len(turns) < 2:
        return text
    return _with_plot(text, sheets, notes, turns)


def _with_plot(text: str, sheets: list[Sheet], notes: list[str], turns: list[TurnStats]) -> Shown:
    """The same for a notebook: with a picture for the page, and as Markdown for the file."""
    from ...show.plaintext import plain
    from ...show.plot import Bar, plot
    from ...show.tables import for_page, html_table, page_text

    count = sum(one.turns for one in session().stats.values())
    bars = [_bar(number, turn, Bar) for number, turn in enumerate(turns, count - len(turns) + 1)]
    picture = f'{SHOWN}<div class="nbs-plot" style="display:none">{plot(bars, count - len(turns) + 1)}</div>'
    parts = [*(html_table(*sheet) for sheet in sheets), picture]
    html = for_page("".join([*parts, *(f"<p>{page_text(note)}</p>" for note in notes)]))
    return {"text/html": html, "text/markdown": text, "text/plain": plain(text)}, {}


def _bar(number: int, turn: TurnStats, bar: type[Any]) -> Any:
    whole = turn.duration or 0.0
    waited = whole if turn.first_token is None else min(turn.first_token, whole)
    facts = [str(number), title(turn.model), _outcome(turn), _tokens(turn.input_tokens, turn.output_tokens)]
    facts += [amounts.seconds(turn.first_token), amounts.seconds(turn.duration)]
    return bar(waited, whole - waited, turn.failed, " · ".join(filter(None, facts)))


def _by_provider(providers: list[ProviderStats]) -> Sheet:
    heads = ("provider", "turn_count", "tokens", "cost", "first_token", "token_gap", "speed", "errors")
    rows = [
        [
            one.provider,
            one.turns,
            f"{one.input_tokens:,} → {one.output_tokens:,}",
            amounts.costs(one.costs, one.unpriced),
            f"{amounts.seconds(one.first_token_p50)} / {amounts.seconds(one.first_token_p99)}",
            f"{amounts.seconds(one.token_p50)} / {amounts.seconds(one.token_p99)}",
            amounts.rate(one.throughput),
            _errors(one.errors, one.turns),
            one.retries or "",
        ]
        for one in providers
    ]
    if len(providers) > 1:
        known, unknown = amounts.total((one.costs, one.unpriced) for one in providers)
        turns, errors = sum(one.turns for one in providers), sum(one.errors for one in providers)
        given, got = (sum(getattr(one, f"{way}_tokens") for one in providers) for way in ("input", "output"))
        retries = sum(one.retries for one in providers) or ""
        rows.append(
            [
                t("stats.total"), turns, f"{given:,} → {got:,}", amounts.costs(known, unknown),
                "", "", "", _errors(errors, turns), retries,
            ]
        )  # fmt: skip
    return [*(t(f"line.{name}") for name in heads), t("stats.retries")], rows


def _by_turn(turns: list[TurnStats]) -> Sheet:
    rows: list[list[Any]] = [
        [
            time.strftime("%H:%M:%S", time.localtime(turn.started)),
            title(turn.model),
            _tokens(turn.input_tokens, turn.output_tokens),
            _cost(turn),
            amounts.seconds(turn.first_token),
            amounts.rate(turn.rate),
            _outcome(turn),
            turn.retries or "",
        ]
        for turn in turns[-LISTED:]
    ]
    heads = [t("stats.time"), t("line.model"), t("line.tokens"), t("line.cost"), t("stats.first")]
    return [*heads, t("line.speed"), t("line.status"), t("stats.retries")], rows


def _seats(providers: list[ProviderStats]) -> Sheet:
    rows: list[list[Any]] = [
        [one.provider, seat.name, seat.busy, seat.turns, seat.errors, _resting(seat)]
        for one in providers
        for seat in one.seats
    ]
    names = ("provider", "seat", "busy", "turn_count", "failed", "resting")
    return [t(f"line.{name}") for name in names], rows


def _resting(seat: SeatStats) -> str:
    if seat.resting_till is None:
        return t("line.awake")
    till = time.strftime("%H:%M:%S", time.localtime(seat.resting_till))
    return t("line.resting_till", time=till, reason=t(f"kind.{seat.error}"))


def _errors(errors: int, turns: int) -> str:
    return f"{errors} ({errors / turns:.0%})" if errors and turns else "0"


def _outcome(turn: TurnStats) -> str:
    said = t(f"kind.{turn.outcome}") if turn.failed else t(f"turn.{turn.outcome}")
    return f"{said} ({t('turn.tape')})" if turn.tape else said


def _cost(turn: TurnStats) -> str:
    if turn.cost is None:
        return "–" if turn.free else t("line.unknown")
    return amounts.money(turn.cost) if turn.cost.amount else "–"


def _tokens(given: int | None, got: int | None) -> str:
    shown = ["?" if count is None else f"{count:,}" for count in (given, got)]
    return " → ".join(shown)
