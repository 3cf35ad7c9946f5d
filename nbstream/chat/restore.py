"""Rebuilding the conversations from a notebook's own cells and receipts, after the kernel was restarted.

The notebook is the store. Every turn that it tells of is taken, or it is said why not; nothing is evaluated.
"""

from __future__ import annotations

import shlex
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..errors import NbstreamError, fail
from ..i18n import t
from ..plainfiles import located
from ..providers import registry
from . import whereabouts
from .grafting import grafted
from .notebook import Book, Cell, Receipt, read, sha256
from .receipts import Found, add_candidates, last_told, turn_of
from .replant import Replanted

if TYPE_CHECKING:
    from .history import History
    from .kept import Turn
    from .session import Session

Outcome = Literal["taken", "here", "edited", "apart", "unanswered", "copy", "unread", "undone"]
"""What became of a cell. ``edited``: its place is kept, without an answer; ``here``: this kernel knew it."""
MOST_TALKS = 50
"""Conversations that others may have been branched off."""


@dataclass(frozen=True, slots=True)
class Row:
    """One cell that asked, and what became of it.

    Attributes
    ----------
    place : int
        Of the cell in the notebook, from 0.
    count : int or None
        The number in its prompt.
    turn : Turn or None
        None where there is none.
    notes : tuple of str
        What else there is to know: ``moved``, ``model``, ``fresh``, ``stopped``, ``failed``, ``filled``,
        ``attachments``, ``rounds``, ``branch``.
    now : str
        The model that the cell asks now, where that is another.
    panel : bool
        A panel in that cell asked it, with other turns.
    """

    place: int
    count: int | None
    outcome: Outcome
    prompt: str
    conversation: str | None = None
    model: str = ""
    turn: Turn | None = None
    notes: tuple[str, ...] = ()
    now: str = ""
    panel: bool = False


@dataclass(frozen=True, slots=True)
class Restored:
    """What `%llm restore` found, took and left."""

    path: Path
    saved: float
    """When the file was written, in seconds since the epoch."""
    rows: tuple[Row, ...]
    turns: dict[str, int] = field(default_factory=dict)
    """How many turns each conversation has now, on its branch in use."""
    missing: int = 0
    """Turns of which only later ones tell: their cells were deleted."""
    since: int = 0
    """Conversations in which turns that were asked since the restart now follow the restored ones."""

    @property
    def taken(self) -> list[Row]:
        return [row for row in self.rows if row.outcome in ("taken", "here")]

    @property
    def skipped(self) -> list[Row]:
        return [row for row in self.rows if row.outcome not in ("taken", "here")]

    @property
    def moved(self) -> bool:
        """Whether cells stand in another order than their turns."""
        return any("moved" in row.notes for row in self.rows)


def restore(session: Session, path: str | Path | None = None) -> Restored:
    """Rebuild the conversations of `session` from the notebook `path`, by default this kernel's own.

    Raises `NbstreamError` (config) where the file is missing, or is not this kernel's notebook.
    """
    if path is None:
        return restored(session, own_notebook(session), own=True)
    return restored(session, read(located(path).absolute()))


def restored(session: Session, book: Book, *, own: bool = False) -> Restored:
    """The same with what has been read of a notebook: `own`, if it is this kernel's."""
    found, rows = collect(book)
    for one in found:  # of another notebook nobody here has typed a word
        one.turn.template = own and one.cell.prompt == one.turn.prompt
    talks: dict[str, list[Found]] = defaultdict(list)
    for one in found:
        if one.conversation is not None:
            talks[one.conversation].append(one)
    missing = since = 0
    here: set[str] = set()
    for name, turns in sorted(talks.items(), key=_begun):
        talk = session.conversation(name)
        known = {turn.id: turn for turn in talk.history.every()}
        here |= known.keys()
        new = [one for one in turns if one.turn.id not in known]
        if new:
            others = [one.history for one in islice(session.conversations.values(), MOST_TALKS)]
            grown = Replanted(talk.history, grafted(new, known.values(), others))
            if talk.history.head is None:
                _go_to_end(grown.history, book.ends, name)
            talk.adopt(grown.history)
            missing, since = missing + len(grown.missing), since + bool(grown.since)
    usual = session.default_model()
    for name, turns in talks.items():
        history = session.conversation(name).history
        kept = {turn.id: turn for turn in history.every()}
        in_use = [turn.id for turn in history.turns]
        using = set(in_use)
        told = [_row(one, kept[one.turn.id], one.turn.id in using, usual, here) for one in turns]
        rows += _with_moved(told, in_use)
    rows.sort(key=lambda row: row.place)
    counts = {name: len(session.conversation(name).turns) for name in talks}
    return Restored(book.path, book.saved, tuple(rows), counts, missing, since)


def _go_to_end(history: History, ends: Sequence[Receipt], name: str) -> None:
    """Use the branch that a panel showed last, unless something was asked since."""
    newest = max((turn.created for turn in history.every()), default=0.0)
    for end in sorted(ends, key=lambda one: one.number("at") or 0.0):
        shown = end.part("talks").word(name, 64)
        turn = next((turn for turn in history.every() if turn.id == shown), None)
        if turn is not None and newest <= (end.number("at") or 0.0):
            history.head = turn


def _begun(talk: tuple[str, list[Found]]) -> float:
    """When a conversation was begun: those that branch off it come later."""
    return min(one.turn.created for one in talk[1])


def own_notebook(session: Session) -> Book:
    """This kernel's notebook: a file that holds one of the cells that it has run."""
    from IPython.core.getipython import get_ipython

    shell: Any = get_ipython()
    others: list[str] = []
    connection = whereabouts.connection_file()
    for place in whereabouts.candidates(getattr(shell, "user_ns", {}), connection):
        try:
            book = read(place)
        except NbstreamError:
            others.append(place.name)
            continue
        # VS Code calls cells by names of its own, which are in no file; but it says itself which file it is.
        ran = {cell for cell in session.ran if not cell.startswith("vscode-")}
        if not ran or not book.ids.isdisjoint(ran):
            return book
        others.append(place.name)
    case = "other_cells" if others else "no_place" if connection else "no_kernel"
    raise fail("config.restore_where", reason=t(f"restore.{case}", files=", ".join(others)))


# --- cells ------------------------------------------------------------------------------------------


def collect(book: Book) -> tuple[list[Found], list[Row]]:
    """The turns in a notebook, each once; and the cells that asked, but hold none."""
    prompts = {sha256(cell.prompt): cell.prompt for cell in book.cells if cell.prompt is not None}
    told: dict[str, list[tuple[Cell, Receipt, str]]] = defaultdict(list)
    rows: list[Row] = []
    for cell in book.cells:
        for receipt, text in cell.answers:
            told[receipt.word("turn") or ""].append((cell, receipt, text))
        if cell.prompt is not None and not cell.answers:
            rows.append(_no_turn(cell, "unanswered"))
    found: list[Found] = []
    for copies in told.values():
        cell, receipt, _ = min(copies, key=_far_from_home)
        ending, text = last_told([(one, its) for _, one, its in copies])
        rows += [_no_turn(one, "copy") for one, _, _ in copies if one is not cell and one.prompt is not None]
        prompt = _prompt(cell, receipt, prompts)
        if prompt is None and cell.prompt is None:
            rows.append(_no_turn(cell, "unread", receipt))
            continue
        one = turn_of(cell, ending, prompt or cell.prompt or "", text, stale=prompt is None)
        add_candidates(one, [(told, its) for _, told, its in copies])
        if one.turn.id in book.undone:
            rows.append(_no_turn(cell, "undone", receipt))
        elif one.conversation is None:
            rows.append(_no_turn(cell, "apart", receipt))
        else:
            found.append(one)
    return found, rows


def _far_from_home(copy: tuple[Cell, Receipt, str]) -> tuple[bool, bool, int]:
    """The smaller, the likelier it is that the cell asked this turn, and does not only show it."""
    cell, receipt, _ = copy
    return cell.id != receipt.word("cell"), cell.prompt is None, cell.place


def _prompt(cell: Cell, receipt: Receipt, prompts: dict[str, str]) -> str | None:
    """What was asked: what stands in the cell, or in another, or in the receipt. None: nobody knows."""
    kept, named = receipt.text("prompt"), receipt.word("prompt_sha256")
    if cell.prompt is not None:
        return cell.prompt if sha256(cell.prompt) == named else None
    if kept is not None and sha256(kept) == named:
        return kept
    return prompts.get(named or "")


def _no_turn(cell: Cell, outcome: Outcome, receipt: Receipt | None = None) -> Row:
    model = ":".join(filter(None, [receipt.word("provider"), receipt.word("model")])) if receipt else ""
    return Row(cell.place, cell.count, outcome, cell.prompt or "", model=model)


def _row(one: Found, kept: Turn, in_use: bool, usual: str, here: set[str]) -> Row:
    turn = one.turn
    outcome: Outcome = "here" if turn.id in here else "edited" if one.stale else "taken"
    now = _asks_now(one.cell, usual)
    notes = {
        "model": now not in (None, turn.model),
        "fresh": turn.fresh,
        "stopped": turn.status == "stopped",
        "failed": turn.status == "failed" and not one.stale,
        "filled": one.receipt.holds("filled") and kept.sent is None,
        "attachments": one.receipt.holds("attachments") and not kept.attachments,
        "rounds": one.receipt.holds("rounds") and not kept.rounds,
        "branch": not in_use,
    }
    told = tuple(name for name, holds in notes.items() if holds)
    cell = one.cell
    return Row(
        cell.place, cell.count, outcome, turn.prompt, one.conversation, turn.model, kept, told, now or "",
        one.receipt.true("panel"),
    )  # fmt: skip


def _asks_now(cell: Cell, usual: str) -> str | None:
    """The model that a cell would ask if it ran now; None where nobody can say. `usual` is the default."""
    if cell.line is None:
        return None
    try:
        words = shlex.split(cell.line)
    except ValueError:
        return None
    named = usual
    for word, following in zip(words, [*words[1:], ""], strict=False):
        if word in ("-m", "--model"):
            named = following
        elif word.startswith("--model="):
            named = word.partition("=")[2]
    if "," in named:  # several
        return None
    try:
        provider, model = registry.split(named)
    except NbstreamError:
        return named
    return f"{provider.name}:{model}" if model else provider.name


# --- order ------------------------------------------------------------------------------------------


def _with_moved(rows: list[Row], path: list[str]) -> list[Row]:
    """`rows` with a note on the cells that stand elsewhere than their turns: as few as explain the order."""
    by_turn = {row.turn.id: row for row in rows if row.turn is not None}
    # What a panel asked stands in no cell of its own.
    ordered = [row for id in path if (row := by_turn.get(id)) is not None and not row.panel]
    stays = {ordered[position].place for position in longest([row.place for row in ordered])}
    moved = {row.place for row in ordered} - stays
    return [
        replace(row, notes=("moved", *row.notes)) if row.place in moved and not row.panel else row
        for row in rows
    ]


def longest(numbers: Sequence[int]) -> Iterator[int]:
    """The positions of a longest ascending part of `numbers`.

    >>> sorted(longest([1, 9, 2, 3]))
    [0, 2, 3]
    """
    ends: list[int] = []
    tails: list[int] = []
    before: list[int | None] = []
    for position, number in enumerate(numbers):
        at = bisect_left(ends, number)
        ends[at : at + 1] = [number]
        before.append(tails[at - 1] if at else None)
        tails[at : at + 1] = [position]
    step = tails[-1] if tails else None
    while step is not None:
        yield step
        step = before[step]
