"""The provider of docs/write-a-provider.md is installed from that page and used like any other."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.environment import ROOT, clean
from tests.fakes.parrot_server import CREDENTIALS, scripted
from tests.fakes.scripted import Scene
from tools.kernels import find_uv

PAGE = (ROOT / "docs/write-a-provider.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.S | re.M)
NAMED = {match[1]: text for _, text in BLOCKS if (match := re.match(r"# (\S+\.\w+)\n", text))}


def wheel(folder: Path) -> Path:
    """What ``pip wheel`` makes of the page's two files; by hand, since a build backend is a download."""
    project = tomllib.loads(NAMED["pyproject.toml"])["project"]
    name = project["name"].replace("-", "_")
    info = f"{name}-{project['version']}.dist-info"
    groups = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    about = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    files = {
        "nbstream_parrot.py": NAMED["nbstream_parrot.py"],
        f"{info}/METADATA": about,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "\n".join(groups),
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    path = folder / f"{name}-{project['version']}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, text in files.items():
            archive.writestr(inside, text)
    return path


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example installed in it."""
    folder = tmp_path_factory.mktemp("parrot")
    target, made = folder / "site", wheel(folder)
    words = ["install", "-q", "--no-deps", "--no-index", "--target", str(target), str(made)]
    uv = find_uv()
    command = [uv, "pip", *words, "--python", sys.executable] if uv else [sys.executable, "-m", "pip", *words]
    subprocess.run(command, check=True, capture_output=True, env=clean(folder / "home"))
    return target


def run(installed: Path, home: Path, *words: str, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        env=clean(home, PYTHONPATH=f"{installed}:{ROOT}", **env),
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def test_the_example_is_short() -> None:
    lines = [line for line in NAMED["nbstream_parrot.py"].splitlines() if line.strip()]
    assert len(lines) <= 42
    assert max(map(len, lines)) <= 110


USED = """
import nbstream
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "nbstream")
shell.run_cell({cell!r}).raise_error()
answer = nbstream.ask("hi", model="parrot")
print([answer.text, answer.finish_reason, answer.raw_finish_reason, answer.usage.output_tokens])
import os
os.environ.clear()
try:
    nbstream.ask("hi", model="parrot")
except nbstream.NbstreamError as error:
    print(error.kind, error.fix, error.why)
shell.run_line_magic("llm", "models")
"""


def test_an_installed_package_brings_its_provider(installed: Path, tmp_path: Path) -> None:
    (cell,) = [text for kind, text in BLOCKS if kind == "text"]
    with scripted() as server:
        server.scene = Scene(("Hello", " 你好", " 😀"))
        env = {"PARROT_BASE_URL": server.url, "PARROT_API_KEY": CREDENTIALS["api_key"]}
        said = run(installed, tmp_path, "-c", USED.format(cell=cell), **env)
        sent = [record for record in server.log if record.method == "POST"]
    assert "['Hello 你好 😀', 'stop', 'full', 2]" in said
    assert "PARROT_API_KEY" in said and re.search(r"^parrot +", said, re.M)
    assert [record.body["talk"][-1] for record in sent] == [
        {"who": "user", "said": "Say something."},
        {"who": "user", "said": "hi"},
    ]
    assert {record.headers["x-parrot-key"] for record in sent} == {CREDENTIALS["api_key"]}


def test_it_keeps_the_contract_of_our_own(installed: Path, tmp_path: Path) -> None:
    tests = tmp_path / "test_parrot.py"
    tests.write_text(NAMED["test_parrot.py"], encoding="utf-8")
    words = ["-p", "no:cacheprovider", "tests/providers/test_contract.py", str(tests), "-k", "parrot"]
    done = run(installed, tmp_path / "home", "-m", "pytest", *words)
    assert done.partition("[100%]")[0].count(".") >= 18 + 3, done


def test_every_other_block_of_the_page_runs(installed: Path, tmp_path: Path) -> None:
    assert {kind for kind, _ in BLOCKS} == {"python", "toml", "text"}
    assert NAMED["tests/fakes/parrot_server.py"].partition("\n")[2] == (
        ROOT / "tests/fakes/parrot_server.py"
    ).read_text(encoding="utf-8")
    plain = [text for kind, text in BLOCKS if kind == "python" and "from .scripted" not in text]
    script = tmp_path / "page.py"
    script.write_text("\n".join(text for text in plain if "def test_" not in text), encoding="utf-8")
    run(installed, tmp_path / "home", str(script))


def test_both_languages_lead_to_each_other_and_to_files_that_exist() -> None:
    chinese = (ROOT / "docs/write-a-provider.zh.md").read_text(encoding="utf-8")
    assert re.findall(r"^```(\w+)\n(.*?)^```", chinese, re.S | re.M) == BLOCKS
    assert "(write-a-provider.zh.md)" in PAGE and "(write-a-provider.md)" in chinese
    for path in re.findall(r"`((?:nbstream|tests|docs)/[\w/.]+)`", PAGE + chinese):
        assert (ROOT / path).exists(), path
