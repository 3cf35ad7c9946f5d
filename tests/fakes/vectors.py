"""The golden transcripts in ``tests/vectors``: see the README there for their schema."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "vectors"


def names(dialect: str) -> list[str]:
    """All vectors of one dialect."""
    return sorted(path.stem for path in FOLDER.glob(f"{dialect}-*.json"))


def load(name: str) -> dict[str, Any]:
    """One vector. Raises `FileNotFoundError` for a name that is none."""
    vector: dict[str, Any] = json.loads((FOLDER / Path(name).name).with_suffix(".json").read_text("utf-8"))
    return vector


def pieces(vector: dict[str, Any]) -> list[bytes]:
    """The body of a vector in the pieces that the network is to deliver."""
    out: list[bytes] = []
    for chunk in vector["chunks"]:
        if isinstance(chunk, str):
            out.append(chunk.encode())
            continue
        raw = base64.b64decode(chunk["b64"])
        size = chunk.get("every") or len(raw) or 1
        cuts = chunk.get("cuts") or list(range(size, len(raw), size))
        out += [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    return out
