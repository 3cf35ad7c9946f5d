"""Spark's signed address holds the API key in the clear and a signature: it can be seen nowhere."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import nbstream
from tests.fakes.spark_server import CREDENTIALS
from tests.fakes.websocket_server import CLOSE, TEXT, Peer, WebSocketServer, frame

Act = Callable[[Peer], Awaitable[None]]


def address(peer: Peer) -> str:
    """The signed part of the request, as a server may repeat it."""
    return peer.request.split(" ")[1]


def refuses(head: str, body: str = "") -> Act:
    async def act(peer: Peer) -> None:
        told = f"{head}\r\nContent-Length: {{}}\r\n\r\n".replace("@", address(peer))
        text = body.replace("@", address(peer))
        await peer.send(told.format(len(text)).encode() + text.encode())

    return act


def says(kind: int, text: str) -> Act:
    async def act(peer: Peer) -> None:
        await peer.accept()
        await peer.received()
        said = text.replace("@", address(peer)).encode()
        if kind == CLOSE:  # a closing frame is short: what is repeated is cut
            said = (1011).to_bytes(2, "big") + said[:123]
        await peer.send(frame(kind, said))
        await peer.left()

    return act


ECHOES: dict[str, Act] = {
    "where to go instead": refuses("HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example@"),
    "the body of a refusal": refuses("HTTP/1.1 400 Bad Request", '{"message": "cannot route @"}'),
    "the name of a request": refuses("HTTP/1.1 401 No\r\nX-Request-Id: @", "{}"),
    "what is no JSON": says(TEXT, "bad upstream @"),
    "JSON that says nothing": says(TEXT, '{"url": "@"}'),
    "an error": says(TEXT, '{"header": {"code": 10163, "message": "see @", "sid": "@"}}'),
    "the reason of a close": says(CLOSE, "@"),
}


@pytest.mark.parametrize("how", ECHOES)
def test_a_server_that_repeats_the_address_gives_nothing_away(
    how: str, caplog: pytest.LogCaptureFixture
) -> None:
    with WebSocketServer(ECHOES[how]) as server:
        # What the server itself wrote stands in the frames that read it: those are not looked at here.
        shown = everything_seen(server.url + "/v4.0/chat", caplog, frames=False)
        signed = address(server.peers[0])
    hidden(signed, shown)


NOWHERE = ("ws://127.0.0.1:1/v4.0/chat", "wss://127.0.0.1:1/", "ws://spark.example/")
NO_ADDRESS = ("wss://\ud800.example/x", "wss://[::1/")


@pytest.mark.parametrize("url", [*NOWHERE, *NO_ADDRESS])
def test_nor_does_a_connection_that_fails(url: str, caplog: pytest.LogCaptureFixture) -> None:
    shown = everything_seen(url, caplog)
    assert "authorization=" not in shown
    hidden("", shown)


def everything_seen(url: str, caplog: pytest.LogCaptureFixture, *, frames: bool = True) -> str:
    """All that a person, a log or a debugger may see of one call that fails."""
    shown: list[Any] = []
    with caplog.at_level(logging.DEBUG), pytest.raises(nbstream.NbstreamError) as caught:
        stream = nbstream.stream("hi", model="spark", base_url=url, credentials=dict(CREDENTIALS), retries=0)
        shown += [stream, vars(stream)]
        stream.wait()
    error = caught.value
    # With the variables of every frame but this one's, as %xmode Verbose would show them.
    trace = traceback.TracebackException.from_exception(error, capture_locals=frames)
    trace.stack[:] = [one for one in trace.stack if one.filename != __file__]
    shown += [error, str(error), vars(error), *trace.format(), error.answer]
    return "\n".join(repr(one) + str(one) for one in [*shown, caplog.text])


def hidden(signed: str, shown: str) -> None:
    signature = re.search(r"authorization=([^&]+)", signed)
    secrets = [CREDENTIALS["api_key"], CREDENTIALS["api_secret"], *([signature[1][:40]] if signature else [])]
    assert not [one for one in secrets if one in shown]
