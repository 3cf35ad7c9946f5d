"""Make sure that there is a Chromium for the browser tests; say in one line what to do where we cannot.

Looks first (`tests/browser/chromium.py` says where); as root on Debian asks apt; else asks Playwright.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.browser import chromium


def run(*command: str) -> bool:
    """Run `command`, its chatter on standard error; whether it went well."""
    print("nbstream:", " ".join(command), file=sys.stderr, flush=True)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, env=env).returncode == 0
    except OSError as error:
        print(f"nbstream: {error}", file=sys.stderr)
        return False


def main() -> int:
    if chromium.find():
        return 0
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    print("nbstream: no Chromium here; the browser tests need one", file=sys.stderr)
    if root and shutil.which("apt-get"):
        run("apt-get", "update", "-qq")
        # The font: Chinese answers would be rows of empty boxes in the screenshots.
        run("apt-get", "install", "-y", "-qq", "chromium", "fonts-wqy-microhei")
    if not chromium.find():
        # On Ubuntu the package is only a pointer to a snap, which does not run in a container.
        with_system_libraries = ["--with-deps"] if root and shutil.which("apt-get") else []
        run(sys.executable, "-m", "playwright", "install", *with_system_libraries, "chromium")
    if chromium.find():
        return 0
    print(
        "nbstream: the browser tests need Chromium or Chrome: install one (Debian: sudo apt-get install "
        "chromium; macOS: brew install --cask chromium), or name it: "
        "NBSTREAM_CHROMIUM=/path/to/chromium make test",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
