"""Where an answer goes in a notebook: the widget that shows it as it comes. Elsewhere: `terminal`."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from IPython.display import DisplayHandle, display

from ..chat.background import io_loop
from ..chat.call import State
from ..chat.engine import Run
from ..messages import Answer, Event, ReasoningDelta, Retract, TextDelta
from . import words
from .answer import AnswerWidget
from .calls import CallCard
from .control import Ear
from .pacer import Pacer
from .pages import Pages
from .terminal import SilentSink, Sink, TerminalSink

__all__ = ["SilentSink", "Sink", "TerminalSink", "WidgetSink"]

FIRST_SNAPSHOT = 0.25
"""Seconds after which a view that has not answered is sent all there is; doubles each time."""


class WidgetSink(Sink):
    """The answer widget: rendered blocks, paced, numbered, and all of them again on demand.

    All that is sent goes from the run's loop, so the numbers are in order without a lock.
    """

    def __init__(self, *, blocking: bool, footer: bool) -> None:
        self._blocking, self._footer = blocking, footer
        self._pages = Pages()
        self._cards = 0
        self._pacer = Pacer()
        self._text: list[str] = []
        self._think: list[str] = []
        self._thought: list[str] = []
        self._message: dict[str, Any] = {}
        self._seq = 0
        self._timer: asyncio.TimerHandle | None = None
        self._phase = ""
        self._begun = self._heard = False
        self._handle: DisplayHandle | None = None
        self._status: dict[str, Any] | None = None
        self._end: str | None = None

    def open(self, run: Run, turn: str) -> None:
        self._run, self._loop = run, io_loop()
        self._status = words.status(run.call.model, State("connecting"))
        self._ear = Ear(turn, self._hear_on_control)
        control = self._ear.request
        self.widget = AnswerWidget(turn, self._status, blocking=self._blocking, control=control)
        self.widget.on_msg(lambda widget, content, buffers: self._hear(content))
        self._handle = display(self.widget, display_id=True)

    # --- on the run's loop ----------------------------------------------------------------------------

    def state(self, state: State) -> None:
        if not self._begun:
            self._begun = True
            self._loop.call_later(FIRST_SNAPSHOT, self._snapshot_unasked, FIRST_SNAPSHOT)
        if state.phase == "waiting":
            self._pages.prepare()  # the request is on its way: nobody waits for what this imports
        self._say(words.status(self._run.call.model, state))
        self._flush()

    def batch(self, events: list[Event]) -> None:
        for event in events:
            if type(event) is TextDelta:
                self._text.append(event.text)
                self._enter("writing")
            elif type(event) is ReasoningDelta:
                self._think.append(event.text)
                self._enter("thinking")
            elif type(event) is Retract:
                self._withdraw()
        if self._timer is None:
            delay = self._pacer.due(self._loop.time())
            if delay <= 0:
                self._flush()
            else:
                self._timer = self._loop.call_later(delay, self._flush)

    def done(self, answer: Answer) -> None:
        if self.rounds:
            self._flush(last=True)
        else:
            self._over(answer)

    def _withdraw(self) -> None:
        """Take back what this round has shown."""
        for taken in (self._text, self._think, self._thought):
            taken.clear()
        self._message |= {"reset": True, "ops": self._pages.withdraw()}

    def _over(self, answer: Answer) -> None:
        self._end = words.ending(answer, with_footer=self._footer)
        self._message["end"] = self._end
        self._say(None)
        self._flush(last=True)
        if self.when_done is not None:
            self._loop.call_soon_threadsafe(self.when_done)  # a turn that never began ends anywhere

    def _enter(self, phase: str) -> None:
        if phase != self._phase:
            self._phase = phase
            self._say(words.status(self._run.call.model, None, thinking=phase == "thinking"))

    def _say(self, status: dict[str, Any] | None) -> None:
        self._status = self._message["status"] = status

    def _flush(self, last: bool = False) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        message, self._message = self._message, {}
        pieces = len(self._text) + len(self._think)
        if ops := message.get("ops", []) + self._operations(last):
            message["ops"] = ops
        if self._think:
            message["think"] = "".join(self._think)
            self._thought += self._think
            self._think.clear()
        if message:
            self._seq += 1
            self.widget.send({"seq": self._seq, **message})
            size = sum(len(op[-1]) for op in ops) + len(message.get("think", "")) + 100
            self.messages, self.characters = self.messages + 1, self.characters + size
            self._pacer.sent(self._seq, size, self._loop.time(), pieces)

    def _operations(self, last: bool) -> list[Any]:
        """What the page must do to show the text that has come since."""
        text = "".join(self._text)
        self._text.clear()
        ops = self._pages.feed(text)
        return ops + self._pages.finish() if last else ops

    def _snapshot(self) -> None:
        """All so far in one message, for a view that came late or missed something."""
        snapshot = {
            "seq": self._seq,
            "full": True,
            "ops": self._pages.snapshot(),
            "think": "".join(self._thought),
            "status": self._status,
            "end": self._end,
            "control": self.on_control,
        }
        self.widget.send(snapshot)

    def _snapshot_unasked(self, delay: float) -> None:
        # Where the front end's messages wait until the cell ends, its question for a snapshot does too.
        if not self._heard and self._end is None:
            self._snapshot()
            self._loop.call_later(2 * delay, self._snapshot_unasked, 2 * delay)

    # --- from the view, on whichever thread the kernel delivers it ------------------------------------

    def _hear_on_control(self, content: dict[str, Any]) -> None:
        self.on_control = True
        self._hear(content)

    def _hear(self, content: dict[str, Any]) -> None:
        wish = content.get("do")
        if wish == "stop":
            self._run.cancel()
            self.stop()
        elif wish == "ack" and isinstance(seq := content.get("seq"), int):
            self._pacer.acked(seq)
        elif wish == "sync":
            self._heard = True
            self._loop.call_soon_threadsafe(self._snapshot)

    # --- between rounds, and at the end ---------------------------------------------------------------

    def again(self, run: Run) -> None:
        self._run = run

        def begin() -> None:
            if not self._cards:  # what was said before is to be corrected, and gives way
                self._withdraw()
            elif self._thought:
                self._think.append("\n\n")
            self._cards, self._phase = 0, ""
            self._pages.close()

        self._on_loop(begin)

    def call(self, card: CallCard) -> None:
        def show() -> None:
            self._cards += card.result is None
            ops = self._pages.card(card.html, again=card.result is not None)
            self._message["ops"] = self._message.get("ops", []) + ops
            self._say(words.status(self._run.call.model, None))
            self._flush()

        self._on_loop(show)

    def doing(self, text: str) -> None:
        def show() -> None:
            self._say({"text": text, "seconds": 0, "step": 1 if "{s}" in text else 0})
            self._flush()

        self._on_loop(show)

    def over(self, answer: Answer) -> None:
        self._on_loop(lambda: self._over(answer))

    def _on_loop(self, what: Callable[[], None]) -> None:
        """Have `what` done where all is sent, and wait for it."""
        ready = threading.Event()

        def work() -> None:
            try:
                what()
            finally:
                ready.set()

        self._loop.call_soon_threadsafe(work)
        ready.wait(2.0)

    def settle(self, bundle: dict[str, str], metadata: dict[str, Any]) -> None:
        if self._handle is None:  # interrupted before the widget stood
            super().settle(bundle, metadata)
            return
        self.widget.send({"settle": True})
        self._handle.update(bundle, raw=True, metadata=metadata)
        # A page that was reloaded in mid-stream never sees the update and asks for the widget when the
        # kernel is free again, however late that is: the widget stays a while.
        _keep(self.widget)


_kept: deque[AnswerWidget] = deque()


def _keep(widget: AnswerWidget, most: int = 16) -> None:
    _kept.append(widget)
    if len(_kept) > most:
        _kept.popleft().close()
