"""What a long answer takes on the socket: about as much in the panel as in the answer widget."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any
from unittest import mock

from bench import flat
from nbstream.chat.call import State
from nbstream.chat.session import Session
from nbstream.messages import Answer, Event, TextDelta
from nbstream.panel import desk, transcript
from nbstream.panel.transcript import Transcript
from nbstream.show.sinks import WidgetSink

TOKENS, RATE = 4_000, 200
COMM = 400
"""Bytes of a comm message around its content, at least."""


class Clock:
    """A loop whose time is ours."""

    def __init__(self) -> None:
        self.now = 0.0
        self._later: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, what: Callable[..., None], *values: Any) -> Any:
        entry = (self.now + delay, partial(what, *values))
        self._later.append(entry)
        return SimpleNamespace(cancel=lambda: entry in self._later and self._later.remove(entry))

    def call_soon_threadsafe(self, what: Callable[..., None], *values: Any) -> None:
        what(*values)

    def is_closed(self) -> bool:
        return False

    def go_to(self, now: float) -> None:
        while due := sorted((one for one in self._later if one[0] <= now), key=lambda one: one[0]):
            self._later.remove(due[0])
            self.now = due[0][0]
            due[0][1]()
        self.now = now


def by_widget(pieces: list[str]) -> list[Any]:
    sent: list[Any] = []
    sink, clock = WidgetSink(blocking=False, footer=True), Clock()
    sink._run = SimpleNamespace(call=SimpleNamespace(model="demo"))  # type: ignore[assignment]
    sink._loop = clock  # type: ignore[assignment]
    sink.widget = SimpleNamespace(send=sent.append)  # type: ignore[assignment]
    sink._heard = True
    play(pieces, clock, sink)
    return sent


def by_panel(pieces: list[str]) -> list[Any]:
    sent: list[Any] = []
    clock, here = Clock(), Session()
    talk = here.conversation()
    turn, run = talk.begin("hi", model="demo")
    answer = Answer("".join(pieces), finish_reason="stop", model="demo")
    with (
        mock.patch.object(transcript, "io_loop", lambda: clock),
        mock.patch.object(desk, "io_loop", lambda: clock),
    ):
        one = desk.Desk(lambda message, buffers: sent.append(message), (Transcript,), here=here)
        play(pieces, clock, run.observer, lambda: talk.history.finish(turn, answer))
        assert one.part(Transcript).snapshot()[0][3]["status"] == "done"
        one.close()
    return sent


def play(pieces: list[str], clock: Clock, to: Any, end: Callable[[], None] = lambda: None) -> None:
    for phase in ("connecting", "waiting"):
        to.state(State(phase))  # type: ignore[arg-type]
        clock.go_to(clock.now + 0.2)
    for piece in pieces:
        events: list[Event] = [TextDelta(piece)]
        to.batch(events)
        clock.go_to(clock.now + 1 / RATE)
    end()
    to.done(Answer("".join(pieces), finish_reason="stop", model="demo"))
    clock.go_to(clock.now + 1)


def weight(sent: list[Any]) -> int:
    return sum(len(json.dumps(message)) + COMM for message in sent)


def test_an_answer_of_4_000_tokens_takes_hardly_more_than_in_the_answer_widget() -> None:
    text = flat.WORKLOADS["mixed text"]
    pieces = [text[at : at + flat.TOKEN] for at in range(0, TOKENS * flat.TOKEN, flat.TOKEN)]
    widget, panel = by_widget(pieces), by_panel(pieces)
    seconds = TOKENS / RATE
    assert 25 * seconds <= len(panel) <= 31 * seconds  # nobody has acknowledged any: nobody to wait for
    assert weight(panel) <= 1.2 * weight(widget)
