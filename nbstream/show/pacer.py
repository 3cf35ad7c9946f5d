"""When the next batch may go to the front end. Pure: the clock is an argument."""

from __future__ import annotations

FRAME = 1 / 30
"""Seconds between batches: about thirty a second."""
QUICK = 1 / 50
"""The same while a batch holds a piece or two: each piece of a leisurely model is shown as it comes."""
FEW = 2
BYTES_PER_SECOND = 300_000
"""Well below Jupyter's own limit of 1 MB/s, beyond which it drops output."""
SLACK = 15
"""Batches that may be on their way before we slow down."""
SLOWEST = 1.0
OTHERS = 2
"""How often the time that a batch took to make is left to others, who share its thread."""


class Pacer:
    """Coalesces by time: the first delta goes at once, then a batch per frame, at most fifty a second.

    A large batch buys a longer pause, so that the bytes per second stay bounded. Once a front end has
    acknowledged a batch, falling behind makes the pauses longer, up to a second; where none ever
    acknowledges (no view is open), there is nobody to wait for.

    >>> pacer = Pacer()
    >>> pacer.due(0.0)
    0.0
    >>> pacer.sent(1, 100, 0.0, pieces=6)
    >>> round(pacer.due(0.0) / FRAME, 3)
    1.0
    """

    def __init__(self) -> None:
        self._next = 0.0
        self._sent = 0
        self._acked: int | None = None

    def due(self, now: float) -> float:
        """Seconds until the next batch may go; 0: at once."""
        return max(0.0, self._next - now)

    def sent(self, seq: int, size: int, now: float, pieces: int, spent: float = 0.0) -> None:
        """Batch `seq` of `size` bytes, of `pieces` deltas, made in `spent` seconds, has gone."""
        self._sent = seq
        pause = max(QUICK if pieces <= FEW else FRAME, size / BYTES_PER_SECOND, min(SLOWEST, OTHERS * spent))
        if self._acked is not None and (behind := self._sent - self._acked) > SLACK:
            pause = max(pause, min(SLOWEST, FRAME * behind / SLACK * 2))
        self._next = now + pause

    def acked(self, seq: int) -> None:
        """The front end has painted batch `seq`."""
        self._acked = max(min(seq, self._sent), self._acked or 0)
