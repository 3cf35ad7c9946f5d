"""What loading costs: `%load_ext nbstream`, and the first `%%llm`, beside what they are made of.

Each figure is CPU time, the median of fresh processes that run in turn. A process first loads what a
notebook's kernel has loaded anyway (ipykernel, a shell), then takes the time of one thing:

    load_ext     %load_ext nbstream
    ipywidgets   import ipywidgets
    first        after %load_ext: the modules that the first %%llm of a kernel brings in
    parts        import httpx2, anywidget
    sending      the same, and what httpx2 itself loads when it first sends

Which modules the first `%%llm` brings is seen in a real kernel with a front end that could take input.

    python bench/imports.py WHAT [MODULE …]      one process: seconds
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.environment import clean

MODULES = """
import json, sys
print(json.dumps([name for name, one in list(sys.modules.items()) if getattr(one, "__spec__", None)]))
"""
WHATS = {
    "load_ext": (),
    "ipywidgets": ("ipywidgets",),
    "first": (),
    "parts": ("httpx2", "anywidget"),
    "sending": ("httpx2", "anywidget", "httpcore2", "anyio", "anyio._backends._asyncio"),
}


def measure(url: str, home: Path, rounds: int = 7) -> dict[str, Any]:
    """Milliseconds of CPU by what was loaded; `first_use`: by how much the first `%%llm` takes longer."""
    env = environment(home)
    firsts = [first_cell(url, env) for _ in range(3)]
    modules = firsts[0][0]
    found: dict[str, list[float]] = {what: [] for what in WHATS}
    for number in range(rounds + 1):
        for what in WHATS:
            words = [sys.executable, __file__, what, *(modules if what == "first" else [])]
            done = subprocess.run(words, capture_output=True, text=True, timeout=60, env=env)
            if done.returncode:
                raise RuntimeError(f"{what} failed:\n{done.stderr}")
            if number:  # the first round is to have the byte code and the disk's cache
                found[what].append(1000 * float(done.stdout.splitlines()[-1]))
    return {what: median(all_) for what, all_ in found.items()} | {
        "first_use": median(longer for _, longer in firsts),
        "modules": len(modules),
    }


def once(what: str, modules: list[str]) -> float:
    """Seconds of CPU that `what` takes in this process: byte code and files are in memory by then."""
    import ipykernel.kernelapp  # noqa: F401  # what a kernel has loaded before the first cell
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    if what == "first":
        shell.run_line_magic("load_ext", "nbstream")
    begun = time.process_time()
    if what == "load_ext":
        shell.run_line_magic("load_ext", "nbstream")
    else:
        for name in WHATS[what] or modules:
            import_module(name)
    return time.process_time() - begun


def environment(home: Path) -> dict[str, str]:
    """Nothing of the user's own, but byte code is written and read."""
    env = clean(home)
    del env["PYTHONDONTWRITEBYTECODE"]
    return env


def first_cell(url: str, env: dict[str, str]) -> tuple[list[str], float]:
    """The modules that the first `%%llm` of a kernel imports, in order; and what it took longer, in ms.

    Longer than the second one, from the cell's start to the request's arrival at the server.
    """
    from jupyter_client.manager import start_new_kernel

    env = env | {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "k"}
    manager, client = start_new_kernel(env=env, stderr=subprocess.DEVNULL)
    printed: list[str] = []

    def collect(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream":
            printed.append(message["content"]["text"])

    def run(code: str) -> str:
        printed.clear()
        reply = client.execute_interactive(code, output_hook=collect, timeout=60, allow_stdin=True)
        if reply["content"]["status"] != "ok":
            raise RuntimeError(f"{code}\n{reply['content']}")
        return "".join(printed)

    try:
        run("%load_ext nbstream")
        before = set(json.loads(run(MODULES)))
        waits = []
        for _ in range(2):
            begun = time.monotonic()
            run("%%llm -m openai:bench:10@100 --new\nhi")
            waits.append(1000 * (arrived(url) - begun))
        after = json.loads(run(MODULES))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return [name for name in after if name not in before], waits[0] - waits[1]


def arrived(url: str) -> float:
    """When the last request came to the server."""
    import urllib.request

    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url.removesuffix("/v1") + "/bench/sent", timeout=10) as reply:
        return float(json.loads(reply.read())["arrived"])


if __name__ == "__main__":
    print(once(sys.argv[1], sys.argv[2:]))
