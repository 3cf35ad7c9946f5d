"""Prove that Binder can open the notebooks: tools/binder.py [FOLDER], or pin the versions anew: --pin.

It does what repo2docker does with `binder/`, from a clean clone in a clean environment: the Python of
runtime.txt, `pip install -r` from the repository's root, postBuild. Then, with every connection to another
machine refused and told of, JupyterLab has to open the first notebook, and every notebook has to run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from urllib.error import URLError

ROOT = Path(__file__).resolve().parents[1]
PINS = "binder/requirements.txt"
FIRST = "notebooks/01_quickstart.ipynb"
HEAD = """\
# Written by `tools/binder.py --pin`, for the Python of runtime.txt.
# repo2docker runs pip from the repository's root, and pip reads this path from there too (not from here).
-e .
"""
OFFLINE = '''\
"""No connection to another machine; whoever tries is written down."""
import os, sys

def near(host):
    host = host.decode() if isinstance(host, bytes) else str(host or "")
    return host in ("", "localhost", "::1", "0.0.0.0") or host.startswith("127.")

def look(event, args):
    if event == "socket.getaddrinfo":
        host = args[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(args[1], tuple):
        host = args[1][0]
    else:
        return
    if not near(host):
        with open(os.environ["NBSTREAM_TRIED"], "a") as file:
            file.write(f"{event} {host}\\n")
        raise OSError("this run has no network")

sys.addaudithook(look)
'''


def say(*words: object) -> None:
    print("binder:", *words, flush=True)


def python() -> str:
    """The interpreter that Binder would have."""
    wanted = (ROOT / "binder/runtime.txt").read_text().strip().removeprefix("python-")
    for name in filter(None, (os.environ.get("PYTHON"), f"python{wanted}", sys.executable)):
        seen = [name, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        try:
            found = subprocess.run(seen, capture_output=True, text=True).stdout.strip()
        except OSError:
            continue
        if found == wanted:
            return name
    raise SystemExit(
        f"binder: Python {wanted} is needed (binder/runtime.txt): PYTHON=/path/to/python{wanted}"
    )


def environment(where: Path) -> Path:
    """A fresh environment; gives the folder of its programs."""
    subprocess.run([python(), "-m", "venv", str(where)], check=True)
    return where / "bin"


def pip(programs: Path, *words: str, cwd: Path) -> None:
    quiet = ("--quiet", "--disable-pip-version-check", "--no-cache-dir")
    subprocess.run([programs / "python", "-m", "pip", *words, *quiet], cwd=cwd, check=True)


def frozen(programs: Path) -> list[str]:
    done = subprocess.run(
        [programs / "python", "-m", "pip", "freeze", "--exclude", "nbstream"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return [line for line in done.stdout.splitlines() if re.match(r"[\w.-]+==", line)]


def pin() -> None:
    """Write down what pip chooses today for nbstream and JupyterLab."""
    with tempfile.TemporaryDirectory() as folder:
        programs = environment(Path(folder, "env"))
        pip(programs, "install", ".[lab]", cwd=ROOT)
        pins = frozen(programs)
    (ROOT / PINS).write_text(HEAD + "\n".join([*pins, ""]))
    say(f"{len(pins)} versions are in {PINS}")


def build(folder: Path) -> tuple[Path, Path]:
    """A clean clone, and an environment that is made as repo2docker makes it."""
    clone = folder / "repo"
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone)], check=True)
    commit = subprocess.run(
        ["git", "-C", str(clone), "log", "-1", "--format=%h"], capture_output=True, text=True
    )
    say(f"a clean clone of {commit.stdout.strip()}, {python()}")
    programs = environment(folder / "env")
    pip(programs, "install", "-r", PINS, cwd=clone)
    unpinned = set(frozen(programs)) - set((clone / PINS).read_text().splitlines())
    if unpinned:
        raise SystemExit(f"binder: not pinned: {', '.join(sorted(unpinned))}")
    subprocess.run([str(clone / "binder/postBuild")], cwd=clone, env=variables(folder, programs), check=True)
    return clone, programs


def variables(folder: Path, programs: Path, **more: str) -> dict[str, str]:
    """The variables of a Binder session: nobody's keys, nobody's settings."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    path = os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)])
    return {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", **more}


def opens(clone: Path, programs: Path, env: dict[str, str]) -> None:
    """JupyterLab serves the first notebook, and asks nobody for news."""
    log = clone.parent / "lab.log"
    with log.open("w") as file:
        words = ["--no-browser", "--ServerApp.token=t", "--ServerApp.port=0"]
        words += ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        server = subprocess.Popen(
            [programs / "jupyter", "lab", *words], cwd=clone, env=env, stdout=file, stderr=file
        )
    try:
        end = time.monotonic() + 60
        while not (found := re.search(r"http://(?:localhost|127\.0\.0\.1):\d+/", log.read_text())):
            if server.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"binder: JupyterLab did not start:\n{log.read_text()}")
            time.sleep(0.1)  # another program: there is no event to wait for
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

        def get(path: str) -> bytes:
            for _ in range(100):
                try:
                    with direct.open(f"{found[0]}{path}?token=t", timeout=30) as reply:
                        return bytes(reply.read())
                except URLError as error:
                    if not isinstance(error.reason, ConnectionRefusedError):
                        raise
                    time.sleep(0.1)
            raise SystemExit("binder: JupyterLab does not answer")

        assert b"jupyter-config-data" in get(f"lab/tree/{FIRST}")
        assert json.loads(get(f"api/contents/{FIRST}"))["type"] == "notebook"
        news = json.loads(get("lab/api/settings/@jupyterlab/apputils-extension:notification"))
        usual = {name: one.get("default") for name, one in news["schema"]["properties"].items()}
        assert (usual["fetchNews"], usual["checkForUpdates"]) == ("false", False), usual
    finally:
        server.terminate()
        server.wait(20)
    say(f"JupyterLab opens {FIRST}")


def runs(clone: Path, programs: Path, env: dict[str, str]) -> list[str]:
    """Execute every notebook; gives what went wrong."""
    wrong = []
    for path in sorted(clone.glob("notebooks/*.ipynb")):
        began = time.monotonic()
        out = clone.parent / "done" / path.name
        done = subprocess.run(
            [programs / "jupyter", "nbconvert", "--to", "notebook", "--execute",
             "--ExecutePreprocessor.timeout=300", "--output", str(out), path.name],
            cwd=path.parent, env=env, capture_output=True, text=True,
        )  # fmt: skip
        fault = done.stderr.strip()[-3000:] if done.returncode else silent(out)
        wrong += [f"{path.name}: {fault}"] if fault else []
        say(path.name, "failed" if fault else f"ran in {time.monotonic() - began:.0f} s")
    return wrong


def silent(path: Path) -> str:
    """Which cell that asks a model has left no Markdown behind."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        asks = cell["cell_type"] == "code" and source.startswith("%%llm")
        if asks and not any("text/markdown" in output.get("data", {}) for output in cell["outputs"]):
            return f"no text/markdown below {source[:60]!r}"
    return ""


def prove(folder: Path) -> int:
    clone, programs = build(folder)
    guard, tried = folder / "guard", folder / "tried.txt"
    guard.mkdir()
    (folder / "done").mkdir()
    (guard / "sitecustomize.py").write_text(OFFLINE)
    tried.touch()
    env = variables(folder, programs, PYTHONPATH=str(guard), NBSTREAM_TRIED=str(tried))
    opens(clone, programs, env)
    hurry = {"NBSTREAM_DEMO_SPEED": "max", "NBSTREAM_TAPE_SPEED": "max"}  # nobody watches
    wrong = runs(clone, programs, env | hurry)
    wrong += [f"was to be reached: {line}" for line in tried.read_text().splitlines()]
    for one in wrong:
        say(one)
    say("something is wrong" if wrong else "all of it works, with no network")
    return 1 if wrong else 0


def main() -> int:
    if sys.argv[1:] == ["--pin"]:
        pin()
        return 0
    if len(sys.argv) > 1:
        folder = Path(sys.argv[1]).absolute()
        folder.mkdir(parents=True)  # a new one
        return prove(folder)
    temporary = Path(tempfile.mkdtemp(prefix="nbstream-binder-"))
    try:
        return prove(temporary)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
