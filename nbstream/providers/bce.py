"""Baidu's request signature, ``bce-auth-v1``. Pure: keys, request and time in, text out.

The body is not signed. Two traps: the signing key is the *hexadecimal text* of a digest, not its bytes;
and in a signed header's value even ``/`` and ``:`` are percent-encoded.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from ..credentials import Secret

VALID = 1800
"""Seconds that a signature holds: the documented default."""


def auth_prefix(access_key: str, unix: float, seconds: int = VALID) -> str:
    """What an Authorization header begins with: who signs, when, and for how long.

    >>> auth_prefix("AK", 0)
    'bce-auth-v1/AK/1970-01-01T00:00:00Z/1800'
    """
    return f"bce-auth-v1/{access_key}/{stamp(unix)}/{seconds}"


def stamp(unix: float) -> str:
    """`unix` as the ``x-bce-date`` header wants it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(unix))


def signing_key(secret_key: str, prefix: str) -> str:
    return _digest(secret_key, prefix)


def canonical_request(
    method: str, path: str, query: Iterable[tuple[str, str]], headers: Mapping[str, str]
) -> str:
    """The text that is signed. `path` and `query` are plain, not percent-encoded.

    >>> canonical_request("get", "/a b", [("z", ""), ("a", "1/2")], {"Host": "h:1", "X-Empty": " "})
    'GET\\n/a%20b\\na=1%2F2&z=\\nhost:h%3A1'
    """
    pairs = sorted(
        f"{_encoded(name)}={_encoded(value)}" for name, value in query if name.lower() != "authorization"
    )
    lines = sorted(
        f"{_encoded(name.lower())}:{_encoded(value.strip())}"
        for name, value in headers.items()
        if value.strip()
    )
    return "\n".join([method.upper(), quote(path or "/", safe="/-_.~"), "&".join(pairs), "\n".join(lines)])


def authorization(
    access_key: Secret,
    secret_key: Secret,
    method: str,
    url: str,
    headers: Mapping[str, str],
    unix: float,
    seconds: int = VALID,
) -> Secret:
    """The Authorization header for a request; all of `headers` are signed, Host must be among them."""
    parts = urlsplit(url)
    prefix = auth_prefix(access_key.reveal(), unix, seconds)
    query = parse_qsl(parts.query, keep_blank_values=True)
    text = canonical_request(method, unquote(parts.path), query, headers)
    signature = _digest(signing_key(secret_key.reveal(), prefix), text)
    names = ";".join(sorted(name.lower() for name, value in headers.items() if value.strip()))
    # With the signature among its parts, a service that repeats it cannot show it either.
    return Secret(f"{prefix}/{names}/{signature}", parts=(access_key.reveal(), signature))


def host_of(url: str) -> str:
    """The Host header for `url`: without the port where it is the scheme's own.

    >>> host_of("https://user@h.example:443/x"), host_of("http://[::1]:8080/")
    ('h.example', '[::1]:8080')
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    else:
        with suppress(UnicodeError):  # a name that is none fails when it is looked up
            host = host.encode("idna").decode()
    default = {"https": 443, "http": 80}.get(parts.scheme)
    return host if parts.port in (None, default) else f"{host}:{parts.port}"


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")


def _digest(key: str, text: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()
