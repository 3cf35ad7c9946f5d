"""A connected socket, through whatever stands in between: a proxy, TLS. Blocking, for a thread of its own.

HTTP has a library for this; websocket-client's own way cannot be stopped while it connects, knows other
rules for proxies than our HTTP, and has no SOCKS without a further package.
"""

from __future__ import annotations

import base64
import re
import socket
import urllib.request
from collections.abc import Callable
from urllib.parse import SplitResult, unquote, urlsplit

from ..errors import fail
from .address import is_loopback, shown
from .certificates import store
from .failures import ProxyRefused
from .plain import clean

Keep = Callable[[socket.socket], None]
"""Called with each socket as soon as there is one, so that another thread can shut it down."""
LONGEST_HEAD = 64 * 1024


def connected(address: str, timeout: float | None, keep: Keep) -> socket.socket:
    """A socket to `address` (``wss://host:port``), with TLS where it says so.

    Raises `NbstreamError` (config) for a proxy that cannot be used, and what sockets raise.
    """
    parts = urlsplit(address)
    host, secure = parts.hostname or "", parts.scheme == "wss"
    port = parts.port or (443 if secure else 80)
    proxy = _proxy(address, secure)
    if proxy is None:
        opened = _opened(host, port, timeout, keep)
    else:
        opened = _opened(proxy.hostname or "", proxy.port or _PORTS[proxy.scheme], timeout, keep)
        ask = _connect if proxy.scheme == "http" else _socks
        ask(opened, proxy, host, port)
    if secure:
        # The handshake apart: until it is done nobody could stop us otherwise.
        opened = store().wrap_socket(opened, server_hostname=host, do_handshake_on_connect=False)
        keep(opened)
        opened.do_handshake()
    return opened


_PORTS = {"http": 80, "socks5": 1080, "socks5h": 1080}


def _proxy(url: str, secure: bool) -> SplitResult | None:
    """The proxy that the environment names for `url`: by the same variables as for HTTP."""
    if is_loopback(url):
        return None
    named = urllib.request.getproxies()
    given = named.get("https" if secure else "http") or named.get("all")
    if not given or urllib.request.proxy_bypass(urlsplit(url).netloc.rpartition("@")[2]):
        return None
    try:
        parts = urlsplit(given if "://" in given else f"http://{given}")
        good = parts.scheme in _PORTS and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise fail("config.proxy", given=shown(given))
    return parts


def _opened(host: str, port: int, timeout: float | None, keep: Keep) -> socket.socket:
    """The first address of `host` that takes a connection; the last one's error if none does."""
    failure = OSError(f"no address for {host}")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM):
        try:
            one = socket.socket(family, kind, protocol)
        except OSError as error:
            failure = error
            continue
        try:
            keep(one)
            one.settimeout(timeout)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            one.connect(address)
            return one
        except OSError as error:
            failure = error
            one.close()
    raise failure


def _connect(opened: socket.socket, proxy: SplitResult, host: str, port: int) -> None:
    """Ask an HTTP proxy for a tunnel."""
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
    if proxy.username is not None:
        pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode()}")
    opened.sendall("\r\n".join([*lines, "", ""]).encode())
    head = b""
    while b"\r\n\r\n" not in head:
        # Byte by byte: what follows the head is already the server's, and not ours to take.
        byte = opened.recv(1)
        if not byte or len(head) > LONGEST_HEAD:
            raise ProxyRefused(f"{shown(proxy.geturl())}: no answer to CONNECT")
        head += byte
    line = head.split(b"\r\n", 1)[0].decode("latin-1")
    said = re.fullmatch(r"HTTP/1\.\d (\d{3})(?: (.*))?", line)
    if said is None or not said[1].startswith("2"):
        told = " ".join(said.groups("")) if said else line
        raise ProxyRefused(f"{shown(proxy.geturl())}: {clean(told, 100)}")


def _socks(opened: socket.socket, proxy: SplitResult, host: str, port: int) -> None:
    """Ask a SOCKS5 proxy for a tunnel; it looks the host up, as it does for our HTTP."""
    from socksio import SOCKSError, socks5

    talk = socks5.SOCKS5Connection()
    named = proxy.username is not None
    method = socks5.SOCKS5AuthMethod.USERNAME_PASSWORD if named else socks5.SOCKS5AuthMethod.NO_AUTH_REQUIRED

    def ask(request: object) -> object:
        talk.send(request)
        opened.sendall(talk.data_to_send())
        return talk.receive_data(opened.recv(4096))

    try:
        told = ask(socks5.SOCKS5AuthMethodsRequest([method]))
        good = getattr(told, "method", None) == method
        if good and named:
            name, password = unquote(proxy.username or ""), unquote(proxy.password or "")
            told = ask(socks5.SOCKS5UsernamePasswordRequest(name.encode(), password.encode()))
            good = bool(getattr(told, "success", False))
        if good:
            command = socks5.SOCKS5Command.CONNECT
            told = ask(socks5.SOCKS5CommandRequest.from_address(command, (host, port)))
            good = getattr(told, "reply_code", None) == socks5.SOCKS5ReplyCode.SUCCEEDED
    except (SOCKSError, ValueError, IndexError, AttributeError):
        good, told = False, None
    if not good:
        code = getattr(told, "reply_code", None)
        raise ProxyRefused(f"{shown(proxy.geturl())}: {getattr(code, 'name', 'SOCKS5 refused')}")
