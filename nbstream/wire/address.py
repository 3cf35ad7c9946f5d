"""Which addresses are this machine's own."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from urllib.parse import urlsplit


def is_loopback(url: str) -> bool:
    """Whether the host of `url` is this machine.

    >>> is_loopback("http://127.0.0.1:8080/v1"), is_loopback("http://[::1]/"), is_loopback("http://a.example")
    (True, True, False)
    """
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return _is_own(host)


@lru_cache(256)
def _is_own(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def shown(url: str) -> str:
    """Scheme, host and port of `url`: what may stand in an error (no query, no user name).

    >>> shown("https://user:pw@h.example:8443/v1?key=1")
    'https://h.example:8443'
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "?"
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")
