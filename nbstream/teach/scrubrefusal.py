"""What may be kept of a refusal, of a broken connection, and of a response's headers."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, cast
from urllib.parse import urlsplit

from ..errors import NbstreamError, fail
from ..i18n import language, sentences
from ..providers.refusals import is_web_page, retry_after, title_of
from ..wire.request import WireResponse
from .scrub import shaped
from .scrubtext import GONE, Hide, placeholder, scrubbed_text

IDS = ("x-request-id", "request-id", "x-baidu-request-id", "x-bce-request-id", "x-generation-id")
MOST_SAID = 2_000
_HOST = re.compile(r"([\w.-]{1,100}|\[[\da-f:.]{2,45}\])(:\d{1,5})?", re.I)
_BINARY = re.compile("[\x00-\x08\x0e-\x1f\x7f\ufffd]")


def scrubbed_headers(headers: Mapping[str, str], hide: Hide) -> dict[str, str]:
    """What of a response's headers an answer or an error is made of; a time as what it is from now."""
    found: dict[str, str] = {}
    kind = headers.get("content-type", "")
    if re.fullmatch(r"[\w.+-]+/[\w.+-]+(; ?charset=[\w-]+)?", kind):
        found["content-type"] = kind
    if (seconds := retry_after(headers)) is not None:
        found["retry-after"] = f"{seconds:g}"
    if headers.get("x-should-retry", "").strip().lower() in ("true", "false"):
        found["x-should-retry"] = headers["x-should-retry"].strip().lower()
    try:
        then = parsedate_to_datetime(headers.get("date", "")).timestamp()
        found["date"] = f"{round(then - time.time()):+d}"
    except (ValueError, TypeError, OverflowError):
        pass
    if "location" in headers:
        found["location"] = host_only(scrubbed_text(headers["location"], hide))
    if "x-bce-error-code" in headers:
        found["x-bce-error-code"] = scrubbed_text(headers["x-bce-error-code"], hide)[:100]
        found["x-bce-error-message"] = scrubbed_text(headers.get("x-bce-error-message", ""), hide)[:500]
    return found | {name: placeholder(headers[name]) for name in IDS if headers.get(name)}


def scrubbed_refusal(shape: Any, response: WireResponse, hide: Hide) -> dict[str, Any]:
    """What of a refusal may be kept."""
    text = response.text.lstrip("\ufeff").strip()
    try:
        data = json.loads(text)
        body: Any = shaped(data[:1] if isinstance(data, list) else data, (shape, [shape]), hide)
    except (ValueError, RecursionError):
        if is_web_page(response):
            body = f"<title>{scrubbed_text(title_of(text)[:200], hide)}</title>"
        elif _BINARY.search(text.rstrip("\ufffd")):  # at its end, a character was cut
            body = GONE
        else:
            body = scrubbed_text(text[:MOST_SAID], hide)
    if isinstance(body, str) and isinstance(_json(body), str):
        body = GONE  # a text in quotation marks would be read as the text
    headers = scrubbed_headers(response.headers, hide)
    found = {"status": response.status, "headers": headers, "body": body}
    return {name: value for name, value in found.items() if value not in ({}, "")}


def host_only(address: str) -> str:
    """Where a redirect leads to, as far as it may be told: tokens stand in paths, too.

    >>> host_only("https://me:pw@h.example:8443/signed/4f3a?sig=1"), host_only("/login/4f3a")
    ('https://h.example:8443/…', '/…')
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return GONE
    host = parts.netloc.rpartition("@")[2]
    if not _HOST.fullmatch(host):  # none, or a password with a slash in it
        return f"/{GONE}"
    return f"{parts.scheme}://{host}/{GONE}"


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def scrubbed_error(error: NbstreamError, hide: Hide) -> dict[str, Any]:
    """A break of the connection: which, and the facts in its sentences, or these as they are."""
    found: dict[str, Any] = {"error": f"{error.kind}.{error.case}" if error.case else error.kind}
    facts = _facts(error)
    if facts is not None:
        found["facts"] = {name: scrubbed_text(value, hide)[:300] for name, value in facts.items()}
    else:
        found |= {name: scrubbed_text(getattr(error, name), hide)[:1000] for name in ("what", "why", "fix")}
    found |= {"status": error.status, "retry_after": error.retry_after}
    found["code"] = error.code and scrubbed_text(error.code, hide)[:100]
    return {name: value for name, value in found.items() if value}


def _facts(error: NbstreamError) -> dict[str, str] | None:
    """What filled the sentences of `error`, so that it can be told in another language; None: not known."""
    templates = sentences(language())
    facts: dict[str, str] = {}
    for part in ("what", "why", "fix"):
        template = templates.get(f"error.{error.kind}.{error.case}.{part}", "")
        pattern, seen = "", set[str]()
        for number, piece in enumerate(re.split(r"\{(\w+)\}", template)):
            if number % 2 == 0:
                pattern += re.escape(piece)
            else:
                pattern += f"(?P={piece})" if piece in seen else f"(?P<{piece}>.*?)"
                seen.add(piece)
        if (match := re.fullmatch(pattern, getattr(error, part), re.S)) is not None:
            facts |= match.groupdict()
    try:
        again = fail(f"{error.kind}.{error.case}", **cast("dict[str, Any]", facts))
    except (KeyError, TypeError):
        return None
    return facts if (again.what, again.why) == (error.what, error.why) else None
