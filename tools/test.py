"""Every test, in two processes: those that drive a browser, and the others beside them.

    python tools/test.py                 everything
    python tools/test.py tests/unit -x   what pytest is to be given, in one process

A browser test waits most of the time; together the two take little more than the longer one.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTEST = (sys.executable, "-m", "pytest")
NOTHING_COLLECTED = 5


def main(given: list[str]) -> int:
    if given:
        return subprocess.run([*PYTEST, *given], cwd=ROOT).returncode
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as kept:
        # What this one says comes last: two runs that write at once are hard to read.
        with subprocess.Popen(
            [*PYTEST, "-m", "browser", "-o", "cache_dir=.pytest_cache/browser", "--color=no"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=kept,
            stderr=subprocess.STDOUT,
        ) as browser:
            try:
                others = subprocess.run([*PYTEST, "-m", "not browser"], cwd=ROOT).returncode
                print("nbstream: the browser tests go on, and are shown when they are done", file=sys.stderr)
                browser.wait()
            except BaseException:
                browser.terminate()
                raise
        kept.seek(0)
        print(kept.read())
    return others or (browser.returncode if browser.returncode != NOTHING_COLLECTED else 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
