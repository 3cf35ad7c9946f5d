"""Which file this kernel's notebook is in.

A kernel does not know. VS Code puts the path into a variable, Jupyter's server put the one of the start into
the environment, and a server knows what the notebook is called now. Servers are asked on this machine only:
each leaves a file with its port and token in the runtime folder, which only its user can read.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..credentials import Secret
from ..plainfiles import contents
from .notebook import Receipt

PATIENCE = 2.0
"""Seconds for one server's answer."""
MOST_SERVERS = 20
_MOST_BYTES = 8_000_000


def candidates(namespace: Mapping[str, Any], connection_file: str | None = None) -> Iterator[Path]:
    """Where the notebook may be, the likeliest place first; only files that are there.

    `namespace` is the user's; `connection_file` is this kernel's own, for its id.
    """
    seen: set[Path] = set()
    for path in _places(namespace, connection_file):
        if path not in seen and os.path.isfile(path):
            seen.add(path)
            yield path


def _places(namespace: Mapping[str, Any], connection_file: str | None) -> Iterator[Path]:
    named = namespace.get("__vsc_ipynb_file__")
    if isinstance(named, str) and named:
        yield Path(named)
    # The servers first: the environment still has the name from before the notebook was renamed.
    yield from asked_of_servers(connection_file)
    if started := os.environ.get("JPY_SESSION_NAME"):
        path = Path(started)
        if path.suffix == ".ipynb":
            yield path.with_name(path.name.removeprefix("RTC:"))  # several may write in it at once


def asked_of_servers(connection_file: str | None, folder: Path | None = None) -> list[Path]:
    """The notebook of this kernel, by what the Jupyter servers of this machine say."""
    kernel = Path(connection_file or "").stem.removeprefix("kernel-")
    if not kernel:
        return []
    servers = list(_servers(folder))[:MOST_SERVERS]
    if not servers:
        return []
    with ThreadPoolExecutor(len(servers), "nbstream-where") as pool:
        found = list(pool.map(lambda server: _notebook_of(kernel, server), servers))
    return [path for path in found if path is not None]


def _servers(folder: Path | None) -> Iterator[dict[str, Any]]:
    """What the servers say of themselves, the youngest first."""
    if folder is None:
        try:
            from jupyter_core.paths import jupyter_runtime_dir
        except ImportError:
            return
        folder = Path(jupyter_runtime_dir())
    files = []
    for file in (*folder.glob("jpserver-*.json"), *folder.glob("nbserver-*.json")):
        with suppress(OSError):
            files.append((file.stat().st_mtime, file))
    for _, file in sorted(files, reverse=True):
        with suppress(OSError, ValueError, RecursionError):
            facts = json.loads(contents(file, 100_000))
            if not isinstance(facts, dict) or not isinstance(facts.get("port"), int) or facts.get("sock"):
                continue
            if _alive(facts.get("pid")):
                facts["token"] = Secret(str(facts.get("token") or ""))
                yield facts


def _alive(pid: Any) -> bool:
    """Whether a process still runs: by now its port may be somebody else's, who is not to get its token."""
    if os.name != "posix" or not isinstance(pid, int):
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _notebook_of(kernel: str, server: Mapping[str, Any]) -> Path | None:
    """The file of the session that runs `kernel` on `server`, or None."""
    root = server.get("root_dir") or server.get("notebook_dir")
    if not isinstance(root, str):
        return None
    with suppress(OSError, http.client.HTTPException, ValueError, OverflowError, RecursionError):
        for session in map(Receipt, _sessions(server)):
            if session.part("kernel").word("id") == kernel:
                where = session.word("path", 4096) or session.part("notebook").word("path", 4096)
                return Path(root, where.removeprefix("RTC:")) if where else None
    return None


def _sessions(server: Mapping[str, Any]) -> list[Any]:
    """Ask one server, by loopback whatever name it goes by; no proxy, and no redirect is followed."""
    host = "::1" if server.get("hostname") == "::1" else "127.0.0.1"
    port = int(server["port"])
    connection: http.client.HTTPConnection
    if server.get("secure"):
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection("localhost", port, timeout=PATIENCE, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
    try:
        base = str(server.get("base_url") or "/").strip("/")
        token: Secret = server["token"]
        headers = {"Authorization": token.wrap("token {}").reveal()} if token else {}
        connection.request("GET", f"/{base}/api/sessions".replace("//", "/"), headers=headers)
        response = connection.getresponse()
        found = json.loads(response.read(_MOST_BYTES)) if response.status == 200 else []
    finally:
        connection.close()
    return found if isinstance(found, list) else []


def connection_file() -> str | None:
    """This kernel's own; None outside of a kernel."""
    from traitlets.config import MultipleInstanceError

    try:
        from ipykernel.connect import get_connection_file

        return str(get_connection_file())
    except (ImportError, RuntimeError, MultipleInstanceError):  # the last: IPython in a terminal
        return None
