"""The environment that child processes of the tests get: nothing of the machine's own comes along.

No keys, no proxies, no user configuration: only what a program needs to start, a home of its own, and the
checkout on PYTHONPATH (so that the tests also pass when the package is not installed).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
KEPT = ("TMPDIR", "SYSTEMROOT", "LD_LIBRARY_PATH", "CI")


def clean(home: Path, **extra: str) -> dict[str, str]:
    """Environment variables for a child process that lives in the directory `home`."""
    env = {name: os.environ[name] for name in KEPT if name in os.environ}
    folders = {
        "HOME": home,
        "XDG_CONFIG_HOME": home / "config",
        "XDG_DATA_HOME": home / "share",
        "XDG_CACHE_HOME": home / "cache",
        "JUPYTER_CONFIG_DIR": home / "jupyter/config",
        "JUPYTER_DATA_DIR": home / "jupyter/data",
        "JUPYTER_RUNTIME_DIR": home / "jupyter/runtime",
        "IPYTHONDIR": home / "ipython",
    }
    for name, folder in folders.items():
        folder.mkdir(parents=True, exist_ok=True)
        env[name] = str(folder)
    env |= {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "JUPYTER_PREFER_ENV_PATH": "1",
        "JUPYTER_PLATFORM_DIRS": "1",
    }
    return env | extra
