"""A kernel finds its notebook by asking the servers of this machine, and nobody else learns their tokens."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from nbstream.chat import whereabouts

TOKEN = "token-8c1f0b2a7d"


class Jupyter(ThreadingHTTPServer):
    """What a Jupyter server says of its sessions, to whoever knows the token."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.sessions: Any = []
        self.elsewhere = ""
        self.asked: list[tuple[str, str]] = []
        self.port = self.server_address[1]

    def facts(self, root: Path, **more: Any) -> dict[str, Any]:
        return {
            "port": self.port,
            "token": TOKEN,
            "base_url": "/",
            "root_dir": str(root),
            "secure": False,
        } | more


class Answers(BaseHTTPRequestHandler):
    server: Jupyter

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Authorization", "")))
        good = self.headers.get("Authorization") == f"token {TOKEN}"
        self.send_response(302 if self.server.elsewhere else 200 if good else 403)
        if self.server.elsewhere:
            self.send_header("Location", self.server.elsewhere)
        self.end_headers()
        if good and not self.server.elsewhere:
            self.wfile.write(json.dumps(self.server.sessions).encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def jupyter() -> Iterator[Jupyter]:
    server = Jupyter()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def running(folder: Path, facts: Any, name: str = "jpserver-1.json") -> None:
    (folder / name).write_text(facts if isinstance(facts, str) else json.dumps(facts))


def session(kernel: str, path: str) -> dict[str, Any]:
    return {"kernel": {"id": kernel}, "path": path}


def test_the_server_s_session_says_which_file_it_is(jupyter: Jupyter, tmp_path: Path) -> None:
    jupyter.sessions = [session("other", "a.ipynb"), session("k-1", "deep/数据 b.ipynb")]
    running(tmp_path, jupyter.facts(tmp_path, base_url="/user/me/"))
    found = whereabouts.asked_of_servers("/run/kernel-k-1.json", tmp_path)
    assert found == [tmp_path / "deep/数据 b.ipynb"]
    assert jupyter.asked == [("/user/me/api/sessions", f"token {TOKEN}")]


def test_a_server_with_another_name_is_asked_over_loopback_all_the_same(
    jupyter: Jupyter, tmp_path: Path
) -> None:
    jupyter.sessions = [session("k", "a.ipynb")]
    running(tmp_path, jupyter.facts(tmp_path, hostname="evil.example", url="http://evil.example/"))
    assert whereabouts.asked_of_servers("kernel-k.json", tmp_path) == [tmp_path / "a.ipynb"]


def test_a_dead_server_s_token_is_not_given_to_whoever_has_its_port_now(
    jupyter: Jupyter, tmp_path: Path
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    jupyter.sessions = [session("k", "a.ipynb")]
    running(tmp_path, jupyter.facts(tmp_path, pid=gone.pid))
    assert whereabouts.asked_of_servers("kernel-k.json", tmp_path) == []
    assert not jupyter.asked


def test_no_redirect_takes_the_token_along(jupyter: Jupyter, tmp_path: Path) -> None:
    jupyter.elsewhere = f"http://127.0.0.1:{jupyter.port}/api/sessions?again"
    running(tmp_path, jupyter.facts(tmp_path))
    assert whereabouts.asked_of_servers("kernel-k.json", tmp_path) == []
    assert len(jupyter.asked) == 1


def test_no_proxy_is_asked(jupyter: Jupyter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    jupyter.sessions = [session("k", "a.ipynb")]
    running(tmp_path, jupyter.facts(tmp_path))
    assert whereabouts.asked_of_servers("kernel-k.json", tmp_path) == [tmp_path / "a.ipynb"]


@pytest.mark.parametrize(
    "facts",
    [
        "not JSON", "[]", "7", {}, {"port": "x"}, {"port": 1 << 40, "root_dir": "/"},
        {"port": 1, "root_dir": 7}, {"port": 9, "root_dir": "/", "secure": True},
        {"port": 9, "root_dir": "/", "sock": "/x.sock"},
    ],
)  # fmt: skip
def test_what_a_dead_or_odd_server_left_behind_does_no_harm(facts: Any, tmp_path: Path) -> None:
    running(tmp_path, facts)
    assert whereabouts.asked_of_servers("kernel-k.json", tmp_path) == []


@pytest.mark.parametrize("said", [{}, 7, [7], [{"kernel": 7}], [{"kernel": {"id": "k"}, "path": 7}], None])
def test_whatever_a_server_says_does_no_harm(said: Any, jupyter: Jupyter, tmp_path: Path) -> None:
    jupyter.sessions = said
    running(tmp_path, jupyter.facts(tmp_path))
    assert whereabouts.asked_of_servers("kernel-k.json", tmp_path) == []


def test_the_front_end_s_word_comes_first_and_only_files_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, started = tmp_path / "code.ipynb", tmp_path / "started.ipynb"
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "RTC:started.ipynb"))
    assert list(whereabouts.candidates({"__vsc_ipynb_file__": str(code)})) == []
    code.touch()
    started.touch()
    assert list(whereabouts.candidates({"__vsc_ipynb_file__": str(code)})) == [code, started]
    assert list(whereabouts.candidates({"__vsc_ipynb_file__": 7})) == [started]


def test_the_token_shows_in_no_traceback(tmp_path: Path, jupyter: Jupyter) -> None:
    running(tmp_path, jupyter.facts(tmp_path))
    [facts] = whereabouts._servers(tmp_path)
    assert TOKEN not in repr(facts)
