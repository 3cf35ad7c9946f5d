"""A loopback model server in a process of its own, and what it remembers.

The process is apart so that no test shares an event loop, a lock or a CPU's turn with it by accident.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from typing import Any

from tests.environment import ROOT

KEY = "sk-test-7f3a9c0e5d"
Log = list[dict[str, Any]]


class Served:
    """``with Served() as server:``; `server.url` is the base URL, `server.log()` the requests so far."""

    def __init__(self, dialect: str = "openai", key: str | None = KEY) -> None:
        self._words = [
            sys.executable,
            "-m",
            f"tests.fakes.{dialect}_server",
            *(["--key", key] if key else []),
        ]
        self.url = self.origin = ""

    def __enter__(self) -> Served:
        self._process = subprocess.Popen(
            self._words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout
        ready = json.loads(self._process.stdout.readline())
        self.url, self.origin = ready["url"], ready["origin"]
        self.certificate: str = ready.get("certificate", "")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()  # it ends when its input does
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _ask(self, path: str) -> Any:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(urllib.request.Request(self.origin + path), timeout=10) as response:
            return json.loads(response.read())

    def log(self) -> Log:
        """The chat requests so far, in the order in which they came."""
        found: Log = self._ask("/control/log")
        return [record for record in found if record["method"] == "POST"]

    def release(self) -> None:
        """Let the model `hold` go on."""
        self._ask("/control/release")

    def wait_for(self, condition: Callable[[Log], bool], what: str, timeout: float = 10) -> Log:
        """Wait until `condition` holds for the log."""
        end = time.monotonic() + timeout
        while not condition(log := self.log()):
            assert time.monotonic() < end, f"the server waited {timeout} s for {what}"
            time.sleep(0.02)  # another process: there is no event to wait for
        return log

    def environment(self) -> dict[str, str]:
        """What makes the provider `openai` speak to this server."""
        return {"OPENAI_BASE_URL": self.url, "OPENAI_API_KEY": KEY}

    def setup(self) -> str:
        """The first cell of a notebook: the same, and the extension."""
        return f"import os\nos.environ.update({self.environment()!r})\n%load_ext nbstream"
