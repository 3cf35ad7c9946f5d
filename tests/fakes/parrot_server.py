"""A loopback server that speaks Parrot, the example of docs/write-a-provider.md."""

from __future__ import annotations

import json

from .scripted import Scripted

CREDENTIALS = {"api_key": "parrot-contract-0123456789"}


def line(**fields: object) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode() + b"\n"


def scripted() -> Scripted:
    """For the contract suite."""
    return Scripted(
        "",
        said=lambda text: line(word=text),
        ends=line(end="full", count=[1, 2]),
        fails=lambda message: line(problem=message),
        content_type="application/x-ndjson",
    )
