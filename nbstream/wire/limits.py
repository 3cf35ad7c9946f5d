"""How long to wait, as one value."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any

from ..errors import fail


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds of patience. None waits for ever.

    Parameters
    ----------
    connect : float or None
        For the connection (and the proxy, and TLS).
    first : float or None
        Without a byte before the first token, for models that think before they speak.
    idle : float or None
        Without a byte otherwise.
    """

    connect: float | None = 10.0
    first: float | None = 600.0
    idle: float | None = 120.0

    @classmethod
    def of(cls, timeout: float | Limits | dict[str, float | None] | None) -> Limits:
        """A number sets `idle` and `first`; a dict sets what it names; None gives the defaults.

        >>> Limits.of(30).idle
        30.0
        >>> Limits.of({"connect": 2}).connect
        2
        """
        if timeout is None:
            return cls()
        if isinstance(timeout, Limits):
            return timeout
        if isinstance(timeout, dict):
            known = {field.name for field in fields(cls)}
            if not (timeout.keys() <= known and all(one is None or _good(one) for one in timeout.values())):
                raise fail("config.timeout", given=repr(timeout)[:80])
            return replace(cls(), **timeout)
        if not _good(timeout):
            raise fail("config.timeout", given=repr(timeout)[:80])
        return cls(first=float(timeout), idle=float(timeout))

    def patience(self, *, begun: bool, slow_start: bool) -> float | None:
        """How long the next byte may take."""
        return self.first if slow_start and not begun else self.idle


def _good(seconds: Any) -> bool:
    return type(seconds) in (int, float) and math.isfinite(seconds) and seconds > 0
