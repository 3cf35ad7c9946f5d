"""Chromium, spoken to over its own protocol: nothing stands between us and the page that costs it time.

(Playwright has the browser report every websocket frame, payload and all, which is a load of its own.)
"""

from __future__ import annotations

import itertools
import json
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import websocket

from tests.browser import chromium

VIEWPORT = (1280, 1400)


class Chrome:
    """``with Chrome() as chrome:`` one browser with a fresh profile; `tab` opens a page in it."""

    def __enter__(self) -> Self:
        path = chromium.find()
        if path is None:
            raise FileNotFoundError(chromium.MISSING)
        self._profile = tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)
        size = "--window-size={},{}".format(*VIEWPORT)
        # Loopback only: a page that waits for somebody's icons is measured without them.
        near = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
        own = (
            "--remote-debugging-port=0",
            f"--user-data-dir={self._profile.name}",
            size,
            near,
            "about:blank",
        )
        self._process = subprocess.Popen(
            [path, *chromium.ARGS, *own], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        told = Path(self._profile.name) / "DevToolsActivePort"
        end = time.monotonic() + 60
        while not (told.exists() and "\n" in told.read_text()):
            if time.monotonic() > end or self._process.poll() is not None:
                self.__exit__(None, None, None)
                raise RuntimeError(f"Chromium did not start: {path}")
            time.sleep(0.05)  # a process that starts has no event to wait for
        self._origin = f"http://127.0.0.1:{told.read_text().splitlines()[0]}"
        self.version = self._ask("/json/version")["Browser"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._profile.cleanup()

    def _ask(self, path: str, method: str = "GET") -> Any:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(urllib.request.Request(self._origin + path, method=method), timeout=30) as reply:
            return json.loads(reply.read())

    def tab(self, script: str, patience: float = 60) -> Tab:
        """A new page; `script` runs in it before any script of its own."""
        made = self._ask("/json/new?about:blank", "PUT")
        tab = Tab(made["webSocketDebuggerUrl"], patience)
        tab.call("Page.enable")
        tab.call("Page.addScriptToEvaluateOnNewDocument", source=script)
        # CPU time of the thread, not the time of the clock: another process's turn is not ours.
        tab.call("Performance.enable", timeDomain="threadTicks")
        return tab


class Tab:
    """One page."""

    def __init__(self, address: str, patience: float = 60) -> None:
        self.address = address
        self._socket = websocket.create_connection(address, timeout=patience, suppress_origin=True)
        self._numbers = itertools.count(1)

    def call(self, method: str, **params: Any) -> Any:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            reply = json.loads(self._socket.recv())
            if reply.get("id") == number:
                if "error" in reply:
                    raise RuntimeError(f"{method}: {reply['error']}")
                return reply["result"]

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        done = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in done:
            raise RuntimeError(f"{expression}: {done['exceptionDetails']}")
        return done["result"].get("value")

    def until(self, condition: str, within: float) -> None:
        end = time.monotonic() + within
        while not self.evaluate(f"!!({condition})"):
            if time.monotonic() > end:
                raise TimeoutError(f"waited {within:g} s for {condition}")
            time.sleep(0.05)

    def metrics(self) -> dict[str, float]:
        """The browser's own account of the page: seconds of CPU, by kind, since it was opened."""
        return {one["name"]: one["value"] for one in self.call("Performance.getMetrics")["metrics"]}

    def clock(self, rounds: int = 200) -> tuple[float, float]:
        """``(offset, uncertainty)`` in seconds: monotonic time = performance.now() / 1000 + offset.

        Of many round trips the shortest is taken; the page's look at its clock lies somewhere in it.
        """
        best, offset = float("inf"), 0.0
        for _ in range(rounds):
            before = time.monotonic()
            now = self.evaluate("performance.now()") / 1000
            after = time.monotonic()
            if after - before < best:
                best, offset = after - before, (before + after) / 2 - now
        return offset, best / 2

    def close(self) -> None:
        self.call("Page.close")
        self._socket.close()
