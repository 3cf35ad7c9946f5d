"""Every test, in three processes side by side: two that drive a browser, and the others; then kernels.

    python tools/test.py                 everything
    python tools/test.py tests/unit -x   what pytest is to be given, in one process

Whoever waits for a page or a kernel leaves the processor to the others, so that two processors are busy
until the end. What counts objects or threads counts those of its own process.

Who gets no processor for half a minute fails. So one or two of a part that failed are run once more when
nothing runs beside them; both reports are shown, and who passed only then is named at the end.
"""

from __future__ import annotations

import json
import shutil
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
FEW = 2
"""How many of a part may be run once more: what breaks more is no chance."""
CACHE = ROOT / ".pytest_cache"


def main(given: list[str]) -> int:
    if given:
        return subprocess.run([*PYTEST, *given], cwd=ROOT).returncode
    parts = {**ASIDE, "others": OTHERS, "kernels": AFTER}
    codes: dict[str, int] = {}
    for name in parts:
        shutil.rmtree(CACHE / name, ignore_errors=True)  # what failed another time is not asked for
    with ExitStack() as stack:
        # What these say comes last: runs that write at once are hard to read.
        aside = {name: _started(name, what, stack) for name, what in ASIDE.items()}
        try:
            for name in ("others", "kernels"):
                codes[name] = subprocess.run([*_command(name, parts[name])], cwd=ROOT).returncode
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
            codes[name] = 1 if process.returncode == NOTHING_COLLECTED else process.returncode
    failed = [name for name in parts if codes[name] == 1]
    if late := [one for name in failed for one in _again(name, parts[name], codes)]:
        print("nbstream: passed only when nothing ran beside it:", *late, sep="\n  ", file=sys.stderr)
    return max(codes.values(), key=abs)


def _command(name: str, what: list[str]) -> list[str]:
    return [*PYTEST, *what, "-o", f"cache_dir={CACHE / name}"]


def _again(name: str, what: list[str], codes: dict[str, int]) -> list[str]:
    """Run what failed of a part once more; who has passed now, if all have."""
    try:
        failed = list(json.loads((CACHE / name / "v/cache/lastfailed").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return []
    if not 0 < len(failed) <= FEW:
        return []
    print(f"--- {name}: once more, alone", *failed, sep="\n  ", flush=True)
    codes[name] = subprocess.run([*_command(name, what), "--lf", "--lfnf=none"], cwd=ROOT).returncode
    return failed if codes[name] == 0 else []


def _started(name: str, what: list[str], stack: ExitStack) -> tuple[subprocess.Popen[str], IO[str]]:
    kept = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
    stack.enter_context(kept)
    process = subprocess.Popen(
        [*_command(name, what), "--color=no"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=kept,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return stack.enter_context(process), kept


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
