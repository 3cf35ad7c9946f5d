"""Secrets, and what a provider needs of them; where they come from stands in ``keysources/``.

A `Secret` is unwrapped only where a header or a URL is signed (``wire/``); everywhere else it is a mask.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NoReturn

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

    __slots__ = ("_forms", "_parts", "_tail", "_value")

    def __init__(self, value: str, *, parts: tuple[str, ...] | None = None) -> None:
        self._value = value
        self._parts = (value,) if parts is None else parts
        self._forms: list[re.Pattern[str]] | None = None
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
        """`text` with every occurrence of the secret replaced by its mask, however a server spelled it.

        As it is, percent-encoded (once or twice), in base64 (alone or inside something longer).

        >>> key = Secret("sk-1234567890abcdef")
        >>> key.hide_in("bad key sk-1234567890abcdef: QmVhcmVyIHNrLTEyMzQ1Njc4OTBhYmNkZWY=")
        'bad key …cdef: QmVhcmVyIH…cdefY='
        """
        return hidden(text, [self])

    def _without_wholes(self, text: str) -> str:
        mask = str(self)
        if self._forms is None:  # made once: each token of a recording is looked through
            parts = [part for part in {self._value, *self._parts} if len(part) >= SHORTEST]
            forms = [form for part in parts for form in (part, *in_base64(part))]
            self._forms = [re.compile(_spelled(form)) for form in forms]
        for form in self._forms:
            text = form.sub(lambda _: mask, text)
        return text

    def _without_beginnings(self, text: str) -> str:
        mask = str(self)
        for part in set(self._parts):  # of an address with a signature in it, how it begins may be seen
            text = _without_beginnings(text, part, mask)
            for form in in_base64(part):
                text = _without_beginnings(text, form, mask, BEGINNING_CODED)
            # A message that was cut may end in a few characters of the key.
            for length in range(min(len(part) - 1, len(text)), SHORTEST_PIECE - 1, -1):
                if text.rstrip("….").endswith(part[:length]):
                    text = text.rstrip("….")[:-length] + mask
                    break
        return text

    def _longer_than(self, text: str) -> bool:
        return all(len(part) > len(text) or len(part) < SHORTEST for part in (self._value, *self._parts))

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


def hidden(text: str, secrets: Iterable[Secret]) -> str:
    """`text` with none of `secrets` in it; see `Secret.hide_in`.

    First all that are there whole: keys of one service begin alike, and who looks for beginnings first takes
    that of another key away, and leaves its rest.

    >>> one, two = Secret("sk-ant-api03-0123456789abcdef"), Secret("sk-ant-api03-fedcba9876543210")
    >>> hidden("not sk-ant-api03-fedcba9876543210", [one, two])
    'not …3210'
    """
    if len(text) < SHORTEST:
        return text
    secrets = list(secrets)
    if len(text) < SHORTEST_PIECE and all(secret._longer_than(text) for secret in secrets):
        return text
    for secret in secrets:
        text = secret._without_wholes(text)
    for secret in secrets:
        text = secret._without_beginnings(text)
    return text


SHORTEST = 4
"""Characters below which a secret is too short to be told from chance."""
SHORTEST_PIECE = 8
"""The same of the beginning of one at the end of a text that was cut."""
BEGINNING = 12
"""Characters of a key that a text may not hold, wherever its rest was cut off."""
BEGINNING_CODED = 14
"""The same of a key in base64."""
SHORTEST_CODED = 8
"""Characters below which a name in base64 is too short to be told from chance."""


def in_base64(text: str) -> list[str]:
    """How `text` may stand inside something in base64: it begins at one of three places, in two alphabets.

    >>> in_base64("secret-key")[:2]
    ['c2VjcmV0LWtle', 'NlY3JldC1rZX']
    """
    found: list[str] = []
    for offset in range(3) if len(text) >= SHORTEST_CODED else ():
        coded = b64encode(bytes(offset) + text.encode("utf-8", "replace")).decode().rstrip("=")
        # Its first and last characters may hold bits of the neighbours, too.
        core = coded[-(-8 * offset // 6) : 8 * (offset + len(text.encode("utf-8", "replace"))) // 6]
        found += [core, core.replace("+", "-").replace("/", "_")]
    return list(dict.fromkeys(found))


def _spelled(text: str) -> str:
    """A pattern for `text`, each of its signs as it is or percent-encoded, once or more often."""
    return "".join(map(_sign, text))


def _sign(sign: str) -> str:
    if sign.isascii() and sign.isalnum():
        return sign
    coded = "".join(f"%(?:25)*(?i:{byte:02x})" for byte in sign.encode("utf-8", "replace"))
    return f"(?:{re.escape(sign)}|{coded})"


def _without_beginnings(text: str, secret: str, mask: str, least: int = BEGINNING) -> str:
    """`text` without any run of at least `least` characters that `secret` begins with.

    >>> _without_beginnings("no '/chat?key=0123456789abcd…' here", "0123456789abcdefgh", "…efgh")
    "no '/chat?key=…efgh…' here"
    """
    if len(secret) <= least:
        return text
    pieces, start, begins = [], 0, re.compile(_spelled(secret[:least]))
    while (found := begins.search(text, start)) is not None:
        end, signs = found.end(), iter(secret[least:])
        while (sign := next(signs, "")) and (more := re.compile(_sign(sign)).match(text, end)) is not None:
            end = more.end()
        pieces += [text[start : found.start()], mask]
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
    del value  # %xmode Verbose shows the variables of a frame that raises
    if not (secret.reveal().isprintable() and secret.reveal().isascii()):
        raise fail("config.bad_variable", name=variable) if variable else fail("config.header")
    return secret
