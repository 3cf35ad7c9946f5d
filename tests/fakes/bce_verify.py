"""Baidu's side of ``bce-auth-v1``: checks a signed request as its gateway does. Shares no code with ours."""

from __future__ import annotations

import calendar
import hashlib
import hmac
import time

PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")
EARLY = 900
"""Seconds that a client's clock may be ahead."""


def refusal(
    method: str, target: str, headers: dict[str, str], keys: dict[str, str], now: float | None = None
) -> str | None:
    """The code with which the request is refused, or None.

    `target` is what stands in the request line; `headers` have lower-case names.
    """
    given = headers.get("authorization", "").split("/")
    if len(given) != 6 or given[0] != "bce-auth-v1" or not given[3].isdecimal():
        return "InvalidHTTPAuthHeader"
    _, access_key, when, seconds, names, signature = given
    if access_key != keys["access_key"]:
        return "InvalidAccessKeyId"
    signed = sorted(names.split(";"))
    if "host" not in signed or any(name not in headers for name in signed):
        return "InvalidHTTPAuthHeader"
    try:
        begun = calendar.timegm(time.strptime(when, "%Y-%m-%dT%H:%M:%SZ"))
    except ValueError:
        return "InvalidHTTPAuthHeader"
    now = time.time() if now is None else now
    if not begun - EARLY <= now <= begun + int(seconds):
        return "RequestExpired"
    prefix = "/".join(given[:4])
    key = _mac(keys["secret_key"].encode(), prefix)
    wanted = _mac(key.encode("ascii"), to_be_signed(method, target, {one: headers[one] for one in signed}))
    return None if hmac.compare_digest(wanted, signature) else "SignatureDoesNotMatch"


def to_be_signed(method: str, target: str, headers: dict[str, str]) -> str:
    """The canonical request, from what came over the wire."""
    path, _, query = target.partition("?")
    pairs = []
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        if name.lower() != "authorization":
            pairs.append(f"{_again(name)}={_again(value)}")
    lines = [f"{_escape(name.encode())}:{_escape(value.strip().encode())}" for name, value in headers.items()]
    uri = "/".join(_again(part) for part in path.split("/"))
    return f"{method}\n{uri}\n" + "&".join(sorted(pairs)) + "\n" + "\n".join(sorted(lines))


def _again(text: str) -> str:
    """`text`, decoded from the wire and encoded as the rules say."""
    raw, at = bytearray(), 0
    while at < len(text):
        if text[at] == "%" and at + 2 < len(text):
            raw.append(int(text[at + 1 : at + 3], 16))
            at += 3
        else:
            raw += text[at].encode()
            at += 1
    return _escape(bytes(raw))


def _escape(raw: bytes) -> str:
    return "".join(chr(byte) if byte in PLAIN else f"%{byte:02X}" for byte in raw)


def _mac(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
