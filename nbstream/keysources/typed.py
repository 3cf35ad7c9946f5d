"""Keys that somebody types, each into a prompt of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..credentials import CredentialField, Secret, guard
from ..errors import fail
from ..i18n import t


def prompt_for(
    fields: Iterable[CredentialField],
    needs: Iterable[tuple[str, ...]] = (),
    ask: Callable[[str], str] | None = None,
) -> dict[str, Secret]:
    """Ask for each field, in a hidden prompt unless it may be seen; an empty answer leaves it out.

    Where any one of the sets in `needs` is enough, nothing is asked that would complete none, and nothing
    more once one is complete. Raises `NbstreamError` (config) where nobody can be asked.
    """
    sets = [frozenset(names) for names in needs]
    found: dict[str, Secret] = {}
    for field in fields:
        if sets and not any(field.name in names for names in sets):
            continue
        optional = not field.required and not (sets and all(field.name in names for names in sets))
        text = t("login.optional" if optional else "login.field", field=field.shown)
        if value := guard(_asked(text, field.hidden, ask)):
            found[field.name] = value
            sets = [names for names in sets if field.name in names]
        elif not optional:
            break
        else:
            sets = [names for names in sets if field.name not in names]
        if any(names <= found.keys() for names in sets):
            break
    return found


def _asked(text: str, hidden: bool, ask: Callable[[str], str] | None) -> str:
    from getpass import getpass

    try:
        return (ask or (getpass if hidden else input))(text)
    except (EOFError, NotImplementedError):  # no terminal; a kernel whose front end takes no input
        raise fail("config.nobody") from None
