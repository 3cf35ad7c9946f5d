"""Why a connection failed, as one of our errors, whichever library noticed."""

from __future__ import annotations

import socket
import ssl
import urllib.request
from collections.abc import Iterator

from ..errors import NbstreamError, fail
from .address import is_loopback, shown


class ProxyRefused(OSError):
    """A proxy did not let a connection through; its text is fit to be shown."""


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """`error` and all that led to it, groups included."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions


def unconnected(error: Exception, address: str, known: NbstreamError | None = None) -> NbstreamError:
    """The error for a request that got no answer; `known` is what the library itself makes of it."""
    failure = _diagnosed(error, address) or known
    if failure is None:
        failure = fail("connection.failed", address=address, reason=str(error) or type(error).__name__)
    # A certificate does not become better by asking again.
    failure.retryable = not any(isinstance(cause, ssl.SSLError) for cause in causes(error))
    return failure


def _diagnosed(error: Exception, address: str) -> NbstreamError | None:
    host = address.partition("://")[2]
    for cause in causes(error):
        if isinstance(cause, socket.gaierror):
            return fail("connection.dns", address=address, host=host)
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = cause.verify_message or cause.reason
            return fail("connection.certificate", address=address, reason=reason)
        if isinstance(cause, ssl.SSLError):
            return fail("connection.tls", address=address, reason=cause.reason or str(cause))
        if isinstance(cause, ConnectionRefusedError) and not is_loopback(address) and proxies():
            return fail("connection.proxy", address=address, reason=f"{', '.join(proxies())}: refused")
        if isinstance(cause, ConnectionRefusedError):
            return fail("connection.refused", address=address)
        if isinstance(cause, ProxyRefused):
            return fail("connection.proxy", address=address, reason=str(cause))
    return None


def proxies() -> list[str]:
    """The proxies of the environment, without passwords."""
    return [shown(value) for name, value in urllib.request.getproxies().items() if name != "no"]
