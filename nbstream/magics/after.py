"""What a cell leaves behind besides its output: a variable with the answer."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from IPython.core.getipython import get_ipython

from ..messages import Answer

if TYPE_CHECKING:
    from ..chat.history import Turn


def bind(options: Namespace, value: Any) -> None:
    """Give `value` the name after ``-o``."""
    if options.out and (shell := get_ipython()) is not None:
        shell.user_ns[options.out] = value


def afterwards(options: Namespace, turn: Turn, answer: Answer) -> None:
    """Do what the options want done with the answer, which is whole or as far as it came."""
    bind(options, answer)
