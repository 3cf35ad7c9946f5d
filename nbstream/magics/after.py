"""What a cell leaves behind besides its output: a variable with the answer, its code in a new cell."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from IPython.core.getipython import get_ipython

from ..i18n import t
from ..messages import Answer
from ..show.console import put
from .shaping import worth
from .surface import cell_id, surface

if TYPE_CHECKING:
    from ..chat.history import Turn


_PUT: dict[str, str] = {}
"""What each cell has put into the next one: running all again must not add a cell each time."""


def bind(options: Namespace, value: Any) -> None:
    """Give `value` the name after ``-o``."""
    if options.out and (shell := get_ipython()) is not None:
        shell.user_ns[options.out] = value


def detached(options: Namespace) -> None:
    """Say what the options want and cannot have while the answer still streams."""
    if getattr(options, "code", False):
        put(t("code.later"))
    if getattr(options, "shape", None) is not None:
        put(t("json.unchecked"))


def afterwards(options: Namespace, turn: Turn, answer: Answer) -> None:
    """Do what the options want done with the answer, which is whole or as far as it came."""
    bind(options, worth(options, answer))
    if (
        answer.error is not None
        and answer.text
        and options.out
        and getattr(options, "shape", None) is not None
    ):
        put(t("json.kept", name=options.out))
    if not getattr(options, "code", False) or answer.error is not None:
        return
    if answer.finish_reason != "stop":
        put(t("code.unfinished"))
    elif said := new_cell(answer.blocks, turn.number):
        put(said)


def new_cell(blocks: list[tuple[str, str]], number: int) -> str | None:
    """Put code into a new cell below, or into the terminal's next line; gives what is to be said of it.

    It does not run. Where nobody looks, no cell is made.
    """
    from .codecell import cell_text

    text, left_out = cell_text(blocks)
    if not text:
        return t("code.none")
    shell = get_ipython()
    if shell is None or surface() == "headless":
        return t("code.nobody")
    if getattr(shell, "simple_prompt", False):  # it takes no next input
        put(text)
    elif (cell := cell_id()) is not None and _PUT.get(cell) == text:
        return t("code.once")
    else:
        shell.set_next_input(text)
        if cell is not None:
            _PUT[cell] = text
    return t("code.left_out", count=left_out, number=number) if left_out else None
