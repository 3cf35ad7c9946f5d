"""The answer widget for an answer in JSON: a block of code, while it comes."""

from __future__ import annotations

from ..chat.engine import Run
from ..messages import Answer, Event, Retract, TextDelta
from .incode import Fence
from .sinks import WidgetSink


class JsonSink(WidgetSink):
    """The answer widget, with a fence around what begins like JSON."""

    def __init__(self, *, blocking: bool, footer: bool) -> None:
        super().__init__(blocking=blocking, footer=footer)
        self._fence = Fence()

    def batch(self, events: list[Event]) -> None:
        super().batch([made for event in events for made in self._made(event)])

    def again(self, run: Run) -> None:
        super().again(run)
        self._fence = Fence()

    def done(self, answer: Answer) -> None:
        if end := self._fence.end():
            super().batch([TextDelta(end)])
        super().done(answer)

    def _made(self, event: Event) -> list[Event]:
        if type(event) is Retract:
            self._fence = Fence()
        if type(event) is not TextDelta:
            return [event]
        text = self._fence.feed(event.text)
        return [TextDelta(text)] if text else []
