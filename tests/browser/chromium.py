"""Where Chromium is, and how the tests start it. The one place that knows.

`find` looks at ``$NBSTREAM_CHROMIUM``, then on PATH, then where macOS keeps its applications, then where
Playwright keeps its own browser. A program that is found must also run: on Ubuntu ``chromium`` may be a
script that only asks for a snap.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

ON_PATH = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
APPLICATIONS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
ARGS = (
    "--headless=new",
    "--no-sandbox",  # root and most containers cannot use the sandbox; the tests open loopback pages only
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",  # /dev/shm is 64 MB in a container
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--lang=en-US",
)
MISSING = (
    "no Chromium: `make test` installs one, or name yours with NBSTREAM_CHROMIUM=/path/to/chromium "
    "(looked for " + ", ".join(ON_PATH) + ", and Playwright's own)"
)


def _candidates() -> Iterator[str]:
    chosen = os.environ.get("NBSTREAM_CHROMIUM")
    if chosen:
        yield chosen
        return  # a wrong name is a mistake to hear about, not to pass over
    for name in ON_PATH:
        path = shutil.which(name)
        if path:
            yield path
    yield from APPLICATIONS
    own = _playwrights_own()
    if own:
        yield own


def _playwrights_own() -> str | None:
    # Asked in a child: starting Playwright here would leave its event loop on this thread.
    code = (
        "from playwright.sync_api import sync_playwright\n"
        "with sync_playwright() as playwright: print(playwright.chromium.executable_path)"
    )
    try:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def _runs(path: str) -> bool:
    if not Path(path).exists():
        return False
    try:
        done = subprocess.run(
            [path, "--version", "--no-sandbox"], capture_output=True, stdin=subprocess.DEVNULL, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def find() -> str | None:
    """The path of a Chromium that runs, or None."""
    return next((path for path in _candidates() if _runs(path)), None)


def launch(playwright: Playwright) -> Browser:
    """Start the Chromium of `find` with a fresh profile."""
    path = find()
    if path is None:
        raise FileNotFoundError(MISSING)
    return playwright.chromium.launch(executable_path=path, headless=True, args=list(ARGS), timeout=60_000)
