"""What stands between this machine and a server, as `doctor` tells it: proxies, certificates, the clock."""

from __future__ import annotations

import os
import ssl
import urllib.request
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from .failures import proxies

SCHEMES = ("http", "https", "socks5", "socks5h")
VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def usable_proxies() -> tuple[list[str], list[str]]:
    """The proxies of the environment, without names and passwords: those that can be used, and the others."""
    good: list[str] = []
    bad: list[str] = []
    for (name, given), shown in zip(_given(), proxies(), strict=True):
        try:
            parts = urlsplit(given if "://" in given else f"http://{given}")
            usable = parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        (good if usable else bad).append(f"{name} {shown}")
    return good, bad


def _given() -> list[tuple[str, str]]:
    return [(name, value) for name, value in urllib.request.getproxies().items() if name != "no"]


def exceptions() -> int:
    """How many hosts go past the proxy."""
    return len([one for one in urllib.request.getproxies().get("no", "").split(",") if one.strip()])


def trusted() -> tuple[str, str]:
    """Whom TLS trusts: the variable that says so ("" is the system's own store), and what is wrong with it.

    The second is "missing" or "unreadable" for a file that is no help, else "".
    """
    for name in VARIABLES:
        if given := os.environ.get(name, ""):
            file = name == "SSL_CERT_FILE"
            if not (os.path.isfile(given) if file else os.path.isdir(given)):
                return name, "missing"
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(
                    **{"cafile" if file else "capath": given}
                )
            except (ssl.SSLError, OSError):
                return name, "unreadable"
            return name, ""
    return "", ""


def skew(headers: Mapping[str, str], sent: float, received: float) -> float | None:
    """Seconds that our clock is ahead of the server's (behind: negative); None where it does not tell.

    A date has whole seconds, and the answer was made some time between `sent` and `received`.

    >>> skew({"date": "Thu, 01 Jan 1970 00:01:00 GMT"}, 60.4, 60.6), skew({"date": "soon"}, 0, 0)
    (0.0, None)
    """
    try:
        theirs = parsedate_to_datetime(headers.get("date", "")).timestamp()
        theirs += int(headers.get("age", 0) or 0)  # from somebody's cache
    except (ValueError, TypeError, OverflowError):
        return None
    if sent < theirs + 1 and received > theirs:
        return 0.0
    return sent - theirs - 1 if sent > theirs else received - theirs
