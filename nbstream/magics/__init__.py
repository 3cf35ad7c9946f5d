"""The magics ``%%llm`` and ``%llm``, and how they are put in and taken out again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load_ipython_extension(shell: InteractiveShell) -> None:
    """``%load_ext nbstream``: imports nothing heavy, prints at most one line, harmless when repeated."""
    from .load import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """``%unload_ext nbstream``: leaves nothing behind."""
    from .load import unload

    unload(shell)
