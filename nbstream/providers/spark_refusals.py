"""What Spark says when it refuses, by its codes; of a handshake also which key is wrong, or whose clock."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Any

from ..errors import NbstreamError, fail
from ..i18n import span, t
from ..wire.request import WireResponse
from .host import Host
from .refusals import Told, clean, from_response, numbered, retry_after, told
from .spark_codes import CASES, LASTING

TOLERATED = 300
"""Seconds that the date in a signature may be off. [doc]"""
_SIGNED = re.compile(r"(authorization\W{1,5})[\w+/=%-]{8,}", re.I)
_SID = re.compile(r"\(sid: ?([\w@]{5,100})\)")


def failure(
    host: Host, code: Any, message: Any, sid: Any = None, *, status: int | None = None
) -> NbstreamError:
    """The error for `code`; one that is not in the table keeps its number and its text."""
    number = clean(str(code), 100)
    if not sid and isinstance(message, str) and (inside := _SID.search(message)):
        sid = inside[1]  # over HTTP it stands in the words
    error = fail(
        CASES.get(number, "server_error.service"),
        provider=host.name,
        status=status,
        code=number,
        request_id=clean(sid, 100) if isinstance(sid, str) and sid else None,
        label=host.label,
        message=numbered(number, said(message)),
        key_page=host.key_page,
    )
    if number in LASTING or number not in CASES:
        error.retryable = False
    return error


def said(message: Any) -> str:
    """The service's words on one line; a signed address among them loses its signature."""
    return clean(_SIGNED.sub(r"\1…", message if isinstance(message, str) else ""))


def refused(host: Host, response: WireResponse, now: float | None = None) -> NbstreamError:
    """The error for a handshake that was answered with anything but 101, or for an HTTP refusal.

    A 403 speaks of the clock, not of permission: the gateway measures the signed date before all else.
    """
    response = replace(response, body=_SIGNED.sub(r"\1…", response.text).encode())
    error = _told(response)
    if error is not None and error.code in CASES:
        status = response.status if response.status >= 400 else None
        made = failure(host, error.code, error.message, error.request_id, status=status)
        made.retry_after = retry_after(response.headers)
        return made
    message = said(_message(response))
    low = message.lower()
    if response.status == 403 and "date" in low:
        return _clock(host, response, message, time.time() if now is None else now)
    if response.status in (401, 403) and "hmac" in low:
        case = "auth.spark_secret" if "does not match" in low else "auth.spark_key"
        if host.dialect == "spark-http":
            case = "auth.spark_password"
        return fail(case, provider=host.name, status=response.status, code=response.status,
                    label=host.label, message=numbered(str(response.status), message),
                    key_page=host.key_page)  # fmt: skip
    made = from_response(host, response, _read)
    if made.case == "web_page" and host.dialect == "spark":
        made.fix = t("error.config.spark_address.fix")
    made.code = made.code or (str(response.status) if response.status >= 400 else None)
    return made


def _read(data: Any) -> Told | None:
    """As `told`; the type ``api_error`` goes with every code there is, so it says nothing."""
    error = told(data)
    return error and error._replace(words=tuple(word for word in error.words if word != "api_error"))


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
                label=host.label, message=numbered(str(response.status), message),
                skew=span(abs(skew)))  # fmt: skip


def _date(headers: Mapping[str, str]) -> float | None:
    try:
        return parsedate_to_datetime(headers.get("date", "")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
