"""Asking once more: ``%llm edit``, ``retry``, ``continue``."""

from __future__ import annotations

from IPython.core.getipython import get_ipython

from ...chat.resuming import unfinished
from ...i18n import t
from ..above import compare, looked_at, several
from ..asking import ask
from ..editing import as_it_was, asked_with, cell_for
from ..surface import cell_id, execution, surface
from ..template import Prepared
from .registry import Shown, verb
from .talking import talk, turn_of

_PUT: dict[str, str] = {}
"""What each cell has put into the next one: running all again must not add a cell each time."""
_GONE_ON: dict[str, str] = {}
"""Whose turn each cell went on with, by cells: when all run again, that turn is not the last one."""


@verb("edit")
def edit(number: str | None = None, *, conversation: str = "main") -> Shown:
    turn = turn_of(talk(conversation), number)
    text = cell_for(turn, conversation)
    shell = get_ipython()
    # Nobody would see a new cell; and a simple prompt has no next input.
    if shell is None or surface() == "headless" or getattr(shell, "simple_prompt", False):
        from ...show.markdown import plain

        return f"{t('line.edit_here')}\n\n{plain(text)}"
    if (cell := cell_id()) is not None:
        # Run All, most likely; then the last turn is not the one that it was.
        if _PUT.get(cell) == text or (number is None and cell in _PUT):
            return t("line.edit_once", number=turn.number)
        _PUT[cell] = text
    shell.set_next_input(text)
    return t("line.edit", number=turn.number)


@verb("retry")
def retry(number: str | None = None, *, model: str | None = None, conversation: str = "main") -> Shown:
    here = talk(conversation)
    own = here.history.of_cell(cell_id(), execution())  # run again, this cell repeats what it repeated
    turn = own if own is not None and number is None else turn_of(here, number)
    options = asked_with(turn, conversation, model)
    looked_at(options, surface())
    if several(options):
        return compare(as_it_was(turn), options, surface(), turn)
    return ask(as_it_was(turn), options, surface(), at=turn)


@verb("continue")
def go_on(*, conversation: str = "main") -> Shown:
    here, cell = talk(conversation), cell_id()
    turn = here.history.of_cell(_GONE_ON.get(cell or ""))
    if turn is None or not unfinished(turn):
        turn = turn_of(here, None)
    if cell is not None and turn.cell is not None:
        _GONE_ON[cell] = turn.cell
    return ask(Prepared(turn.prompt), asked_with(turn, conversation), surface(), resumed=turn)
