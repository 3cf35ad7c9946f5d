"""Several answers in a notebook: columns that grow at once, over one numbered and paced road."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from html import escape
from time import monotonic
from typing import TYPE_CHECKING, Any

from IPython.display import display

from ..chat.background import io_loop
from ..chat.call import State
from ..chat.sizes import Size, size_of
from ..errors import NbstreamError
from ..messages import Answer, Event, ReasoningDelta, Retract, TextDelta, Timing
from ..show import words
from ..show.clean import clean
from ..show.compared import numbers, remarks
from ..show.control import Ear
from ..show.pacer import Pacer
from ..show.pages import Pages
from ..show.sinks import FIRST_SNAPSHOT
from .compare_sinks import Board, Column
from .compare_widget import CompareWidget

if TYPE_CHECKING:
    from ..chat.engine import Run
    from ..chat.kept import Turn

OFTEN = 0.25
"""Seconds between the numbers that a column tells while it grows."""


class ViewColumn(Column):
    """One answer: what of it is to be told, and what has been."""

    def __init__(self, board: ViewBoard) -> None:
        super().__init__(board)
        self._view = board
        self._pages = Pages("mathml")
        self._text: list[str] = []
        self._think: list[str] = []
        self._thought: list[str] = []
        self._message: dict[str, Any] = {}
        self._status: dict[str, Any] | None = None
        self._end: str | None = None
        self._came = Size()
        self._phase, self._told = "", 0.0
        self._last = False
        self.model = ""
        self.run: Run | None = None
        self.keepable = False

    def state(self, state: State) -> None:
        self._view.begin()
        if state.phase == "waiting":
            self._pages.prepare()
        self.say(words.status(self.model, state))
        self._view.flush()

    def batch(self, events: list[Event]) -> None:
        for event in events:
            if type(event) is TextDelta:
                self._text.append(event.text)
                self._came = self._came.plus(size_of(event.text))
                self._enter("writing")
            elif type(event) is ReasoningDelta:
                self._think.append(event.text)
                self._came = self._came.plus(size_of(event.text))
                self._enter("thinking")
            elif type(event) is Retract:
                for taken in (self._text, self._think, self._thought):
                    taken.clear()
                self._came = Size()
                self._message |= {"reset": True, "ops": self._pages.withdraw()}
        self._view.grown()

    def done(self, answer: Answer) -> None:
        self.end(answer)
        self._view.flush()
        super().done(answer)

    def end(self, answer: Answer) -> None:
        """Nothing more comes: what it took, or what went wrong, takes the status's place."""
        card = words.card_html(answer.error) if answer.error is not None else ""
        told = escape(clean(_line(answer)))
        self._last, self.over = True, True
        self.keepable = bool(answer.text.strip())
        self._end = self._message["end"] = card + (f"<p>{told}</p>" if told else "")
        self._message["keep"] = self.keepable
        self.say(None)

    def say(self, status: dict[str, Any] | None) -> None:
        """Have the status line say this, without the model's name, which stands above."""
        if status is not None:
            text = status["text"]
            name = words.title(self.model)
            status = {**status, "text": "" if text == name else text.removeprefix(f"{name} · ")}
        self._status = self._message["status"] = status

    def _enter(self, phase: str) -> None:
        if phase != self._phase:
            self._phase, self._told = phase, 0.0
            self.say(words.status(self.model, None, thinking=phase == "thinking"))

    def _count(self) -> None:
        """While text comes, tell now and then how fast it does."""
        if self._phase == "writing" and self.run is not None and not self.over:
            now = monotonic()
            if now - self._told >= OFTEN:
                self._told = now
                self.say({"text": self._rate(self.run), "seconds": 0, "step": 0})

    def _rate(self, run: Run) -> str:
        stamps = run.progress.stamps
        if not stamps:
            return ""
        timing = Timing(0.0, stamps[0], stamps[-1], len(stamps))
        return _line(Answer(timing=timing), self._came)

    def take(self) -> tuple[dict[str, Any], int, int]:
        """What the view is to be told; how many bytes that is, and how many pieces of text."""
        self._count()
        message, self._message = self._message, {}
        pieces = len(self._text) + len(self._think)
        text = "".join(self._text)
        self._text.clear()
        ops = message.get("ops", []) + self._pages.feed(text)
        if self._last:
            ops += self._pages.finish()
            self._last = False
        if ops:
            message["ops"] = ops
        if self._think:
            message["think"] = "".join(self._think)
            self._thought += self._think
            self._think.clear()
        size = sum(len(op[-1]) for op in ops) + len(message.get("think", "")) + 60
        return message, size if message else 0, pieces

    def snapshot(self) -> dict[str, Any]:
        """All so far."""
        return {
            "ops": self._pages.snapshot(),
            "think": "".join(self._thought),
            "status": self._status,
            "end": self._end,
            "keep": self.keepable,
        }


def _line(answer: Answer, came: Size | None = None) -> str:
    """What an answer took; no line breaks within a number."""
    return " · ".join([*(one.replace(" ", "\u00a0") for one in numbers(answer, came)), *remarks(answer)])


class ViewBoard(Board):
    """The widget. All that is sent goes from the io loop, so the numbers are in order without a lock."""

    columns: list[ViewColumn]

    def __init__(self, count: int, *, blocking: bool, keeps: bool) -> None:
        super().__init__(count)
        self._blocking, self._keeps = blocking, keeps
        self._pacer = Pacer()
        self._seq = 0
        self._timer: asyncio.TimerHandle | None = None
        self._begun = self._heard = self._ended = False

    def _column(self, number: int) -> Column:
        return ViewColumn(self)

    def open(self, turn: Turn, runs: list[Run | None]) -> None:
        super().open(turn, runs)
        self._loop = io_loop()
        for column, one, run in zip(self.columns, turn.candidates, runs, strict=True):
            column.model, column.run = one.model, run
            if one.answer is not None:  # it cannot be asked
                column.end(one.answer)
            else:
                column.say(words.status(one.model, State("connecting")))
        self._ear = Ear(turn.id, self._hear_on_control)
        names = [clean(words.title(one.model)) for one in turn.candidates]
        self.widget = CompareWidget(
            turn.id, names, blocking=self._blocking, keeps=self._keeps, control=self._ear.request
        )
        self.widget.on_msg(lambda widget, content, buffers: self._hear(content))
        self.handle = display(self.widget, display_id=True)

    # --- on the loop ----------------------------------------------------------------------------------

    def begin(self) -> None:
        """The first run begins."""
        if not self._begun:
            self._begun = True
            self._loop.call_later(FIRST_SNAPSHOT, self._snapshot_unasked, FIRST_SNAPSHOT)

    def grown(self) -> None:
        """A column has grown: tell it as soon as the pace allows."""
        if self._timer is None:
            delay = self._pacer.due(self._loop.time())
            if delay <= 0:
                self.flush()
            else:
                self._timer = self._loop.call_later(delay, self.flush)

    def flush(self) -> None:
        """Tell all that has come since."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        taken = [column.take() for column in self.columns]
        columns = [[number, message] for number, (message, _, _) in enumerate(taken) if message]
        if columns:
            self._seq += 1
            self.widget.send({"seq": self._seq, "columns": columns})
            size = sum(size for _, size, _ in taken) + 100
            self._pacer.sent(self._seq, size, self._loop.time(), sum(pieces for _, _, pieces in taken))

    def _over(self) -> None:
        self._ended = True
        if self.when_done is not None:
            self._loop.call_soon_threadsafe(self.when_done)  # a run that never began ends anywhere

    def _snapshot(self) -> None:
        columns = [[number, column.snapshot()] for number, column in enumerate(self.columns)]
        self.widget.send({"seq": self._seq, "full": True, "columns": columns, "control": self.on_control})
        if self.chosen is not None:
            self.widget.send({"kept": self.chosen - 1})

    def _snapshot_unasked(self, delay: float) -> None:
        # Where the front end's messages wait until the cell ends, its question for a snapshot does too.
        if not self._heard and not self._ended:
            self._snapshot()
            self._loop.call_later(2 * delay, self._snapshot_unasked, 2 * delay)

    # --- from the view, on whichever thread the kernel delivers it --------------------------------------

    def _hear_on_control(self, content: dict[str, Any]) -> None:
        self.on_control = True
        self._hear(content)

    def _hear(self, content: dict[str, Any]) -> None:
        wish, number = content.get("do"), content.get("column")
        if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < len(self.columns):
            self._hear_of(number, wish)
        elif wish == "stop":
            self.stop()
        elif wish == "ack" and isinstance(seq := content.get("seq"), int):
            self._pacer.acked(seq)
        elif wish == "sync":
            self._heard = True
            self._loop.call_soon_threadsafe(self._snapshot)

    def _hear_of(self, number: int, wish: Any) -> None:
        run = self.runs[number]
        if wish == "stop" and run is not None:
            run.cancel()
        elif wish == "keep" and self._keeps and self.columns[number].keepable:
            self.chosen = number + 1
            if self.keep is not None:
                with suppress(NbstreamError):  # in the moment in which it ends: then with the others
                    self.keep(number + 1)
            self._loop.call_soon_threadsafe(self.widget.send, {"kept": number})

    # --- at the end -------------------------------------------------------------------------------------

    def settle(self, bundle: dict[str, str], metadata: dict[str, Any]) -> None:
        if self.handle is None:  # interrupted before the widget stood
            super().settle(bundle, metadata)
            return
        self.widget.send({"settle": True})
        self.handle.update(bundle, raw=True, metadata=metadata)
        _kept.append(self.widget)  # a page that was reloaded asks for it when the kernel is free again
        if len(_kept) > MOST_KEPT:
            _kept.popleft().close()


MOST_KEPT = 4
_kept: deque[CompareWidget] = deque()
