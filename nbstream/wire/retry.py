"""How long to wait before the same request is sent again, and when not to send it again."""

from __future__ import annotations

import random

from ..errors import NbstreamError

FIRST, LONGEST = 0.5, 8.0
PATIENCE = 120.0
"""A provider that asks for a longer pause than this (seconds) is reported instead of waited for."""


def pause(attempt: int, error: NbstreamError) -> float | None:
    """Seconds to wait after failed attempt number `attempt` (from 0), or None: do not repeat.

    ``Retry-After`` is honoured as given; otherwise the pause doubles from half a second to eight, with
    a quarter of jitter so that a class of thirty does not come back in step.

    A connection that was kept alive, and hung up on just when we asked, costs no pause.

    >>> from nbstream.errors import KINDS, fail
    >>> pause(0, fail("connection.closed", address="h.example"))
    0.0
    >>> pause(0, KINDS["rate_limit"]("slow down", retry_after=7))
    7.0
    >>> pause(0, KINDS["auth"]("wrong key")) is None
    True
    """
    if not error.retryable:
        return None
    if error.retry_after is not None:
        return float(error.retry_after) if error.retry_after <= PATIENCE else None
    if attempt == 0 and error.case == "closed":
        return 0.0
    return min(LONGEST, FIRST * 2.0**attempt) * random.uniform(0.75, 1.25)
