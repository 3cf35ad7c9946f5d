"""Binder installs what the project asks for, to the version; `tools/binder.py` proves that it works."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.environment import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LINES = [
    line
    for line in (ROOT / "binder/requirements.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
WANTED = list(map(Requirement, [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["lab"]]))
PAGES = ("binder/README.md", "docs/teaching.md", "docs/teaching.zh.md", "README.md", "README.zh-CN.md")
USUAL = {"IPython": "ipython", "PIL": "pillow", "yaml": "pyyaml", "markdown_it": "markdown-it-py"}
"""Modules that are called otherwise than what brings them."""


def pins() -> dict[str, str]:
    found = [re.fullmatch(r"([\w.-]+)==([\w.+!-]+)", line) for line in LINES if line != "-e ."]
    assert all(found), "a line is neither this checkout nor one version of something"
    return {canonicalize_name(one[1]): one[2] for one in found if one}


def test_this_checkout_is_installed_and_all_else_is_one_version_of_something() -> None:
    assert LINES[0] == "-e ." and LINES.count("-e .") == 1
    assert len(pins()) == len(LINES) - 1  # nothing twice


@pytest.mark.parametrize("wanted", WANTED, ids=str)
def test_each_thing_that_the_project_needs_is_pinned_to_a_version_that_it_allows(wanted: Requirement) -> None:
    pinned = pins().get(canonicalize_name(wanted.name))
    assert pinned is not None, f"{wanted.name} is not pinned: tools/binder.py --pin"
    assert wanted.specifier.contains(pinned), f"{wanted} and {pinned}: tools/binder.py --pin"


def test_binders_python_is_one_of_ours() -> None:
    runtime = (ROOT / "binder/runtime.txt").read_text().strip()
    assert re.fullmatch(r"python-3\.\d+", runtime)
    assert SpecifierSet(PROJECT["requires-python"]).contains(runtime.removeprefix("python-"))


@pytest.mark.parametrize("path", sorted(ROOT.glob("notebooks/*.ipynb")), ids=lambda path: path.name)
def test_no_notebook_needs_more_than_is_pinned(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    for source in sources:
        lines = [line for line in source.splitlines() if not re.match(r"\s*[%!?]", line)]
        if source.startswith("%%"):
            continue
        for node in ast.walk(ast.parse("\n".join(lines))):
            named = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            named += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            for module in (name.partition(".")[0] for name in named):
                there = module in sys.stdlib_module_names or module == "nbstream"
                name = canonicalize_name(USUAL.get(module, module))
                assert there or name in pins(), f"{module} is not pinned"


def test_what_runs_when_the_image_is_built_can_run() -> None:
    script = ROOT / "binder/postBuild"
    assert os.access(script, os.X_OK)  # repo2docker runs it as it is
    assert script.read_text().startswith("#!/bin/bash\n")
    assert subprocess.run(["bash", "-n", script]).returncode == 0


def test_every_link_to_binder_opens_a_notebook_that_is_there() -> None:
    opened = []
    for page in PAGES:
        for link in re.findall(r"https://mybinder\.org/v2/[^\s)>\"`]+", (ROOT / page).read_text("utf-8")):
            [path] = parse_qs(urlsplit(link).query)["urlpath"]
            assert path.startswith("lab/tree/"), f"{page}: {link}"
            assert (ROOT / path.removeprefix("lab/tree/")).is_file(), f"{page}: {link}"
            opened.append(path)
    assert {*opened} >= {
        "lab/tree/notebooks/01_quickstart.ipynb",
        "lab/tree/notebooks/01_quickstart.zh.ipynb",
    }
