"""Canaries: secrets that can be told wherever they turn up, however they are spelled.

All begin with the same twelve signs, so that one search finds every one of them, and the beginning of one
that was cut; behind these each is named after the field that it stands for.
"""

from __future__ import annotations

import os
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

from nbstream.providers import registry

MARK = "cAn+/rY=9:k~"
"""How each begins: with the signs that are spelled differently in an address or in base64."""


def canary(*names: str) -> str:
    """The secret that is called so.

    >>> canary("spark", "api_key")
    'cAn+/rY=9:k~spark.api-key.0f7E'
    """
    return f"{MARK}{'.'.join(names).replace('_', '-')}.0f7E"


def environment() -> dict[str, str]:
    """A canary for each variable that may hold a secret of a provider; the others get something plain."""
    found = {}
    for provider in registry.keyed():
        for field in provider.fields:
            for number, name in enumerate(field.env):
                hidden = canary(provider.name, field.name, *([str(number)] if number else []))
                found.setdefault(name, hidden if field.hidden else "app0id")
    return found


def spellings(text: str) -> dict[str, bytes]:
    """`text` as it is, percent-encoded, and as it stands inside base64, at each of the three offsets."""
    found = {
        "plain": text,
        "percent-encoded": quote(text, safe=""),
        "percent-encoded, small digits": re.sub("%..", lambda m: m[0].lower(), quote(text, safe="")),
        "percent-encoded, but for slashes": quote(text),
        "of a form": quote_plus(text),
    }
    for offset in range(3):
        # Three whole characters behind it, so that its own last ones stay whole, too.
        for name, coder in (("base64", b64encode), ("base64 of an address", urlsafe_b64encode)):
            coded = coder(b"x" * offset + text.encode()).decode().rstrip("=")
            whole = coded[(0, 2, 3)[offset] : len(coded) - (1 if (offset + len(text)) % 3 else 0)]
            found[f"{name}, offset {offset}"] = whole
            found[f"{name}, offset {offset}, percent-encoded"] = quote(whole, safe="")
    return {name: one.encode() for name, one in found.items()}


_MARKS = spellings(MARK)


def hits(data: str | bytes, where: str = "") -> list[str]:
    """Where canaries stand in `data`: the spelling, and what stands around each."""
    raw = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    found = []
    for name, mark in _MARKS.items():
        places = [one.start() for one in re.finditer(re.escape(mark), raw)]
        for at in places[:3]:
            found.append(f"{where}: {name} ({len(places)}): {raw[max(0, at - 300) : at + 120]!r}")
    return found


def files(folders: Iterable[Path]) -> Iterator[Path]:
    """Every file below `folders`."""
    for folder in folders:
        for root, _, names in os.walk(folder):
            yield from (path for name in names if (path := Path(root) / name).is_file())


def hits_below(*folders: Path) -> list[str]:
    """The same for every file below `folders`, and for its name."""
    found = []
    for path in files(folders):
        found += hits(str(path), "a name") + hits(path.read_bytes(), str(path))
    return found
