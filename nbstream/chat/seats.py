"""What a person gives to `login`, as seats: checked before it is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..credentials import Secret
from ..errors import NbstreamError, fail
from ..keysources import collect, example
from ..messages import ChatRequest, Message
from ..providers.base import Provider
from .pool import Seat


def seats_of(provider: Provider, given: object) -> list[Seat]:
    """The seats in `given`: a dict of credentials or a plain key, or several of these.

    Raises `NbstreamError` (config) for anything else, and for an address that is none.
    """
    several = [given] if isinstance(given, str | Secret | Mapping) else given
    several = list(several) if isinstance(several, Iterable) else []
    if not several:
        raise no_seats(provider)
    return [_seat(provider, one) for one in several]


def no_seats(provider: Provider) -> NbstreamError:
    """The error for what is no list of credentials; it shows one."""
    one = example(field for field in provider.fields if field.name in _needed(provider))
    return fail("config.seats", provider=provider.name, one=one)


def _needed(provider: Provider) -> list[str]:
    names = [field.name for field in provider.fields]
    required = [field.name for field in provider.fields if field.required]
    return list(provider.needs[0]) if provider.needs else required or names


def _alone(provider: Provider) -> str | None:
    """The name of the one credential that is enough, where one is."""
    needed = _needed(provider)
    return needed[0] if len(needed) == 1 else None


def _seat(provider: Provider, given: object) -> Seat:
    if isinstance(given, str | Secret) and (name := _alone(provider)):
        given = {name: given}
    if not isinstance(given, Mapping):
        raise no_seats(provider)
    fields: dict[str, Any] = dict(given)
    base_url = str(fields.pop("base_url", None) or "").strip() or None
    found = {
        name: key
        for name, key in collect(provider.fields, fields, {}, {}, login=provider.name).items()
        if key
    }
    if base_url:
        # A provider says best what is wrong with an address; whether it may be plain http, each call says.
        model = provider.default_model or "any"
        provider.request(ChatRequest(Message.many("?"), model, base_url=base_url, allow_insecure=True), found)
    return Seat(found, base_url)
