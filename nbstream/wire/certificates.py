"""Whom a TLS connection trusts: the system's own store, always."""

from __future__ import annotations

import ssl
from functools import cache


@cache
def store() -> ssl.SSLContext:
    """The system's certificates; shared, since loading them costs milliseconds."""
    import truststore

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@cache
def no_store() -> ssl.SSLContext:
    """For plain http to this machine: trusts nobody, and costs nothing to make."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
