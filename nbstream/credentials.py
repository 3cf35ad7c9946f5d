"""Secrets, and where they come from.

A `Secret` is unwrapped only where a header or a URL is signed (``wire/``); everywhere else it is a mask.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

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
        """`text` with every occurrence of the secret replaced by its mask."""
        for part in {self._value, *self._parts}:
            if len(part) >= 4:
                text = text.replace(part, str(self))
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
