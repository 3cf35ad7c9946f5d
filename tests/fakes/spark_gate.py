"""What Spark's own gateway looks at before it answers: the signature, and the question's shape.

Written from the service's description, not from our client: it shares no table with it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from email.utils import mktime_tz, parsedate_tz
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOLERANCE = 300
UNAUTHORIZED = "Unauthorized"
UNVERIFIED = "HMAC signature cannot be verified"
MISMATCH = "HMAC signature does not match"
NO_DATE = f"{UNVERIFIED}, a valid date or x-date header is required for HMAC Authentication"

DOMAINS = {
    "/v1.1/chat": {"lite", "general"},
    "/v2.1/chat": {"generalv2"},
    "/v3.1/chat": {"generalv3"},
    "/chat/pro-128k": {"pro-128k"},
    "/v3.5/chat": {"generalv3.5"},
    "/chat/max-32k": {"max-32k"},
    "/v4.0/chat": {"4.0Ultra"},
    "/v1.1/chat_kjwx": {"kjwx"},
    "/v1/x1": {"x1", "spark-x"},
    "/x2": {"spark-x"},
}


def verify(target: str, host: str, now: float, secrets: Mapping[str, str]) -> tuple[int, str]:
    """Status and message for a handshake that asks for `target` (path and query) at `host`."""
    parts = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if "authorization" not in query:
        return 401, UNAUTHORIZED
    try:
        claim = base64.b64decode(query["authorization"], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return 401, UNVERIFIED
    # Leniently: the SDK has eight blanks too many in it, others write "hmac " in front, or "username".
    fields = dict(re.findall(r'(\w+)="([^"]*)"', claim))
    key = fields.get("api_key") or fields.get("username", "")
    when = parsedate_tz(query.get("date", ""))
    if when is None or abs(mktime_tz(when) - now) > TOLERANCE:
        return 403, NO_DATE
    if key not in secrets:
        return 401, f"{UNVERIFIED}: fail to retrieve credential"
    signed = query.get("host", "")
    lines = f"host: {signed}\ndate: {query['date']}\nGET {parts.path} HTTP/1.1"
    digest = hmac.new(secrets[key].encode(), lines.encode(), hashlib.sha256).digest()
    good = hmac.compare_digest(base64.b64encode(digest).decode(), fields.get("signature", ""))
    # sparkai's chat client signs the port, its helper does not.
    if not good or signed not in (host, urlsplit(f"//{host}").hostname):
        return 401, MISMATCH
    return 101, ""


def objection(body: Any, path: str, app_id: str, *, scripted: bool) -> tuple[int, str] | None:
    """Code and message for a question that the service does not take; None for a good one.

    A `scripted` domain names a behaviour of the fake: no pair of address and domain is asked of it.
    """
    if not isinstance(body, dict):
        return 10003, "message format error"
    try:
        chat, texts = body["parameter"]["chat"], body["payload"]["message"]["text"]
        domain, who = chat["domain"], body["header"]["app_id"]
        roles = [one["role"] for one in texts]
        good = all(isinstance(one["content"], str) and one["content"] for one in texts)
    except (KeyError, TypeError):
        return 10004, "schema check failed: a required field is missing"
    if not texts or not good or not isinstance(domain, str):
        return 10004, "schema check failed: '$.payload.message.text'"
    if who != app_id:
        return 11200, "AppIdNoAuthError"
    if set(roles) - {"user", "assistant", "system"} or roles[-1] != "user" or "system" in roles[1:]:
        return 10005, "invalid role in '$.payload.message.text'"
    if not scripted and domain not in DOMAINS.get(path, {domain}):
        return 10404, f"model not found: {domain} at {path}"
    hottest = 2 if path in ("/v1/x1", "/x2") else 1
    if not 0 < chat.get("temperature", 0.5) <= hottest:
        return 10163, f"schema check failed: '$.parameter.chat.temperature' must be <= {hottest}"
    if not 1 <= chat.get("top_k", 4) <= 6:
        return 10163, "schema check failed: '$.parameter.chat.top_k' must be <= 6"
    if len(body["header"].get("uid", "")) > 32:
        return 10163, "schema check failed: '$.header.uid' is too long"
    return None
