"""The keys that this kernel holds, and where the others come from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from .. import credentials as sources
from ..credentials import Secret
from ..errors import NbstreamError, fail
from ..providers import registry
from ..providers.base import Provider
from ..providers.local import own_address
from ..providers.registry import Keyed
from .pool import Pool, Seat
from .seats import no_seats, seats_of

Seats = str | Mapping[str, Any] | Iterable[str | Secret | Mapping[str, Any]]


class Keys:
    """What was given at login, by provider; the environment has what was not."""

    def __init__(self) -> None:
        self.pools: dict[str, Pool] = {}

    def ready(self) -> list[str]:
        """The providers that have what they need here: keys, or a base URL of the user's own."""
        found = []
        for provider in registry.keyed():
            if not (provider.needs or any(field.required for field in provider.fields)):
                continue
            own = bool(self.base_url(provider)) and provider.key_optional_elsewhere
            with suppress(NbstreamError):  # a key that is none: said when it is to be used
                if own or not self.missing(provider, self.credentials(provider)):
                    found.append(provider.name)
        return found

    def base_url(self, provider: Keyed | Provider) -> str | None:
        """The user's own address for `provider`: given at login, else in the environment."""
        if (seat := self.first_seat(provider)) is not None and seat.base_url:
            return seat.base_url
        return os_address(provider)

    def credentials(
        self, provider: Keyed | Provider, given: Mapping[str, Any] | None = None
    ) -> dict[str, Secret]:
        """What is known of the provider's fields."""
        seat = self.first_seat(provider)
        return sources.collect(provider.fields, given, seat.credentials if seat else {})

    def first_seat(self, provider: Keyed | Provider) -> Seat | None:
        """What was given at login; of several the first."""
        pool = self.pools.get(provider.name)
        return pool.seats[0] if pool else None

    def missing(self, provider: Keyed | Provider, found: Mapping[str, Secret]) -> list[str]:
        """The fields that `found` lacks: of the set that is nearest to complete, where several would do."""
        sets = provider.needs or ([field.name for field in provider.fields if field.required],)
        return min(([name for name in names if not found.get(name)] for names in sets), key=len)

    def login(
        self, name: str, seats: Seats | None = None, /, **given: str | Secret
    ) -> tuple[str, dict[str, Secret]]:
        """Keep credentials of a provider in this kernel; nothing given: ask with a hidden prompt.

        `seats` are several: dicts of credentials, each with a ``base_url`` if it likes, or plain keys. Their
        turns share the load. Gives the provider's own name and what is kept, of several the first.

        Examples
        --------
        >>> Keys().login("openai", api_key="sk-0123456789abcdef")
        ('openai', {'api_key': Secret('…cdef')})
        >>> keys = Keys()
        >>> _ = keys.login("openai", ["sk-0123456789abcdef", {"api_key": "sk-fedcba9876543210"}])
        >>> [seat.name for seat in keys.pools["openai"].seats]
        ['…cdef', '…3210']
        """
        provider = registry.get(name)
        if not provider.fields:
            raise fail("config.no_login", provider=provider.name, label=provider.label)
        if seats is None and not given:
            made = [Seat(sources.prompt_for(provider.fields, provider.needs))]
        elif seats is None or not given:
            made = seats_of(provider, [given] if seats is None else seats)
        else:
            raise no_seats(provider)
        for seat in made:
            missing = self.missing(provider, seat.credentials)
            if missing and not (seat.base_url and provider.key_optional_elsewhere):
                raise self.no_key(provider, missing)
        self.pools[provider.name] = Pool(made)
        return provider.name, dict(made[0].credentials)

    def logout(self, name: str | None = None) -> list[str]:
        """Forget the credentials of `name`, or all, and say whose were kept here."""
        names = [registry.get(name).name] if name else list(self.pools)
        return [one for one in names if self.pools.pop(one, None) is not None]

    def no_key(self, provider: Provider, missing: list[str]) -> NbstreamError:
        """The error for a provider of whose fields these are `missing`."""
        names = [env for field in provider.fields if field.name in missing for env in field.env[:1]]
        return fail(
            "config.no_key",
            provider=provider.name,
            label=provider.label,
            missing=", ".join(missing),
            env=", ".join(names) or "—",
            page=provider.key_page,
        )


def os_address(provider: Keyed | Provider) -> str | None:
    """The address for `provider` in the environment."""
    return own_address(provider.name, os.environ) or None
