"""Real kernels, without a front end: what a cell sends, message by message.

`Kernel.run` executes a cell as a front end would (``allow_stdin``, a ``cellId`` in the metadata) or as
nbclient does (neither), and gives its outputs as a front end would show them: updates and clears applied.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpecManager

from tests.environment import clean
from tests.kernel.pairs import Pair, write_spec

Message = dict[str, Any]


@dataclass
class Run:
    """One executed cell: its messages as they came, and what a front end shows of them."""

    kernel: Kernel
    msg_id: str
    messages: list[Message] = field(default_factory=list)
    outputs: list[dict[str, Any]] = field(default_factory=list)
    reply: dict[str, Any] | None = None
    idle: bool = False
    _clear: bool = False

    # -- reading -------------------------------------------------------------------------------------

    @property
    def status(self) -> str:
        assert self.reply is not None, "the cell has not ended"
        return str(self.reply["status"])

    @property
    def text(self) -> str:
        """All that was printed."""
        return "".join(o["text"] for o in self.outputs if o["output_type"] == "stream")

    @property
    def markdown(self) -> str:
        """The Markdown outputs, one after the other."""
        found = (o.get("data", {}).get("text/markdown") for o in self.outputs)
        return "\n".join(source for source in found if source is not None)

    @property
    def errors(self) -> list[dict[str, Any]]:
        return [o for o in self.outputs if o["output_type"] == "error"]

    def types(self) -> list[str]:
        """The message types in order, `status` and `execute_input` left out."""
        return [m["msg_type"] for m in self.messages if m["msg_type"] not in ("status", "execute_input")]

    # -- waiting -------------------------------------------------------------------------------------

    def until(self, condition: Callable[[Run], bool], timeout: float = 30) -> Run:
        """Read messages until `condition` holds."""
        end = time.monotonic() + timeout
        while not condition(self):
            left = end - time.monotonic()
            assert left > 0, f"the cell did not get there in {timeout} s; messages: {self.types()[-20:]}"
            try:
                message = self.kernel.client.get_iopub_msg(timeout=min(left, 0.2))
            except Empty:
                continue
            self.kernel.hand_out(message)
        return self

    def finish(self, timeout: float = 60) -> Run:
        """Wait until the cell has ended and the kernel said so."""
        end = time.monotonic() + timeout
        self.until(lambda run: run.idle, timeout)
        while (reply := self.kernel.replies.get(self.msg_id)) is None:
            message = self.kernel.client.get_shell_msg(timeout=max(0.1, end - time.monotonic()))
            self.kernel.replies[message["parent_header"]["msg_id"]] = message["content"]
        self.reply = reply
        return self

    # -- what a front end makes of a message ---------------------------------------------------------

    def take(self, message: Message) -> None:
        self.messages.append(message)
        kind, content = message["msg_type"], message["content"]
        if kind == "status" and content["execution_state"] == "idle":
            self.idle = True
        elif kind == "clear_output":
            self._clear = content["wait"]
            if not content["wait"]:
                self.outputs.clear()
        elif kind in ("display_data", "execute_result", "error"):
            self._show({"output_type": kind, **content})
        elif kind == "stream":
            last = self.outputs[-1] if self.outputs else {}
            if last.get("name") == content["name"] and not self._clear:
                last["text"] += content["text"]
            else:
                self._show({"output_type": "stream", **content})

    def _show(self, output: dict[str, Any]) -> None:
        if self._clear:
            self.outputs.clear()
            self._clear = False
        self.outputs.append(output)

    def update(self, message: Message) -> None:
        """``update_display_data``: it changes every output of that display id, whoever sent it."""
        content = message["content"]
        for output in self.outputs:
            if output.get("transient", {}).get("display_id") == content["transient"]["display_id"]:
                output["data"], output["metadata"] = content["data"], content["metadata"]


class Kernel:
    """A running ipykernel and its client: of this interpreter, or of another `pair` of versions.

    It may still be starting: `ready` waits for it.
    """

    def __init__(self, home: Path, pair: Pair | None = None, **env: str) -> None:
        # No directories: the native kernel of this interpreter, never one that the machine has installed.
        specs = KernelSpecManager(kernel_dirs=[str(home / "kernels")] if pair else [])
        name = write_spec(home / "kernels", pair) if pair else "python3"
        self.manager = KernelManager(kernel_spec_manager=specs, kernel_name=name)
        self.manager.start_kernel(env=clean(home, **env), cwd=str(home))
        self.client: Any = self.manager.blocking_client()
        self.runs: dict[str, Run] = {}
        self.replies: dict[str, dict[str, Any]] = {}

    def ready(self) -> Kernel:
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        return self

    def start(self, code: str, cell_id: str | None = None, allow_stdin: bool = False) -> Run:
        """Send a cell and come back at once."""
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": allow_stdin,
            "stop_on_error": True,
        }
        metadata = {"cellId": cell_id} if cell_id else {}
        # jupyter_client's execute() takes no metadata, where front ends put the cell's id.
        message = self.client.session.msg("execute_request", content, metadata=metadata)
        self.client.shell_channel.send(message)
        run = Run(self, message["header"]["msg_id"])
        self.runs[run.msg_id] = run
        return run

    def run(
        self, code: str, cell_id: str | None = None, allow_stdin: bool = False, timeout: float = 60
    ) -> Run:
        """Execute a cell and wait for its end."""
        return self.start(code, cell_id, allow_stdin).finish(timeout)

    def value(self, expression: str) -> str:
        """What ``print(expression)`` prints."""
        run = self.run(f"print({expression})")
        assert run.status == "ok", run.errors
        return run.text.rstrip("\n")

    def complete(self, cell: str) -> dict[str, Any]:
        """What TAB at ``|`` in `cell` gives."""
        code, position = cell.replace("|", "", 1), cell.index("|")
        wanted = self.client.complete(code, position)
        while (message := self.client.get_shell_msg(timeout=30))["parent_header"]["msg_id"] != wanted:
            self.replies[message["parent_header"]["msg_id"]] = message["content"]
        reply: dict[str, Any] = message["content"]
        assert reply["status"] == "ok", reply
        reply["replaced"] = code[reply["cursor_start"] : reply["cursor_end"]]
        return reply

    def say(self, content: Message, comm: str | None = None, subshell: str | None = None) -> None:
        """What a view sends: by the comm with this id (on a subshell), or else on the control channel."""
        if comm is None:
            self.client.control_channel.send(self.client.session.msg("nbstream_request", content))
            return
        data = {"comm_id": comm, "data": {"method": "custom", "content": content}}
        message = self.client.session.msg("comm_msg", data)
        message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)

    def subshell(self) -> str:
        """Have the kernel make a subshell, as JupyterLab does for its comms; its id. From ipykernel 7 on."""
        message = self.client.session.msg("create_subshell_request", {})
        self.client.control_channel.send(message)
        reply = self.client.get_control_msg(timeout=10)
        assert reply["msg_type"] == "create_subshell_reply", reply
        return str(reply["content"]["subshell_id"])

    def interrupt(self) -> None:
        """What the front end's ■ does."""
        self.manager.interrupt_kernel()

    def hand_out(self, message: Message) -> None:
        """Give a message to the run that it belongs to; updates to every run."""
        if message["msg_type"] == "update_display_data":
            for run in self.runs.values():
                run.update(message)
        owner = self.runs.get(message["parent_header"].get("msg_id", ""))
        if owner is not None:
            owner.take(message)

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@contextmanager
def running(home: Path, **env: str) -> Iterator[Kernel]:
    kernel = Kernel(home, **env)
    try:
        yield kernel.ready()
    finally:
        kernel.close()
