"""Hearing a front end's comm messages while a cell runs, on kernels that have no subshells.

Most views speak on the control channel (`show/control.py`) and need none of this. Of those which cannot, on
ipykernel 7 the messages may arrive on a subshell, and running the kernel's loop nested there would lose
queued cells. On ipykernel 6 they wait until the cell ends. There, and only there, nest_asyncio lets the
loop take in what has arrived, and of that only comm messages are delivered: cells and everything else stay
queued, in order.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import Any, Protocol

from IPython.core.getipython import get_ipython

TICK = 0.03
"""Seconds between looks at the turn: what an interrupt may have to wait for where locks do not hear it."""
PATIENCE = 0.5
"""Seconds in which a view may be heard on the control channel before its comm messages are pumped."""

log = logging.getLogger("nbstream")


def pump() -> Callable[[], None] | None:
    """What to call now and then while a cell waits, or None where nothing is needed."""
    kernel = getattr(get_ipython(), "kernel", None)
    queue = getattr(getattr(kernel, "msg_queue", None), "_queue", None)
    if queue is None or _major() >= 7:
        return None
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return None

    def step() -> None:
        import nest_asyncio  # patches the loop for good: not before it is needed

        nest_asyncio.apply(loop)
        loop.run_until_complete(asyncio.sleep(0))
        for item in [item for item in queue if _is_comm(kernel, item)]:
            queue.remove(item)
            _deliver(kernel, item)

    return step


def _major() -> int:
    from ipykernel._version import version_info

    return int(str(version_info[0]))


def _is_comm(kernel: Any, item: Any) -> bool:
    """Whether a queued ``(number, dispatch, (frames,))`` is a comm message; looks at its header only."""
    try:
        _, frames = kernel.session.feed_identities(item[2][0], copy=False)
        kind: str = json.loads(bytes(frames[1].buffer))["msg_type"]
    except (IndexError, KeyError, TypeError, ValueError):
        return False
    return kind.startswith("comm_")


def _deliver(kernel: Any, item: Any) -> None:
    """Handle one comm message as the kernel would, without making it the parent of our cell's output."""
    try:
        identities, frames = kernel.session.feed_identities(item[2][0], copy=False)
        message = kernel.session.deserialize(frames, content=True, copy=False)
        kernel._publish_status("busy", "shell", parent=message)
        kernel.shell_handlers[message["header"]["msg_type"]](kernel.shell_stream, identities, message)
        kernel._publish_status("idle", "shell", parent=message)
    except Exception:  # a view's message must not end the cell
        log.exception("a comm message could not be delivered")


class Waits(Protocol):
    """Something that one can wait for."""

    def wait(self, timeout: float | None = None) -> bool: ...


class Heard(Protocol):
    """A view, which may have been heard on the control channel."""

    on_control: bool


def waited(run: Waits, view: Heard) -> None:
    """Block until `run` is over; what `view` says is heard meanwhile."""
    step = pump()
    patient = time.monotonic() + PATIENCE
    while not run.wait(TICK):
        if step is not None and not view.on_control and time.monotonic() > patient:
            step()
