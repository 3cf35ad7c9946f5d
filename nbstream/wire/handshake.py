"""A socket as websocket-client sees it: bounded, and with a memory of how the server answered."""

from __future__ import annotations

import http.client
import io
import socket
import time
from contextlib import suppress
from typing import Any

from ..errors import fail
from .request import WireResponse

LARGEST = 16 * 1024 * 1024
"""Bytes of one message."""
MAX_REFUSAL = 64 * 1024
PATIENCE = 2.0
"""Seconds for the rest of a refusal's body: what has come by then has to do."""
CHUNK = 16 * 1024
"""Bytes that are read at once: as many as a TLS record holds."""


class Line:
    """Counts what comes, and remembers the answer to the handshake until `settle`."""

    def __init__(self, plain: socket.socket) -> None:
        self._plain = plain
        self._answer: bytearray | None = bytearray()
        self._left = LARGEST
        self._ahead, self._at = b"", 0

    def recv(self, size: int) -> bytes:
        # The library asks for headers byte by byte and for each frame twice or more; every question to
        # the system is also a change of threads, and hundreds of sockets share this interpreter.
        if self._at == len(self._ahead):
            self._ahead, self._at = self._plain.recv(CHUNK), 0
        data = self._ahead[self._at : self._at + size]
        self._at += len(data)
        if self._answer is not None:
            self._answer += data
        else:
            self._left -= len(data)
            if self._left < 0:
                raise fail("protocol.too_large", limit="16 MiB")
        return data

    def begin_message(self) -> None:
        self._left = LARGEST

    def settle(self) -> None:
        """The handshake is over: from now on who waits is the loop's business."""
        self._answer = None
        self._plain.settimeout(None)

    def close(self) -> None:
        """Not yet: the library closes a refused socket before its answer was read."""

    def status(self) -> int | None:
        """The HTTP status in the answer to the handshake, or None for no HTTP."""
        words = bytes(self._answer or b"").split(b" ", 2)
        good = words[0].startswith(b"HTTP/1.") and len(words) > 1 and words[1].isdigit()
        return int(words[1]) if good else None

    def refusal(self) -> WireResponse:
        """The whole answer to the handshake: the library leaves bodies of unknown length unread."""
        raw = bytearray(self._answer or b"") + self._ahead[self._at :]
        end = time.monotonic() + PATIENCE
        with suppress(OSError):
            while len(raw) < MAX_REFUSAL + 8192 and not _complete(bytes(raw)):
                if (left := end - time.monotonic()) <= 0:
                    break
                self._plain.settimeout(left)
                piece = self._plain.recv(4096)
                if not piece:
                    break
                raw += piece
        answer, body = http.client.HTTPResponse(_Replayed(bytes(raw))), b""  # type: ignore[arg-type]
        with suppress(http.client.HTTPException, ValueError, OSError):
            answer.begin()
            try:
                body = answer.read(MAX_REFUSAL)
            except http.client.IncompleteRead as cut:
                body = cut.partial[:MAX_REFUSAL]
        headers = {name.lower(): value for name, value in (answer.headers or {}).items()}
        return WireResponse(self.status() or 0, headers, body)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)


class _Replayed:
    """Bytes that were received, as a socket to read them from again."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._raw)


def _complete(raw: bytes) -> bool:
    """Whether the body that `raw` announces is all there."""
    head, found, body = raw.partition(b"\r\n\r\n")
    if not found:
        return False
    for field in head.lower().split(b"\r\n")[1:]:
        name, _, value = field.partition(b":")
        if name == b"content-length" and value.strip().isdigit():
            return len(body) >= int(value)
        if name == b"transfer-encoding" and b"chunked" in value:
            return body.endswith(b"0\r\n\r\n")
    return False
