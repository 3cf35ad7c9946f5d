"""Numbers as a person reads them: money, tokens, times. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from ..i18n import t
from ..messages import Cost

SIGNS = {"USD": "$", "CNY": "¥"}


def money(cost: Cost) -> str:
    """An amount with its currency, and as many digits as tell something.

    >>> [money(Cost(amount)) for amount in (0, 0.0000123, 0.0012, 0.0456, 1.5, 1234.5)]
    ['$0', '$0.000012', '$0.0012', '$0.046', '$1.50', '$1,234.50']
    >>> money(Cost(0.2, "CNY")), money(Cost(2, "EUR"))
    ('¥0.20', 'EUR 2.00')
    """
    sign = SIGNS.get(cost.currency, f"{cost.currency} ")
    if cost.amount <= 0:
        return f"{sign}0"
    digits = max(2, 1 - math.floor(math.log10(cost.amount)))
    return f"{sign}{cost.amount:,.{min(digits, 8)}f}"


def costs(known: Mapping[str, float], unknown: int) -> str:
    """The amounts of each currency; and how many turns cost what nobody knows.

    >>> costs({"USD": 0.5, "CNY": 2}, 0)
    '$0.50 + ¥2.00'
    """
    parts = [money(Cost(amount, currency)) for currency, amount in known.items()]
    if not parts:
        return t("line.unknown") if unknown else "–"
    if unknown:
        parts.append(t("stats.unknown_turns", count=unknown))
    return " + ".join(parts)


def short(tokens: float) -> str:
    """A number of tokens in few characters.

    >>> short(640), short(2_140), short(21_400), short(1_050_000)
    ('640', '2.1k', '21k', '1.1M')
    """
    if tokens < 1000:
        return f"{tokens:.0f}"
    size, unit = (tokens / 1000, "k") if tokens < 999_500 else (tokens / 1e6, "M")
    return f"{size:.1f}{unit}" if size < 10 else f"{size:.0f}{unit}"


def seconds(value: float | None) -> str:
    """A time; "?" where it is not known.

    >>> seconds(0.0421), seconds(1.234), seconds(75), seconds(None)
    ('42 ms', '1.2 s', '75 s', '?')
    """
    if value is None:
        return "?"
    if value < 1:
        return f"{1000 * value:.0f} ms"
    return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"


def rate(value: float | None) -> str:
    """Tokens in a second; "?" where that is not known."""
    return "?" if value is None else f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def total(amounts: Iterable[tuple[Mapping[str, float], int]]) -> tuple[dict[str, float], int]:
    """The sums by currency, and of the turns whose cost is unknown.

    >>> total([({"USD": 1.0}, 0), ({"USD": 0.5, "CNY": 2.0}, 3)])
    ({'USD': 1.5, 'CNY': 2.0}, 3)
    """
    sums: dict[str, float] = {}
    missing = 0
    for known, unknown in amounts:
        missing += unknown
        for currency, amount in known.items():
            sums[currency] = sums.get(currency, 0.0) + amount
    return sums, missing
