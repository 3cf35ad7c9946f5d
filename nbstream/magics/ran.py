"""Which cells this kernel has run: by them its notebook is told from others."""

from __future__ import annotations

from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from ..chat.session import session
from .surface import cell_id

MOST = 1000


def note(*_: Any) -> None:
    """The cell that is running has run."""
    cell, ran = cell_id(), session().ran
    if cell is not None and cell not in ran and len(ran) < MOST:
        ran[cell] = None


def watch(shell: InteractiveShell) -> None:
    """Note each cell from now on."""
    note()
    shell.events.register("pre_run_cell", note)


def rest(shell: InteractiveShell) -> None:
    """Note none any more."""
    if note in shell.events.callbacks["pre_run_cell"]:
        shell.events.unregister("pre_run_cell", note)
