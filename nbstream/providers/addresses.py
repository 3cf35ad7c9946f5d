"""Where a request goes: the user's address or the host's own, checked before anything is sent."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit, urlunsplit

from ..credentials import Secret
from ..errors import fail
from ..wire.address import is_loopback, shown
from .host import Host
from .refusals import clean


def endpoint(
    base_url: str, host: Host, path: str, *, known: tuple[str, ...] = (), insecure: bool = False
) -> str:
    """The address of `path` at `base_url`.

    A URL with a path is used as it is, with or without a slash or one of the `known` ends at its end; one
    without gets the host's own. A query (Azure's ``api-version``) stays.

    >>> from nbstream.providers.hosts import HOSTS
    >>> endpoint("http://127.0.0.1:9", HOSTS[0], "/chat")
    'http://127.0.0.1:9/v1/chat'
    >>> endpoint("https://h.example/api/v3/chat/?x=1", HOSTS[0], "/models", known=("/chat",))
    'https://h.example/api/v3/models?x=1'
    """
    parts = checked(base_url, host, insecure=insecure)
    prefix = parts.path.rstrip("/") or urlsplit(host.base_url).path
    for end in known:
        prefix = prefix.removesuffix(end)
    return urlunsplit((parts.scheme, parts.netloc, prefix.rstrip("/") + path, parts.query, ""))


def checked(
    url: str, host: Host, *, schemes: tuple[str, str] = ("https", "http"), insecure: bool = False
) -> SplitResult:
    """`url` in its parts. Raises `NbstreamError` (config) for what is no URL of these `schemes`.

    The second scheme is the one that anybody on the way can read: for this machine, or with `insecure`.
    """
    url = url.strip()
    try:
        parts = urlsplit(url)
        good = parts.scheme in schemes and parts.hostname and parts.port != 0
        url.encode()  # half an emoji is no part of an address
    except ValueError:
        good = False
    if not good or re.search(r"[\s\x00-\x1f\x7f]", url):
        raise fail("config.base_url", provider=host.name, given=clean(_public(url), 200))
    if parts.scheme == schemes[1] and not insecure and not is_loopback(url):
        raise fail("config.insecure_url", provider=host.name, given=shown(url))
    return parts


def plain(url: str | Secret, *ends: str) -> str:
    """`url` as it may be shown: no user name, no query, none of the `ends`."""
    text = str(url)
    if "://" not in text:
        return text
    try:
        path = urlsplit(text).path
    except ValueError:
        return "?"
    for end in ends:
        path = path.removesuffix(end)
    return shown(text) + path


def _public(url: str) -> str:
    """`url` without what may be a password in it."""
    return re.sub(r"//[^/@]*@", "//…@", url.partition("?")[0])
