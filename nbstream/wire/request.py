"""What goes to the wire and what comes back, as plain values that know no provider and no library."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from ..credentials import Secret

Transport = Literal["sse", "ndjson", "json", "websocket", "local", "library"]

BODY = "body"
"""`Frame.event` of a frame that holds a whole body which was not a stream (JSON with HTTP 200)."""
BARE = "bare"
"""`Frame.event` of a frame made of lines that are no SSE fields (a bare JSON error in mid-stream)."""


class Frame(NamedTuple):
    """One unit of a stream: the data of an SSE event, a line of NDJSON, a WebSocket message, a body."""

    data: str
    event: str = ""


@dataclass(frozen=True, slots=True)
class WireRequest:
    """How to open a stream.

    Parameters
    ----------
    transport : {"sse", "ndjson", "json", "websocket", "local", "library"}
        How the answer is framed. ``local`` needs no network: `script` holds frames with delays. For
        ``library`` somebody else's code does the talking: `source` gives its frames.
    url : str
        Without secrets; a signed URL is a `Secret`.
    headers : mapping of str to str or Secret
    body : bytes or None
        JSON, UTF-8. For a WebSocket: the first text message.
    slow_start : bool
        The model may think for minutes before its first token: wait up to 600 s instead of 120 s.
    script : iterable of (seconds, Frame)
        For ``local``: the pause before each frame, and the frame.
    source : function
        For ``library``: called for each attempt; gives the frames, raises `NbstreamError`, and closes the
        connection when it is closed.
    dispensable : tuple of str
        Names in the body, dotted, that may be left out if the service refuses the request.
    """

    transport: Transport
    url: str | Secret = field(default="", repr=False)
    headers: Mapping[str, str | Secret] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    method: str = "POST"
    slow_start: bool = False
    allow_insecure: bool = False
    script: Iterable[tuple[float, Frame]] = field(default=(), repr=False)
    source: Callable[[], AsyncGenerator[Frame, None]] | None = field(default=None, repr=False)
    dispensable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WireResponse:
    """A refusal, or a small whole answer: status, lower-case header names, at most 64 KiB of body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)  # some services repeat the key

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


class Refused(Exception):
    """The peer answered, but with no stream. The provider turns `response` into an error."""

    def __init__(self, response: WireResponse) -> None:
        super().__init__(response.status)
        self.response = response


def encoded(body: Mapping[str, Any]) -> bytes:
    """`body` as JSON in UTF-8.

    >>> encoded({"prompt": "你好"}).decode()
    '{"prompt": "你好"}'
    """
    text = json.dumps(body, ensure_ascii=False, default=dict)
    try:
        return text.encode()
    except UnicodeEncodeError:
        # A lone surrogate (a prompt cut in half) cannot be sent as UTF-8; as an escape it can.
        return json.dumps(body, default=dict).encode()
