"""The frames of every golden transcript, as the wire would give them, and what a provider makes of them."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

from nbstream.errors import NbstreamError
from nbstream.messages import Event, Opaque
from nbstream.providers import registry
from nbstream.wire.lines import NDJSON
from nbstream.wire.request import BODY, Frame, WireResponse
from nbstream.wire.sse import SSE
from tests.canary.canaries import canary, spellings
from tests.fakes import vectors
from tests.fakes.baidu import transcripts as baidu
from tests.fakes.spark_frames import transcripts as spark

MADE = ("input", "args", "arguments")
"""Fields that hold JSON of the model's own, in which nothing is unknown."""


@dataclass
class Transcript:
    """What came: a stream's frames, or a refusal."""

    provider: str
    frames: list[Frame]
    refused: WireResponse | None = None


def every() -> dict[str, Transcript]:
    """All transcripts that there are, by name."""
    found = {}
    for dialect in ("openai", "anthropic", "gemini", "ollama"):
        for name in vectors.names(dialect):
            one = vectors.load(name)
            found[name] = _of_bytes(
                dialect, vectors.pieces(one), one["status"], one["headers"], one["transport"]
            )
    for name, one in spark().items():
        if one["transport"] == "spark-ws" and one["response"]["status"] == 101:
            frames = [Frame(_message(part)) for part in one["frames"] if {"text", "binary"} & part.keys()]
            found[name] = Transcript("spark", frames)
        else:
            provider = one["transport"].removesuffix("-ws")
            found[name] = _of_bytes(provider, _written(one), one["response"]["status"], {}, "sse")
    for name, one in baidu("ernie-v1", "ernie-v2").items():
        provider = one["transport"].removesuffix("-v2")
        headers = one["response"].get("headers", {})
        found[name] = _of_bytes(provider, _written(one), one["response"]["status"], headers, "sse")
    return found


def _message(part: dict[str, Any]) -> str:
    return part["text"] if "text" in part else base64.b64decode(part["binary"]).decode()


def _written(one: dict[str, Any]) -> list[bytes]:
    parts = one["frames"] or [{"text": one["response"].get("body", "")}]
    return [
        part["text"].encode() if "text" in part else base64.b64decode(part["b64"])
        for part in parts
        if {"text", "b64"} & part.keys()
    ]


def _of_bytes(
    provider: str, pieces: list[bytes], status: int, headers: dict[str, str], transport: str
) -> Transcript:
    body = b"".join(pieces)
    lower = {name.lower(): value for name, value in headers.items()}
    if status >= 400:
        return Transcript(provider, [], WireResponse(status, lower, body))
    bare = body.lstrip(b"\xef\xbb\xbf \r\n")
    if transport == "sse" and bare[:1] in (b"{", b"["):
        return Transcript(provider, [Frame(body.decode("utf-8", "replace"), BODY)])
    decoder = NDJSON() if transport == "ndjson" else SSE()
    return Transcript(provider, [*decoder.feed(body), *decoder.flush()])


# --- what becomes of them -----------------------------------------------------------------------------


def made(provider: str, frames: list[Frame]) -> tuple[list[Event], tuple[Any, ...] | None]:
    """The events of frames, and the error that ended them; ids and signatures aside: they have stand-ins."""
    events: list[Event] = []
    try:
        for event in registry.get(provider).events(iter(frames)):
            if event is not None:
                events.append(Opaque(event.provider, None) if isinstance(event, Opaque) else event)
    except NbstreamError as error:
        return events, told(error)
    return events, None


def told(error: NbstreamError) -> tuple[Any, ...]:
    """What an error says that must survive: not ids, and not the text of what could not be read at all."""
    unread = error.case in ("unparsable", "no_answer", "web_page")
    said = re.sub(r"\(sid: [\w@]+\)", "(sid)", error.why)
    return (error.kind, error.case, error.status, error.code, error.what, None if unread else said,
            error.retryable, error.retry_after, error.request_id is None)  # fmt: skip


def poisoned(frame: Frame) -> Frame:
    """`frame` with fields that nobody knows in every object, and a canary in each of its spellings there."""
    return frame._replace(data=_poisoned(frame.data))


def _poisoned(text: str) -> str:
    lines = text.split("\n")
    try:
        return json.dumps(with_canaries(json.loads(text)))
    except (ValueError, RecursionError):
        return "\n".join(map(_poisoned, lines)) if len(lines) > 1 else text


def with_canaries(value: Any) -> Any:
    """`value` with unknown fields in each of its objects."""
    if isinstance(value, list):
        return [with_canaries(one) for one in value]
    if not isinstance(value, dict):
        return value
    secret = canary("tape", "field")
    unknown = {
        "x_debug": {"echo": [secret, *(one.decode() for one in spellings(secret).values())]},
        "user": secret,
        "system_fingerprint": secret,
        "safety_identifier": [secret],
        secret: "a name that is one",
    }
    known = {name: one if name in MADE else with_canaries(one) for name, one in value.items()}
    return known | unknown
