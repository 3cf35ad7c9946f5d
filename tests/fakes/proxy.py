"""A proxy on this machine: HTTP CONNECT and SOCKS5 at one port, whatever host is asked for, to one target."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import threading
from typing import Self


class Proxy:
    """Carries every connection to `target` (host and port), for those who know `user` and `password`."""

    def __init__(self, target: tuple[str, int], user: str = "", password: str = "") -> None:
        self.asked: list[str] = []
        """What was asked for: ``CONNECT host:port`` or ``SOCKS5 host:port``, in order."""
        self._target, self._user, self._password = target, user, password
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), name="fake-proxy")

    def url(self, scheme: str = "http", *, password: str | None = None) -> str:
        """As for HTTPS_PROXY."""
        password = self._password if password is None else password
        who = f"{self._user}:{password}@" if self._user else ""
        return f"{scheme}://{who}127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            first = await reader.readexactly(1)
            good = await (self._socks if first == b"\x05" else self._http)(first, reader, writer)
            if good:
                there, back = await asyncio.open_connection(*self._target)
                await asyncio.gather(_carry(reader, back), _carry(there, writer))
        writer.close()

    async def _http(self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, authority, _ = head.split(" ", 2)
        self.asked.append(f"{method} {authority}")
        pair = base64.b64encode(f"{self._user}:{self._password}".encode()).decode()
        if self._user and f"\r\nProxy-Authorization: Basic {pair}\r\n" not in head:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return False
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return True

    async def _socks(self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        count = (await reader.readexactly(1))[0]
        methods = await reader.readexactly(count)
        wanted = 2 if self._user else 0
        if wanted not in methods:
            writer.write(b"\x05\xff")
            return False
        writer.write(bytes([5, wanted]))
        if wanted:
            await reader.readexactly(1)
            user = await reader.readexactly((await reader.readexactly(1))[0])
            password = await reader.readexactly((await reader.readexactly(1))[0])
            good = (user.decode(), password.decode()) == (self._user, self._password)
            writer.write(b"\x01\x00" if good else b"\x01\x01")
            if not good:
                return False
        _, _, _, kind = await reader.readexactly(4)
        raw = await reader.readexactly(
            (await reader.readexactly(1))[0] if kind == 3 else 4 if kind == 1 else 16
        )
        port = int.from_bytes(await reader.readexactly(2), "big")
        self.asked.append(f"SOCKS5 {raw.decode('latin-1')}:{port}")
        writer.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
        return True


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
