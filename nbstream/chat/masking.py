"""Keys taken out of what servers send back: some like to echo them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..credentials import Credentials, Secret, hidden
from ..errors import NbstreamError
from ..wire.request import WireRequest, WireResponse
from .call import Call


def secrets(credentials: Credentials, request: WireRequest | None = None) -> list[Secret]:
    """What must not be seen of a request: its keys, and what was made from them (a signed address)."""
    made = [request.url, *request.headers.values()] if request is not None else []
    return [*credentials.values(), *(one for one in made if isinstance(one, Secret))]


def masked(error: NbstreamError, provider: str, secrets: Iterable[Secret]) -> NbstreamError:
    """`error` as that provider's, with no credential in any of its texts."""
    error.provider = error.provider or provider
    secrets = list(secrets)
    error.what, error.why, error.fix = (hidden(one, secrets) for one in (error.what, error.why, error.fix))
    error.code = error.code and hidden(error.code, secrets)
    error.request_id = error.request_id and hidden(error.request_id, secrets)
    error.args = (error.what,)
    return error


def masked_text(text: str, call: Call) -> str:
    """`text` without any key of `call`."""
    seats = [seat.credentials for seat in call.pool.seats] if call.pool is not None else []
    return hidden(text, [one for each in (call.credentials, *seats) for one in each.values()])


def masked_response(response: WireResponse, secrets: Iterable[Secret]) -> WireResponse:
    """`response` without credentials: before a message in it is cut, which could leave half a key."""
    secrets = list(secrets)
    headers = {name: hidden(value, secrets) for name, value in response.headers.items()}
    text = response.body.decode("utf-8", "surrogateescape")
    body = hidden(text, secrets).encode("utf-8", "surrogateescape")
    return replace(response, headers=headers, body=body)
