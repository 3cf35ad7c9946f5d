"""Run a notebook with no front end, as people do in pipelines: nbclient, papermill, ``jupyter execute``.

Each in a process of its own with a clean environment; what comes back is what a pipeline would see.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from tests.environment import clean

NBCLIENT = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], as_version=4)
try:
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
finally:
    nbformat.write(notebook, sys.argv[2])
"""
COMMANDS = {
    "nbclient": ("-c", NBCLIENT, "given.ipynb", "done.ipynb"),
    "papermill": ("-m", "papermill", "--no-progress-bar", "given.ipynb", "done.ipynb"),
    "jupyter execute": ("-m", "jupyter", "execute", "--inplace", "--timeout=60", "done.ipynb"),
}
RUNNERS = tuple(COMMANDS)


@dataclass
class Outcome:
    """What a headless run left behind."""

    code: int
    said: str
    notebook: Any

    def outputs(self, index: int) -> list[Any]:
        """The outputs of a cell; papermill's own cells, which say that a run failed, are not counted.

        ``jupyter execute`` writes nothing when the run fails.
        """
        own = "papermill-error-cell-tag"
        cells = [cell for cell in self.notebook.cells if own not in cell.metadata.get("tags", [])]
        found: list[Any] = cells[index].outputs
        return found


def execute(runner: str, cells: Sequence[str], folder: Path, **env: str) -> Outcome:
    """Run a notebook of `cells` by one of `RUNNERS`, in `folder`."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for name in ("given.ipynb", "done.ipynb"):
        nbformat.write(notebook, folder / name)
    done = subprocess.run(
        [sys.executable, *COMMANDS[runner]],
        cwd=folder,
        env=clean(folder / "home", **env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=180,
    )
    return Outcome(done.returncode, done.stdout, nbformat.read(folder / "done.ipynb", as_version=4))


MANY = """
import sys, nbclient, nbformat
for name in sys.argv[1:]:
    notebook = nbformat.read(name, as_version=4)
    try:
        nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    except nbclient.exceptions.CellExecutionError as error:
        print(name, error, sep=": ")
    finally:
        nbformat.write(notebook, name)
"""
OFFLINE = """
import sys

def refuse(event, arguments):
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host not in (None, "", "localhost", "::1", "0.0.0.0") and not str(host).startswith("127."):
        raise OSError(f"there is no network here: {host}")

sys.addaudithook(refuse)
"""
"""A ``sitecustomize``: nothing but this machine can be reached."""


def execute_files(folder: Path, names: Sequence[str], **env: str) -> tuple[str, dict[str, Any]]:
    """Run notebooks that stand in `folder`, one after the other, with no network: what was said, and each."""
    offline = folder / "offline"
    offline.mkdir()
    (offline / "sitecustomize.py").write_text(OFFLINE)
    environment = clean(folder / "home", **env)
    environment["PYTHONPATH"] = os.pathsep.join([str(offline), environment["PYTHONPATH"]])
    done = subprocess.run(
        [sys.executable, "-c", MANY, *names],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    return done.stdout, {name: nbformat.read(folder / name, as_version=4) for name in names}
