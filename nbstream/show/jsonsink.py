"""The answer widget for an answer in JSON: a block of code, while it comes."""

from __future__ import annotations

from ..chat.engine import Run
from ..messages import Answer, Event, Retract, TextDelta
from .sinks import WidgetSink


class JsonSink(WidgetSink):
    """The answer widget, with a fence around what begins like JSON; a model may also write its own."""

    _before = ""
    _fenced: bool | None = None
    """None until the first character is there."""

    def batch(self, events: list[Event]) -> None:
        super().batch([made for event in events for made in self._made(event)])

    def again(self, run: Run) -> None:
        super().again(run)
        self._begin()

    def done(self, answer: Answer) -> None:
        if self._fenced:
            super().batch([TextDelta("\n```\n")])
        super().done(answer)

    def _begin(self) -> None:
        self._before, self._fenced = "", None

    def _made(self, event: Event) -> list[Event]:
        if type(event) is Retract:
            self._begin()
        if type(event) is not TextDelta or self._fenced is not None:
            return [event]
        self._before += event.text
        if not self._before.strip():
            return []
        self._fenced = self._before.lstrip()[0] in "{["
        return [TextDelta(f"```json\n{self._before.lstrip()}" if self._fenced else self._before)]
