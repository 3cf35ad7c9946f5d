"""The record of one turn: what has arrived so far, and when."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from dataclasses import replace

from ..errors import NbstreamError
from ..messages import (
    Answer,
    Context,
    Cost,
    Event,
    Finish,
    Note,
    Opaque,
    ReasoningDelta,
    Retract,
    TextDelta,
    Timing,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from ..providers.facts import cost
from ..providers.known import Price


class Progress:
    """What has arrived of one turn so far. Written by one task; read from anywhere.

    Attributes
    ----------
    events : list of Event
        Grows at the end only.
    done : bool
        Nothing more will come.
    retries : int
        How often it was asked anew.
    request_id : str or None
        How the service calls the request, where it says so.
    stamps : array of float
        Seconds from the start at which each text or reasoning delta arrived.
    """

    def __init__(self, model: str, price: Price | None = None, context: Context | None = None) -> None:
        self.model = model
        self.retries = 0
        self.request_id: str | None = None
        self._price, self._context = price, context
        self.events: list[Event] = []
        self.done = False
        self.error: NbstreamError | None = None
        self.finish: Finish | None = None
        self.notes: list[str] = []
        self.tape: str | None = None
        self.again: Callable[..., Answer] | None = None
        self.stamps = array("d")
        self._started = 0.0
        self._clock = 0.0
        self._duration: float | None = None

    def start(self) -> None:
        self._started, self._clock = time.time(), time.perf_counter()

    def _cost(self, usage: Usage | None) -> Cost | None:
        if self.tape is not None:  # nobody was asked
            return Cost(0.0, self._price.currency if self._price is not None else "USD")
        return cost(self._price, usage)

    def _sent_along(self, usage: Usage | None) -> Context | None:
        """What went along, with the tokens as the provider counted them if it did."""
        if self._context is None or usage is None or usage.input_tokens is None:
            return self._context
        return replace(self._context, tokens=usage.input_tokens)

    def beyond(self, position: int) -> bool:
        """Whether there is more than `position` events, or never will be."""
        return self.done or len(self.events) > position

    def add(self, batch: list[Event]) -> None:
        now = time.perf_counter() - self._clock
        for event in batch:
            if type(event) is TextDelta or type(event) is ReasoningDelta:
                self.stamps.append(now)
            elif type(event) is Finish:
                self.finish = event
            elif type(event) is Retract:
                self.notes.append(event.reason)
            elif type(event) is Note:
                self.notes.append(event.text)
                self.tape = event.tape or self.tape
        self.events += batch

    def end(self, error: NbstreamError | None = None) -> None:
        """Stop the clock; `error` says why, if the stream did not end well."""
        self._duration = time.perf_counter() - self._clock
        self.error = error
        if error is not None:
            self.finish = None
            error.answer = replace(self.answer(), error=error)

    def remark(self, sentences: list[str]) -> None:
        """Have these stand with the answer, before all others: what is only known at its end."""
        self.notes[:0] = sentences
        if sentences and self.error is not None:
            self.error.answer = replace(self.answer(), error=self.error)

    def answer(self) -> Answer:
        """The answer as far as it has come."""
        text: list[str] = []
        reasoning: list[str] = []
        calls: dict[int, ToolCall] = {}
        usage: Usage | None = None
        opaque: list[Opaque] = []
        for event in list(self.events):
            if type(event) is TextDelta:
                text.append(event.text)
            elif type(event) is ReasoningDelta:
                reasoning.append(event.text)
            elif isinstance(event, ToolCallDelta):
                old = calls.get(event.index, ToolCall("", "", ""))
                calls[event.index] = ToolCall(
                    event.id or old.id, event.name or old.name, old.arguments + event.arguments
                )
            elif isinstance(event, Usage):
                usage = event
            elif isinstance(event, Retract):  # what led to it says the same
                text.clear()
                reasoning.clear()
                calls.clear()
            elif isinstance(event, Opaque):
                opaque.append(event)
        first = self.stamps[0] if self.stamps else None
        return Answer(
            text="".join(text),
            reasoning="".join(reasoning),
            tool_calls=[calls[index] for index in sorted(calls)],
            finish_reason=self.finish.reason if self.finish else None,
            raw_finish_reason=self.finish.raw_reason if self.finish else None,
            usage=usage,
            notes=tuple(self.notes),
            model=self.model,
            timing=Timing(self._started, first, self._duration, len(self.stamps)),
            error=self.error,
            cost=self._cost(usage),
            context=self._sent_along(usage),
            opaque=tuple(opaque),
            again=self.again,
            tape=self.tape,
        )
