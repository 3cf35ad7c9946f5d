"""The provider that notebook 07 writes keeps the contract of our own, as it stands in its cell."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.environment import ROOT, clean

BOTH = ("07_write_a_provider.ipynb", "07_write_a_provider.zh.ipynb")
ADDED = """
import json
{cell}
from nbstream.providers import registry
registry.add(Firefly())
"""


def cell(name: str, id: str) -> str:
    cells = json.loads((ROOT / "notebooks" / name).read_text(encoding="utf-8"))["cells"]
    return "".join(next(cell["source"] for cell in cells if cell["id"] == id))


@pytest.mark.parametrize("name", BOTH)
def test_it_is_about_forty_lines(name: str) -> None:
    written = cell(name, "provider").partition("class ")[2]
    assert len([line for line in written.splitlines() if line.strip()]) <= 42


def test_it_keeps_the_contract(tmp_path: Path) -> None:
    (tmp_path / "added.py").write_text(ADDED.format(cell=cell(BOTH[0], "provider")), encoding="utf-8")
    words = ["-p", "added", "-p", "no:cacheprovider", "tests/providers/test_contract.py", "-k", "firefly"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        env=clean(tmp_path / "home", PYTHONPATH=f"{tmp_path}:{ROOT}"),
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert done.stdout.partition("[100%]")[0].count(".") >= 18, done.stdout
