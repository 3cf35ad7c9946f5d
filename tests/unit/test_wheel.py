"""The package as somebody installs it: a wheel, built here and put into a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.environment import ROOT, clean

BUILD = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what the wheel holds, and its script."""
    folder = tmp_path_factory.mktemp("wheel")
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([sys.executable, "-c", BUILD, str(folder)], cwd=ROOT, env=env, check=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder / "site")
    return folder / "site"


def run(installed: Path, folder: Path, code: str) -> str:
    """What `code` prints where only the wheel's nbstream is."""
    env = clean(folder / "home", PYTHONPATH=str(installed))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_script_runs_and_the_notebooks_are_in_it(installed: Path, tmp_path: Path) -> None:
    (entry,) = installed.glob("*.dist-info/entry_points.txt")
    assert "nbstream = nbstream.cli:main" in entry.read_text()
    code = (
        "from pathlib import Path; from nbstream.cli import main; from nbstream.cli import demo\n"
        "main(['--version']); main(['providers', 'spark']); main(['demo', '--help'])\n"
        "demo.copies(Path('mine')); print(demo.source())"
    )
    said = run(installed, tmp_path, code)
    assert "SPARK_APP_ID" in said and "--port N" in said
    assert Path(said.splitlines()[-1]) == installed / "nbstream/notebooks"
    ours = {path.relative_to(ROOT / "notebooks") for path in (ROOT / "notebooks").rglob("[!._]*.*")}
    theirs = {path.relative_to(tmp_path / "mine") for path in (tmp_path / "mine").rglob("*.*")}
    assert {one for one in ours if not one.parts[0].startswith((".", "_"))} == theirs
    for path in (tmp_path / "mine").glob("*.ipynb"):
        assert json.loads(path.read_text("utf-8"))["nbformat"] == 4
