"""How the address of Spark's WebSocket is signed, step by step, for who writes the same: masked. Pure.

It is read back from the address that goes out, so that it shows what was signed and nothing else.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

from ..credentials import Secret
from ..i18n import t
from ..providers.spark_sign import to_sign
from ..wire.request import WireRequest
from .xray_shown import address, masked, tail

_CLAIM = re.compile(r'(api_key|signature)="([^"]*)"')


def steps(request: WireRequest, secrets: Sequence[Secret]) -> list[tuple[str, str]]:
    """What is done in order, each with what comes out; nothing for an address that is not signed so."""
    url = request.url.reveal() if request.transport == "websocket" and isinstance(request.url, Secret) else ""
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if not {"authorization", "date", "host"} <= query.keys():
        return []
    try:
        claim = base64.b64decode(query["authorization"], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return []
    lines = to_sign(query["host"], query["date"], parts.path)
    signature = dict(_CLAIM.findall(claim)).get("signature", "")
    shown = masked(_CLAIM.sub(lambda found: f'{found[1]}="{tail(found[2])}"', claim), secrets)
    end = tail(query["authorization"])
    return [
        (t("xray.sign.lines"), masked(lines, secrets)),
        (t("xray.sign.hmac"), f'base64(hmac_sha256(api_secret, …)) = "{tail(signature)}"'),
        (t("xray.sign.claim"), shown),
        (t("xray.sign.authorization"), f'base64(…) = "{end}"'),
        (t("xray.sign.url"), address(request, secrets)),
    ]
