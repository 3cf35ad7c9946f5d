"""The parsers that read our Markdown after us: marked as JupyterLab uses it, markdown-it, nbconvert."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from nbconvert.filters import markdown2html_mistune

HERE = Path(__file__).parent
# What jupyterlab 4.6 bundles; its markedparser extension asks for these majors.
PACKAGES = ("marked@17.0.6", "marked-gfm-heading-id@4.1.4", "marked-mangle@1.1.13")
CACHE = HERE.parents[1] / ".venv" / "hostile-node"


def node_modules() -> Path:
    """The folder with marked in it, installed at first use. No node: skip; in CI a failed install fails."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    if not (CACHE / "node_modules" / "marked-mangle").is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        (CACHE / "package.json").write_text('{"private": true}')
        npm = shutil.which("npm") or "npm"
        words = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES]
        try:
            done = subprocess.run(words, cwd=CACHE, capture_output=True, text=True, timeout=300)
            problem = done.stderr if done.returncode else ""
        except (OSError, subprocess.TimeoutExpired) as error:
            problem = str(error)
        if problem:
            if os.environ.get("CI", "").lower() in ("", "0", "false"):
                pytest.skip(f"npm could not install marked: {problem[-300:]}")
            pytest.fail(f"npm could not install marked:\n{problem}", pytrace=False)
    return CACHE


def lab(texts: list[str], modules: Path) -> list[dict[str, Any]]:
    """Each text as JupyterLab renders it: ``html``, the ``math`` it took out, the milliseconds it took."""
    done = subprocess.run(
        ["node", str(HERE / "lab.mjs"), str(modules)],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def with_markdown_it(text: str) -> str:
    """A reader that lets HTML through, as VS Code does."""
    rendered: str = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text)
    return rendered


def with_nbconvert(text: str) -> str:
    """nbconvert, which lets HTML through and takes math out by rules of its own."""
    return str(markdown2html_mistune(text))
