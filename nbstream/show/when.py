"""How long ago something was, as a person says it."""

from __future__ import annotations

import time

from ..i18n import t

_STEPS = ((86_400, "days"), (3_600, "hours"), (60, "minutes"), (1, "seconds"))


def ago(moment: float, now: float | None = None) -> str:
    """How long ago `moment` (seconds since the epoch) was.

    >>> ago(1000.0, now=1000.0 + 3 * 60 + 5), ago(1000.0, now=999.0), ago(0.0)
    ('3 min ago', 'just now', 'at a time unknown')
    """
    if not moment:
        return t("when.unknown")
    passed = (time.time() if now is None else now) - moment
    for seconds, unit in _STEPS:
        if passed >= (2 * seconds if unit == "seconds" else seconds):
            return t(f"when.{unit}", count=int(passed // seconds))
    return t("when.now")
