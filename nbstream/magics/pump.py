"""Hearing the front end while a cell runs, on kernels that have no subshells.

On ipykernel 7 comm messages arrive on a subshell and there is nothing to do: running the kernel's loop
nested there would lose queued cells. On ipykernel 6 they wait until the cell ends, unless we look.
"""

from __future__ import annotations

from collections.abc import Callable


def pump() -> Callable[[], None] | None:
    """What to call now and then while waiting, or None where nothing is needed."""
    return None
