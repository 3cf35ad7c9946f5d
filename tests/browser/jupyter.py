"""JupyterLab and Notebook 7, each as a process of its own on a free loopback port.

Nothing of the machine leaks in (its own home, configuration and runtime directories), and news and update
notices are off; rate limits and everything else are Jupyter's defaults.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.environment import clean

SETTINGS = {
    "apputils-extension/notification": {"checkForUpdates": False, "fetchNews": "false"},
    # A completion box that opens on its own would swallow keys which a test types.
    "completer-extension/manager": {"autoCompletion": False},
}
MODULES = {"lab": "jupyterlab", "notebook": "notebook"}
APPS = {"lab": "LabApp", "notebook": "JupyterNotebookApp"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """One running server: ``Server("lab", folder)`` or ``Server("notebook", folder)``."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.root = folder / "notebooks"
        self.log_file = folder / "server.log"
        self.env = clean(folder / "home")
        self.kernels = Path(self.env["JUPYTER_DATA_DIR"]) / "kernels"
        """Kernelspecs that are written here can be used at once."""
        self.token = secrets.token_hex(16)
        self.url = ""
        self.process: subprocess.Popen[bytes] | None = None
        self.root.mkdir(parents=True)
        self._settings = Path(self.env["JUPYTER_CONFIG_DIR"]) / "lab/user-settings/@jupyterlab"
        for name, values in SETTINGS.items():
            self.set(name, values)

    def start(self) -> Server:
        """Start the process and wait until it answers. A port lost to another process is tried again."""
        for _ in range(3):
            self._spawn(free_port())
            if self._answers(within=90):
                return self
            self.stop()
        raise RuntimeError(f"the {self.kind} server did not start:\n{self.log()}")

    def _spawn(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        app = APPS[self.kind]
        words = [
            *(sys.executable, "-m", MODULES[self.kind], "--no-browser"),
            *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
            *(f"--ServerApp.root_dir={self.root}", "--LabApp.news_url=None"),
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            f"--{app}.expose_app_in_browser=True",
        ]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            words.append("--allow-root")
        # By the environment: on the command line any user of the machine could read it.
        env = self.env | {"JUPYTER_TOKEN": self.token}
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                words, cwd=self.root, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _answers(self, within: float) -> bool:
        assert self.process
        end = time.monotonic() + within
        while time.monotonic() < end and self.process.poll() is None:
            try:
                self.api("/api/status")
                return True
            except (OSError, urllib.error.HTTPError):
                time.sleep(0.1)  # a process that starts has no event to wait for
        return False

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def log(self, since: int = 0) -> str:
        """What the server and its kernels have written, from byte `since` on."""
        return self.log_file.read_bytes()[since:].decode("utf-8", "replace")

    # -- the REST API --------------------------------------------------------------------------------

    def api(self, path: str, method: str = "GET") -> Any:
        request = urllib.request.Request(
            self.url + path, method=method, headers={"Authorization": f"token {self.token}"}
        )
        # No proxy, whatever the environment says: this is loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as response:
            body = response.read()
        return json.loads(body) if body else None

    def set(self, name: str, values: dict[str, Any]) -> None:
        """Write user settings, such as ``set("apputils-extension/themes", {"theme": ...})``."""
        path = self._settings / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")

    def kernel_of(self, path: str) -> str:
        """The id of the kernel that runs the notebook `path`."""
        return next(s["kernel"]["id"] for s in self.api("/api/sessions") if s["path"] == path)

    def connection_file(self, kernel_id: str) -> Path:
        return Path(self.env["JUPYTER_RUNTIME_DIR"]) / f"kernel-{kernel_id}.json"

    def close_kernels(self, but: str = "") -> None:
        """Close all notebooks' kernels but one."""
        for session in self.api("/api/sessions"):
            if session["kernel"]["id"] != but:
                self.api(f"/api/sessions/{session['id']}", "DELETE")
