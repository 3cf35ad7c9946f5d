"""What a kernel remembers of pictures: of long conversations the newest, of the others the names."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from weakref import ref

from .history import Turn

MOST = 100_000_000
"""Bytes of all that was attached in one conversation."""


class Album:
    """The turns of a conversation that had something attached, the oldest first.

    >>> from nbstream.messages import Attachment
    >>> album, turn = Album(most=3), Turn("look", "m", attachments=(Attachment("image/png", b"1234", "a"),))
    >>> album.add(turn)
    >>> turn.attachments
    (Attachment(media_type='image/png', name='a'),)
    >>> turn.attachments[0].data
    b''
    """

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self._kept: deque[tuple[ref[Turn], int]] = deque()
        self._size = 0

    def add(self, turn: Turn) -> None:
        """Remember what is attached to `turn`, and forget what is beyond the bound."""
        if not (size := sum(len(one.data) for one in turn.attachments)):
            return
        self._kept.append((ref(turn), size))
        self._size += size
        if self._size > self.most:  # turns that were taken out are gone, and count no more
            self._kept = deque(one for one in self._kept if one[0]() is not None)
            self._size = sum(size for _, size in self._kept)
        while self._size > self.most:
            oldest, size = self._kept.popleft()
            self._size -= size
            if (found := oldest()) is not None:
                found.attachments = tuple(replace(one, data=b"") for one in found.attachments)
