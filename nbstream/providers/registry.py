"""Names to providers: our own, the rows of ``hosts.py`` and ``natives.py``, and those of other packages.

A package brings one through the entry point group ``nbstream.providers``; the entry's name is the
provider's, and it loads to a `Provider`, or to a class or function that makes one without arguments.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import NamedTuple

from ..credentials import CredentialField
from ..errors import NbstreamError, fail
from .base import Provider
from .host import Host
from .hosts import HOSTS
from .natives import NATIVES

GROUP = "nbstream.providers"
log = logging.getLogger("nbstream")

_ROWS: dict[str, Host] = {host.name: host for host in (*HOSTS, *NATIVES)}
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
        return _made(wanted)
    import difflib

    close = difflib.get_close_matches(wanted, [*known, *_ALIASES], n=1)
    raise fail("config.unknown_provider", name=name.strip()[:80], nearest=close[0] if close else "demo",
               known=", ".join(known))  # fmt: skip


def names() -> list[str]:
    """All names, without aliases, sorted.

    >>> {"demo", "openai", "deepseek"} <= set(names())
    True
    """
    return sorted({"demo", *_ROWS, *_others()})


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
    name, _, rest = model.partition(":")
    provider = get(name)
    return provider, rest.strip() or provider.default_model


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
