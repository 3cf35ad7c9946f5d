"""Names to providers: our own, the rows of ``hosts.py``, and those that other packages bring.

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
from .hosts import HOSTS, Host

GROUP = "nbstream.providers"
log = logging.getLogger("nbstream")

OWN: dict[str, tuple[str, tuple[CredentialField, ...]]] = {
    "demo": ("demo:Demo", ()),
}
"""Dialects with a file of their own: ``module:class``, imported when asked for, and its fields."""

_HOSTS: dict[str, Host] = {host.name: host for host in HOSTS}
_ALIASES: dict[str, str] = {alias: host.name for host in HOSTS for alias in host.aliases}


def get(name: str) -> Provider:
    """The provider called `name` (or one of its aliases), in any case.

    >>> get("dashscope").name
    'qwen'
    """
    wanted = name.strip().lower()
    if wanted not in OWN and wanted not in _HOSTS and wanted not in _others():
        wanted = _ALIASES.get(wanted, wanted)
    if wanted in OWN or wanted in _HOSTS or wanted in _others():
        return _made(wanted)
    import difflib

    known = names()
    close = difflib.get_close_matches(wanted, [*known, *_ALIASES], n=1)
    raise fail("config.unknown_provider", name=name.strip()[:80], nearest=close[0] if close else "demo",
               known=", ".join(known))  # fmt: skip


def names() -> list[str]:
    """All names, without aliases, sorted.

    >>> {"demo", "openai", "deepseek"} <= set(names())
    True
    """
    return sorted({*OWN, *_HOSTS, *_others()})


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


def keyed() -> Iterator[Keyed | Provider]:
    """What each provider needs, by name. Only those of other packages are loaded for it.

    ``%load_ext`` asks this, to see who has a key: it must not cost the dialects of all.
    """
    for name in names():
        if name in _HOSTS:
            yield Keyed(name, _HOSTS[name].fields, key_optional_elsewhere=True)
        elif name in OWN:
            yield Keyed(name, OWN[name][1])
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
    if name in _HOSTS:
        from .openai import OpenAICompatible

        return OpenAICompatible(_HOSTS[name])
    if name in OWN:
        module, _, attribute = OWN[name][0].partition(":")
        provider: Provider = getattr(import_module(f".{module}", __package__), attribute)()
        return provider
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
