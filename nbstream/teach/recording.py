"""Recording: who looks on at runs, and writes each as a take."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..chat.call import Call
from ..chat.masking import secrets
from ..chat.session import session
from ..chat.tap import Tap
from ..credentials import hidden
from ..errors import NbstreamError, fail
from ..i18n import t
from ..messages import Answer, Event
from ..wire.request import Frame, WireRequest, WireResponse
from . import asked
from .scrub import scrubbed_frame, without_pieces
from .scrubrefusal import scrubbed_error, scrubbed_headers, scrubbed_refusal
from .scrubtext import Hide
from .tape import Take, also, append, insist_on_tape
from .tapeshapes import shape_of

log = logging.getLogger("nbstream")
MOST_FRAMES = 200_000
"""Frames of one run that are kept in memory; a run that has more is not recorded."""


class Recorder:
    """Writes what goes over the wire to a tape: a maker of taps.

    Parameters
    ----------
    path : str or path
        The tape; new takes stand behind those that it has.
    good : bool
        Only answers that came whole: for a tape that spares asking again.
    kept : function
        Called with each take that was written.
    """

    def __init__(
        self, path: str, *, good: bool = False, kept: Callable[[Take], None] = lambda take: None
    ) -> None:
        self.damaged: dict[int, str] = {}
        """What is wrong with lines that the tape has, by number; new takes stand behind them."""
        self.path: Path = insist_on_tape(path, self.damaged)
        self.shown = str(path)
        """Its name as it was given: the rest of the path is nobody's business who reads the notebook."""
        self.good, self._kept = good, kept
        self.takes = 0
        self.trouble: NbstreamError | None = None
        """Why the last take could not be written."""

    def __call__(self, call: Call) -> Tap | None:
        if call.player is not None and call.player.plays(call.provider, call.chat):
            return None
        if shape_of(call.provider) is None:
            self.trouble = fail("config.tape_dialect", name=call.provider.name, path=self.path.name)
            return None
        return _Recording(self, call)

    @property
    def brief(self) -> str:
        return also(t("tape.recording", file=self.shown), self.damaged)

    def keep(self, take: Take) -> bool:
        """Write a take, and whether that went well; what goes wrong is kept in `trouble`."""
        try:
            append(self.path, take)
        except NbstreamError as error:
            self.trouble = error
            return False
        self.takes += 1
        self._kept(take)
        return True


class _Recording(Tap):
    """One run as it happens. It is scrubbed and written when it is over."""

    def __init__(self, recorder: Recorder, call: Call) -> None:
        self._recorder, self._call = recorder, call
        self._secrets = list(call.credentials.values())
        self._secrets += [one for _, one in session().keys.known()]
        self._hide = self._hider()
        self._attempts: list[dict[str, Any]] = []
        self._frames: list[tuple[float, Frame]] = []
        """Of the attempt under way, with the pause before each."""
        self._since = time.perf_counter()
        self._waited = 0.0
        self._transport = ""
        self._count = 0

    def _passed(self) -> float:
        """Seconds since the last thing that happened."""
        before, self._since = self._since, time.perf_counter()
        return round(self._since - before, 3)

    def attempt(self, call: Call, request: WireRequest) -> None:
        self._close()
        self._passed()
        self._transport = request.transport
        new = [one for one in secrets(call.credentials, request) if one not in self._secrets]
        self._secrets += new  # a token, a signed address
        self._hide = self._hider() if new else self._hide
        self._attempts.append({"waited": round(self._waited, 3)} if self._waited else {})
        self._waited = 0.0

    def accepted(self, headers: Mapping[str, str]) -> None:
        self._attempts[-1] |= {"connect": self._passed(), "headers": dict(headers)}

    def frame(self, frame: Frame, events: list[Event]) -> None:
        if frame == Frame(""):  # the end, which released what was held back
            return
        self._count += 1
        if self._count <= MOST_FRAMES:
            # At once, piece by piece: all at the end would hold up other streams.
            pause = self._passed()
            self._frames.append((pause, scrubbed_frame(self._call.provider, frame, self._hide)))

    def ended(self, outcome: NbstreamError | WireResponse | None) -> None:
        self._close()
        if outcome is None:
            return
        what = "refused" if isinstance(outcome, WireResponse) else "broke"
        self._attempts[-1] |= {"after": self._passed(), what: outcome}

    def paused(self, seconds: float) -> None:
        self._waited = seconds

    def done(self, answer: Answer) -> None:
        self._close()
        recorder = self._recorder
        well = answer.error is None and answer.finish_reason != "cancelled"
        if not self._attempts or (recorder.good and not well):
            return
        if self._count > MOST_FRAMES:
            recorder.trouble = fail("config.tape_take_large", path=recorder.path.name, size="?")
            return
        if answer.finish_reason == "cancelled":
            self._attempts[-1] |= {"after": self._passed(), "stopped": True}
        if recorder.keep(self._take(answer)):
            note = t("tape.recorded", file=recorder.path.name)
            self.note = also(note, recorder.damaged) if recorder.good else note

    def failed(self) -> None:
        self._recorder.trouble = fail("config.tape_failed", path=self._recorder.path.name)

    def _close(self) -> None:
        """The frames so far belong to the last attempt."""
        if self._frames:
            self._attempts[-1]["frames"] = self._frames
        self._frames = []

    def _take(self, answer: Answer) -> Take:
        call, hide = self._call, self._hide
        attempts = [self._scrubbed(one, hide) for one in self._attempts]
        ask = asked.asked(call.provider.name, call.chat, hide)
        return Take(ask, attempts, _receipt(answer), self._transport)

    def _hider(self) -> Hide:
        every = tuple(self._secrets)

        @lru_cache(4096)
        def hide(text: str) -> str:
            return hidden(text, every)

        return hide

    def _scrubbed(self, attempt: dict[str, Any], hide: Hide) -> dict[str, Any]:
        provider = self._call.provider
        plain = ("waited", "connect", "after", "stopped")
        found: dict[str, Any] = {name: one for name, one in attempt.items() if name in plain}
        if "headers" in attempt:
            found["headers"] = scrubbed_headers(attempt["headers"], hide)
        if "frames" in attempt:
            frames = without_pieces([frame for _, frame in attempt["frames"]], hide)
            pauses = [pause for pause, _ in attempt["frames"]]
            found["frames"] = [_written(*one) for one in zip(pauses, frames, strict=True)]
        if (response := attempt.get("refused")) is not None:
            found["refused"] = scrubbed_refusal(shape_of(provider), response, hide)
        if (error := attempt.get("broke")) is not None:
            found["broke"] = scrubbed_error(error, hide)
        return {name: value for name, value in found.items() if value != {}}


def _written(pause: float, frame: Frame) -> list[Any]:
    """A frame as a tape has it: JSON as JSON, everything else as text."""
    try:
        data = json.loads(frame.data)
    except (ValueError, RecursionError):
        data = frame.data
    whole = [pause, frame.data if isinstance(data, str) else data]
    return [*whole, frame.event] if frame.event else whole


def _receipt(answer: Answer) -> dict[str, Any]:
    usage = answer.usage
    counts = ("input_tokens", "output_tokens", "reasoning_tokens", "cached_tokens")
    found: dict[str, Any] = {
        "recorded": date.today().isoformat(),
        "finish_reason": answer.finish_reason,
        "error": answer.error.kind if answer.error is not None else None,
        "usage": {name: getattr(usage, name) for name in counts if getattr(usage, name) is not None}
        if usage
        else None,
        "first_token": _rounded(answer.timing.first_token),
        "seconds": _rounded(answer.timing.duration),
    }
    return {name: value for name, value in found.items() if value is not None}


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def session_recorders() -> Iterable[Recorder]:
    """Those who record every run of this kernel."""
    return [one for one in session().taps if isinstance(one, Recorder)]
