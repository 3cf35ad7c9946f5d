"""Make the environments of the vendors' own clients, once: .venv-clients/NAME.

    python tools/clients.py          make what is missing

The tests let those clients speak with our fake servers (`tests/clients`): what a vendor's own client
takes for its service, we may take for it too. They bring httpx and much else, which must not stand in
.venv; and LiteLLM wants another openai than the newest, so there are two environments. A stamp holds what
each was made from: a warm run installs nothing. What cannot be made is said here, and fails the tests.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools.kernels import find_python, find_uv, uv_environment  # noqa: E402

FOLDER = ROOT / ".venv-clients"
PYTHON = ("3.11", "3.12", "3.13")
"""The first of these that is here: not every client runs on newer ones."""

VENDORS = (
    "spark_ai_python==0.4.5",
    "qianfan==0.4.12.3",
    "openai==3.52.0",
    "anthropic==2.11.0",
    "google-genai==3.4.0",
    "ollama==0.6.3",
)
LITELLM = ("litellm==1.106.2", "pytest>=8")


@dataclass(frozen=True)
class Clients:
    """One environment, and what is in it."""

    name: str
    wants: tuple[str, ...]
    ours: bool = False
    """Whether nbstream runs in it, by PYTHONPATH, and needs its own dependencies."""

    @property
    def folder(self) -> Path:
        return FOLDER / self.name

    @property
    def executable(self) -> Path:
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def requirements(self) -> list[str]:
        if not self.ours:
            return list(self.wants)
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        return [*self.wants, *project["dependencies"]]

    def stamp(self) -> str:
        return json.dumps({"requirements": self.requirements(), "folder": str(self.folder)})

    def made(self) -> bool:
        """Whether it is there, made from what it would be made from now."""
        stamp = self.folder / ".made"
        return stamp.is_file() and stamp.read_text() == self.stamp() and self.executable.exists()


EVERY = {one.name: one for one in (Clients("vendors", VENDORS), Clients("litellm", LITELLM, ours=True))}


def make(clients: Clients) -> str:
    """Make one environment; what went wrong, or nothing."""
    python = next(filter(None, map(find_python, PYTHON)), None)
    if python is None:
        return f"there is no Python {' or '.join(PYTHON)} here"
    shutil.rmtree(clients.folder, ignore_errors=True)
    wanted = clients.requirements()
    problem = ""
    if uv := find_uv():
        env = uv_environment()
        problem = _run([uv, "venv", "-q", "--python", python, str(clients.folder)], env)
        problem = problem or _run(
            [uv, "pip", "install", "-q", "--python", str(clients.executable), *wanted], env
        )
    if problem or not uv:
        shutil.rmtree(clients.folder, ignore_errors=True)
        pip = [str(clients.executable), "-m", "pip", "install", "-q", "--no-compile", *wanted]
        by_pip = _run([python, "-m", "venv", str(clients.folder)]) or _run(pip)
        if by_pip:
            return f"{problem}\n{by_pip}".strip()
    (clients.folder / ".made").write_text(clients.stamp())
    return ""


def _run(command: list[str], env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=env)
    if done.returncode == 0:
        return ""
    return f"{' '.join(command[:4])} …: {(done.stderr or done.stdout)[-2000:]}"


def main() -> int:
    missing = [one for one in EVERY.values() if not one.made()]
    if missing:
        print("nbstream: installing the vendors' clients (half a minute, once)", file=sys.stderr)
    with ThreadPoolExecutor(2) as pool:
        for one, problem in zip(missing, pool.map(make, missing), strict=True):
            if problem:
                print(f"nbstream: {one.name}: could not be made: {problem}", file=sys.stderr)
    return 0  # the tests say what is missing, by name


if __name__ == "__main__":
    sys.exit(main())
