"""What the contract suite asks of each dialect's fake: to say a text, and to fail, on demand.

Every provider in the registry runs through ``test_contract.py``. One with a new ``dialect`` needs
``tests/fakes/<dialect>_server.py`` with two names in it::

    def scripted() -> Server          for HTTP a `Scripted` with its phrases; else a server with the same face
    CREDENTIALS: dict[str, str]       what the provider is to be given
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self

from .loopback import Exchange, Loopback, Record

Ending = Literal["good", "cut", "error", "endless"]


@dataclass(frozen=True)
class Scene:
    """One answer: `texts` as deltas, sent in pieces of `size` bytes (0: one delta a piece), then the ending.

    ``cut`` loses the connection before the end mark; ``error`` is the dialect's error in mid-stream,
    with `message`; ``endless`` repeats the texts until the client leaves.
    """

    texts: tuple[str, ...]
    size: int = 0
    ending: Ending = "good"
    message: str = "the engine has died"


class Server(Protocol):
    """What the suite needs of a server."""

    url: str
    log: list[Record]
    scene: Scene

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def wait_for(self, condition: Callable[[list[Record]], bool], timeout: float = 5.0) -> bool: ...


class Scripted(Loopback):
    """An HTTP server that plays `scene`.

    Parameters
    ----------
    path : str
        What the base URL has after the port.
    said : function
        The bytes of one delta of text.
    ends : bytes
        What a good answer ends with.
    fails : function
        The bytes of an error in mid-stream, from its message.
    """

    def __init__(
        self,
        path: str,
        said: Callable[[str], bytes],
        ends: bytes,
        fails: Callable[[str], bytes],
        content_type: str = "text/event-stream",
    ) -> None:
        super().__init__()
        self.path = path
        self.scene = Scene(())
        self._said, self._ends, self._fails = said, ends, fails
        self._headers = {"Content-Type": content_type}

    async def respond(self, exchange: Exchange) -> None:
        scene = self.scene
        await exchange.start(200, self._headers)
        pieces = [self._said(text) for text in scene.texts]
        while scene.ending == "endless":
            for piece in pieces:
                await exchange.send(piece)
            await asyncio.sleep(0)
        if scene.ending == "good":
            pieces.append(self._ends)
        elif scene.ending == "error":
            pieces.append(self._fails(scene.message))
        if scene.size:
            raw = b"".join(pieces)
            pieces = [raw[start : start + scene.size] for start in range(0, len(raw), scene.size)]
        for piece in pieces:
            await exchange.send(piece)
            await asyncio.sleep(0)
        await (exchange.reset() if scene.ending == "cut" else exchange.end())


def data(value: Any) -> bytes:
    """`value` as one SSE event."""
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"
