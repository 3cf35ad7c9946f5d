"""Secrets, and where they come from.

A `Secret` is unwrapped only where a header or a URL is signed (``wire/``); everywhere else it is a mask.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import quote

from .errors import fail


class Secret:
    """A string that does not show itself.

    >>> key = Secret("sk-1234567890abcdef")
    >>> key
    Secret('…cdef')
    >>> f"{key}"
    '…cdef'
    >>> key.wrap("Bearer {}").reveal()
    'Bearer sk-1234567890abcdef'
    """

    __slots__ = ("_parts", "_tail", "_value")

    def __init__(self, value: str, *, parts: tuple[str, ...] | None = None) -> None:
        self._value = value
        self._parts = (value,) if parts is None else parts
        # A tail helps to tell two keys apart, but never shows a fifth of a short one.
        self._tail = self._parts[0][-4:] if len(self._parts[0]) >= 16 else ""

    def reveal(self) -> str:
        """The plain text. Call this only where it goes into a header or a signature."""
        return self._value

    def wrap(self, template: str, *others: Secret) -> Secret:
        """A secret made from this one (and `others`): ``key.wrap("Bearer {}")``."""
        value = template.format(self._value, *(other._value for other in others))
        parts = self._parts + tuple(part for other in others for part in other._parts)
        return Secret(value, parts=parts)

    def hide_in(self, text: str) -> str:
        """`text` with every occurrence of the secret replaced by its mask, percent-encoded ones too."""
        for part in {self._value, *self._parts}:
            if len(part) < 4:
                continue
            for form in {part, quote(part, safe="")}:
                text = text.replace(form, str(self))
            # A message that was cut may end in the first half of the key.
            for length in range(min(len(part) - 1, len(text)), 7, -1):
                if text.rstrip("….").endswith(part[:length]):
                    text = text.rstrip("….")[:-length] + str(self)
                    break
        return text

    def __str__(self) -> str:
        return f"…{self._tail}"

    def __repr__(self) -> str:
        return f"Secret('{self}')"

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled: a key must not reach a file")


Credentials = Mapping[str, Secret]


@dataclass(frozen=True, slots=True)
class CredentialField:
    """One thing a provider needs: its keyword, the environment names that may hold it, in order."""

    name: str
    env: tuple[str, ...] = ()
    required: bool = True
    hidden: bool = True


def guard(value: str, variable: str = "") -> Secret:
    """A key as it was pasted or set (in the environment `variable`); blanks around it do not count.

    Raises `NbstreamError` (config) for one with a line break or a control character inside.
    """
    secret = Secret(value.strip())
    if not value.strip().isprintable():
        raise fail("config.bad_variable", name=variable) if variable else fail("config.header")
    return secret


def collect(
    fields: Iterable[CredentialField],
    given: Mapping[str, Any] | None,
    kept: Credentials,
    environ: Mapping[str, str] | None = None,
) -> dict[str, Secret]:
    """What is known of `fields`: given in the call, else kept in this kernel, else in the environment.

    Raises `NbstreamError` (config) for a name in `given` that is no field.
    """
    fields = tuple(fields)
    environ = os.environ if environ is None else environ
    names = [field.name for field in fields]
    for name in given or {}:
        if name not in names:
            raise fail("config.credential_name", name=name, names=", ".join(names) or "—")
    found: dict[str, Secret] = {}
    for field in fields:
        value = (given or {}).get(field.name)
        if value is not None:
            found[field.name] = value if isinstance(value, Secret) else guard(str(value))
        elif field.name in kept:
            found[field.name] = kept[field.name]
        else:
            for name in field.env:
                if environ.get(name, "").strip():
                    found[field.name] = guard(environ[name], name)
                    break
    return found


def prompt_for(
    fields: Iterable[CredentialField], ask: Callable[[str], str] | None = None
) -> dict[str, Secret]:
    """Ask for each field with a hidden prompt; an empty answer leaves an optional one out."""
    if ask is None:
        from getpass import getpass

        ask = getpass
    answers = {field.name: guard(ask(f"{field.name}: ")) for field in fields}
    return {name: secret for name, secret in answers.items() if secret}
