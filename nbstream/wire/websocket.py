"""WebSocket: the one file that imports websocket-client.

The library blocks, so each socket has a thread of its own: it connects, sends the one message that asks,
and reads. The loop takes what has come, and stops the thread by shutting the socket down under it.
websocket-client's ``enableTrace`` is never used: it logs the URL, and the URL is signed.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import websocket

from ..credentials import Secret
from ..errors import NbstreamError, fail
from .address import is_loopback, shown
from .failures import unconnected
from .handshake import Line
from .limits import Limits
from .plain import clean
from .request import Frame, Refused, WireRequest
from .tunnel import connected

MOST = 64 * 1024
"""Characters read ahead before the reading waits: a reader that is slow must slow the server down."""
FAST = 400
"""Messages a second beyond which they are taken together, and `REST` the seconds between two takings."""
REST = 0.006
LOOK = 5.0
"""Seconds between looks at whether the loop still lives; how long to wait is its own business."""
GOODBYE = 0.5
"""Seconds that the closing frame may take."""

OURS = "nbstream-websocket-"
"""How the names of our threads begin."""

_numbers = itertools.count(1)
# Somebody else may have called enableTrace: what it logs of our threads is the signed URL.
logging.getLogger("websocket").addFilter(lambda record: not str(record.threadName).startswith(OURS))


class _Patient(websocket.WebSocket):
    """A ping that cannot be answered breaks nothing: what the peer said before it left waits to be read."""

    def pong(self, payload: str | bytes = "") -> None:
        with suppress(OSError, websocket.WebSocketException):
            super().pong(payload)


class Socket:
    """One question and its answer. For one taker, in one loop."""

    def __init__(self, request: WireRequest, limits: Limits) -> None:
        url = request.url
        self._url = url if isinstance(url, Secret) else Secret(url)
        self._request, self._limits = request, limits
        self.address = shown(self._url.reveal())
        self._loop = asyncio.get_running_loop()
        self._come = asyncio.Event()
        self._gone = asyncio.Event()
        self._room = threading.Condition()
        self._held: list[str] = []
        self._size = 0
        self._open = self._ended = self._stopping = self._rung = False
        self._failure: Exception | None = None
        self._plain: socket.socket | None = None
        self._ws: Any = None  # a websocket.WebSocket
        self._line: Line | None = None
        self._taken = 0.0
        self._fast = False
        self._thread = threading.Thread(target=self._work, name=f"{OURS}{next(_numbers)}", daemon=True)
        self._thread.start()

    # --- on the loop ----------------------------------------------------------------------------------

    async def reached(self) -> None:
        """Wait for the connection, proxy and TLS included, or for its failure."""
        while not (self._line or self._ended):
            await self._come.wait()
            self._come.clear()

    async def opened(self) -> None:
        """Wait for the handshake. Raises `NbstreamError`, or `Refused` with what the server said."""
        while not (self._open or self._ended):
            await self._come.wait()
            self._come.clear()
        if self._failure is not None and not self._open:
            raise self._failure

    async def take(self, patience: float | None) -> list[str]:
        """All messages that have come, at least one; none at the end.

        Raises what ended the reading, once everything before it was taken, and `TimeoutError` when
        nothing comes for `patience` seconds.
        """
        if self._fast and not self._ended:
            await asyncio.sleep(REST)
        while not self._held:
            if self._ended:
                if self._failure is not None:
                    raise self._failure
                return []
            async with asyncio.timeout(patience):
                await self._come.wait()
            self._come.clear()
        now = self._loop.time()
        with self._room:
            taken, self._held, self._size = self._held, [], 0
            self._room.notify()
        self._fast = len(taken) > FAST * (now - self._taken)
        self._taken = now
        return taken

    async def aclose(self) -> None:
        """Stop the thread: when this returns the socket is closed, or its peer holds it up for good."""
        self._stopping = True
        with self._room:
            self._room.notify()
        if self._ws is not None and self._open:
            # Only our reading ends: the thread then still says goodbye, as the protocol asks.
            self._shut(socket.SHUT_RD)
            with suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE):
                    await self._gone.wait()
        if not self._gone.is_set():
            self._shut(socket.SHUT_RDWR)
            with suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE):
                    await self._gone.wait()

    def _shut(self, how: int) -> None:
        if self._plain is not None:
            with suppress(OSError):
                # Past TLS, whose own shutdown would be a race with the thread that reads.
                socket.socket.shutdown(self._plain, how)

    def _ring(self) -> None:
        self._rung = False
        self._come.set()

    def _end(self) -> None:
        self._ended = True
        self._come.set()
        self._gone.set()

    # --- on the thread --------------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            ws = self._connect()
            self._ws, self._open = ws, True
            self._wake(self._ring)
            # Who stops reading in the middle of a long question has often said why.
            with suppress(OSError, websocket.WebSocketConnectionClosedException):
                if self._request.body is not None:  # nothing to ask: the handshake alone was wanted
                    ws.send(self._request.body)
            self._read(ws)
        except (NbstreamError, Refused) as failure:
            # Without its traceback: the frames of the handshake hold the signed URL in the clear.
            self._failure = failure.with_traceback(None)
        except Exception as failure:
            self._failure = self._told(failure)
        finally:
            self._close()
            self._wake(self._end)

    def _wake(self, call: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(call)
        except RuntimeError:  # the loop was closed around us: nobody will ever take, nor stop us
            self._stopping = True

    def _keep(self, opened: socket.socket) -> None:
        self._plain = opened
        if self._stopping:
            raise ConnectionAbortedError("stopped")

    def _connect(self) -> Any:
        """The open WebSocket. Raises `Refused` where the server answers the handshake with something else."""
        self._line = line = Line(connected(self.address, self._limits.connect, self._keep))
        self._wake(self._ring)
        url = self._url.reveal()
        ws: Any = _Patient(skip_utf8_validation=True, enable_multithread=False)
        headers = [
            f"{name}: {value.reveal() if isinstance(value, Secret) else value}"
            for name, value in self._request.headers.items()
        ]
        netloc = urlsplit(url).netloc.rpartition("@")[2]
        try:
            ws.connect(
                url,
                socket=line,
                host=netloc,
                header=headers,
                redirect_limit=0,
                timeout=self._limits.connect,
            )
            status = ws.getstatus()
        except websocket.WebSocketBadStatusException as error:
            status = error.status_code
        except websocket.WebSocketException:
            status = line.status()  # 200 with a page, or no HTTP at all
            if status is None:
                raise
            if status == 101:
                raise fail("protocol.handshake", address=self.address) from None
        if status != 101 or not ws.connected:
            raise Refused(line.refusal())
        line.settle()
        return ws

    def _read(self, ws: Any) -> None:
        line = ws.sock
        ws.settimeout(LOOK)
        while not self._stopping:
            try:
                opcode, frame = ws.recv_data_frame(control_frame=True)
            except websocket.WebSocketTimeoutException:
                self._stopping = self._stopping or self._loop.is_closed()
                continue
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                self._failure = self._closed(frame.data)
                return
            # Pings are answered, and no more: a service that does nothing else for minutes has failed.
            if opcode in (websocket.ABNF.OPCODE_TEXT, websocket.ABNF.OPCODE_BINARY):
                line.begin_message()
                self._put(frame.data.decode("utf-8", "replace").removeprefix("\ufeff"))

    def _put(self, text: str) -> None:
        with self._room:
            self._held.append(text)
            self._size += len(text)
            if not self._rung:
                self._rung = True
                self._wake(self._ring)
            while self._size > MOST and not self._stopping:
                self._room.wait(LOOK)
                self._stopping = self._stopping or self._loop.is_closed()

    def _close(self) -> None:
        if self._open and self._stopping and self._ws is not None:
            with suppress(Exception):
                # The library has let go of a socket that reads nothing more; writing it still can.
                self._ws.sock = self._line
                self._ws.settimeout(GOODBYE)
                self._ws.send_close()
        if self._plain is not None:
            with suppress(OSError):
                self._plain.close()

    def _closed(self, data: bytes) -> NbstreamError:
        """The error for a closing frame: whether it is one, the provider's end mark decides."""
        code = int.from_bytes(data[:2], "big") if len(data) >= 2 else 1005
        # Here and not later: cut to fit the frame, half a signed address would not be known again.
        reason = clean(self._url.hide_in(data[2:].decode("utf-8", "replace")))
        return fail("interrupted.closed", address=self.address, number=code, reason=reason or "—")

    def _told(self, failure: Exception) -> NbstreamError:
        """`failure` as one of our errors. Its own text stays here: it may quote the request."""
        if self._open:
            if isinstance(failure, websocket.WebSocketProtocolException):
                return fail("protocol.websocket", address=self.address, reason=str(failure))
            return fail("interrupted.cut", address=self.address)
        if isinstance(failure, (TimeoutError, websocket.WebSocketTimeoutException)):
            limit = self._limits.connect
            return fail("timeout.connect", address=self.address, seconds=f"{limit or 0:g}")
        if isinstance(failure, (websocket.WebSocketException, ConnectionResetError, BrokenPipeError)):
            return fail("connection.closed", address=self.address)
        if isinstance(failure, UnicodeError):
            return fail("config.base_url", given=self.address)
        return unconnected(failure, self.address)


@asynccontextmanager
async def connection(
    request: WireRequest, limits: Limits, reached: Callable[[], None] = lambda: None
) -> AsyncIterator[Socket]:
    """The open WebSocket of `request`; leaving the block closes it. `reached`: see `http.opened`."""
    # The plain URL stays out of the variables of this frame: it raises.
    address = shown(request.url.reveal() if isinstance(request.url, Secret) else request.url)
    if address.startswith("ws:") and not request.allow_insecure and not is_loopback(address):
        raise fail("config.insecure_url", given=address)
    first = limits.patience(begun=False, slow_start=request.slow_start)
    line = Socket(request, limits)
    try:
        # Each as a whole: a byte now and then, or one dead address after another, must not hold us for ever.
        for step, limit, key in (
            (line.reached, limits.connect, "timeout.connect"),
            (line.opened, first, "timeout.first"),
        ):
            late = False
            try:
                async with asyncio.timeout(limit):
                    await step()
            except TimeoutError:
                late = True
            if late:
                raise fail(key, address=address, seconds=f"{limit:g}")
            if step == line.reached:
                reached()
        yield line
    finally:
        await asyncio.shield(line.aclose())


def frames(messages: list[str]) -> list[Frame]:
    """The messages that say something: an empty one does not."""
    return [Frame(text) for text in messages if text]
