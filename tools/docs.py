"""Run the documents: every notebook on the embedded demo model, every example in docstrings and pages.

The executed notebooks become HTML in build/docs. Nothing here needs a key or the network; a notebook that
fails fails the run.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def notebooks() -> list[Path]:
    every = sorted(ROOT.glob("notebooks/**/*.ipynb"))
    return [path for path in every if ".ipynb_checkpoints" not in path.parts]


def run(*words: str) -> bool:
    print("nbstream:", *words, flush=True)
    env = {**os.environ, "NBSTREAM_MODEL": "demo"}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return (
        subprocess.run([sys.executable, *words], cwd=ROOT, env=env, stdin=subprocess.DEVNULL).returncode == 0
    )


def main() -> int:
    good = True
    for path in notebooks():
        out = ROOT / "build/docs" / path.relative_to(ROOT / "notebooks").parent
        good &= run(
            *("-m", "nbconvert", "--to", "html", "--execute", "--ExecutePreprocessor.timeout=300"),
            *("--output-dir", str(out), str(path.relative_to(ROOT))),
        )
    pages = [str(path.relative_to(ROOT)) for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])]
    good &= run("-m", "pytest", "--doctest-modules", "--doctest-glob=*.md", "nbstream", *pages)
    if not notebooks():
        print("nbstream: there are no notebooks yet")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
