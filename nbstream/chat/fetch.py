"""One small request and its whole answer: models, tokens, and what runs on this machine."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

from ..credentials import Secret
from ..errors import NbstreamError, fail
from ..providers import registry
from ..providers.base import Model, Provider
from ..providers.local import Running
from ..wire.address import shown
from ..wire.http import opened
from ..wire.limits import Limits
from ..wire.request import WireRequest, WireResponse
from . import checks
from .background import io_loop, on_io
from .masking import masked, masked_response, secrets

LARGEST = 4 * 1024 * 1024


async def fetch(request: WireRequest, limits: Limits) -> WireResponse:
    """The answer to `request`, whatever its status, at most 4 MiB of it."""
    async with opened(request, limits) as reply:
        return WireResponse(reply.status, reply.headers, await reply.read(LARGEST))


def models(provider: Provider, credentials: dict[str, Secret], base_url: str | None) -> list[Model] | None:
    """What `provider` offers, by asking it; None where it cannot be asked. Raises `NbstreamError`."""
    request = provider.models_request(credentials, base_url)
    if request is None:
        return None
    failure: NbstreamError | None = None
    try:
        response = on_io(fetch(request, Limits(connect=5, first=15, idle=15)), timeout=30)
        if response.status < 300:
            return provider.models(response)
        response = masked_response(response, secrets(credentials, request))
        failure = provider.refused(response)
    except NbstreamError as error:
        failure = provider.explained(error)
    except TimeoutError:  # bytes kept coming, an end did not
        failure = fail("timeout.models", address=shown(str(request.url)), seconds="30")
    raise told(failure, provider, credentials, request)


def told(
    failure: NbstreamError, provider: Provider, credentials: dict[str, Secret], request: WireRequest
) -> NbstreamError:
    """`failure` as a person may see it: as this provider's, and with no key in it."""
    hidden = secrets(credentials, request)
    return masked(checks.unkeyed(failure, provider, credentials), provider.name, hidden)


def nearby() -> Future[list[Running]]:
    """Begin to look for model servers on this machine; `found_by` has the result a moment later."""
    return asyncio.run_coroutine_threadsafe(registry.discover(), io_loop())


def found_by(looking: Future[list[Running]], patience: float = 2.0) -> list[Running]:
    """What `nearby` found; nothing if it is not done after `patience` seconds."""
    try:
        return looking.result(patience)
    except Exception:  # nothing that listens here may cost more than its own line
        looking.cancel()
        return []
