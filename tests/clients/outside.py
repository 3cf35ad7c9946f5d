"""Running a client in its own environment."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, TypedDict

import pytest

from tests.clients.talk import MARK
from tests.environment import clean
from tools.clients import EVERY, Clients

HERE = Path(__file__).parent


class Said(TypedDict):
    """What a client made of one stream."""

    text: str
    reasoning: str
    finish: str | None
    usage: list[int | None]
    """Tokens in and out."""
    tools: list[list[Any]]
    """Name and arguments, parsed, of each call."""
    error: dict[str, Any] | None
    """Its class, what it says, and the status or code where the client tells one."""


def environment(name: str) -> Clients:
    """The environment `name`. A test that did not run has not passed: where it is missing, that fails."""
    found = EVERY[name]
    if not found.made():
        pytest.fail(f"{found.folder} is missing: run python tools/clients.py (make test does)", pytrace=False)
    return found


_running: dict[str, subprocess.Popen[str]] = {}


def speak(client: str, home: Path, url: str, asked: dict[str, str], **settings: Any) -> dict[str, Said]:
    """What `client` makes of each model in `asked` (prompts by model), one after the other.

    Its process stays for the next job, since importing these clients takes longer than all they say.
    """
    if client not in _running:
        _running[client] = _started(client, home)
    process = _running[client]
    assert process.stdin and process.stdout
    process.stdin.write(json.dumps({"url": url, "asked": asked, **settings}) + "\n")
    process.stdin.flush()
    for line in process.stdout:
        if line.startswith(MARK):
            said: dict[str, Said] = json.loads(line.removeprefix(MARK))
            return said
    del _running[client]
    pytest.fail(f"with_{client}.py has ended:\n{(home / f'{client}.txt').read_text()[-4000:]}", pytrace=False)


def _started(client: str, home: Path) -> subprocess.Popen[str]:
    with (home / f"{client}.txt").open("w") as log:
        return subprocess.Popen(
            [str(environment("vendors").executable), str(HERE / f"with_{client}.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=home,
            env=clean(home, PYTHONPATH="", PYTHONDONTWRITEBYTECODE="", NO_PROXY="127.0.0.1"),
        )


def hang_up() -> None:
    """End all clients: they do when their input does."""
    while _running:
        _, process = _running.popitem()
        with process:
            assert process.stdin
            process.stdin.close()


def same(got: Said, expected: dict[str, Any]) -> bool:
    """Whether a client read what a transcript of Spark or ERNIE expects: text, calls, error or none."""
    calls = [[call["name"], json.loads(call["arguments"])] for call in expected["tool_calls"]]
    usage = expected["usage"]
    counts = [usage["prompt_tokens"], usage["completion_tokens"]] if usage else got["usage"]
    return (
        (got["text"], got["tools"], got["error"] is not None)
        == (expected["text"], calls, expected["error"] is not None)
    ) and (got["error"] is not None or got["usage"] == counts)
