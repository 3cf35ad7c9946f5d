"""Secrets, and where they come from.

A `Secret` is unwrapped only where a header or a URL is signed (``wire/``); everywhere else it is a mask.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import quote

from .errors import fail
from .i18n import t


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
            if part not in self._parts:
                continue  # an address with a signature in it: how it begins may be seen
            text = _without_beginnings(text, part, str(self))
            # A message that was cut may end in a few characters of the key.
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


BEGINNING = 12
"""Characters of a key that a text may not hold, wherever its rest was cut off."""


def _without_beginnings(text: str, secret: str, mask: str) -> str:
    """`text` without any run of at least `BEGINNING` characters that `secret` begins with.

    >>> _without_beginnings("no '/chat?key=0123456789abcd…' here", "0123456789abcdefgh", "…efgh")
    "no '/chat?key=…efgh…' here"
    """
    if len(secret) <= BEGINNING:
        return text
    pieces, start = [], 0
    while (at := text.find(secret[:BEGINNING], start)) >= 0:
        end = at + BEGINNING
        while end < len(text) and end - at < len(secret) and text[end] == secret[end - at]:
            end += 1
        pieces += [text[start:at], mask]
        start = end
    return "".join(pieces) + text[start:]


Credentials = Mapping[str, Secret]


@dataclass(frozen=True, slots=True)
class CredentialField:
    """One thing a provider needs: its keyword, the environment names that may hold it, in order.

    `title` is what the provider's own pages call it; one that is not `hidden` may be seen as it is typed.
    """

    name: str
    env: tuple[str, ...] = ()
    required: bool = True
    hidden: bool = True
    title: str = ""

    @property
    def shown(self) -> str:
        return self.title or self.name


_QUOTES = "\"'`“”‘’「」『』＂＇"
_BEFORE = re.compile(
    r"(?:export\s+)?(?:[A-Z][A-Z0-9_]*_(?:KEY|SECRET|PASSWORD|TOKEN|ID|AK|SK)"
    r"|(?:app|api|access|secret|auth)[-_ ]?(?:id|key|secret|password|token))\s*(?:=|：|:\s)\s*"
    r"|authorization\s*[:：]\s*|bearer\s+",
    re.I,
)
"""What is copied along with a key: the name that it is assigned to, the scheme of its header."""


def bare(value: str) -> str:
    """A key without what was pasted around it: blanks, quotation marks, its name, ``Bearer``.

    >>> bare(' “sk-1234” '), bare("api_key='sk-1234'"), bare("Authorization: Bearer sk-1234"), bare("k=e:y=")
    ('sk-1234', 'sk-1234', 'sk-1234', 'k=e:y=')
    """
    before = None
    while value != before:
        before, value = value, value.strip().strip(_QUOTES)
        value = value[found.end() :] if (found := _BEFORE.match(value)) else value
    return value


def guard(value: str, variable: str = "") -> Secret:
    """A key as it was pasted or set (in the environment `variable`), without what is around it.

    Raises `NbstreamError` (config) for one with a line break or another character inside that no key has.
    """
    secret = Secret(bare(value))
    if not (secret.reveal().isprintable() and secret.reveal().isascii()):
        raise fail("config.bad_variable", name=variable) if variable else fail("config.header")
    return secret


def collect(
    fields: Iterable[CredentialField],
    given: Mapping[str, Any] | None,
    kept: Credentials,
    environ: Mapping[str, str] | None = None,
    *,
    login: str = "",
) -> dict[str, Secret]:
    """What is known of `fields`: given in the call, else kept in this kernel, else in the environment.

    Raises `NbstreamError` (config) for a name in `given` that is no field; `login` names the provider where
    it was given to `login`.
    """
    fields = tuple(fields)
    environ = os.environ if environ is None else environ
    names = [field.name for field in fields]
    for name in given or {}:
        if name not in names:
            needed = [field for field in fields if field.required] or list(fields[:1])
            words = ", ".join(f'{field.name}="…"' for field in needed)
            line = f'nbstream.login("{login}", {words})' if login else f"credentials={example(needed)}"
            raise fail("config.credential_name", name=name, names=", ".join(names) or "—", line=line)
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


def example(fields: Iterable[CredentialField]) -> str:
    """Credentials as one writes them: ``{"app_id": "…", "api_key": "…"}``."""
    return "{" + ", ".join(f'"{field.name}": "…"' for field in fields) + "}"


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
