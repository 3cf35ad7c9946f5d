"""Sockets for the HTTP client: asyncio's own, with nothing between them and the parser.

The client library reads and writes through anyio, which costs more for each read of a socket than all that
we do with what was read, and as much again for each connection; of 500 streams it took two thirds of the
time to the first token. Here a read hands over what the event loop has received. No time limits: the
streams have their own.
"""

from __future__ import annotations

import asyncio
import errno
import ssl
from collections.abc import Iterable
from typing import Any

import httpcore2 as httpcore

from .address import is_loopback

HIGH = 64 * 1024
"""Bytes that wait here before the kernel is left to slow the server down."""


class Stream(asyncio.Protocol, httpcore.AsyncNetworkStream):
    """One connection."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._held = bytearray()
        self._ended = self._paused = False
        self._failure: Exception | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writers: list[asyncio.Future[None]] = []
        self._full = self._lost = False

    # --- what the event loop tells --------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        if len(self._held) > HIGH and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._ended = True
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        self._ended, self._failure = True, error
        self._wake()
        self.resume_writing()
        self._lost = True

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        writers, self._writers = self._writers, []
        for one in writers:
            if not one.done():
                one.set_result(None)

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    # --- what the client asks for ---------------------------------------------------------------------

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while not self._held:
            if self._failure is not None:
                raise httpcore.ReadError(str(self._failure)) from self._failure
            if self._ended:
                return b""
            self._reader = self._loop.create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        data = bytes(self._held[:max_bytes])
        del self._held[:max_bytes]
        if self._paused and len(self._held) < HIGH // 2 and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self._ended or self._transport is None:
            raise httpcore.WriteError(str(self._failure or "")) from self._failure
        self._transport.write(buffer)
        if self._full:
            self._writers.append(writer := self._loop.create_future())
            await writer

    async def aclose(self) -> None:
        if self._transport is None:
            return
        self._transport.abort()
        for _ in range(4):  # when this returns, the socket is closed; with TLS that takes more than a turn
            await asyncio.sleep(0)
            if self._lost:
                return

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> Stream:
        assert self._transport is not None
        try:
            async with asyncio.timeout(timeout):
                made = await self._loop.start_tls(
                    self._transport, self, ssl_context, server_hostname=server_hostname
                )
        except TimeoutError as error:
            self._transport.abort()
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:  # a certificate, a connection that was reset
            self._transport.abort()
            raise httpcore.ConnectError(str(error)) from error
        assert made is not None
        self._transport = made
        return self

    def get_extra_info(self, info: str) -> Any:
        """What the client asks: for an idle connection, whether the server has hung up."""
        if info == "is_readable":
            return self._ended or bool(self._held)
        names = {"ssl_object": "ssl_object", "client_addr": "sockname", "server_addr": "peername"}
        name = names.get(info, info)
        return None if self._transport is None else self._transport.get_extra_info(name)


class Backend(httpcore.AsyncNetworkBackend):
    """Makes connections in the running loop."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> Stream:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout):
                # A name may have an address of a kind that leads nowhere from here: then race them.
                race = None if is_loopback(f"//{host}") else 0.25
                _, made = await loop.create_connection(Stream, host, port, happy_eyeballs_delay=race)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from _cause(error)
        return made

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def _cause(error: OSError) -> OSError:
    """`error`, as what it was where a host has several addresses and all of them refused."""
    if f"[Errno {errno.ECONNREFUSED}]" in str(error) and error.errno is None:
        return ConnectionRefusedError(errno.ECONNREFUSED, str(error))
    return error


async def load() -> None:
    """Load what a first connection would."""
    await httpcore.AnyIOBackend().sleep(0)


def use(transport: object) -> None:
    """Have an HTTP transport connect by means of `Backend`.

    The client has no public place for it. Where a later version keeps it elsewhere, all stays as it was, and
    a test says so.
    """
    pool = getattr(transport, "_pool", None)
    if isinstance(pool, httpcore.AsyncConnectionPool) and hasattr(pool, "_network_backend"):
        pool._network_backend = Backend()
