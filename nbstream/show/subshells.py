"""What ipykernel 7 does with a shell's messages, and what a widget of ours needs of it."""

from __future__ import annotations

from typing import Any

from IPython.core.getipython import get_ipython


def route_to_subshell(comm: Any) -> None:
    """Have the front end's messages delivered while a cell runs.

    On ipykernel 7 they arrive on a subshell. 7.4 sends them back to the shell which last published on
    the comm: for us the main one, which is busy with the very cell that they are to stop.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda data, default: default
    wake_for_every_request()


def wake_for_every_request() -> None:
    """Have ipykernel 7.0 to 7.3 read each request when it comes, as 6 and 7.4 do.

    They send replies past the stream that reads the same socket. A request that comes in that moment wakes
    nobody: its cell shows ``[*]``, and the kernel idles, until somebody connects anew (ipykernel #1554).
    Views that talk on a subshell make such moments many. What 7.4 does is to send through the stream.
    """
    kernel: Any = getattr(get_ipython(), "kernel", None)
    manager: Any = getattr(getattr(kernel, "shell_channel_thread", None), "manager", None)
    if hasattr(manager, "_shell_socket") and kernel.shell_stream is not None:
        manager._shell_socket = kernel.shell_stream
