"""Make the kernel environments of the tests, once: .venv-kernels/PYTHON-IPYKERNEL-IPYTHON.

    python tools/kernels.py          make what is missing, and say what there is

Each holds what a kernel needs (ipykernel, IPython, nbstream's own dependencies, NumPy) and not nbstream
itself, which comes by PYTHONPATH. A stamp holds what an environment was made from: a warm run installs
nothing. What cannot be made is said, and why; whether that is a failure is for `tests/kernel` to say.
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".venv-kernels"

# -- what is wanted -------------------------------------------------------------------------------------

PYTHON = ("3.11", "3.13")
IPYKERNEL = {"6.29": "ipykernel==6.29.*", "7.3": "ipykernel==7.3.*", "newest": "ipykernel"}
IPYTHON = {"8": "ipython==8.*", "9": "ipython==9.*"}
APART: dict[tuple[str, str, str], str] = {}
"""(Python, ipykernel, IPython) that do not combine, and why; nobody wants those.

Empty: with ipykernel 6.29.5, 7.3.0, 7.4.0 and IPython 8.39.0, 9.18.1 each of the twelve resolves, since
ipykernel asks for no more than IPython >= 7.23, on either Python.
"""
EXTRA = ("numpy",)  # what people compute with while an answer streams


@dataclass(frozen=True)
class Pair:
    """One kernel environment: versions of Python, ipykernel and IPython."""

    python: str
    ipykernel: str
    ipython: str

    @property
    def name(self) -> str:
        return f"py{self.python}-ipykernel-{self.ipykernel}-ipython-{self.ipython}"

    @property
    def folder(self) -> Path:
        return FOLDER / self.name

    @property
    def executable(self) -> Path:
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def requirements(self) -> list[str]:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        own = [one for one in project["dependencies"] if not one.startswith("ipython>")]
        return [IPYKERNEL[self.ipykernel], IPYTHON[self.ipython], *own, *EXTRA]

    def stamp(self) -> str:
        return json.dumps({"requirements": self.requirements(), "folder": str(self.folder)})

    def made(self) -> bool:
        """Whether it is there, made from what it would be made from now."""
        stamp = self.folder / ".made"
        return stamp.is_file() and stamp.read_text() == self.stamp() and self.executable.exists()


def wanted() -> list[Pair]:
    """The pairs that must be there, the newest ipykernel first."""
    every = itertools.product(PYTHON, reversed(IPYKERNEL), reversed(IPYTHON))
    return [Pair(*one) for one in every if one not in APART]


def pairs() -> list[Pair]:
    """What is run here: what is wanted; and where no wanted Python is, the one that runs us instead."""
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if here in PYTHON or any(find_python(version) for version in PYTHON):
        return wanted()
    return wanted() + [Pair(here, *one) for one in itertools.product(IPYKERNEL, IPYTHON)]


# -- where Pythons are ----------------------------------------------------------------------------------


@functools.cache
def find_python(version: str) -> str | None:
    """An interpreter of this version: ours, on PATH, or one that pyenv or uv keeps; None if there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates = [
        getattr(sys, "_base_executable", sys.executable),
        shutil.which(f"python{version}"),
        *(str(one) for one in sorted(pyenv.glob(f"{version}*/bin/python"), reverse=True)),
    ]
    for candidate in candidates:
        if candidate and _version(candidate) == version:
            return candidate
    if uv := find_uv():
        found = _output(uv, "python", "find", "--no-python-downloads", version)
        if found and _version(found) == version:
            return found
    return None


def _version(python: str) -> str:
    # A venv of it must be possible too: Debian ships the two apart.
    return _output(python, "-c", "import sys, venv; print('%d.%d' % sys.version_info[:2])")


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


# -- making them ----------------------------------------------------------------------------------------


_ONE_AT_A_TIME = threading.Lock()


def find_uv() -> str | None:
    """The uv beside this interpreter or on PATH: it fills an environment in a second or two."""
    # Environments are made in threads, and uv asks sysconfig, whose first look is not safe in two at once:
    # before Python 3.12 the second one finds half of the variables, and None where a text should be.
    with _ONE_AT_A_TIME:
        return _find_uv()


@functools.cache
def _find_uv() -> str | None:
    try:
        from uv import find_uv_bin  # type: ignore[import-not-found, unused-ignore]

        return str(find_uv_bin())
    except (ImportError, FileNotFoundError):
        return shutil.which("uv")


def uv_environment() -> dict[str, str]:
    """Our environment, with what pip is configured with in uv's own words: a mirror, a certificate."""
    env = dict(os.environ)
    lines = _output(sys.executable, "-m", "pip", "config", "list").splitlines()
    pip = {
        key.split(".")[-1]: value.strip("'\"") for key, _, value in (line.partition("=") for line in lines)
    }
    for name, ours in (("index-url", "UV_DEFAULT_INDEX"), ("cert", "SSL_CERT_FILE")):
        value = os.environ.get("PIP_" + name.upper().replace("-", "_")) or pip.get(name)
        if value:
            env.setdefault(ours, value)
    # A kernel compiles what it imports when it first starts, which is a tenth of what is installed.
    env["UV_COMPILE_BYTECODE"] = "0"
    env["UV_LINK_MODE"] = env.get("UV_LINK_MODE", "hardlink")
    return env


def make(pair: Pair) -> str:
    """Make one environment; what went wrong, or nothing."""
    python = find_python(pair.python)
    if python is None:
        return f"there is no Python {pair.python} here"
    shutil.rmtree(pair.folder, ignore_errors=True)
    problem = ""
    if uv := find_uv():
        env = uv_environment()
        problem = _run([uv, "venv", "-q", "--python", python, str(pair.folder)], env)
        target = ["--python", str(pair.executable)]
        problem = problem or _run([uv, "pip", "install", "-q", *target, *pair.requirements()], env)
    if problem or not uv:
        shutil.rmtree(pair.folder, ignore_errors=True)
        pip = [str(pair.executable), "-m", "pip", "install", "-q", "--no-compile"]
        by_pip = _run([python, "-m", "venv", str(pair.folder)]) or _run([*pip, *pair.requirements()])
        if by_pip:
            return f"{problem}\n{by_pip}".strip()
    (pair.folder / ".made").write_text(pair.stamp())
    return ""


def _run(command: list[str], env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=env)
    return (
        "" if done.returncode == 0 else f"{' '.join(command[:4])} …: {(done.stderr or done.stdout)[-2000:]}"
    )


def main() -> int:
    missing = [pair for pair in pairs() if not pair.made()]
    for version in sorted({pair.python for pair in missing}):
        if find_python(version) is None:
            print(f"nbstream: no Python {version} here: its kernels are not tested", file=sys.stderr)
    missing = [pair for pair in missing if find_python(pair.python)]
    if not missing:
        return 0
    print(f"nbstream: making {len(missing)} kernel environments (a minute, once)", file=sys.stderr)
    # The first of each Python alone: it fills the cache which the others link from.
    first = [
        next(pair for pair in missing if pair.python == python) for python in {p.python for p in missing}
    ]
    rest = [pair for pair in missing if pair not in first]
    with ThreadPoolExecutor(2 if find_uv() else 4) as pool:
        problems = dict(zip(first, pool.map(make, first), strict=True))
        problems |= dict(zip(rest, pool.map(make, rest), strict=True))
    for pair, problem in problems.items():
        if problem:
            print(f"nbstream: {pair.name} could not be made: {problem}", file=sys.stderr)
    return 0  # the tests say what is missing, by name


if __name__ == "__main__":
    sys.exit(main())
