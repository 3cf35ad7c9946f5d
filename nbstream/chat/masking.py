"""Keys taken out of what servers send back: some like to echo them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..credentials import Credentials, Secret
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
    for secret in secrets:
        error.what, error.why, error.fix = map(secret.hide_in, (error.what, error.why, error.fix))
        error.code = error.code and secret.hide_in(error.code)
        error.request_id = error.request_id and secret.hide_in(error.request_id)
    error.args = (error.what,)
    return error


def masked_text(text: str, call: Call) -> str:
    """`text` without any key of `call`."""
    seats = [seat.credentials for seat in call.pool.seats] if call.pool is not None else []
    for credentials in (call.credentials, *seats):
        for secret in credentials.values():
            text = secret.hide_in(text)
    return text


def masked_response(response: WireResponse, secrets: Iterable[Secret]) -> WireResponse:
    """`response` without credentials: before a message in it is cut, which could leave half a key."""
    for secret in secrets:
        headers = {name: secret.hide_in(value) for name, value in response.headers.items()}
        text = response.body.decode("utf-8", "surrogateescape")
        body = secret.hide_in(text).encode("utf-8", "surrogateescape")
        response = replace(response, headers=headers, body=body)
    return response
