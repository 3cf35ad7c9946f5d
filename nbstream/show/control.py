"""What a view says, heard on the kernel's control channel: also while every cell and comm has to wait.

A comm message stands in line behind the running cell on ipykernel 6, and on 7 where the front end knows no
subshells: a Stop for an answer that streams in the background would come when the other cell is done. The
control channel has a thread of its own in every ipykernel since 6.0, and a front end built on JupyterLab's
services can send on it. So a view says everything there that it can, and Python hears the same words on
either road.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from weakref import WeakValueDictionary

from IPython.core.getipython import get_ipython

REQUEST = "nbstream_request"
"""The type of our control messages; their content is ``{turn, do, …}``."""

log = logging.getLogger("nbstream")


class Ear:
    """Takes what views say of one turn; hears as long as somebody keeps it."""

    def __init__(self, turn: str, hear: Callable[[dict[str, Any]], None]) -> None:
        self.hear = hear
        self.request = REQUEST if _install() else ""
        """What a view is to send; "" where this kernel has no control channel that we may listen to."""
        _ears[turn] = self


_ears: WeakValueDictionary[str, Ear] = WeakValueDictionary()


def _install() -> bool:
    handlers = getattr(getattr(get_ipython(), "kernel", None), "control_handlers", None)
    if not isinstance(handlers, dict):
        return False
    handlers.setdefault(REQUEST, _handle)
    return True


def uninstall() -> None:
    """Listen no more."""
    handlers = getattr(getattr(get_ipython(), "kernel", None), "control_handlers", None)
    if isinstance(handlers, dict):
        handlers.pop(REQUEST, None)


def _handle(stream: Any, identities: Any, message: dict[str, Any]) -> None:
    """One message, on the control thread. It gets no reply: the next batch is the answer."""
    try:
        content = message["content"]
        if (ear := _ears.get(content["turn"])) is not None:
            ear.hear(content)
    except Exception:  # what a page sends must not reach the kernel's own error handling
        log.exception("a message on the control channel could not be understood")
