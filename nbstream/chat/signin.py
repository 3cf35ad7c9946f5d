"""Taking in a provider's keys: kept unless the provider itself refuses them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..credentials import Secret
from ..errors import NbstreamError
from ..providers.base import Provider

if TYPE_CHECKING:
    from .session import Session


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Keys that are kept in this kernel now."""

    found: dict[str, Secret]
    before: dict[str, Secret] | None
    """Those in whose place they are."""
    checked: bool
    """Whether the provider was asked, and takes them."""
    unreached: NbstreamError | None = None
    """Why it could not be asked."""


def sign_in(here: Session, provider: Provider, given: dict[str, Secret]) -> SignedIn:
    """Keep what was `given`, or is asked for where that is nothing, unless the provider refuses it.

    Raises `NbstreamError` for keys that are none; then those go on which were there before.
    """
    from .doctor import accepted

    before = here.keys.pools.get(provider.name)
    _, found = here.login(provider.name, **given)
    old = dict(before.seats[0].credentials) if before is not None else None
    try:
        checked = accepted(provider, found, here.base_url(provider))
    except NbstreamError as error:
        if error.kind in ("auth", "permission"):
            here.keys.put_back(provider.name, before)
            here.audit("logout", provider=provider.name, outcome="refused")
            here.watchers.changed()
            raise
        return SignedIn(found, old, False, error)
    return SignedIn(found, old, bool(checked))
