"""A WebSocket server that does what a test tells it, on bare sockets: it can break every rule."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ssl
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(kind: int, data: bytes, *, last: bool = True) -> bytes:
    """One frame as a server sends it."""
    head = bytes([kind | (0x80 if last else 0)])
    if len(data) < 126:
        return head + bytes([len(data)]) + data
    if len(data) < 1 << 16:
        return head + b"\x7e" + len(data).to_bytes(2, "big") + data
    return head + b"\x7f" + len(data).to_bytes(8, "big") + data


class Peer:
    """One connection, after the head of its request was read."""

    def __init__(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, *fields = head.rstrip("\r\n").split("\r\n")
        self.request = line
        self.headers = {
            name.lower(): value.strip() for name, _, value in (one.partition(":") for one in fields)
        }
        self.reader, self.writer = reader, writer
        self.gone = False

    async def accept(self) -> None:
        key = self.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accepted = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
        await self.send("\r\n".join([*lines, f"Sec-WebSocket-Accept: {accepted}", "", ""]).encode())

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def say(self, *texts: str) -> None:
        await self.send(b"".join(frame(TEXT, text.encode()) for text in texts))

    async def received(self) -> tuple[int, bytes]:
        """The next frame of the client, unmasked."""
        first, second = await self.reader.readexactly(2)
        size = second & 0x7F
        assert second & 0x80, "a client masks its frames"
        if size > 125:
            size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
        mask = await self.reader.readexactly(4)
        data = await self.reader.readexactly(size)
        return first & 0x0F, bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))

    async def left(self) -> None:
        """Wait until the client has gone."""
        with suppress(ConnectionError):
            while await self.reader.read(65536):
                pass


Act = Callable[[Peer], Awaitable[None]]


class WebSocketServer:
    """Each connection is one call of `act`; when it returns the connection closes."""

    def __init__(self, act: Act, *, certificate: Path | None = None, plain: bool = False) -> None:
        self.peers: list[Peer] = []
        self._act, self._certificate, self._plain = act, certificate, plain
        self._ready = threading.Event()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), name="fake-websocket")

    @property
    def url(self) -> str:
        return f"{'wss' if self._certificate or self._plain else 'ws'}://127.0.0.1:{self.port}"

    def wait_gone(self, timeout: float = 5.0) -> bool:
        """Whether every connection ended in time."""
        with self._changed:
            return self._changed.wait_for(
                lambda: bool(self.peers) and all(p.gone for p in self.peers), timeout
            )

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        context = None
        if self._certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._certificate)
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # One that is to fall silent before TLS never reads a request.
            head = "" if self._plain else (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            peer = Peer(head, reader, writer)
            self.peers.append(peer)
            try:
                await self._act(peer)
            finally:
                with self._changed:
                    peer.gone = True
                    self._changed.notify_all()
        writer.close()
