"""``nbstream demo``: the quickstart, in JupyterLab.

Notebooks are opened as copies, in a folder to write in: what is there already is the reader's, and stays.
With no display (a server, a container) no browser is started: Jupyter prints the address with its token
and keeps serving until Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from ..errors import fail
from ..i18n import language, t
from ..show.console import put

FIRST = {"en": "01_quickstart.ipynb", "zh": "01_quickstart.zh.ipynb"}
FOLDER = "nbstream-demo"
PACKAGE = Path(__file__).resolve().parents[1]
QUIET = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
"""A first look should not begin under a pop-up that asks about news."""


def demo(options: argparse.Namespace) -> int:
    """Open it. Where there is no JupyterLab, `NbstreamError` says how to get it."""
    if find_spec("jupyterlab") is None:
        raise fail("config.no_jupyterlab", python=sys.executable)
    folder = Path(options.folder or FOLDER).expanduser().absolute()
    try:
        copies(folder)
        words = command(folder, options.port, quiet(folder))
    except OSError as error:
        raise fail("config.demo_folder", folder=str(folder), reason=error.strerror or str(error)) from None
    if options.no_browser or not has_display():
        words.append("--no-browser")
    put(t("command.demo.copies", folder=str(folder)))
    if "--no-browser" in words:
        put(t("command.demo.address"))
    os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")  # the kernel of this Python, not of another
    if sys.platform == "win32":  # there a program that replaces us would lose the console
        return subprocess.call(words)
    os.execv(words[0], words)


def source() -> Path:
    """Where the notebooks of this nbstream are: beside the package in a checkout, else within it."""
    for place in (PACKAGE.parent / "notebooks", PACKAGE / "notebooks"):
        if (place / FIRST["en"]).is_file():
            return place
    raise fail("config.no_notebooks", python=sys.executable)


def copies(folder: Path) -> None:
    """Put what is not there yet into `folder`: notebooks, and what they read."""
    origin = source()
    for one in sorted(origin.rglob("*")):
        way = one.relative_to(origin)
        if one.is_dir() or any(part.startswith((".", "_")) for part in way.parts):
            continue  # checkpoints and the like
        if not (folder / way).exists():
            (folder / way).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(one, folder / way)


def quiet(folder: Path) -> Path:
    """JupyterLab's settings for this run: those of its installation, and no news."""
    settings, usual = folder / ".jupyterlab", Path(sys.prefix, "share", "jupyter", "lab", "settings")
    settings.mkdir(exist_ok=True)
    for one in usual.glob("*.json"):
        shutil.copyfile(one, settings / one.name)
    overrides = settings / "overrides.json"
    known = json.loads(overrides.read_text("utf-8")) if (usual / overrides.name).is_file() else {}
    overrides.write_text(json.dumps({**known, **QUIET}), "utf-8")
    return settings


def command(folder: Path, port: int | None, settings: Path) -> list[str]:
    """The words that start JupyterLab on the first notebook in `folder`."""
    words = [
        *(sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}"),
        f"--LabApp.default_url=/lab/tree/{FIRST[language()]}",
        f"--LabApp.app_settings_dir={settings}",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--ServerApp.log_level=WARN",  # what is left is the address
    ]
    if port:
        # A port that was asked for is the port, or an error: never the next free one.
        words += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        words.append("--allow-root")
    return words


def has_display() -> bool:
    if sys.platform in ("darwin", "win32"):
        return "SSH_CONNECTION" not in os.environ
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
