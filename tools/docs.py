"""Build the site of docs/ and run the documents: every notebook on the embedded demo model, every example in
docstrings and pages.

The site goes to build/docs/html, the executed notebooks beside its pages. Nothing here needs a key or the
network; a page with a dead link or a notebook that fails fails the run. Addresses outside are listed only, in
build/docs/external.txt: whether they answer today says nothing about this change.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tools import website  # noqa: E402


def notebooks() -> list[Path]:
    every = sorted(ROOT.glob("notebooks/**/*.ipynb"))
    return [path for path in every if ".ipynb_checkpoints" not in path.parts]


def run(*words: str) -> bool:
    print("nbstream:", *words, flush=True)
    env = {**os.environ, "NBSTREAM_MODEL": "demo", "NBSTREAM_DEMO_SPEED": "max", "NBSTREAM_TAPE_SPEED": "max"}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return (
        subprocess.run([sys.executable, *words], cwd=ROOT, env=env, stdin=subprocess.DEVNULL).returncode == 0
    )


def main() -> int:
    good = run("tools/reference.py", "--check")
    good &= website.build()
    if every := [str(path.relative_to(ROOT)) for path in notebooks()]:
        words = ("--to", "html", "--execute", "--embed-images", "--ExecutePreprocessor.timeout=300")
        out = website.BUILD / "html/notebooks"
        good &= run("-m", "nbconvert", *words, "--output-dir", str(out), *every)
        website.join(out)
    pages = [str(path.relative_to(ROOT)) for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])]
    good &= run("-m", "pytest", "--doctest-modules", "--doctest-glob=*.md", "nbstream", *pages)
    for link in website.dead():
        print(f"nbstream: a link that leads nowhere: {link}")
        good = False
    addresses = website.external()
    (website.BUILD / "external.txt").write_text("\n".join([*addresses, ""]), encoding="utf-8")
    print(f"nbstream: addresses outside, listed in build/docs/external.txt: {len(addresses)}")
    print("nbstream: the site is build/docs/html/index.html")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
