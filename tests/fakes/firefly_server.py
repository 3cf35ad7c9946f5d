"""A loopback server that speaks Firefly, the dialect of notebook 07."""

from __future__ import annotations

import json

from .scripted import Scripted

CREDENTIALS = {"api_key": "firefly-contract-0123456789"}


def event(name: str, **data: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def scripted() -> Scripted:
    """For the contract suite."""
    return Scripted(
        "",
        said=lambda text: event("glow", text=text),
        ends=event("dark", why="done", tokens=[1, 2]),
        fails=lambda message: event("oops", says=message),
    )
