"""Bytes to lines, and text that UTF-16 cut in half made whole again.

Lines are split as bytes and decoded when complete. Neither LF nor CR is ever part of a longer UTF-8
sequence, so the result is the same as that of an incremental decoder, however the network cuts.
``str.splitlines`` and most ready-made readers also break at U+2028, U+0085, VT and FF, which are legal
inside JSON strings and really are sent raw.
"""

from __future__ import annotations

import re

from ..errors import NbstreamError, fail
from .request import Frame

LIMIT = 16 * 1024 * 1024
"""No line and no event may hold more bytes than this: a server that never ends one would fill the memory."""

_BOM = b"\xef\xbb\xbf"


class Lines:
    """Incremental lines, ended by LF, CRLF or CR.

    >>> lines = Lines()
    >>> lines.feed(b"one\\r"), lines.feed(b"\\ntw"), lines.feed(b"o\\n"), lines.flush()
    (['one'], [], ['two'], [])
    """

    __slots__ = ("_after_cr", "_fresh", "_rest")

    def __init__(self) -> None:
        self._rest = bytearray()
        self._after_cr = False  # the last byte was CR: a LF that follows belongs to it
        self._fresh = True  # nothing was decoded yet: a BOM may come

    @property
    def idle(self) -> bool:
        """Whether the next byte begins a line (and is no second half of CRLF, nor may be a BOM)."""
        return not self._rest and not self._after_cr and not self._fresh

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` completes, without their ends."""
        if not data:
            return []
        if self._after_cr and data[0] == 10:
            data = data[1:]
            if not data:
                self._after_cr = False
                return []
        last = data[-1]
        self._after_cr = last == 13
        parts = data.splitlines()  # of bytes: LF, CRLF and CR only
        _check_size(self._rest, parts)
        tail = b"" if last in (10, 13) else parts.pop()
        if not parts:
            self._rest += tail
            return []
        parts[0] = bytes(self._rest) + parts[0]
        self._rest[:] = tail
        if self._fresh:
            self._fresh = False
            parts[0] = parts[0].removeprefix(_BOM)
        return [part.decode("utf-8", "replace") for part in parts]

    def flush(self) -> list[str]:
        """The last line, where the body ended without one of the three ends."""
        rest = bytes(self._rest)
        self._rest.clear()
        if self._fresh:
            rest = rest.removeprefix(_BOM)
        return [rest.decode("utf-8", "replace")] if rest else []


class NDJSON:
    """One JSON text a line, split at byte 0x0A only; blank lines are keep-alives.

    >>> decoder = NDJSON()
    >>> decoder.feed(b'{"a": 1}\\r\\n\\n{"b"'), decoder.feed(b': 2}'), decoder.flush()
    ([Frame(data='{"a": 1}', event='')], [], [Frame(data='{"b": 2}', event='')])
    """

    __slots__ = ("_fresh", "_rest")

    def __init__(self) -> None:
        self._rest = bytearray()
        self._fresh = True

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes."""
        parts = data.split(b"\n")
        _check_size(self._rest, parts)
        tail = parts.pop()
        if not parts:
            self._rest += tail
            return []
        parts[0] = bytes(self._rest) + parts[0]
        self._rest[:] = tail
        return self._frames(parts)

    def flush(self) -> list[Frame]:
        """The last line, where the body ended without a LF."""
        parts = [bytes(self._rest)]
        self._rest.clear()
        return self._frames(parts)

    def _frames(self, parts: list[bytes]) -> list[Frame]:
        if self._fresh:
            self._fresh = False
            parts[0] = parts[0].removeprefix(_BOM)
        return [Frame(line.decode("utf-8", "replace")) for part in parts if (line := part.strip(b"\r \t"))]


def _check_size(rest: bytearray, parts: list[bytes]) -> None:
    """Raise ``protocol.too_large`` where a line, the first of which begins with `rest`, passes `LIMIT`."""
    if len(rest) + len(parts[0]) > LIMIT or any(len(part) > LIMIT for part in parts):
        raise too_large()


def too_large() -> NbstreamError:
    """The error for a line or an event which passes `LIMIT`."""
    return fail("protocol.too_large", limit="16 MiB")


_SURROGATE = re.compile("[\ud800-\udfff]")
_PAIR_OR_LONE = re.compile("([\ud800-\udbff])([\udc00-\udfff])|[\ud800-\udfff]")


def _mend(match: re.Match[str]) -> str:
    high, low = match.group(1), match.group(2)
    if high is None:
        return "\ufffd"
    return chr(0x10000 + ((ord(high) - 0xD800) << 10) + (ord(low) - 0xDC00))


class Surrogates:
    """Joins a character that a server cut between two deltas.

    JavaScript servers cut text by UTF-16 unit, so one delta ends in a lone high surrogate and the next
    begins with its low one. What stays alone becomes U+FFFD: a lone surrogate cannot be encoded, and
    would fail inside Jupyter long after it came.

    >>> joiner = Surrogates()
    >>> joiner.feed("smile \\ud83d"), joiner.feed("\\ude00!"), joiner.flush()
    ('smile ', '😀!', '')
    """

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """`text` made whole; a trailing high surrogate waits for the next call."""
        if not self._held and (text.isascii() or not _SURROGATE.search(text)):
            return text
        text, self._held = self._held + text, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._held = text[:-1], text[-1]
        return _PAIR_OR_LONE.sub(_mend, text)

    def flush(self) -> str:
        """What is still held, now that nothing follows: U+FFFD or nothing."""
        held, self._held = self._held, ""
        return "\ufffd" if held else ""
