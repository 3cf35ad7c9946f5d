"""Why Spark refused the handshake: which of the keys, or whose clock."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from ..errors import NbstreamError, fail
from ..i18n import t
from ..wire.request import WireResponse
from .host import Host
from .refusals import Told, from_response, told
from .spark_codes import CASES, failure, said

TOLERATED = 300
"""Seconds that the date in a signature may be off. [doc]"""


def refused(host: Host, response: WireResponse, now: float | None = None) -> NbstreamError:
    """The error for a handshake that was answered with anything but 101, or for an HTTP refusal.

    A 403 speaks of the clock, not of permission: the gateway measures the signed date before all else.
    """
    error = _told(response)
    if error is not None and error.code in CASES:
        status = response.status if response.status >= 400 else None
        return failure(host, error.code, error.message, error.request_id, status=status)
    message = said(_message(response))
    low = message.lower()
    if response.status == 403 and "date" in low:
        return _clock(host, response, message, time.time() if now is None else now)
    if response.status in (401, 403) and "hmac" in low:
        case = "auth.spark_secret" if "does not match" in low else "auth.spark_key"
        return fail(case, provider=host.name, status=response.status, code=response.status,
                    label=host.label, message=message, key_page=host.key_page)  # fmt: skip
    made = from_response(host, response)
    made.code = made.code or (str(response.status) if response.status >= 400 else None)
    return made


def _told(response: WireResponse) -> Told | None:
    try:
        return told(json.loads(response.text))
    except (ValueError, RecursionError):
        return None


def _message(response: WireResponse) -> str:
    error = _told(response)
    return error.message if error is not None else response.text[:2000]


def _clock(host: Host, response: WireResponse, message: str, now: float) -> NbstreamError:
    """The error for a date that the service does not take; its own clock stands in the answer."""
    skew = now - theirs if (theirs := _date(response.headers)) is not None else 0.0
    case = "auth.spark_date"
    if abs(skew) >= TOLERATED / 2:
        case = "auth.spark_clock_ahead" if skew > 0 else "auth.spark_clock_behind"
    return fail(case, provider=host.name, status=response.status, code=response.status,
                label=host.label, message=message, skew=_spoken(abs(skew)))  # fmt: skip


def _date(headers: Mapping[str, str]) -> float | None:
    try:
        return parsedate_to_datetime(headers.get("date", "")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _spoken(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return t("span.minutes", minutes=minutes, seconds=rest)
    hours, minutes = divmod(minutes, 60)
    return t("span.hours", hours=hours, minutes=minutes)
