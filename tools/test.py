"""Every test, in three processes side by side: two that drive a browser, and the others; then kernels.

    python tools/test.py                 everything
    python tools/test.py tests/unit -x   what pytest is to be given, in one process

Whoever waits for a page or a kernel leaves the processor to the others, so that two processors are busy
until the end. What counts objects or threads counts those of its own process.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[1]
PYTEST = (sys.executable, "-m", "pytest")
NOTHING_COLLECTED = 5
PANEL = "test_panel_*.py"
KERNELS = ("tests/kernel", "tests/clients", "tests/bench", "tests/plugin")
"""Where tests start kernels and other programs, and wait for them."""
ASIDE = {
    "browser": ["-m", "browser", "tests", f"--ignore-glob=*/{PANEL}", "--ignore=tests/hostile"],
    "panel": ["-m", "browser", *sorted(map(str, (ROOT / "tests/browser").glob(PANEL))), "tests/hostile"],
}
"""What runs beside the others; each has a cache of its own, for it may not write where another does."""
OTHERS = ["-m", "not browser", *(f"--ignore={folder}" for folder in KERNELS)]
AFTER = ["-m", "not browser", *KERNELS]
"""What runs when these are done: a fourth beside them would only make pages wait."""


def main(given: list[str]) -> int:
    if given:
        return subprocess.run([*PYTEST, *given], cwd=ROOT).returncode
    with ExitStack() as stack:
        # What these say comes last: runs that write at once are hard to read.
        aside = {name: _started(name, what, stack) for name, what in ASIDE.items()}
        try:
            codes = [subprocess.run([*PYTEST, *what], cwd=ROOT).returncode for what in (OTHERS, AFTER)]
            print(f"nbstream: {', '.join(aside)} go on, and are shown when they are done", file=sys.stderr)
            for process, _ in aside.values():
                process.wait()
        except BaseException:
            for process, _ in aside.values():
                process.terminate()
            raise
        for name, (process, kept) in aside.items():
            kept.seek(0)
            print(f"--- {name}\n{kept.read()}")
            codes.append(1 if process.returncode == NOTHING_COLLECTED else process.returncode)
    return max(codes, key=abs)


def _started(name: str, what: list[str], stack: ExitStack) -> tuple[subprocess.Popen[str], IO[str]]:
    kept = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
    stack.enter_context(kept)
    options = ["-o", f"cache_dir=.pytest_cache/{name}", "--color=no"]
    process = subprocess.Popen(
        [*PYTEST, *what, *options],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=kept,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return stack.enter_context(process), kept


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
