"""What an x-ray keeps of the wire: bounded, and as cheap for the ten-thousandth frame as for the first.

A `Look` is the tap of one run; all runs of a cell write into one `Record`. Nothing in it is masked: what is
shown of it goes through `xray_shown`.
"""

from __future__ import annotations

import time
from array import array
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..chat.call import Call
from ..chat.masking import secrets
from ..chat.tap import Tap
from ..credentials import Secret
from ..errors import NbstreamError
from ..messages import Answer, Event, ReasoningDelta, TextDelta
from ..providers.base import Provider
from ..wire.request import Frame, WireRequest, WireResponse
from .timeline import Leg, Track

FIRST, LAST = 100, 100
"""Frames that are kept: the first ones, and the last ones."""
LONGEST = 100_000
"""Characters of a frame that are kept: enough to read what stands in it."""
REQUESTS = 6


@dataclass(frozen=True, slots=True)
class Seen:
    """One frame, and what it became."""

    number: int
    at: float
    size: int
    provider: Provider
    frame: Frame
    events: tuple[Event, ...]


@dataclass(slots=True)
class Attempt:
    """One request, and when things happened to it."""

    call: Call
    request: WireRequest
    start: float
    played: bool = False
    """By a tape: nothing was sent."""
    reached: float | None = None
    accepted: float | None = None
    first: float | None = None
    tokens: array[float] = field(default_factory=lambda: array("d"))
    end: float | None = None
    outcome: str = ""
    pause: float = 0.0

    def leg(self) -> Leg:
        times, more = (self.start, self.accepted, self.first), (self.outcome, self.pause)
        if self.call.chat.stream:
            return Leg(*times, self.tokens, (), self.end, *more, reached=self.reached)
        # What came before the end, nobody has seen.
        seen = (self.end,) if self.end is not None and self.tokens and self.outcome != "failed" else ()
        return Leg(*times, seen, self.tokens, self.end, *more, reached=self.reached)


class Record:
    """All that was seen in one cell.

    `changed` is called on the turn's loop whenever there is more.
    """

    def __init__(self) -> None:
        self.begun = time.perf_counter()
        self.attempts: list[Attempt] = []
        self.asked = 0
        self.first: list[Seen] = []
        self.last: deque[Seen] = deque(maxlen=LAST)
        self.frames = self.size = self.tokens = 0
        self.secrets: list[Secret] = []
        self.changed: Callable[[], None] = lambda: None

    def now(self) -> float:
        return time.perf_counter() - self.begun

    def tap(self, call: Call) -> Tap:
        """A `TapMaker`."""
        return Look(self, call)

    def track(self, caption: str = "") -> Track:
        """What happened, as a picture shows it."""
        return Track([one.leg() for one in self.attempts], caption, self.now())

    @property
    def left_out(self) -> int:
        """Frames between the first and the last ones, which are counted only."""
        return self.frames - len(self.first) - len(self.last)


class Look(Tap):
    """Looks on at one run."""

    def __init__(self, record: Record, call: Call) -> None:
        self._record = record
        self._attempt: Attempt | None = None
        record.secrets += call.credentials.values()

    def attempt(self, call: Call, request: WireRequest) -> None:
        record = self._record
        if not record.attempts:
            record.begun = time.perf_counter()
        self._attempt = Attempt(call, request, record.now())
        seats = [seat.credentials for seat in call.pool.seats] if call.pool is not None else []
        known = {id(one) for one in record.secrets}
        fresh = [*secrets(call.credentials, request), *(one for each in seats for one in each.values())]
        record.secrets += [one for one in fresh if id(one) not in known]
        record.attempts.append(self._attempt)
        record.asked += 1
        if (
            len(record.attempts) > 2 * REQUESTS
        ):  # many are tries of one that fails: the first ones and the last
            del record.attempts[REQUESTS]
        record.changed()

    def played(self) -> None:
        if self._attempt is not None:
            self._attempt.played = True

    def reached(self) -> None:
        if self._attempt is not None:
            self._attempt.reached = self._record.now()

    def accepted(self, headers: Mapping[str, str]) -> None:
        if self._attempt is not None:
            self._attempt.accepted = self._record.now()
            self._record.changed()

    def frame(self, frame: Frame, events: list[Event]) -> None:
        record, attempt = self._record, self._attempt
        if attempt is None:
            return
        at, size = record.now(), len(frame.data.encode("utf-8", "replace"))
        if attempt.first is None and frame.data:
            attempt.first = at
        came = sum(type(one) is TextDelta or type(one) is ReasoningDelta for one in events)
        attempt.tokens.extend([at] * came)
        record.tokens += came
        record.size += size
        if frame.data:
            record.frames += 1
        kept = frame._replace(data=frame.data[:LONGEST]) if len(frame.data) > LONGEST else frame
        seen = Seen(
            record.frames if frame.data else 0, at, size, attempt.call.provider, kept, tuple(events[:20])
        )
        if len(record.first) < FIRST:
            record.first.append(seen)
        else:
            record.last.append(seen)
        record.changed()

    def ended(self, outcome: NbstreamError | WireResponse | None) -> None:
        if self._attempt is not None:
            self._attempt.end = self._record.now()
            self._attempt.outcome = "" if outcome is None else "failed"
            self._record.changed()

    def paused(self, seconds: float) -> None:
        if self._attempt is not None:
            self._attempt.pause = seconds
            self._record.changed()

    def done(self, answer: Answer) -> None:
        attempt = self._attempt
        if attempt is not None:
            if attempt.end is None:
                attempt.end = self._record.now()
            if answer.error is not None:
                attempt.outcome = "failed"
            elif answer.finish_reason == "cancelled":
                attempt.outcome, attempt.pause = "stopped", 0.0
        self._record.changed()
