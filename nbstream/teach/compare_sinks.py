"""Where several answers go at once: nowhere until all are whole, a terminal, or columns in the notebook."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from IPython.display import DisplayHandle, display

from ..chat.call import State
from ..messages import Answer, Event, TextDelta
from ..show import words
from ..show.clean import FOOTER_MARK
from ..show.compared import numbers, remarks
from ..show.console import put

if TYPE_CHECKING:
    from ..chat.engine import Run
    from ..chat.kept import Turn


class Column:
    """Looks on at one run, and shows nothing of it: the base of the others."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.over = False

    def state(self, state: State) -> None:
        """The run queues, is connecting, or waits before it tries again."""

    def batch(self, events: list[Event]) -> None:
        """Events have come."""

    def done(self, answer: Answer) -> None:
        """Nothing more will come."""
        self.over = True
        self.board.ended()


class Board:
    """All columns together. Shows nothing until the end: for runs without a front end."""

    when_done: Callable[[], None] | None = None
    """Called on the loop after the last end, where no cell waits for it (``--background``)."""
    on_control = False
    """Whether the view has been heard on the control channel."""
    chosen: int | None = None
    """The number of the answer that somebody has chosen in the view, from 1."""
    keep: Callable[[int], object] | None = None
    """Makes it the conversation's, also while others still come."""
    handle: DisplayHandle | None = None
    """By which the table can be shown anew."""

    def __init__(self, count: int) -> None:
        self.columns: Sequence[Column] = [self._column(number) for number in range(count)]
        self.runs: list[Run | None] = []

    def _column(self, number: int) -> Column:
        return Column(self)

    def open(self, turn: Turn, runs: list[Run | None]) -> None:
        """Before the runs start; for what cannot be asked there is none."""
        self.runs = runs
        for column, run in zip(self.columns, runs, strict=True):
            column.over = run is None

    def ended(self) -> None:
        """One has ended; after the last one the board is over."""
        if all(column.over for column in self.columns):
            self._over()

    def _over(self) -> None:
        if self.when_done is not None:
            self.when_done()

    def stop(self) -> None:
        """Stop all that still run."""
        for run in self.runs:
            if run is not None:
                run.cancel()

    def settle(self, bundle: dict[str, str], metadata: dict[str, Any]) -> None:
        """Replace what was shown by the table."""
        self.handle = display(bundle, raw=True, metadata=metadata, display_id=True)


class SilentBoard(Board):
    """Shows nothing at all: a terminal that went on with something else."""

    def settle(self, bundle: dict[str, str], metadata: dict[str, Any]) -> None:
        pass


class _Printed(Column):
    """Text that is printed, or waits for its turn."""

    def __init__(self, board: TerminalBoard) -> None:
        super().__init__(board)
        self.waiting: list[str] = []
        self._printing = board
        self._half = ""

    def batch(self, events: list[Event]) -> None:
        text = self._half + "".join(event.text for event in events if type(event) is TextDelta)
        self._half = "\r" if text.endswith("\r") else ""
        self.waiting.append(text.removesuffix("\r").replace(FOOTER_MARK, ""))
        self._printing.print()

    def done(self, answer: Answer) -> None:
        self.tell(answer)
        super().done(answer)

    def tell(self, answer: Answer) -> None:
        """How it ended, below its text."""
        begun = "\n\n" if any(self.waiting) or answer.text else ""
        said = [str(answer.error)] if answer.error is not None else []
        told = " · ".join([*numbers(answer), *remarks(answer)])
        self.waiting.append(begun + "\n".join([*said, f"{words.MARK} {told}"]) + "\n")
        self.over = True
        self._printing.print()


class TerminalBoard(SilentBoard):
    """One answer after the other on stdout, each under a heading; the first of them as it comes."""

    def __init__(self, count: int) -> None:
        self._at = 0
        self._headed = False
        self._names: list[str] = []
        self._answers: list[Answer | None] = []
        super().__init__(count)

    def _column(self, number: int) -> Column:
        return _Printed(self)

    def open(self, turn: Turn, runs: list[Run | None]) -> None:
        super().open(turn, runs)
        self._names = [words.title(one.model) for one in turn.candidates]
        for column, one in zip(self.columns, turn.candidates, strict=True):
            if one.answer is not None and isinstance(column, _Printed):  # it cannot be asked
                column.tell(one.answer)

    def print(self) -> None:
        """Print what has come of the answer whose turn it is; when it is over, the next one's."""
        while self._at < len(self.columns):
            column = self.columns[self._at]
            assert isinstance(column, _Printed)
            if not column.waiting and not column.over:
                return
            if not self._headed:
                put(f"\n── {self._at + 1} · {self._names[self._at]} ──\n")
                self._headed = True
            put("".join(column.waiting), end="")
            column.waiting.clear()
            if not column.over:
                return
            self._at, self._headed = self._at + 1, False
