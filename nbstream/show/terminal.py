"""Where an answer goes that has no widget: a terminal, or nowhere until it is whole (headless).

A sink observes a run on the run's loop (`state`, `batch`, `done`), is opened before it starts and
settled after it has ended, both by the thread that runs the cell. A turn may have several rounds, each a
run of its own: `again` comes between them, and `over` after the last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IPython.display import display

from ..chat.call import State
from ..chat.engine import Run
from ..messages import Answer, Event, Retract, TextDelta
from . import words
from .calls import CallCard
from .clean import FOOTER_MARK
from .console import put


class Sink:
    """Shows nothing until the end: for runs without a front end. The base of the others."""

    when_done: Callable[[], None] | None = None
    """Called on the run's loop after the end, where no cell waits for it (``--background``)."""
    on_control = False
    """Whether the view has been heard on the control channel: then its comm messages can wait."""
    rounds = False
    """Whether more rounds may follow one that has ended; then somebody says when the turn is `over`."""
    stopped = False
    """Whether somebody has pressed Stop."""
    messages = characters = 0
    """What was sent to a page so far."""
    on_stop: Callable[[], object] | None = None
    """Called, on any thread, when somebody does while no run is under way."""

    def stop(self) -> None:
        """Somebody has pressed Stop, on any thread: no other round follows."""
        self.stopped = True
        if self.on_stop is not None:
            self.on_stop()

    def open(self, run: Run, turn: str) -> None:
        """Before the run starts."""

    def again(self, run: Run) -> None:
        """Another round of the same turn is about to start."""

    def call(self, card: CallCard) -> None:
        """Between two rounds a tool is called; once more for the same call when its result is there."""

    def doing(self, text: str) -> None:
        """What goes on meanwhile, for the status line; ``{s}`` in it is seconds."""

    def over(self, answer: Answer) -> None:
        """The last round has ended; `answer` is all of the turn."""

    def state(self, state: State) -> None:
        """The turn queues, is connecting, or waits before it tries again."""

    def batch(self, events: list[Event]) -> None:
        """Events have come."""

    def done(self, answer: Answer) -> None:
        """Nothing more will come."""

    def settle(self, bundle: dict[str, str], metadata: dict[str, Any]) -> None:
        """Replace what was shown by the finished answer."""
        display(bundle, raw=True, metadata=metadata)


class SilentSink(Sink):
    """Shows nothing at all: a terminal that went on with something else."""

    def settle(self, bundle: dict[str, str], metadata: dict[str, Any]) -> None:
        pass


class TerminalSink(SilentSink):
    """Text on stdout as it comes, without control characters; then the footer, or what went wrong."""

    def __init__(self, *, footer: bool) -> None:
        self._footer = footer
        self._half = ""
        self._withdrawn = self._open = False

    def batch(self, events: list[Event]) -> None:
        text = self._half
        for event in events:
            if type(event) is TextDelta:
                text += event.text
                self._open = True
            elif type(event) is Retract:  # what stands in a terminal, stands: at least it is said
                text += f"\n\n[{event.reason}]"
                self._withdrawn = True
        self._half = "\r" if text.endswith("\r") else ""  # of the end of a line
        put(text.removesuffix("\r").replace(FOOTER_MARK, ""), end="")

    def call(self, card: CallCard) -> None:
        line = card.plain if card.result is None else card.outcome
        put(("\n\n" if self._open else "") + line)
        self._open = False

    def again(self, run: Run) -> None:
        put("\n\n" if self._open else "", end="\n")
        self._open = False

    def done(self, answer: Answer) -> None:
        if not self.rounds:
            self.over(answer)

    def over(self, answer: Answer) -> None:
        last = str(answer.error) if answer.error else words.footer(answer) if self._footer else ""
        begun = self._open or self._withdrawn
        put(("\n\n" if begun else "") + (f"{last}\n" if last else ""), end="")
