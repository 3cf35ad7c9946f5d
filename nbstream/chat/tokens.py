"""Short-lived tokens: fetched where a provider needs one, kept while they live, one fetch at a time."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import NamedTuple

from ..credentials import Secret
from ..errors import NbstreamError
from ..wire.limits import Limits
from .background import io_loop
from .call import Call
from .masking import masked_response

EARLY = 3600.0
"""Seconds before its end at which a token is fetched anew; of a short life a tenth."""
LIMITS = Limits(connect=10, first=30, idle=30)


@dataclass(slots=True)
class _Kept:
    """A token, or its fetch under way, for everybody with the same credentials at the same place."""

    fetched: Future[tuple[Secret, float]]
    """The token, and the `time.monotonic` after which it is no longer used."""

    def good(self) -> bool:
        if not self.fetched.done():
            return True
        if self.fetched.cancelled() or self.fetched.exception() is not None:
            return False
        return time.monotonic() < self.fetched.result()[1]


class _Place(NamedTuple):
    """What must be the same for a token to be shared."""

    provider: str
    base_url: str | None
    token_url: str
    secrets: frozenset[tuple[str, Secret]]


_kept: dict[_Place, _Kept] = {}
_lock = threading.Lock()


def _forget_all() -> None:
    """In a forked child nobody ends the fetches that were under way."""
    global _lock
    _lock = threading.Lock()
    _kept.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)


async def with_token(call: Call) -> Call:
    """`call` with ``credentials["token"]``, where its provider needs one. Raises `NbstreamError`."""
    if call.provider.token_request(call.chat, call.credentials) is None:
        return call
    key = _key(call)
    with _lock:
        kept = _kept.get(key)
        if kept is None or not kept.good():
            # On the io thread: the loop of whoever asked first may end while others wait.
            kept = _Kept(asyncio.run_coroutine_threadsafe(_fetch(call), io_loop()))
            _kept[key] = kept
    failure: NbstreamError
    try:
        token, _ = await asyncio.shield(asyncio.wrap_future(kept.fetched))
    except NbstreamError as error:
        failure = error.copy()  # one fetch may fail many turns, and each keeps its own answer
    else:
        return replace(call, credentials={**call.credentials, "token": token})
    raise failure


def forget(call: Call) -> None:
    """The token in `call` is refused: fetch another, unless somebody has already."""
    key, token = _key(call), call.credentials.get("token")
    with _lock:
        kept = _kept.get(key)
        if kept is not None and kept.fetched.done() and kept.good() and kept.fetched.result()[0] == token:
            del _kept[key]


def forget_all(provider: str) -> None:
    """Fetch no turn's token from here any more: the keys of `provider` are others now, or gone."""
    with _lock:
        for key in [one for one in _kept if one.provider == provider]:
            del _kept[key]


async def _fetch(call: Call) -> tuple[Secret, float]:
    from .fetch import fetch  # it brings httpx2, and whoever logs out must not wait for that

    request = call.provider.token_request(call.chat, call.credentials)
    assert request is not None
    response = await fetch(request, LIMITS)
    if response.status >= 400:
        # A good answer holds the token itself: masking it there would lose it.
        response = masked_response(response, call.credentials.values())
    token, seconds = call.provider.token(response)
    return token, time.monotonic() + seconds - min(EARLY, seconds / 10)


def _key(call: Call) -> _Place:
    secrets = frozenset((name, one) for name, one in call.credentials.items() if name != "token")
    return _Place(call.provider.name, call.chat.base_url, str(call.chat.options.get("token_url")), secrets)
