"""HTTP: the one file that imports httpx2.

Clients are pooled per event loop. TLS is always verified, against the system's own store. Loopback
addresses never go through a proxy. Every failure leaves here as an `NbstreamError`, without httpx2's
exceptions attached: those carry the request, and the request carries the key.
"""

from __future__ import annotations

import asyncio
import logging
import urllib.request
import weakref
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from contextvars import ContextVar

import httpx2 as httpx

from .._version import __version__
from ..credentials import Secret
from ..errors import NbstreamError, fail
from . import sockets
from .address import is_loopback, shown
from .certificates import no_store, store
from .failures import proxies, unconnected
from .intake import Intake
from .limits import Limits
from .request import WireRequest, WireResponse

MAX_REFUSAL = 64 * 1024
AGENT = f"nbstream/{__version__}"


class Reply:
    """An open answer: status, headers with lower-case names, and the body as it arrives."""

    def __init__(self, response: httpx.Response, address: str, limits: Limits, slow_start: bool) -> None:
        self._response = response
        self._address = address
        self._limits = limits
        self._slow_start = slow_start
        self.begun = False
        """Set by the reader when the first token has come: from then on the shorter patience holds."""
        self.grace: float | None = None
        """Set by the reader when little can follow: then this is the patience."""
        self.status: int = response.status_code
        self.headers = {name.lower(): value for name, value in response.headers.items()}

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The decoded body, as it comes. Raises `NbstreamError` when it is cut or silent too long."""
        async with aclosing(Intake(self._pieces())) as intake:
            while True:
                limit = self.grace or self._limits.patience(begun=self.begun, slow_start=self._slow_start)
                failure: NbstreamError | None = None
                piece = b""
                try:
                    piece = await intake.take(limit)
                except TimeoutError:
                    key = "timeout.idle" if self.begun else "timeout.first"
                    failure = fail(key, address=self._address, seconds=f"{limit:g}")
                except (httpx.HTTPError, httpx.StreamError, OSError) as error:
                    failure = _broken(error, self._address)
                if failure is not None:
                    raise failure
                if not piece:
                    return
                yield piece

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        # As it is where nothing was compressed: the library's decoders cost half as much as the parsing.
        plain = self.headers.get("content-encoding", "identity") == "identity"
        stream = self._response.stream if plain else self._response.aiter_bytes()
        assert isinstance(stream, AsyncIterable)
        async for piece in stream:
            if piece:
                yield piece

    async def read(self, limit: int) -> bytes:
        """The body, cut off after `limit` bytes."""
        body = bytearray()
        async for piece in self.chunks():
            body += piece
            if len(body) >= limit:
                break
        return bytes(body[:limit])

    async def refusal(self) -> WireResponse:
        """This answer as a value, its body cut at 64 KiB; of one that breaks off, what came."""
        body = b""
        with suppress(NbstreamError):
            body = await self.read(MAX_REFUSAL)
        return WireResponse(self.status, self.headers, body)


@asynccontextmanager
async def opened(
    request: WireRequest, limits: Limits, reached: Callable[[], None] | None = None
) -> AsyncIterator[Reply]:
    """Send `request` and give its `Reply`; leaving the block closes the connection if it is not read up.

    `reached` is called when a connection stands that there was none of before.
    """
    # The plain URL, which may hold a token, stays out of the variables of this frame: it raises.
    address = shown(_plain(request.url))
    if address.startswith("http:") and not request.allow_insecure and not is_loopback(address):
        # Providers say so earlier and better; this is the last door.
        raise fail("config.insecure_url", given=address)
    async with _client(address) as client:
        failure: NbstreamError | None = None
        response: httpx.Response | None = None
        try:
            limit = limits.patience(begun=False, slow_start=request.slow_start)
            async with asyncio.timeout(limit):
                response = await _sent(client, request, limits, reached)
        except TimeoutError:
            failure = fail("timeout.first", address=address, seconds=f"{limit:g}")
        except httpx.ConnectTimeout:
            failure = fail("timeout.connect", address=address, seconds=f"{limits.connect:g}")
        except httpx.InvalidURL:
            failure = fail("config.base_url", given=address)
        except UnicodeEncodeError:
            failure = fail("config.header")
        except httpx.LocalProtocolError:  # its text quotes the header, and the header holds the key
            failure = fail("config.header")
        except (httpx.HTTPError, OSError, ValueError) as error:
            failure = _unconnected(error, address)
        if failure is not None or response is None:
            raise failure or fail("connection.failed", address=address, reason="")
        try:
            yield Reply(response, address, limits, request.slow_start)
        finally:
            with suppress(httpx.HTTPError, OSError):
                await response.aclose()


CONNECTED = ("connection.connect_tcp.complete", "connection.start_tls.complete")
"""What httpx2 calls it when a connection stands: with TLS it is the second."""
_ours: ContextVar[bool] = ContextVar("nbstream_request", default=False)
# httpx2 logs whole URLs at INFO; in ours a password or a key may stand. What is below it logs the headers of
# the answer, in which some services repeat the key.
for _name in ("httpx2", "httpcore2.connection", "httpcore2.http11", "httpcore2.proxy", "httpcore2.socks"):
    logging.getLogger(_name).addFilter(lambda record: not _ours.get())


async def _sent(
    client: httpx.AsyncClient, request: WireRequest, limits: Limits, reached: Callable[[], None] | None
) -> httpx.Response:
    async def watch(name: str, info: object) -> None:
        if reached is not None and name in CONNECTED:
            reached()

    token = _ours.set(True)
    try:
        built = client.build_request(
            request.method,
            _plain(request.url),
            headers={"Accept-Encoding": "identity", "User-Agent": AGENT}
            | {name: _plain(value) for name, value in request.headers.items()},
            content=request.body,
            timeout=httpx.Timeout(None, connect=limits.connect),
            extensions={"trace": watch} if reached is not None else None,
        )
        return await client.send(built, stream=True)
    finally:
        _ours.reset(token)


def _plain(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value


# --- failures -----------------------------------------------------------------------------------------


def _unconnected(error: Exception, address: str) -> NbstreamError:
    """The error for a request that got no answer."""
    known: NbstreamError | None = None
    if isinstance(error, httpx.ProxyError):
        known = fail("connection.proxy", address=address, reason=str(error))
    elif isinstance(error, httpx.RemoteProtocolError):
        known = fail("connection.closed", address=address)
    return unconnected(error, address, known)


def _broken(error: Exception, address: str) -> NbstreamError:
    """The error for an answer that broke off."""
    if isinstance(error, httpx.DecodingError):
        return fail("protocol.encoding", address=address)
    return fail("interrupted.cut", address=address)


# --- clients ------------------------------------------------------------------------------------------


CROWD = 16
"""Streams that share one httpx2 client.

A client's pool looks at each of its connections whenever a request begins or ends, so what a stream costs
grows with the streams beside it: with 500 in one client that was three quarters of the CPU of their start.
In clients of sixteen it does not grow, and the first one with room is where a connection lies idle.
"""


class _Shared:
    """A client, and how many streams use it."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.streams = 0


class _Pool:
    """The clients of one event loop, by what they fit, and how many streams use them."""

    def __init__(self) -> None:
        self.clients: dict[object, list[_Shared]] = {}
        self.streams = 0


_pools: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Pool] = weakref.WeakKeyDictionary()
_kept: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()


def keep_open(loop: asyncio.AbstractEventLoop) -> None:
    """Keep idle connections of `loop` between streams: it is ours, and lives as long as the process."""
    _kept.add(loop)


async def close_all() -> None:
    """Close the running loop's clients."""
    pool = _pools.pop(asyncio.get_running_loop(), None)
    for shared in [one for row in pool.clients.values() for one in row] if pool else ():
        await shared.client.aclose()


async def begin_anew() -> None:
    """Close what the running loop keeps open and nobody uses, and load what a first request would.

    Then the next request takes as long as any that has to connect.
    """
    store()
    await sockets.load()
    pool = _pools.get(asyncio.get_running_loop())
    for row in list(pool.clients.values()) if pool else ():
        idle = [one for one in row if not one.streams]
        row[:] = [one for one in row if one.streams]
        for one in idle:
            await one.client.aclose()


@asynccontextmanager
async def _client(url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A pooled client of the running loop that fits `url` and is not crowded."""
    loop = asyncio.get_running_loop()
    pool = _pools.setdefault(loop, _Pool())
    loopback = is_loopback(url)
    secure = url.lower().startswith("https:")
    key = (loopback, secure, () if loopback else tuple(sorted(urllib.request.getproxies().items())))
    row = pool.clients.setdefault(key, [])
    shared = next((one for one in row if one.streams < CROWD), None)
    if shared is None:
        row.append(shared := _Shared(_made(loopback=loopback, secure=secure)))
    pool.streams += 1
    shared.streams += 1
    try:
        yield shared.client
    finally:
        pool.streams -= 1
        shared.streams -= 1
        if pool.streams == 0 and loop not in _kept:
            # A loop that is not ours may end at any moment; connections must not outlive it.
            await close_all()
        elif (
            len(row) > 1
            and not shared.streams
            and 2 * sum(one.streams for one in row) <= CROWD * (len(row) - 1)
        ):
            # The rush is over: half of those that are left would do.
            row.remove(shared)
            await shared.client.aclose()


def _made(*, loopback: bool, secure: bool) -> httpx.AsyncClient:
    try:
        client = httpx.AsyncClient(
            verify=no_store() if loopback and not secure else store(),
            trust_env=not loopback,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
        )
        sockets.use(client._transport)
        return client
    except (ImportError, ValueError, httpx.InvalidURL):  # SOCKS without socksio; a proxy that is no URL
        pass
    raise fail("config.proxy", given=", ".join(proxies()))
