"""What this cell is run by: a notebook with somebody before it, a headless runner, or a terminal."""

from __future__ import annotations

from typing import Any, Literal

from IPython.core.getipython import get_ipython

Surface = Literal["notebook", "headless", "terminal"]


def parent() -> dict[str, Any]:
    """The request that runs the present cell; {} outside a kernel."""
    shell = get_ipython()
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return {}
    found = kernel.get_parent() if hasattr(kernel, "get_parent") else getattr(kernel, "_parent_header", {})
    return dict(found or {})


def surface() -> Surface:
    """Runners such as nbclient, papermill and ``jupyter execute`` allow no input: nobody is there."""
    if getattr(get_ipython(), "kernel", None) is None:
        return "terminal"
    return "notebook" if parent().get("content", {}).get("allow_stdin", True) else "headless"


def execution() -> str | None:
    """What tells one run of a cell from the next."""
    found = parent().get("header", {}).get("msg_id")
    return str(found) if found else None


def code() -> str:
    """The text of the cell that runs."""
    return str(parent().get("content", {}).get("code", ""))


def cell_id() -> str | None:
    """The id of the cell that runs, where the front end sends it."""
    found = parent().get("metadata", {}).get("cellId")
    return str(found) if found else None
