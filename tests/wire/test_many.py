"""What makes many streams at once cheap: sockets of our own, small clients, starts in a row."""

from __future__ import annotations

import asyncio
import socket

import httpcore2 as httpcore
import pytest

from nbstream.wire import http, sockets
from nbstream.wire.limits import Limits
from nbstream.wire.request import WireRequest
from nbstream.wire.turnstile import FEW, Turnstile
from tests.fakes.openai_server import OpenAIServer

BODY = b'{"model": "%s", "messages": [], "stream": true}'


def asked(server: OpenAIServer, model: bytes = b"words:3") -> WireRequest:
    return WireRequest("sse", server.url + "/chat/completions", body=BODY % model)


async def read(request: WireRequest) -> bytes:
    async with http.opened(request, Limits()) as reply:
        return b"".join([piece async for piece in reply.chunks()])


def test_the_http_client_reads_through_our_sockets() -> None:
    client = http._made(loopback=True, secure=False)
    assert isinstance(client._transport._pool._network_backend, sockets.Backend)  # type: ignore[attr-defined]


def test_forty_streams_share_three_clients_and_the_rush_leaves_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with OpenAIServer() as server:

        async def all_() -> None:
            http.keep_open(asyncio.get_running_loop())
            tasks = [asyncio.create_task(read(asked(server, b"words:3@10"))) for _ in range(40)]
            await asyncio.to_thread(server.wait_for, lambda log: len(log) == 40)
            [row] = http._pools[asyncio.get_running_loop()].clients.values()
            assert sorted(one.streams for one in row) == [8, 16, 16]
            assert all(b"[DONE]" in body for body in await asyncio.gather(*tasks))
            assert len(row) == 1
            connections = len({record.connection for record in server.log})
            await read(asked(server))
            assert len({record.connection for record in server.log}) == connections, "an idle one was used"
            await http.close_all()

        asyncio.run(all_())


def test_those_who_begin_together_begin_a_few_in_each_turn_of_the_loop() -> None:
    async def all_() -> None:
        turnstile, turns, begun = Turnstile(asyncio.get_running_loop()), 0, list[int]()

        async def one() -> None:
            await turnstile.passed()
            begun.append(turns)

        tasks = [asyncio.create_task(one()) for _ in range(10 * FEW)]
        tasks[5].cancel()
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0)
            turns += 1
        assert len(begun) == 10 * FEW - 1 and begun == sorted(begun)
        assert len(set(begun)) > 3
        async with asyncio.timeout(1):
            await turnstile.passed()  # and alone one does not wait

    asyncio.run(all_())


def test_a_name_with_several_addresses_that_all_refuse_says_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    addresses = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{number}", port)) for number in (1, 2)
    ]

    async def connect() -> None:
        loop = asyncio.get_running_loop()

        async def known(*_: object, **__: object) -> object:
            return addresses

        monkeypatch.setattr(loop, "getaddrinfo", known)
        with pytest.raises(httpcore.ConnectError) as caught:
            await sockets.Backend().connect_tcp("two.example", port)
        assert isinstance(caught.value.__cause__, ConnectionRefusedError)

    asyncio.run(connect())


def test_a_reader_that_does_not_read_holds_the_server_up() -> None:
    async def check() -> None:
        written = 0

        async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal written
            writer.transport.set_write_buffer_limits(high=1)
            with pytest.raises(ConnectionError):
                while True:
                    writer.write(b"x" * 65536)
                    written += 65536
                    await writer.drain()

        server = await asyncio.start_server(pour, "127.0.0.1", 0)
        stream = await sockets.Backend().connect_tcp("127.0.0.1", server.sockets[0].getsockname()[1])
        assert await stream.read(10) == b"x" * 10
        before = -1
        while before != written:
            before = written
            await asyncio.sleep(0.1)
        assert len(stream._held) <= sockets.HIGH + 256 * 1024
        assert await stream.read(1_000_000) and stream.get_extra_info("is_readable") in (True, False)
        await stream.aclose()
        with pytest.raises(httpcore.WriteError):
            await stream.write(b"x")
        server.close()

    asyncio.run(check())
