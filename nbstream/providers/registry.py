"""Names to providers: our own, the rows of ``hosts.py`` and ``natives.py``, and those of other packages.

A package brings one through the entry point group ``nbstream.providers``; the entry's name is the
provider's, and it loads to a `Provider`, or to a class or function that makes one without arguments.
Before it is a package, `add` takes it for as long as the kernel runs.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import NamedTuple

from ..credentials import CredentialField
from ..errors import NbstreamError, fail
from ..wire.request import WireResponse
from .base import Provider
from .host import Host
from .hosts import HOSTS
from .local import Place, Running, places, running
from .natives import NATIVES

GROUP = "nbstream.providers"
LARGEST = 1024 * 1024
"""Bytes of a list of models."""
BUDGET = 0.2
"""Seconds in which a server on this machine must have said what models it has."""
log = logging.getLogger("nbstream")

_ROWS: dict[str, Host] = {host.name: host for host in (*HOSTS, *NATIVES)}
_ADDED: dict[str, Provider] = {}
_ALIASES: dict[str, str] = {alias: host.name for host in _ROWS.values() for alias in host.aliases}


def get(name: str) -> Provider:
    """The provider called `name` (or one of its aliases), in any case.

    >>> get("dashscope").name
    'qwen'
    """
    wanted = name.strip().lower()
    known = names()
    if wanted not in known:
        wanted = _ALIASES.get(wanted, wanted)
    if wanted in known:
        return _ADDED.get(wanted) or _made(wanted)
    import difflib
    import re

    close = difflib.get_close_matches(wanted, [*known, *_ALIASES], n=1)
    line = f"use {close[0]}" if close else "models"
    for row in _ROWS.values():  # the name of a model alone is what people copy
        if re.match(row.models, wanted):
            line = f"use {row.name}:{name.strip()[:80]}"
    raise fail("config.unknown_provider", name=name.strip()[:80], line=line, known=", ".join(known))


def add(provider: Provider) -> None:
    """Know `provider` by its name until the kernel ends; another of that name gives way to it.

    For one that is being written, in a notebook. The names of ours are taken.
    """
    name = provider.name.strip().lower()
    if not name or name == "demo" or name in _ROWS or name in _ALIASES:
        raise ValueError(f"the name {name!r} is taken")
    _ADDED[name] = provider


def unknown(given: Iterable[str]) -> tuple[str, str] | None:
    """The first of `given` that is no provider's name, and the nearest that is one.

    >>> unknown(["spark", "星火", "sparc"])
    ('sparc', 'spark')
    """
    import difflib

    known = {*names(), *_ALIASES}
    for name in given:
        if (wanted := name.strip().lower()) not in known:
            return name, next(iter(difflib.get_close_matches(wanted, known, n=1)), "spark")
    return None


def names() -> list[str]:
    """All names, without aliases, sorted.

    >>> {"demo", "openai", "deepseek"} <= set(names())
    True
    """
    return sorted({"demo", *_ROWS, *_others(), *_ADDED})


def aliases() -> dict[str, str]:
    """The other names of providers, Chinese ones among them, and whose they are.

    >>> aliases()["星火"]
    'spark'
    """
    return dict(_ALIASES)


def loaded() -> Iterator[Provider]:
    """All providers that load; one that another package broke is left out."""
    for name in names():
        try:
            yield get(name)
        except NbstreamError:
            log.debug("the provider %s could not be loaded", name, exc_info=True)


class Keyed(NamedTuple):
    """What a provider needs, known without importing it: `Provider` has the same attributes."""

    name: str
    fields: tuple[CredentialField, ...]
    key_optional_elsewhere: bool = False
    needs: tuple[tuple[str, ...], ...] = ()


def keyed() -> Iterator[Keyed | Provider]:
    """What each provider needs, by name. Only those of other packages are loaded for it.

    ``%load_ext`` asks this, to see who has a key: it must not cost the dialects of all.
    """
    for name in names():
        if row := _ROWS.get(name):
            yield Keyed(name, row.fields, row.key_optional_elsewhere, row.needs)
        elif name == "demo":
            yield Keyed(name, ())
        else:
            with suppress(NbstreamError):
                yield get(name)


def split(model: str) -> tuple[Provider, str]:
    """``provider:model`` as its two halves; without the second, the provider's default model.

    >>> provider, model = split("openrouter:qwen/qwen3:free")
    >>> provider.name, model
    ('openrouter', 'qwen/qwen3:free')
    """
    name, _, rest = model.partition(":" if ":" in model else "：")  # as a Chinese keyboard writes it
    provider = get(name)
    return provider, rest.strip() or provider.default_model


async def discover(where: Iterable[Place] | None = None, budget: float | None = None) -> list[Running]:
    """The model servers that run on this machine: all usual places at once, `budget` seconds for all.

    Only loopback addresses are asked, and no key is sent: nobody knows yet who listens there.
    """
    from ..wire import http  # noqa: F401  (what its import takes is not to be taken from the budget)

    where = places(os.environ) if where is None else list(where)
    asking = [asyncio.create_task(_look(place)) for place in where]
    if asking:
        _, late = await asyncio.wait(asking, timeout=BUDGET if budget is None else budget)
        for task in late:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
    answers = [task.result() for task in asking if not task.cancelled() and task.exception() is None]
    found = {(one.provider, one.url): one for one in answers if one is not None}
    return list(found.values())


async def _look(place: Place) -> Running | None:
    from ..wire.http import opened
    from ..wire.limits import Limits

    request = get(place.provider).models_request({}, place.url)
    if request is None:
        return None
    async with opened(request, Limits(connect=5, first=5, idle=5)) as reply:
        response = WireResponse(reply.status, reply.headers, await reply.read(LARGEST))
    return running(place, response, os.environ)


@cache
def _made(name: str) -> Provider:
    # Providers keep no state, so one of each is enough.
    if row := _ROWS.get(name):
        module, _, attribute = row.spoken_by.partition(":")
        provider: Provider = getattr(import_module(f".{module}", __package__), attribute)(row)
        return provider
    if name == "demo":
        from .demo import Demo

        return Demo()
    try:
        return _brought(_others()[name])
    except (Exception, SystemExit) as error:  # whatever a package does, it must not cost the others
        reason = f"{type(error).__name__}: {error}"[:200]
    raise fail("config.plugin", name=name, reason=reason)


def _brought(entry: EntryPoint) -> Provider:
    """The provider of another package, as far as loading it can tell a sound one."""
    made = entry.load()
    provider = made if isinstance(made, Provider) else made() if callable(made) else made
    if not isinstance(provider, Provider):
        raise TypeError(f"the entry point gave {provider!r:.80}, which is no Provider")
    if not all(isinstance(field, CredentialField) for field in provider.fields):
        raise TypeError("its fields are not all CredentialField")
    return provider


@cache
def _others() -> dict[str, EntryPoint]:
    return {entry.name.lower(): entry for entry in entry_points(group=GROUP)}
