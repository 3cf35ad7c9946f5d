"""A `Loopback` server that speaks WebSocket: handshake, messages out, messages in, and a log of it all."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import struct

from .loopback import Exchange, Loopback, Record
from .websocket_server import CLOSE, PING, PONG, TEXT, frame

CONTINUATION = 0
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
GOODBYE = 2.0
"""Seconds to wait for the client's half of the closing."""


def fragments(pieces: list[bytes], opcode: int = TEXT, between: bytes = b"") -> list[bytes]:
    """One message in several frames, with `between` (a ping, say) after each but the last."""
    last = len(pieces) - 1
    return [
        frame(opcode if number == 0 else CONTINUATION, piece, last=number == last)
        + (between if number < last else b"")
        for number, piece in enumerate(pieces)
    ]


def closing(code: int = 1000, reason: str = "") -> bytes:
    return frame(CLOSE, struct.pack("!H", code) + reason.encode())


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bool, bytes]:
    """``(opcode, fin, payload)`` of the client's next frame. Raises `ValueError` for one without a mask."""
    first, second = await reader.readexactly(2)
    size = second & 0x7F
    if size == 126:
        (size,) = struct.unpack("!H", await reader.readexactly(2))
    elif size == 127:
        (size,) = struct.unpack("!Q", await reader.readexactly(8))
    if not second & 0x80:
        raise ValueError("a client must mask its frames")
    mask = await reader.readexactly(4)
    data = await reader.readexactly(size)
    long = (mask * (size // 4 + 1))[:size]
    plain = (int.from_bytes(data, "big") ^ int.from_bytes(long, "big")).to_bytes(size, "big")
    return first & 0x0F, bool(first & 0x80), plain


class Line(Exchange):
    """One connection: an HTTP answer until `accept`, messages after it."""

    def __init__(self, record: Record, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(record, writer)
        self._reader = reader
        self._messages: asyncio.Queue[str] = asyncio.Queue()
        self.pongs: list[bytes] = []
        self.said_goodbye = False
        self.goodbye: int | None = None
        """The code of the client's closing frame."""

    async def accept(self) -> None:
        """Switch protocols."""
        key = self.record.headers.get("sec-websocket-key", "").encode()
        proof = base64.b64encode(hashlib.sha1(key + MAGIC).digest()).decode()
        await self.raw(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + f"Sec-WebSocket-Accept: {proof}\r\n\r\n".encode()
        )

    async def receive(self) -> str:
        """The client's next message."""
        return await self._messages.get()

    async def raw(self, data: bytes, size: int = 0, pause: float = 0.0) -> None:
        """Bytes as they are; in pieces of `size`, each a write of its own."""
        for start in range(0, len(data), size or len(data) or 1):
            await self._write(data[start : start + (size or len(data))])
            if size:
                await asyncio.sleep(pause)

    async def text(self, text: str) -> None:
        await self.raw(frame(TEXT, text.encode()))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self.said_goodbye = True
        await self.raw(closing(code, reason))

    async def half_closed(self) -> None:
        """End the connection without a closing frame."""
        await self.delivered()
        self._writer.transport.close()

    async def listen(self) -> None:
        """Take what the client sends until it closes or goes away."""
        message = b""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ValueError):
            while True:
                opcode, fin, payload = await read_frame(self._reader)
                if opcode == PING:
                    await self.raw(frame(PONG, payload))
                elif opcode == PONG:
                    self.pongs.append(payload)
                elif opcode == CLOSE:
                    self.goodbye = int.from_bytes(payload[:2], "big")
                    if not self.said_goodbye:
                        await self.raw(frame(CLOSE, payload[:2]))
                    return
                else:
                    message += payload
                    if fin:
                        self._messages.put_nowait(message.decode("utf-8", "replace"))
                        message = b""


class WebSocketLoopback(Loopback):
    """A server whose dialect is spoken in `converse`."""

    def __init__(self, key: str | None = None, *, tls: bool = False) -> None:
        super().__init__(key, tls=tls)
        self.lines: list[Line] = []
        self.door = ""
        """`origin` for WebSockets."""

    async def converse(self, line: Line) -> None:
        """The handshake's answer, and all that follows."""
        raise NotImplementedError

    async def respond(self, exchange: Exchange) -> None:
        await exchange.json(426, {"message": "Upgrade Required"}, {"Upgrade": "websocket"})

    async def _start(self) -> asyncio.Server:
        server = await super()._start()
        self.door = "ws" + self.origin.removeprefix("http")
        self.url = self.door + self.path
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        record = await self._request(reader, b"", number)
        line = Line(record, reader, writer)
        self.lines.append(line)
        if record.headers.get("upgrade", "").lower() != "websocket":
            await self._answer(line)
            return
        self._note(lambda: self.log.append(record))
        talking = asyncio.create_task(self.converse(line))
        listening = asyncio.create_task(line.listen())
        try:
            await asyncio.wait({talking, listening}, return_when=asyncio.FIRST_COMPLETED)
            if not talking.done():
                self._closed(record, "client")
                return
            await talking
            self._closed(record, "server")
            if line.said_goodbye:
                await asyncio.wait({listening}, timeout=GOODBYE)
        except OSError:
            if record.closed is None:
                self._closed(record, "client")
        finally:
            for task in (talking, listening):
                task.cancel()


def parsed(text: str) -> object:
    """`text` as JSON, or None."""
    try:
        return json.loads(text)
    except ValueError:
        return None
