"""A provider's generator, driven frame by frame: what the frames of one attempt become."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import NbstreamError
from ..messages import Event, Finish, ReasoningDelta, Retract, TextDelta
from ..providers.base import Provider
from ..wire.lines import Surrogates
from ..wire.request import Frame
from .tap import Taps


class _Feed(Iterator[Frame]):
    """Hands the provider's generator one frame at a time."""

    __slots__ = ("ended", "frame")

    def __init__(self) -> None:
        self.frame: Frame | None = None
        self.ended = False

    def __next__(self) -> Frame:
        frame, self.frame = self.frame, None
        if frame is None:
            if self.ended:
                raise StopIteration
            raise RuntimeError("a provider must yield None after each frame (see providers/base.py)")
        return frame


class Decoder:
    """Drives a provider's generator, frame by frame, and makes its deltas whole.

    Surrogate pairs that two deltas share are joined. `Finish` is held to the end: usage may come after
    it, but a caller should see it last. An error waits in `failure`, so that what stood before it in the
    same read is text like any other.
    """

    def __init__(self, provider: Provider, taps: Taps) -> None:
        self._feed = _Feed()
        self._taps = taps
        self._source = provider.events(self._feed)
        self._text, self._reasoning = Surrogates(), Surrogates()
        self._finish: Finish | None = None
        self.finished = False
        self.ended = False
        """The provider has read its end mark and wants no more frames."""
        self.failure: NbstreamError | None = None

    def take(self, frames: list[Frame]) -> list[Event]:
        """The events of these frames; at the end mark or an error also what was held back."""
        events: list[Event] = []
        for frame in frames:
            self._feed.frame = frame
            before = len(events)
            goes_on = self._drive(events)
            if not goes_on:
                events += self._held()
            if self._taps:
                self._taps.tell("frame", frame, events[before:])
            if not goes_on:
                break
        return events

    def end(self, *, cut: bool = False) -> list[Event]:
        """The events that are left when the body has ended, well or not."""
        events: list[Event] = []
        if not self.ended and self.failure is None and not cut:
            self._feed.ended = True
            while self._drive(events):
                pass
        events += self._held()
        if self._taps and events:
            self._taps.tell("frame", Frame(""), events)
        return events

    def _drive(self, events: list[Event]) -> bool:
        """Let the generator run to the end of its frame; whether it wants another."""
        try:
            for event in self._source:
                if event is None:
                    return True
                self._pass(event, events)
            self.ended = True
        except NbstreamError as failure:
            self.failure = failure
        return False

    def _pass(self, event: Event, events: list[Event]) -> None:
        if type(event) is TextDelta:
            text = self._text.feed(event.text)
            if text:
                events.append(event if text == event.text else TextDelta(text))
        elif type(event) is ReasoningDelta:
            if text := self._reasoning.feed(event.text):
                events.append(ReasoningDelta(text))
        elif type(event) is Finish:
            self._finish, self.finished = event, True
        elif type(event) is Retract:  # and the half character that was held back
            self._text, self._reasoning = Surrogates(), Surrogates()
            events.append(event)
        else:
            events.append(event)

    def _held(self) -> list[Event]:
        events: list[Event] = []
        if text := self._reasoning.flush():
            events.append(ReasoningDelta(text))
        if text := self._text.flush():
            events.append(TextDelta(text))
        if self._finish is not None and self.failure is None:
            events.append(self._finish)
            self._finish = None
        return events
