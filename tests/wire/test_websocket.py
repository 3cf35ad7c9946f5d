"""The WebSocket transport over real sockets: what comes, what is refused, and how it is stopped."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from nbstream.credentials import Secret
from nbstream.errors import NbstreamError
from nbstream.wire import certificates
from nbstream.wire.limits import Limits
from nbstream.wire.request import Refused, WireRequest
from nbstream.wire.websocket import Socket, connection
from tests.fakes.certificate import self_signed
from tests.fakes.proxy import Proxy
from tests.fakes.websocket_server import BINARY, CLOSE, PING, PONG, TEXT, Peer, WebSocketServer, frame

LIMITS = Limits(connect=5, first=5, idle=5)
NAME = "spark.example"


def read(url: str, body: bytes = b"hi", limits: Limits = LIMITS, **request: Any) -> list[str]:
    """Every message until the peer's end mark, the word END."""
    got: list[str] = []

    async def reading() -> list[str]:
        async with connection(WireRequest("websocket", url=url, body=body, **request), limits) as line:
            while not got or got[-1] != "END":
                messages = await line.take(5)
                assert messages, "a WebSocket that ends says so by an error"
                got.extend(messages)
        return got

    try:
        return asyncio.run(reading())
    except NbstreamError as error:
        error.got = got  # type: ignore[attr-defined]
        raise


def says(*frames: bytes) -> Callable[[Peer], Awaitable[None]]:
    async def act(peer: Peer) -> None:
        await peer.accept()
        await peer.received()
        for one in frames:
            await peer.send(one)
        await peer.left()

    return act


def answers(raw: bytes) -> Callable[[Peer], Awaitable[None]]:
    async def act(peer: Peer) -> None:
        await peer.send(raw)

    return act


END = frame(TEXT, b"END")


class TestWhatComes:
    def test_each_message_is_one_frame_whatever_its_size(self) -> None:
        texts = ["你好 😀", "x" * 125, "y" * 126, "z" * 65_535, "w" * 65_536, "\u2028 \u0085"]
        with WebSocketServer(says(*(frame(TEXT, one.encode()) for one in texts), END)) as server:
            assert read(server.url) == [*texts, "END"]

    def test_a_message_may_come_in_fragments_cut_inside_a_character_with_pings_between(self) -> None:
        raw = "你好 😀".encode()
        pieces = [
            frame(TEXT if at == 0 else 0, raw[at : at + 1], last=at + 1 == len(raw)) for at in range(len(raw))
        ]
        with WebSocketServer(
            says(*(part for one in pieces for part in (one, frame(PING, b"?"))), END)
        ) as server:
            assert [text for text in read(server.url) if text] == ["你好 😀", "END"]

    def test_a_frame_may_come_byte_by_byte(self) -> None:
        raw = frame(TEXT, "你好".encode()) + END
        with WebSocketServer(says(*(raw[at : at + 1] for at in range(len(raw))))) as server:
            assert read(server.url) == ["你好", "END"]

    def test_a_binary_message_is_text_too_and_bad_utf8_costs_one_character(self) -> None:
        with WebSocketServer(says(frame(BINARY, b"ab\xffc"), END)) as server:
            assert read(server.url) == ["ab\ufffdc", "END"]

    def test_the_request_goes_out_whole_with_its_headers(self) -> None:
        seen: list[Any] = []

        async def act(peer: Peer) -> None:
            await peer.accept()
            seen.append((peer.request, peer.headers, await peer.received()))
            await peer.send(END)
            await peer.left()

        body = ("你" * 50_000).encode()
        with WebSocketServer(act) as server:
            url = Secret(server.url + "/v1/chat?authorization=a%2Bb", parts=("a+b",))
            read(url, body, headers={"X-Key": Secret("k-1234")})  # type: ignore[arg-type]
            ((request, headers, message),) = seen
            assert headers["host"] == server.url.removeprefix("ws://")
        assert request == "GET /v1/chat?authorization=a%2Bb HTTP/1.1"
        assert headers["x-key"] == "k-1234"
        assert message == (TEXT, body)

    def test_a_ping_is_answered(self) -> None:
        async def act(peer: Peer) -> None:
            await peer.accept()
            await peer.received()
            await peer.send(frame(PING, b"42"))
            assert await peer.received() == (PONG, b"42")
            await peer.send(END)
            await peer.left()

        with WebSocketServer(act) as server:
            assert read(server.url)[-1] == "END"


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        "framing",
        [
            b"Content-Length: 26\r\n\r\n" + b'{"message":"Unauthorized"}',
            b"Transfer-Encoding: chunked\r\n\r\n" + b'1a\r\n{"message":"Unauthorized"}\r\n0\r\n\r\n',
            b"\r\n" + b'{"message":"Unauthorized"}',
        ],
        ids=["length", "chunked", "until the end"],
    )
    def test_the_answer_to_the_handshake_is_kept_whole(self, framing: bytes) -> None:
        head = b"HTTP/1.1 401 Unauthorized\r\nDate: Sat, 21 Nov 2026 00:00:00 GMT\r\n"
        with WebSocketServer(answers(head + framing)) as server, pytest.raises(Refused) as caught:
            read(server.url)
        response = caught.value.response
        assert (response.status, response.text) == (401, '{"message":"Unauthorized"}')
        assert response.headers["date"] == "Sat, 21 Nov 2026 00:00:00 GMT"

    @pytest.mark.parametrize(
        ("raw", "status"),
        [
            (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>", 200),
            (b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 302),
        ],
        ids=["a page", "a redirect"],
    )  # fmt: skip
    def test_what_is_no_websocket_is_refused_and_no_redirect_is_followed(
        self, raw: bytes, status: int
    ) -> None:
        with WebSocketServer(answers(raw)) as server, pytest.raises(Refused) as caught:
            read(server.url)
        assert caught.value.response.status == status

    def test_an_answer_that_is_not_for_this_handshake_is_told_at_once(self) -> None:
        head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        raw = head + b"Sec-WebSocket-Accept: wrong\r\n\r\n"
        with WebSocketServer(answers(raw)) as server, pytest.raises(NbstreamError) as caught:
            read(server.url)
        assert (caught.value.kind, caught.value.case) == ("protocol", "handshake")

    @pytest.mark.parametrize("raw", [b"SSH-2.0-OpenSSH_9.9\r\n", b"", b"\xff\xfe" * 40 + b"\n"])
    def test_what_is_no_http_is_said(self, raw: bytes) -> None:
        with WebSocketServer(answers(raw)) as server, pytest.raises(NbstreamError) as caught:
            read(server.url)
        assert caught.value.kind == "connection"

    def test_nobody_there_is_said(self) -> None:
        with WebSocketServer(answers(b"")) as server:
            url = server.url
        with pytest.raises(NbstreamError) as caught:
            read(url)
        assert caught.value.kind == "connection" and "refused" in caught.value.what

    def test_plain_websockets_to_other_machines_are_refused_before_anything_is_sent(self) -> None:
        with pytest.raises(NbstreamError) as caught:
            read(f"ws://{NAME}/")
        assert caught.value.kind == "config"


class TestWhatBreaks:
    def test_a_cut_in_mid_frame_keeps_what_came_before(self) -> None:
        async def act(peer: Peer) -> None:
            await peer.accept()
            await peer.received()
            await peer.send(frame(TEXT, b"one") + frame(TEXT, b"two")[:3])

        with WebSocketServer(act) as server, pytest.raises(NbstreamError) as caught:
            read(server.url)
        assert caught.value.kind == "interrupted"
        assert caught.value.got == ["one"]  # type: ignore[attr-defined]

    def test_a_close_before_the_end_gives_its_code_and_reason(self) -> None:
        closing = frame(CLOSE, (1011).to_bytes(2, "big") + "引擎坏了".encode())
        with (
            WebSocketServer(says(frame(TEXT, b"one"), closing)) as server,
            pytest.raises(NbstreamError) as caught,
        ):
            read(server.url)
        assert caught.value.kind == "interrupted"
        assert "1011" in caught.value.why and "引擎坏了" in caught.value.why
        assert caught.value.got == ["one"]  # type: ignore[attr-defined]

    @pytest.mark.parametrize(
        "garbage", [b"\x83\x00", b"\xf1\x00", b"\x80\x01x", b"\x89\x7e\x01\x00" + b"p" * 256]
    )
    def test_what_breaks_the_rules_of_framing_is_a_protocol_error(self, garbage: bytes) -> None:
        with (
            WebSocketServer(says(frame(TEXT, b"one"), garbage)) as server,
            pytest.raises(NbstreamError) as caught,
        ):
            read(server.url)
        assert caught.value.kind == "protocol"

    def test_a_message_without_end_is_given_up(self) -> None:
        async def act(peer: Peer) -> None:
            await peer.accept()
            await peer.received()
            await peer.send(b"\x81\x7f" + (1 << 40).to_bytes(8, "big"))
            for _ in range(20):
                await peer.send(b"x" * (1 << 20))

        with WebSocketServer(act) as server, pytest.raises(NbstreamError) as caught:
            read(server.url)
        assert caught.value.kind == "protocol" and "16 MiB" in str(caught.value)


async def dripping(peer: Peer) -> None:
    """Answers the handshake a byte at a time, for as long as anybody listens."""
    while True:
        await peer.send(b"x")
        await asyncio.sleep(0.05)


async def pinging(peer: Peer) -> None:
    await peer.accept()
    while True:
        await peer.send(frame(PING, b""))
        await asyncio.sleep(0.05)


class TestPatience:
    @pytest.mark.parametrize("act", [dripping, pinging])
    def test_signs_of_life_that_say_nothing_do_not_hold_us_for_ever(self, act: Any) -> None:
        async def reading(url: str) -> None:
            async with connection(WireRequest("websocket", url=url), Limits(0.3, 0.3, 0.3)) as line:
                await line.take(0.3)

        with WebSocketServer(act) as server, pytest.raises((NbstreamError, TimeoutError)):
            asyncio.run(reading(server.url))


async def silent(peer: Peer) -> None:
    await peer.left()


async def deaf(peer: Peer) -> None:
    """Accepts, and then reads nothing until the client has long given up."""
    await peer.accept()
    await asyncio.sleep(2)
    await peer.left()


async def endless(peer: Peer) -> None:
    await peer.accept()
    await peer.received()
    while True:
        await peer.say("more")
        await asyncio.sleep(0.001)


class TestStopping:
    @pytest.mark.parametrize(
        ("act", "plain", "body"),
        [
            (silent, False, b"hi"),
            (silent, True, b"hi"),
            (deaf, False, b"x" * 16_000_000),
            (endless, False, b"hi"),
        ],
        ids=["before the handshake", "before TLS", "while sending", "while reading"],
    )
    def test_at_any_point_it_closes_the_socket_within_a_second(
        self, act: Any, plain: bool, body: bytes
    ) -> None:
        with WebSocketServer(act, plain=plain) as server:

            async def reading() -> float:
                request = WireRequest("websocket", url=server.url, body=body)

                async def work() -> None:
                    async with connection(request, Limits(connect=20)) as line:
                        while True:
                            await line.take(20)

                working = asyncio.create_task(work())
                while not server.peers:
                    await asyncio.sleep(0.01)
                begun = time.monotonic()
                working.cancel()
                await asyncio.wait([working])
                while _threads():
                    await asyncio.sleep(0.005)
                return time.monotonic() - begun

            assert asyncio.run(reading()) < 1.5
            assert act is deaf or server.wait_gone()

    def test_leaving_says_goodbye(self) -> None:
        said: list[tuple[int, bytes]] = []

        async def act(peer: Peer) -> None:
            await peer.accept()
            await peer.received()
            await peer.send(END)
            said.append(await peer.received())
            await peer.left()

        with WebSocketServer(act) as server:
            read(server.url)
            assert server.wait_gone()
        assert said == [(CLOSE, (1000).to_bytes(2, "big"))]

    def test_a_reader_that_takes_nothing_slows_the_server_down(self) -> None:
        sent = 0

        async def act(peer: Peer) -> None:
            nonlocal sent
            await peer.accept()
            await peer.received()
            while True:
                await peer.say("x" * 10_000)
                sent += 10_000

        async def reading(url: str) -> int:
            async with connection(WireRequest("websocket", url=url, body=b"hi"), LIMITS) as line:
                await line.take(5)
                before = -1
                while before != sent:
                    before = sent
                    await asyncio.sleep(0.3)
                held = sent
                taken = 0
                while taken < held + 1_000_000:  # and goes on as soon as it takes again
                    taken += sum(map(len, await line.take(5)))
                return held

        with WebSocketServer(act) as server:
            assert asyncio.run(reading(server.url)) < 20_000_000

    def test_a_loop_that_is_closed_around_it_takes_the_socket_along(self) -> None:
        with WebSocketServer(endless) as server:
            loop = asyncio.new_event_loop()

            async def begin() -> Any:
                line = Socket(WireRequest("websocket", url=server.url, body=b"hi"), LIMITS)
                await line.take(5)
                return line

            kept = loop.run_until_complete(begin())
            loop.close()
            assert server.wait_gone() and kept

    def test_no_thread_is_left(self) -> None:
        with WebSocketServer(says(END)) as server:
            for _ in range(3):
                read(server.url)
            for thread in _threads():  # its last step may come after what it has read
                thread.join(10)
        assert not _threads()


def _threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("nbstream-websocket")]


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A certificate for NAME and this machine, which this process trusts."""
    certificate = self_signed(tmp_path, NAME)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    certificates.store.cache_clear()
    yield certificate
    certificates.store.cache_clear()


class TestTheRoadThere:
    def test_tls_is_verified_against_the_named_store(self, secure: Path) -> None:
        with WebSocketServer(says(END), certificate=secure) as server:
            assert read(server.url) == ["END"]

    def test_a_certificate_that_nobody_vouches_for_is_refused(
        self, secure: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", "/dev/null")
        certificates.store.cache_clear()
        with WebSocketServer(says(END), certificate=secure) as server, pytest.raises(NbstreamError) as caught:
            read(server.url)
        assert caught.value.kind == "connection" and "never skips" in caught.value.why
        assert not caught.value.retryable

    @pytest.mark.parametrize("scheme", ["http", "socks5"])
    def test_a_proxy_with_a_password_carries_it_and_tls_goes_through(
        self, secure: Path, scheme: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with (
            WebSocketServer(says(END), certificate=secure) as server,
            Proxy(("127.0.0.1", server.port), "me", "p@ss word") as proxy,
        ):
            monkeypatch.setenv("HTTPS_PROXY", proxy.url(scheme, password="p%40ss%20word"))
            assert read(f"wss://{NAME}:4443/x") == ["END"]
            (asked,) = proxy.asked
            assert asked == f"{'CONNECT' if scheme == 'http' else 'SOCKS5'} {NAME}:4443"
            assert server.peers[0].headers["host"] == f"{NAME}:4443"

    @pytest.mark.parametrize("scheme", ["http", "socks5"])
    def test_a_proxy_that_refuses_is_named_without_its_password(
        self, secure: Path, scheme: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with Proxy(("127.0.0.1", 9), "me", "right") as proxy:
            monkeypatch.setenv("ALL_PROXY", proxy.url(scheme, password="wr0ng-passw0rd"))
            with pytest.raises(NbstreamError) as caught:
                read(f"wss://{NAME}/")
        assert caught.value.kind == "connection" and "127.0.0.1" in caught.value.why
        assert "passw0rd" not in str(caught.value)
        if scheme == "http":
            assert "407" in caught.value.why

    def test_this_machine_needs_no_proxy(self, secure: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
        with WebSocketServer(says(END)) as server:
            assert read(server.url) == ["END"]

    @pytest.mark.parametrize("given", ["ftp://127.0.0.1:9", "http://:passw0rd@/", "socks4://127.0.0.1:9"])
    def test_a_proxy_that_is_none_is_said(
        self, secure: Path, given: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTPS_PROXY", given)
        with pytest.raises(NbstreamError) as caught:
            read(f"wss://{NAME}/")
        assert caught.value.kind == "config" and "passw0rd" not in str(caught.value)


def test_nothing_that_is_logged_holds_the_key(caplog: pytest.LogCaptureFixture) -> None:
    key = "c2VjcmV0LXNpZ25hdHVyZQ"
    with (
        caplog.at_level(logging.DEBUG),
        WebSocketServer(answers(b"HTTP/1.1 403 No\r\n\r\nno")) as server,
        pytest.raises(Refused) as caught,
    ):
        read(Secret(f"{server.url}/?authorization={key}", parts=(key,)))  # type: ignore[arg-type]
    assert key not in caplog.text and key not in repr(caught.value)
