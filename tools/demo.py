"""Open JupyterLab on a copy of the first notebook: tools/demo.py [PORT]

With no display (a server, a container) no browser is started: Jupyter prints the address with its token
and keeps serving until Ctrl-C.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FIRST = {"en": "01_quickstart.ipynb", "zh": "01_quickstart.zh.ipynb"}
COPIES = ROOT / "demo"


def has_display() -> bool:
    if sys.platform in ("darwin", "win32"):
        return "SSH_CONNECTION" not in os.environ
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def language() -> str:
    """The reader's language, by the same names that the package looks at (it may not be imported yet)."""
    names = ("NBSTREAM_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
    value = next((os.environ[name] for name in names if os.environ.get(name)), "")
    return "zh" if value.lower().startswith("zh") else "en"


def quiet() -> None:
    """A first look should not begin under a pop-up that asks about news: said in our own .venv's settings."""
    if sys.prefix == sys.base_prefix:
        return
    settings = Path(sys.prefix, "share", "jupyter", "lab", "settings", "overrides.json")
    wanted = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(json.dumps(wanted, indent=2))


def copies() -> None:
    """Notebooks to write in: those of the project stay as they are. What is there already is the reader's."""
    COPIES.mkdir(exist_ok=True)
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        if not (COPIES / notebook.name).exists():
            shutil.copy(notebook, COPIES)


def command(port: str) -> list[str]:
    first = f"{COPIES.name}/{FIRST[language()]}"
    words = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={ROOT}",
        f"--LabApp.default_url=/lab/tree/{first}",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    if port:
        # A port that was asked for is the port, or an error: never the next free one.
        words += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if not has_display():
        words.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        words.append("--allow-root")
    return words


def main() -> None:
    port = sys.argv[1] if len(sys.argv) > 1 else ""
    words = command(port)
    if "--no-browser" in words:
        print("nbstream: no display here; open the address below in a browser (Ctrl-C ends it)", flush=True)
    quiet()
    copies()
    os.chdir(ROOT)
    os.execv(words[0], words)


if __name__ == "__main__":
    main()
