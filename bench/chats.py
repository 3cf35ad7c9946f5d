"""Whose chat is compared: how each is opened with turns above, and where its box and its log are."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.chrome import Tab
from bench.page import Bench, run_cell
from tests.browser.jupyter import free_port
from tests.environment import ROOT, clean

PATIENCE = 120
"""Seconds that a chat may take until its turns stand: some take very long."""
SCRIPT = (Path(__file__).parent / "chatting.js").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Chat:
    """One chat: its label, and the CSS of its box and of what holds its messages."""

    name: str
    label: str
    box: str
    log: str
    words: tuple[str, ...] = ()
    """What starts its server, after ``python -m``; none: it is a cell in JupyterLab."""
    path: str = ""


PANEL = ("panel", "serve", "bench/chat_panel.py", "--address", "127.0.0.1")
MARIMO = ("marimo", "run", "bench/chat_marimo.py", "--headless", "--no-token", "--host", "127.0.0.1")
CHATS = {
    one.name: one
    for one in (
        Chat("nbstream", "nbstream `ChatPanel` in JupyterLab", ".nbp textarea", ".nbp [role=log]"),
        Chat("panel", "Panel `ChatInterface`", "textarea", ".chat-feed-log", PANEL, "chat_panel"),
        Chat("marimo", "marimo `mo.ui.chat`", ".cm-content", ".overflow-y-auto.grow", MARIMO),
    )
}
SETUP = """
import os
os.environ |= {{"OPENAI_BASE_URL": {url!r}, "OPENAI_API_KEY": "sk-bench"}}
%load_ext nbstream
import nbstream
from bench.workloads import said
from nbstream.chat.history import Turn
from nbstream.messages import Answer
main = nbstream.conversation("main")
for question, text in said({turns}):
    main.history.finish(main.history.begin(Turn(question, "openai:chat")), Answer(text, finish_reason="stop"))
print(len(main.turns))
"""
SHOW = 'nbstream.ChatPanel(model="openai:chat")'


@contextmanager
def opened(chat: Chat, bench: Bench, turns: int, home: Path) -> Iterator[tuple[Tab, psutil.Process]]:
    """A page with the chat and `turns` turns above, and the process that it talks to."""
    if not chat.words:
        with in_lab(bench, turns) as (tab, process):
            run_cell(tab, 1)
            tab.until("window.cellsDone()", 60)
            yield tab, process
        return
    with _served(chat, bench.provider.url, turns, home) as (url, process):
        tab = bench.chrome.tab(SCRIPT, PATIENCE)
        try:
            tab.call("Page.navigate", url=url)
            yield tab, process
        finally:
            tab.close()


@contextmanager
def in_lab(bench: Bench, turns: int) -> Iterator[tuple[Tab, psutil.Process]]:
    """A notebook whose kernel holds `turns` turns, and whose second cell shows the panel."""
    with bench.opened([SETUP.format(url=bench.provider.url, turns=turns), SHOW], SCRIPT) as (tab, path):
        run_cell(tab, 0)
        tab.until("window.cellsDone()", 60)
        yield tab, bench.kernel(path)


@contextmanager
def _served(chat: Chat, provider: str, turns: int, home: Path) -> Iterator[tuple[str, psutil.Process]]:
    port = free_port()
    url = f"http://127.0.0.1:{port}/{chat.path}"
    words = [sys.executable, "-m", *chat.words, "--port", str(port)]
    if chat.name == "panel":
        words += ["--allow-websocket-origin", f"127.0.0.1:{port}"]
    env = clean(home, BENCH_URL=provider, BENCH_TURNS=str(turns))
    with (home / f"{chat.name}.log").open("wb") as log:
        process = subprocess.Popen(words, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            _wait(port, process)
            yield url, psutil.Process(process.pid)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.2)  # a process that starts has no event to wait for
    raise RuntimeError("the chat's server did not start")
