"""Several keys or addresses of one provider: which of them a turn takes, and which of them rest.

A *seat* is one set of credentials at one address. A new turn takes the least busy seat that is awake. One
that answered 429 or 5xx, refused its key, or answered nothing rests: for its ``Retry-After``, else longer
each time. The repeat of a turn takes a seat that it has not tried, at once if one is awake.
"""

from __future__ import annotations

import itertools
import os
import random
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ..credentials import Credentials
from ..errors import NbstreamError
from ..wire import retry
from ..wire.address import shown
from .call import Call
from .lease import Lease

TIRING = frozenset({
    "rate_limit", "overloaded", "server_error", "quota_exhausted", "auth", "permission",
    "connection", "timeout", "interrupted", "protocol",
})  # fmt: skip
"""Kinds of errors that speak of a seat, and not of what was asked: another seat may do better.

A refused key is one of them: who is refused at once is never busy, and would draw every new turn."""
FIRST, LONGEST = 1.0, 60.0
"""Seconds of rest where no ``Retry-After`` was given; doubles with each failure after a rest."""
HOPELESS = 60.0
"""Seconds of rest where asking again does not help: a refused key, an empty account."""

LOOK = 0.5
"""Seconds between looks at turns whose loop has died."""


@dataclass(eq=False, slots=True)
class Seat:
    """One set of credentials at one address, and how it fares."""

    credentials: Credentials
    base_url: str | None = field(default=None, repr=False)  # a password may stand in it
    turns: int = 0
    errors: int = 0
    error: NbstreamError | None = None
    """Why it rests, or the last time that it did."""
    resting_till: float = 0.0
    """A time of `time.monotonic`."""
    _holders: set[Lease] = field(default_factory=set, repr=False)
    _used: int = 0
    _tired: int = 0
    _rested: float = 0.0

    @property
    def busy(self) -> int:
        """How many turns hold it."""
        return sum(lease.alive for lease in self._holders.copy())

    @property
    def name(self) -> str:
        """Its masked tail, and its address where it has one of its own.

        >>> from nbstream.credentials import Secret
        >>> Seat({"api_key": Secret("sk-0123456789abcdef")}, "https://user:pw@h.example/v1").name
        '…cdef @ https://h.example'
        """
        names = sorted(self.credentials, key=lambda name: "key" not in name and "password" not in name)
        parts = [str(self.credentials[names[0]])] if names else []
        return " @ ".join(parts + ([shown(self.base_url)] if self.base_url else []))


class Pool:
    """The seats of one provider. Turns of any thread and loop share it."""

    def __init__(self, seats: Iterable[Seat]) -> None:
        self.seats = tuple(seats)
        # Re-entrant: the garbage collector may end a turn of a dead loop while we hold it.
        self._lock = threading.RLock()
        self._process = os.getpid()
        self._clock = itertools.count(1)
        self._looked = 0.0

    def take(self, tried: Iterable[Seat] = (), *, anyway: bool = False) -> tuple[Seat, Lease] | None:
        """The least busy seat that is awake and not `tried`; of equals the one not used for longest.

        None if there is no such seat; `anyway`: then the one that wakes first.
        """
        self._after_fork()
        with self._lock:
            now = time.monotonic()
            if now > self._looked + LOOK:
                self._looked = now
                for seat in self.seats:
                    seat._holders = {lease for lease in seat._holders.copy() if lease.alive}
            tried = tuple(tried)
            awake = [seat for seat in self.seats if seat.resting_till <= now]
            free = [seat for seat in awake if seat not in tried]
            if free or (awake and anyway):
                seat = min(free or awake, key=lambda one: (len(one._holders), one._used))
            elif anyway:
                seat = min(self.seats, key=lambda one: one.resting_till)
            else:
                return None
            seat.turns += 1
            seat._used = next(self._clock)
            seat._holders.add(lease := Lease())
            return seat, lease

    def give_back(self, seat: Seat, lease: Lease, *, well: bool = False) -> None:
        """A turn leaves its seat; `well`: it got an answer there."""
        with self._lock:
            seat._holders.discard(lease)
            if well:
                seat._tired = 0

    def failed(self, seat: Seat, error: NbstreamError, *, since: float, shown: bool = False) -> None:
        """A turn there since `since` ended in `error`. It rests, but not after text was `shown`."""
        with self._lock:
            seat.errors += 1
            if shown or error.kind not in TIRING:
                return
            now = time.monotonic()
            if since >= seat._rested:  # of those who failed together only the first makes it more tired
                seat._tired += 1
            if not error.retryable:
                rest = max(HOPELESS, error.retry_after or 0.0)
            elif error.retry_after is not None:
                rest = error.retry_after
            else:
                rest = min(LONGEST, FIRST * 2.0 ** (seat._tired - 1))
            seat._rested = now
            seat.error = error
            seat.resting_till = max(seat.resting_till, now + rest)

    def first_to_wake(self) -> tuple[float, NbstreamError | None]:
        """Seconds until a seat is awake, at least 0, and why it rests."""
        seat = min(self.seats, key=lambda one: one.resting_till)
        return max(0.0, seat.resting_till - time.monotonic()), seat.error

    def _after_fork(self) -> None:
        if self._process != os.getpid():  # the lock may be held by a thread that is not here
            self._process, self._lock = os.getpid(), threading.RLock()


class Visit:
    """One turn's way through the pool of its call; ``with Visit(call) as visit``.

    Without a pool it asks where the call says, and waits as `retry` says.
    """

    def __init__(self, call: Call) -> None:
        self._call, self._pool = call, call.pool
        self._held: tuple[Seat, Lease] | None = None
        self._since = 0.0
        self._tried: set[Seat] = set()

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()

    def seated(self) -> Call:
        """The call with the credentials and the address of its seat."""
        if self._pool is None:
            return self._call
        if self._held is None:
            self._take(anyway=True)
        assert self._held is not None
        seat, call = self._held[0], self._call
        chat = replace(call.chat, base_url=seat.base_url) if seat.base_url else call.chat
        return replace(call, chat=chat, credentials=seat.credentials)

    def well(self) -> None:
        """The turn got its answer."""
        self._leave(well=True)

    def failed(self, error: NbstreamError, *, shown: bool) -> None:
        """The request failed; `shown`: after text had come."""
        if self._pool is not None and self._held is not None:
            seat = self._held[0]
            self._pool.failed(seat, error, since=self._since, shown=shown)
            self._tried.add(seat)
            self._leave()

    def elsewhere(self, error: NbstreamError) -> bool:
        """Whether another seat is to be asked at once; then the turn sits there already."""
        if self._pool is None or self._call.retries == 0 or error.kind not in TIRING:
            return False
        self._take()
        return self._held is not None

    def first_pause(self) -> tuple[float, NbstreamError] | None:
        """Seconds to wait before the first request, where every seat rests, and why they do."""
        if self._pool is None or self._call.retries == 0:
            return None
        pause = self._patiently(self._pool)
        return pause if pause and pause[0] > 0 else None

    def pause(self, attempt: int, error: NbstreamError) -> tuple[float, NbstreamError] | None:
        """Seconds until the request may be repeated, and what for; None: it may not."""
        if self._pool is None or error.kind not in TIRING:
            seconds = retry.pause(attempt, error)
            return None if seconds is None else (seconds, error)
        return self._patiently(self._pool)

    def _patiently(self, pool: Pool) -> tuple[float, NbstreamError] | None:
        seconds, reason = pool.first_to_wake()
        if reason is None or not reason.retryable or seconds > retry.PATIENCE:
            return None
        return seconds * random.uniform(1.0, 1.25), reason  # who waits together must not come back in step

    def _take(self, *, anyway: bool = False) -> None:
        assert self._pool is not None
        self._since = time.monotonic()
        self._held = self._pool.take(self._tried, anyway=anyway)

    def _leave(self, *, well: bool = False) -> None:
        if self._pool is not None and self._held is not None:
            self._pool.give_back(*self._held, well=well)
        self._held = None
