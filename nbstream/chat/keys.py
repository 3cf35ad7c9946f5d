"""The keys that this kernel holds, and where the others come from."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext, suppress
from typing import Any

from ..credentials import Secret, hidden
from ..errors import NbstreamError, fail
from ..keysources import colab, collect, dotenv, vault
from ..keysources.typed import prompt_for
from ..providers import registry
from ..providers.base import Provider
from ..providers.local import own_address
from ..providers.registry import Keyed
from .pool import Pool, Seat
from .seats import no_seats, seats_of

Seats = str | Mapping[str, Any] | Iterable[str | Secret | Mapping[str, Any]]

SECRETIVE = re.compile(r"(?:^|_)(?:KEY|SECRET|TOKEN|PASSWORD|AK|SK)$", re.I)
"""Names of environment variables that hold secrets."""


class Keys:
    """What was given at login, by provider; what was not is looked for where ``keysources/`` says.

    Parameters
    ----------
    env_file : function, optional
        Gives the file of variables that a setting names, or "".
    """

    def __init__(self, env_file: Callable[[], str] = str) -> None:
        self.pools: dict[str, Pool] = {}
        self.refused: list[Secret] = []
        """What was typed where a key must not stand: the history may be cleared of it."""
        self._env_file = env_file

    def ready(self) -> list[str]:
        """The providers that have what they need here: keys, or a base URL of the user's own.

        Nothing is asked for it that takes time: of the keyring the list, of Colab nothing.
        """
        found = []
        variables = self._variables(quietly=True)
        for provider in registry.keyed():
            if not (provider.needs or any(field.required for field in provider.fields)):
                continue
            own = bool(self.base_url(provider)) and provider.key_optional_elsewhere
            with suppress(NbstreamError):  # a key that is none: said when it is to be used
                has: dict[str, object] = {**self._at_hand(provider)}
                has |= dict.fromkeys(vault.stored(provider.name), True)
                written = [one.name for one in provider.fields if not variables.keys().isdisjoint(one.env)]
                has |= dict.fromkeys(written, True)
                if own or not self.missing(provider, has):
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
        """What is known of the provider's fields; what is not at hand is asked of the later places."""
        found = self._at_hand(provider, given)
        if found and not self.missing(provider, found):
            return found
        variables = self._variables()
        kept = vault.read(provider.name)
        for field in provider.fields:
            if field.name not in found:
                secret = kept.get(field.name)
                if secret is None and self.missing(provider, found):
                    secret = colab.from_colab(field)
                if secret is None and (name := next((name for name in field.env if name in variables), "")):
                    secret = variables[name]
                if secret is not None:
                    found[field.name] = secret
        return found

    def _at_hand(
        self, provider: Keyed | Provider, given: Mapping[str, Any] | None = None
    ) -> dict[str, Secret]:
        seat = self.first_seat(provider)
        return collect(provider.fields, given, seat.credentials if seat else {})

    def _variables(self, *, quietly: bool = False) -> dict[str, Secret]:
        """What stands in the file that the setting names. Raises `NbstreamError` unless `quietly`."""
        if not (path := self._env_file()):
            return {}
        with suppress(NbstreamError) if quietly else nullcontext():
            return dotenv.read(path)
        return {}

    def first_seat(self, provider: Keyed | Provider) -> Seat | None:
        """What was given at login; of several the first."""
        pool = self.pools.get(provider.name)
        return pool.seats[0] if pool else None

    def missing(self, provider: Keyed | Provider, found: Mapping[str, object]) -> list[str]:
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
            made = [Seat(prompt_for(provider.fields, provider.needs))]
        elif seats is None or not given:
            made = seats_of(provider, [given] if seats is None else seats)
        else:
            raise no_seats(provider)
        for seat in made:
            missing = self.missing(provider, seat.credentials)
            if missing and not (seat.base_url and provider.key_optional_elsewhere):
                raise self.no_key(provider, missing)
        return provider.name, self._keep(provider.name, Pool(made))

    def _keep(self, name: str, pool: Pool) -> dict[str, Secret]:
        """From the next turn on `pool` is asked; turns under way end with the keys that they began with."""
        self.pools[name] = pool
        _forget_tokens(name)
        return dict(pool.seats[0].credentials)

    def put_back(self, name: str, before: Pool | None) -> None:
        """The keys that were just given are none: go on with those `before`."""
        if before is None:
            self.logout(name)
        else:
            self._keep(name, before)

    def logout(self, name: str | None = None) -> list[str]:
        """Forget the credentials of `name`, or all, and say whose were kept here; their tokens, too."""
        names = [registry.get(name).name] if name else list(self.pools)
        for one in names if name else registry.names():
            _forget_tokens(one)
        return [one for one in names if self.pools.pop(one, None) is not None]

    def known(self, least: int = 16, *, every: bool = False) -> Iterator[tuple[str, Secret]]:
        """The secrets that are at hand, and whose each is; not those that are shorter than `least`.

        Of a provider, or in a variable whose name says what it is. `every`: what is typed in the open as
        well, such as an app id.
        """
        for provider in registry.keyed():
            pool = self.pools.get(provider.name)
            places = [*(seat.credentials for seat in pool.seats)] if pool else []
            places.append(vault.at_hand(provider.name))
            for field in provider.fields:
                taken = every or field.hidden
                found = [place[field.name] for place in places if taken and field.name in place]
                yield from ((provider.name, one) for one in found if len(one.reveal()) >= least)
        variables = {name: Secret(value.strip()) for name, value in list(os.environ.items())}
        fields = [field for provider in registry.keyed() for field in provider.fields] if every else []
        ours = {name for field in fields for name in field.env}
        for name, secret in (variables | self._variables(quietly=True)).items():
            if (SECRETIVE.search(name) or name in ours) and len(secret.reveal()) >= least:
                yield name, secret

    def hide_in(self, text: str) -> str:
        """`text` without any key that is at hand."""
        return hidden(text, [secret for _, secret in self.known()])

    def masked(self, text: str) -> str:
        """The same, leaving a text alone that holds none whole: that of a person, who may speak of keys."""
        for _, secret in self.known():
            if secret.reveal() in text:
                text = secret.hide_in(text)
        return text

    def refuse_in(self, text: str, case: str = "config.key_in_prompt") -> None:
        """Raise `NbstreamError` (`case`) if `text`, which is about to be sent, holds one of the keys."""
        for name, secret in self.known():
            if secret.reveal() in text:
                raise fail(case, name=name, tail=str(secret))

    def refuse_as_name(self, name: str) -> None:
        """The same for the name of a model or a conversation: it stands wherever that is told of."""
        self.refuse_in(name, "config.key_in_name")

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


def _forget_tokens(name: str) -> None:
    """Drop the short-lived tokens of provider `name`, if any were ever fetched."""
    if (tokens := sys.modules.get(f"{__package__}.tokens")) is not None:  # it brings httpx2: not at load
        tokens.forget_all(name)
