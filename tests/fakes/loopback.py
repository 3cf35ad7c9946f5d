"""An HTTP server on this machine that does what it is told, faults included, and remembers everything.

Standard library only (a certificate for ``tls`` needs the cryptography package). A dialect subclasses
`Loopback` and answers in `respond`, by means of the `Exchange` it is given.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import json
import shutil
import socket
import ssl
import struct
import sys
import tempfile
import termios
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

SEND_BUFFER = 64 * 1024


@dataclass
class Record:
    """One request and what became of it."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    auth: bool
    """Whether the right key came with it (any key, where the server checks none)."""
    connection: int
    opened: float = field(default_factory=time.time)
    closed: float | None = None
    closed_by: str | None = None
    """``client`` (it went away before the end) or ``server``."""
    written: int = 0
    text: str = ""
    unsent: Callable[[], int] = field(default=lambda: 0, repr=False)

    def as_json(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "path": self.path,
            "headers": sorted(self.headers),
            "body": self.body,
            "auth": self.auth,
            "connection": self.connection,
            "opened": self.opened,
            "closed": self.closed,
            "closed_by": self.closed_by,
            "written": self.written,
            "text": self.text,
            "pending": self.unsent() if self.closed is None else 0,
        }


class Exchange:
    """One request, and the means to answer it."""

    def __init__(self, record: Record, writer: asyncio.StreamWriter) -> None:
        self.record = record
        self._writer = writer
        self._chunked = False
        self.keep_alive = True
        record.unsent = lambda: writer.transport.get_write_buffer_size()

    async def start(
        self, status: int = 200, headers: dict[str, str] | None = None, *, chunked: bool = True
    ) -> None:
        """Status line and headers. Without `chunked` the body ends with the connection."""
        self._chunked = chunked
        self.keep_alive = chunked
        lines = [f"HTTP/1.1 {status} Fake", *(f"{name}: {value}" for name, value in (headers or {}).items())]
        lines.append("Transfer-Encoding: chunked" if chunked else "Connection: close")
        await self._write("\r\n".join([*lines, "", ""]).encode())

    async def send(self, data: bytes) -> None:
        """One piece of the body; waits while the peer does not read."""
        if data:
            await self._write(b"%x\r\n%s\r\n" % (len(data), data) if self._chunked else data)

    async def end(self) -> None:
        if self._chunked:
            await self._write(b"0\r\n\r\n")

    async def whole(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        """A complete answer with a length."""
        head = [f"HTTP/1.1 {status} Fake", *(f"{name}: {value}" for name, value in headers.items())]
        await self._write("\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body)

    async def json(self, status: int, data: Any, headers: dict[str, str] | None = None) -> None:
        raw = json.dumps(data, ensure_ascii=False).encode()
        await self.whole(status, raw, {"Content-Type": "application/json"} | (headers or {}))

    async def incomplete(self) -> None:
        """Close without the terminating chunk."""
        self.keep_alive = False

    async def reset(self) -> None:
        """TCP RST, after the peer's kernel has what was sent."""
        await self.delivered()
        plain = self._writer.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()
        self.keep_alive = False

    async def delivered(self) -> None:
        """Wait until nothing that was written is still on this side."""
        descriptor = self._writer.get_extra_info("socket").fileno()
        while self._writer.transport.get_write_buffer_size() or _unacknowledged(descriptor):
            await asyncio.sleep(0.001)

    async def _write(self, data: bytes) -> None:
        self._writer.write(data)
        self.record.written += len(data)
        await self._writer.drain()


def _unacknowledged(descriptor: int) -> int:
    return int(struct.unpack("i", fcntl.ioctl(descriptor, termios.TIOCOUTQ, b"\0" * 4))[0])


class Loopback:
    """A server in a thread with a loop of its own.

    Parameters
    ----------
    key : str, optional
        Requests without it are refused.
    tls : bool
        Serve https with a certificate made for the occasion; `certificate` is its file.
    """

    path = ""
    """What `url` has after the port."""
    names: tuple[str, ...] = ()
    """Hosts that its certificate is for, beside this machine."""

    def __init__(self, key: str | None = None, *, tls: bool = False) -> None:
        self.key = key
        self.log: list[Record] = []
        self.url = self.origin = ""
        self.certificate: Path | None = None
        self._tls = tls
        self._changed = threading.Condition()
        self._released: asyncio.Event
        self._loop: asyncio.AbstractEventLoop
        self._stopping: asyncio.Event
        self._connections = 0
        self._thread: threading.Thread | None = None

    # --- what a dialect says --------------------------------------------------------------------------

    async def respond(self, exchange: Exchange) -> None:
        """Answer one request."""
        raise NotImplementedError

    async def unauthorized(self, exchange: Exchange) -> None:
        await exchange.json(
            401, {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}
        )

    def authorized(self, headers: dict[str, str]) -> bool:
        return self.key is None or headers.get("authorization") == f"Bearer {self.key}"

    # --- the face for tests ---------------------------------------------------------------------------

    def __enter__(self) -> Self:
        ready: list[BaseException | None] = []
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main(ready)), name="fake-server")
        self._thread.start()
        with self._changed:
            self._changed.wait_for(lambda: ready, 10)
        if ready and ready[0] is not None:
            raise ready[0]
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._stopping.set)
        assert self._thread is not None
        self._thread.join(10)
        if self.certificate is not None:
            shutil.rmtree(self.certificate.parent, ignore_errors=True)

    def wait_for(self, condition: Callable[[list[Record]], bool], timeout: float = 5.0) -> bool:
        """Wait until `condition` holds for the log; whether it does. Woken when a request begins or ends."""
        with self._changed:
            return self._changed.wait_for(lambda: condition(self.log), timeout)

    def release(self) -> None:
        """Let those go on that wait in `released`."""
        self._loop.call_soon_threadsafe(self._released.set)

    async def released(self) -> None:
        await self._released.wait()
        self._released.clear()

    # --- the server -----------------------------------------------------------------------------------

    async def _main(self, ready: list[BaseException | None]) -> None:
        try:
            server = await self._start()
        except BaseException as error:
            self._announce(ready, error)
            return
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(server.close)
            self._announce(ready, None)
            await self._stopping.wait()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

    async def _start(self) -> asyncio.Server:
        self._loop = asyncio.get_running_loop()
        self._stopping, self._released = asyncio.Event(), asyncio.Event()
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets inherit this: what a slow reader has not taken stays countable.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        listening.bind(("127.0.0.1", 0))
        context = self._context() if self._tls else None
        server = await asyncio.start_server(self._connection, sock=listening, ssl=context, backlog=1024)
        scheme = "https" if self._tls else "http"
        self.origin = f"{scheme}://127.0.0.1:{listening.getsockname()[1]}"
        self.url = self.origin + self.path
        return server

    def _announce(self, ready: list[BaseException | None], error: BaseException | None) -> None:
        with self._changed:
            ready.append(error)
            self._changed.notify_all()

    def _context(self) -> ssl.SSLContext:
        from .certificate import self_signed

        self.certificate = self_signed(Path(tempfile.mkdtemp(prefix="fake-tls-")), *self.names)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        return context

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        number = self._connections
        plain = writer.get_extra_info("socket")
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        writer.transport.set_write_buffer_limits(high=SEND_BUFFER)
        try:
            await self._serve(reader, writer, number)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client left between two requests, or the server stops
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        first = b""
        while True:
            record = await self._request(reader, first, number)
            exchange = Exchange(record, writer)
            if not record.path.startswith("/control/"):
                self._note(lambda record=record: self.log.append(record))
            answering = asyncio.create_task(self._answer(exchange))
            watching = asyncio.create_task(reader.read(1))
            try:
                await asyncio.wait({answering, watching}, return_when=asyncio.FIRST_COMPLETED)
                if not answering.done() and not watching.result():
                    self._closed(record, "client")
                    return
                await answering
                self._closed(record, "server")
                first = await watching if exchange.keep_alive else b""
                if not first:
                    return
            except ConnectionError:
                if record.closed is None:
                    self._closed(record, "client")
                return
            finally:
                # Also when the server stops; an answer must not outlive its connection.
                for task in (answering, watching):
                    task.cancel()

    async def _request(self, reader: asyncio.StreamReader, first: bytes, number: int) -> Record:
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *fields = head.rstrip("\r\n").split("\r\n")
        method, path, _ = line.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in fields)}
        raw = await reader.readexactly(int(headers.get("content-length", "0")))
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = raw.decode("utf-8", "replace")
        return Record(method, path, headers, body, self.authorized(headers), number)

    async def _answer(self, exchange: Exchange) -> None:
        record = exchange.record
        if record.path == "/control/log":
            await exchange.json(200, [one.as_json() for one in self.log])
        elif record.path == "/control/release":
            self._released.set()
            await exchange.json(200, {})
        elif record.path == "/control/clear":
            self.log.clear()
            await exchange.json(200, {})
        elif not record.auth:
            await self.unauthorized(exchange)
        else:
            await self.respond(exchange)

    def _closed(self, record: Record, by: str) -> None:
        def mark() -> None:
            record.closed, record.closed_by = time.time(), by

        self._note(mark)

    def _note(self, change: Callable[[], object]) -> None:
        with self._changed:
            change()
            self._changed.notify_all()


async def paced(items: list[Any], rate: float) -> AsyncIterator[list[Any]]:
    """`items` in the batches that are due, `rate` a second; at rate 0 by 64, as fast as may be."""
    if rate <= 0:
        for start in range(0, len(items), 64):
            yield items[start : start + 64]
            await asyncio.sleep(0)
        return
    begun, sent = time.perf_counter(), 0
    while sent < len(items):
        due = min(len(items), int((time.perf_counter() - begun) * rate) + 1)
        if due > sent:
            yield items[sent:due]
            sent = due
        await asyncio.sleep(max(0.0, begun + sent / rate - time.perf_counter()))


def main(server: type[Loopback]) -> None:
    """Serve from a process of its own: one JSON line when ready; ends when stdin closes."""
    parser = argparse.ArgumentParser(description=server.__doc__)
    parser.add_argument("--key")
    parser.add_argument("--tls", action="store_true")
    options = parser.parse_args()
    with server(options.key, tls=options.tls) as running:
        ready = {"url": running.url, "origin": running.origin}
        if running.certificate is not None:
            ready["certificate"] = str(running.certificate)
        print(json.dumps(ready), flush=True)
        sys.stdin.read()
