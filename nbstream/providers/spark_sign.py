"""The signature in the address of Spark's WebSocket: HMAC-SHA256 over host, date and request line."""

from __future__ import annotations

import base64
import hmac
from email.utils import formatdate
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit, urlunsplit

from ..credentials import Secret


class Signed(NamedTuple):
    """A signed address, and the parts of it that nobody may see."""

    url: str
    authorization: str
    signature: str


def signed(url: str, api_key: str, api_secret: str, unix: float, method: str = "GET") -> Signed:
    """`url` with ``authorization``, ``date`` and ``host``, as of the second `unix`.

    The host is signed with its port, if the address has one. The secret looks like base64 and is used as
    it stands. `formatdate` writes English names whatever the locale.

    >>> made = signed("wss://h.example:8443/v3.5/chat", "key", "secret", 1683283419)
    >>> made.url.partition("&")[2]
    'date=Fri%2C+05+May+2023+10%3A43%3A39+GMT&host=h.example%3A8443'
    >>> len(made.signature)
    44
    """
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    path = parts.path or "/"
    date = formatdate(int(unix), usegmt=True)
    lines = to_sign(host, date, path, method)
    digest = hmac.digest(api_secret.encode("utf-8", "replace"), lines.encode("utf-8", "replace"), "sha256")
    signature = base64.b64encode(digest).decode()
    claim = (
        f'api_key="{api_key}", algorithm="hmac-sha256", '
        f'headers="host date request-line", signature="{signature}"'
    )
    authorization = base64.b64encode(claim.encode("utf-8", "replace")).decode()
    query = urlencode({"authorization": authorization, "date": date, "host": host})
    query = f"{parts.query}&{query}" if parts.query else query
    return Signed(urlunsplit((parts.scheme, parts.netloc, path, query, "")), authorization, signature)


def to_sign(host: str, date: str, path: str, method: str = "GET") -> str:
    """The three lines that are signed."""
    return f"host: {host}\ndate: {date}\n{method} {path} HTTP/1.1"


def secret_url(url: str, api_key: Secret, api_secret: Secret, unix: float) -> Secret:
    """The same as one `Secret`, which hides also the key and the signature in it."""
    made = signed(url, api_key.reveal(), api_secret.reveal(), unix)
    return Secret(made.url, parts=(made.authorization, made.signature, api_key.reveal()))
