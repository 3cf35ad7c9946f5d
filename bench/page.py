"""One run: a contender's notebook in JupyterLab, a workload through it, and all that was seen of it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import psutil

from bench.chrome import Chrome, Tab
from bench.contenders import Contender
from bench.provider import Provider
from bench.workloads import Workload
from tests.browser.jupyter import Server
from tests.browser.page import PANEL

SAMPLER = PANEL + (Path(__file__).parent / "sampler.js").read_text(encoding="utf-8")
MEASURED = 2
"""The cell that is measured: after setup and warm-up."""
WARM = "bench:60@100"
LOOK = 0.1
QUIET = 1.0
"""Seconds without a change after which a run is over."""


@dataclass
class Seen:
    """The raw observations of one run. All times are seconds on the machine's monotonic clock."""

    sent: list[float]
    """When the provider sent each marker."""
    last_byte: float | None
    """When the provider was done; None if it never was."""
    frames: list[tuple[float, float, int]]
    """``(time, height, newest visible marker)`` of each frame in which one of them changed."""
    tasks: list[tuple[float, float]]
    """``(start, duration)`` of the page's tasks above 50 ms."""
    looks: list[tuple[float, float]]
    """``(time, CPU seconds of the page's main thread so far)``, from the cell's start."""
    changed: float
    """When the output last changed."""
    text: str
    """What stood there at the end."""
    bytes: int
    messages: int
    kernel_cpu: float
    gave_up: bool
    """Whether the time that a run may take was over first."""
    limited: bool
    """Whether Jupyter's own rate limit dropped messages."""
    uncertainty: float = 0.0
    """How far the page's clock may be off."""
    errors: list[str] = field(default_factory=list)


class Bench:
    """What the runs share: provider, JupyterLab, Chromium."""

    def __init__(self, provider: Provider, server: Server, chrome: Chrome) -> None:
        self.provider, self.server, self.chrome = provider, server, chrome

    def run(self, contender: Contender, workload: Workload) -> Seen:
        """One workload through one contender, in a fresh page and a fresh kernel."""
        cells = contender.cells(self.provider.url, WARM, f"bench:{workload.name}")
        with self.opened(cells) as (tab, path):
            for warm in range(MEASURED):
                run_cell(tab, warm)
                tab.until("window.cellsDone()", 60)
            kernel = self.kernel(path)
            offset, uncertainty = tab.clock()
            tab.evaluate(f"window.bench.start({MEASURED})")
            logged = self.server.log_file.stat().st_size
            looks = [look(tab)]
            cpu = spent(kernel)
            begun = time.monotonic()
            run_cell(tab, MEASURED)
            state: dict[str, Any] = {"done": False}
            cell_cpu = None
            while not (state["done"] and state["now"] - state["changed"] > QUIET * 1000):
                if time.monotonic() - begun > workload.bound:
                    break
                time.sleep(LOOK)
                state = tab.evaluate("window.bench.state()")
                looks.append(look(tab))
                if state["done"] and cell_cpu is None:
                    cell_cpu = spent(kernel) - cpu
            sent = self.provider.sent()
            result = tab.evaluate("window.bench.result()")
            return Seen(
                sent=sent["marks"],
                last_byte=sent["last"],
                frames=[(at / 1000 + offset, height, last) for at, height, last in result["frames"]],
                tasks=[(at / 1000 + offset, length / 1000) for at, length in result["tasks"]],
                looks=looks,
                changed=result["changed"] / 1000 + offset,
                text=tab.evaluate(f"window.bench.visible({MEASURED}, {json.dumps(contender.markdown)})"),
                bytes=result["bytes"],
                messages=result["messages"],
                kernel_cpu=spent(kernel) - cpu if cell_cpu is None else cell_cpu,
                gave_up=not state["done"],
                limited="rate exceeded" in self.server.log(logged),
                uncertainty=uncertainty,
                errors=self._errors(tab),
            )

    @contextmanager
    def opened(self, cells: list[str], script: str = "") -> Iterator[tuple[Tab, str]]:
        """A notebook of these cells in a page where `script` ran before all else; and its path."""
        name = uuid.uuid4().hex[:8]
        path = f"{name}.ipynb"
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
        notebook.metadata["kernelspec"] = kernel
        nbformat.write(notebook, self.server.root / path)
        tab = self.chrome.tab(PANEL + script if script else SAMPLER)
        try:
            tab.call(
                "Page.navigate",
                url=f"{self.server.url}/lab/workspaces/{name}/tree/{path}?token={self.server.token}",
            )
            tab.until("window.kernelReady && window.kernelReady()", 90)
            yield tab, path
        finally:
            tab.close()
            self.server.close_kernels()

    def kernel(self, path: str) -> psutil.Process:
        """The process of the kernel that runs the notebook `path`."""
        assert self.server.process
        wanted = self.server.connection_file(self.server.kernel_of(path)).name
        for process in psutil.Process(self.server.process.pid).children(recursive=True):
            if any(wanted in word for word in process.cmdline()):
                return process
        raise RuntimeError("the kernel's process was not found")

    def _errors(self, tab: Tab) -> list[str]:
        """The errors that the notebook's cells ended with."""
        script = """
          window.notebookPanel().content.widgets.flatMap((cell) => cell.model.outputs?.toJSON() ?? [])
            .filter((output) => output.output_type === 'error')
            .map((output) => output.ename + ': ' + output.evalue)
        """
        found: list[str] = tab.evaluate(script)
        return found


def run_cell(tab: Tab, index: int) -> None:
    tab.evaluate(
        f"window.notebookPanel().content.activeCellIndex = {index}, window.runCommand('notebook:run-cell'), 0"
    )


def look(tab: Tab) -> tuple[float, float]:
    """The machine's clock, and the seconds of CPU that the page's main thread has used."""
    metrics = tab.metrics()
    return metrics["Timestamp"], metrics["TaskDuration"]


def spent(process: psutil.Process) -> float:
    """Seconds of CPU that `process` has used."""
    times = process.cpu_times()
    return float(times.user + times.system)
