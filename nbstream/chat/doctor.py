"""Whether the services that this kernel has keys for can be reached, and take them: all at once, and briefly.

Only what costs nothing is asked: the list of models, a short-lived token, a WebSocket's handshake; of a
service that has none of these its front page, without the key. A provider without a key is left alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from ..credentials import Secret
from ..errors import NbstreamError, fail
from ..i18n import span, t
from ..messages import ChatRequest, Message
from ..providers import registry
from ..providers.base import Provider
from ..wire.checkup import skew
from ..wire.limits import Limits
from ..wire.request import Refused, WireRequest, WireResponse
from .fetch import fetch, told
from .masking import masked_response, secrets

if TYPE_CHECKING:
    from .session import Session

Level = Literal["good", "fact", "doubt", "bad"]
LIMITS = Limits(connect=4, first=6, idle=6)
PATIENCE = 8.0
"""Seconds for all of them together."""
SLOW = 3.0
"""Seconds for a small question, beyond which a service is called slow."""
TICK = 0.05
WRONG, OFF = 240.0, 30.0
"""Seconds by which a clock is wrong (signatures expire after 300), and by which it is worth a word."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of what `doctor` says: how it stands with `what`, and what mends it."""

    level: Level
    what: str
    said: str
    fix: str = ""


class Visit(NamedTuple):
    """Whom to ask, with what."""

    title: str
    provider: Provider
    credentials: dict[str, Secret]
    base_url: str | None


class Answered(NamedTuple):
    """That a service answered: what it said of the key (None: nothing), and how many models it has."""

    response: WireResponse | None
    key: bool | None
    models: int | None = None


def examine(
    here: Session, only: str | None = None, patience: float = PATIENCE
) -> tuple[list[Finding], list[float]]:
    """How the services fare, and by how many seconds our clock is ahead of each that tells the time.

    Ctrl-C ends it early: what is known by then is told. Raises `NbstreamError` for a name that is none.
    """
    from .background import io_loop

    if only is not None and (unasked := _unasked(here, only)) is not None:
        return [unasked], []
    visits = _visits(here, only)
    found: dict[str, Finding] = {}
    clocks: list[float] = []
    asking: Future[None] = asyncio.run_coroutine_threadsafe(
        _all(visits, found, clocks, local=only is None), io_loop()
    )
    end = time.monotonic() + patience
    stopped = False
    try:
        while not asking.done() and time.monotonic() < end:
            with suppress(TimeoutError):
                asking.result(TICK)
    except KeyboardInterrupt:
        stopped = True
    asking.cancel()
    for one in visits:
        if one.title in found:
            continue
        if stopped:
            found[one.title] = Finding("doubt", one.title, t("doctor.stopped"))
        else:
            late = fail("timeout.first", address=one.provider.label, seconds=f"{patience:g}")
            found[one.title] = Finding("bad", one.title, late.what, t("doctor.slow_fix"))
    order = {one.title: place for place, one in enumerate(visits)}
    return sorted(found.values(), key=lambda one: order.get(one.what, len(order))), clocks


def accepted(provider: Provider, credentials: Mapping[str, Secret], base_url: str | None) -> bool | None:
    """Whether `provider` takes these keys, asked in a way that costs nothing; None where there is none.

    Raises `NbstreamError` where it does not take them, or cannot be reached.
    """
    from .background import on_io

    visit = Visit(provider.name, provider, dict(credentials), base_url)
    late = fail("timeout.models", provider=provider.name, address=provider.label, seconds=f"{PATIENCE:g}")
    with suppress(TimeoutError):
        return on_io(_asked(visit, lambda headers: None, front=False), timeout=PATIENCE).key
    raise late


def clock(clocks: list[float]) -> Finding:
    """What the services' clocks say of ours."""
    what = t("doctor.clock")
    if not clocks:
        return Finding("fact", what, t("doctor.clock_unknown"))
    off = sorted(clocks)[len(clocks) // 2]
    if abs(off) < OFF:
        return Finding("good", what, t("doctor.clock_good"))
    said = t("doctor.clock_ahead" if off > 0 else "doctor.clock_behind", skew=span(abs(off)))
    return Finding("bad" if abs(off) >= WRONG else "doubt", what, said, t("doctor.clock_fix"))


# --- whom to ask --------------------------------------------------------------------------------------


def _visits(here: Session, only: str | None) -> list[Visit]:
    visits = []
    # Where no key is needed nobody is ready; but whoever has logged in there wants to know how it fares.
    every = dict.fromkeys([*here.ready(), *here.keys.pools])
    for name in every if only is None else [registry.get(only).name]:
        with suppress(NbstreamError):  # another package's, which is broken
            provider = registry.get(name)
            pool = here.keys.pools.get(name)
            seats = pool.seats if pool else []
            if len(seats) < 2:
                visits.append(Visit(name, provider, here.credentials(provider), here.base_url(provider)))
            for number, seat in enumerate(seats if len(seats) > 1 else [], 1):
                title = t("doctor.seat", name=name, number=number, count=len(seats))
                address = seat.base_url or here.base_url(provider)
                visits.append(Visit(title, provider, dict(seat.credentials), address))
    return visits


def _unasked(here: Session, only: str) -> Finding | None:
    """What there is to say of `only` without asking it."""
    provider = registry.get(only)
    if provider.name == "demo" or provider.package:
        said = t("doctor.no_service" if provider.name == "demo" else "doctor.own_way")
        return Finding("good" if provider.name == "demo" else "fact", provider.name, said)
    missing = here.keys.missing(provider, here.credentials(provider))
    if missing and not (here.base_url(provider) and provider.key_optional_elsewhere):
        error = here.keys.no_key(provider, missing)
        return Finding("bad", provider.name, error.what, error.fix)
    return None


# --- asking -------------------------------------------------------------------------------------------


async def _all(visits: list[Visit], found: dict[str, Finding], clocks: list[float], *, local: bool) -> None:
    async def nearby() -> None:
        for one in await registry.discover():
            count = t("doctor.models", count=len(one.models))
            known = one.provider in found or any(visit.provider.name == one.provider for visit in visits)
            if not known:
                found[one.provider] = Finding("good", one.provider, t("doctor.local", models=count))

    await asyncio.gather(
        *(_one(visit, found, clocks) for visit in visits),
        *([nearby()] if local else []),
        return_exceptions=True,
    )


async def _one(visit: Visit, found: dict[str, Finding], clocks: list[float]) -> None:
    sent, began = time.time(), time.monotonic()

    def heard(headers: object) -> None:
        if isinstance(headers, dict) and (off := skew(headers, sent, time.time())) is not None:
            clocks.append(off)

    try:
        answered = await _asked(visit, heard)
    except NbstreamError as error:
        level: Level = "doubt" if error.kind in ("rate_limit", "overloaded") else "bad"
        marks = " ".join(map(str, filter(None, (error.kind, error.status, error.code))))
        fix = t("doctor.slow_fix") if error.case == "first" else error.fix  # its own is one for a question
        found[visit.title] = Finding(
            level, visit.title, t("doctor.refused", what=error.what, marks=marks), fix
        )
        return
    except Exception as error:  # another package's provider: its trouble is its own row
        found[visit.title] = Finding("bad", visit.title, type(error).__name__)
        return
    took = time.monotonic() - began
    if answered.response is not None:
        heard(dict(answered.response.headers))
    said = [t("doctor.slow" if took > SLOW else "doctor.reached", ms=f"{1000 * took:.0f}")]
    if answered.key is None:
        said.append(t("doctor.key_unchecked"))
    elif visit.credentials:
        said.append(t("doctor.key_good"))
    if answered.models:
        said.append(t("doctor.models", count=answered.models))
    slow = took > SLOW
    found[visit.title] = Finding(
        "doubt" if slow else "good", visit.title, " · ".join(said), t("doctor.slow_fix") if slow else ""
    )


async def _asked(visit: Visit, heard: Callable[[object], None], *, front: bool = True) -> Answered:
    """What `visit` finds; `front`: at the service's front page, where nothing else is free."""
    provider, credentials, base_url = visit.provider, visit.credentials, visit.base_url
    if (listed := await _listing(visit, heard)) is not None:
        return listed
    chat = ChatRequest(Message.many("?"), provider.default_model or "any", base_url=base_url)
    if (request := provider.token_request(chat, credentials)) is not None:
        response = await _fetched(request, visit, heard)
        provider.token(response)
        return Answered(response, key=True)
    request = provider.request(chat, credentials)
    if request.transport in ("local", "library"):
        return Answered(None, key=None)
    if request.transport == "websocket":
        await _shaken(request, visit, heard)
        return Answered(None, key=True)
    if not front:
        return Answered(None, key=None)
    from ..wire.address import shown

    address = shown(request.url.reveal() if isinstance(request.url, Secret) else request.url)
    response = await fetch(WireRequest("json", url=address + "/", method="GET"), LIMITS)
    return Answered(response, key=None)


async def _listing(visit: Visit, heard: Callable[[object], None]) -> Answered | None:
    request = visit.provider.models_request(visit.credentials, visit.base_url)
    if request is None:
        return None
    try:
        response = await _fetched(request, visit, heard)
    except NbstreamError as error:
        if error.kind == "not_found":  # it answers, and has no such list: many gateways have none
            return Answered(None, key=None)
        raise
    try:
        return Answered(response, key=True, models=len(visit.provider.models(response)))
    except NbstreamError as error:
        raise told(error, visit.provider, visit.credentials, request) from None


async def _fetched(request: WireRequest, visit: Visit, heard: Callable[[object], None]) -> WireResponse:
    """The answer to `request`. Raises what the provider makes of a refusal."""
    provider, credentials = visit.provider, visit.credentials
    try:
        response = await fetch(request, LIMITS)
    except NbstreamError as error:
        raise told(provider.explained(error), provider, credentials, request) from None
    if response.status < 300:
        return response
    heard(dict(response.headers))
    refusal = provider.refused(masked_response(response, secrets(credentials, request)))
    raise told(refusal, provider, credentials, request)


async def _shaken(request: WireRequest, visit: Visit, heard: Callable[[object], None]) -> None:
    """Open the WebSocket and close it: the handshake is where the signature and the clock are judged."""
    from ..wire.websocket import connection

    provider, credentials = visit.provider, visit.credentials
    try:
        async with connection(replace(request, body=None), LIMITS):
            return
    except Refused as refusal:
        heard(dict(refusal.response.headers))
        failure = provider.refused(masked_response(refusal.response, secrets(credentials, request)))
    except NbstreamError as error:
        failure = provider.explained(error)
    raise told(failure, provider, credentials, request)
