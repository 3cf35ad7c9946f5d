"""From a `WireRequest` to frames, whichever transport carries them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing

from ..errors import NbstreamError, fail
from ..messages import Note
from .address import shown
from .http import MAX_REFUSAL, Reply, opened
from .limits import Limits
from .lines import NDJSON
from .request import BODY, Frame, Refused, WireRequest, WireResponse
from .sse import SSE

MAX_BODY = 16 * 1024 * 1024
FIELDS = (b"data", b"event", b"id", b"retry", b":")


class Opening:
    """Frames of one request, and what is known of its state. `accepted` is called when a stream is open,
    `reached` when a new connection stands.

    ``async for batch in opening.frames()`` gives lists of frames: all that one read from the socket held.
    """

    notes: tuple[Note, ...] = ()
    """What is to be said of an answer that comes this way."""

    def __init__(
        self,
        request: WireRequest,
        limits: Limits,
        accepted: Callable[[], None] | None = None,
        reached: Callable[[], None] | None = None,
    ) -> None:
        self._request = request
        self._accepted = accepted or (lambda: None)
        self._reached = reached
        self._limits = limits
        self._reply: Reply | None = None
        self._begun = False
        self._grace: float | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """Of the answer, names in lower case; empty where there are none."""
        return self._reply.headers if self._reply is not None else {}

    def begun(self) -> None:
        """The first token has come: from now on the shorter patience holds."""
        self._begun = True
        if self._reply is not None:
            self._reply.begun = True

    def nearly_over(self, grace: float) -> None:
        """The end mark has come; for a last word `grace` seconds are left. Some servers never hang up."""
        self._grace = grace
        if self._reply is not None:
            self._reply.grace = grace

    async def frames(self) -> AsyncGenerator[list[Frame], None]:
        if self._request.transport == "local":
            for delay, frame in self._request.script:
                if delay > 0:
                    await asyncio.sleep(delay)
                yield [frame]
            return
        if self._request.transport in ("websocket", "library"):
            other = self._messages if self._request.transport == "websocket" else self._library
            async with aclosing(other()) as batches:
                async for batch in batches:
                    yield batch
            return
        async with opened(self._request, self._limits, self._reached) as reply:
            self._reply = reply
            if reply.status >= 300:
                raise Refused(await reply.refusal())
            self._accepted()
            if self._request.transport == "json":
                yield [await _body(reply)]
                return
            async with aclosing(reply.chunks()) as chunks:
                async for batch in self._decoded(reply, chunks):
                    yield batch

    async def _messages(self) -> AsyncGenerator[list[Frame], None]:
        """The messages of a WebSocket."""
        from .websocket import connection, frames  # its library is not for those who never use it

        async with connection(self._request, self._limits, self._reached or (lambda: None)) as line:
            self._accepted()
            while True:
                limit = self._patience()
                late = False
                messages: list[str] = []
                try:
                    messages = await line.take(limit)
                except TimeoutError:
                    late = True
                if late:
                    raise self._late(line.address, limit)
                if not messages:
                    return
                if batch := frames(messages):
                    yield batch

    async def _library(self) -> AsyncGenerator[list[Frame], None]:
        """The frames that somebody else's code gives."""
        assert self._request.source is not None
        open_ = False
        async with aclosing(self._request.source()) as frames:
            while True:
                limit = self._patience()
                frame: Frame | None = None
                late = False
                try:
                    async with asyncio.timeout(limit):
                        frame = await anext(frames, None)
                except TimeoutError:
                    late = True
                if late:
                    raise self._late(shown(str(self._request.url)), limit)
                if frame is None:
                    return
                if not open_:
                    self._accepted()
                    open_ = True
                yield [frame]
                # What it has in hand already it gives without a pause; a cancellation, and other streams,
                # get their turn only where there is one.
                await asyncio.sleep(0)

    def _patience(self) -> float | None:
        return self._grace or self._limits.patience(begun=self._begun, slow_start=self._request.slow_start)

    def _late(self, address: str, limit: float | None) -> NbstreamError:
        key = "timeout.idle" if self._begun else "timeout.first"
        return fail(key, address=address, seconds=f"{limit:g}")

    async def _decoded(self, reply: Reply, chunks: AsyncIterator[bytes]) -> AsyncIterator[list[Frame]]:
        """The frames in `chunks`; a whole body as one frame where a good answer is not a stream."""
        decoder = NDJSON() if self._request.transport == "ndjson" else SSE()
        head: bytes | None = b""  # what came before the first byte that tells what this is
        async for chunk in chunks:
            if head is not None:
                chunk = head + chunk
                start = chunk.removeprefix(b"\xef\xbb\xbf").lstrip()
                if len(start) < 5 and any(field.startswith(start) for field in FIELDS):
                    head = start  # blanks and blank lines mean nothing before the first field
                    continue
                head = None
                if not _is_stream(self._request, reply, start):
                    rest = b"".join([piece async for piece in _bounded(chunks, MAX_BODY - len(chunk))])
                    if start[:1] in (b"{", b"["):
                        yield [Frame((chunk + rest).decode("utf-8", "replace"), BODY)]
                        return
                    raise Refused(WireResponse(reply.status, reply.headers, (chunk + rest)[:MAX_REFUSAL]))
            if batch := decoder.feed(chunk):
                yield batch
        if head:
            decoder.feed(head)
        if batch := decoder.flush():
            yield batch


def _is_stream(request: WireRequest, reply: Reply, start: bytes) -> bool:
    """Whether a good answer is the stream that was asked for, by what it says and how it begins."""
    kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.transport == "ndjson":
        return start[:1] != b"<"
    if kind == "text/event-stream":
        return start[:1] != b"<"
    return start.startswith(FIELDS)


async def _bounded(chunks: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        limit -= len(chunk)
        if limit < 0:
            raise fail("protocol.too_large", limit="16 MiB")
        yield chunk


async def _body(reply: Reply) -> Frame:
    body = b"".join([chunk async for chunk in _bounded(reply.chunks(), MAX_BODY)])
    return Frame(body.decode("utf-8", "replace"), BODY)
