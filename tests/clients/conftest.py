"""The scripts are for other environments: there is nothing to collect in them here."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.clients.outside import environment, hang_up
from tests.environment import ROOT, clean

collect_ignore_glob = ["with_*.py", "talk.py"]
if find_spec("litellm") is None:
    collect_ignore_glob.append("inside_litellm.py")

WORDS = ("-q", "-p", "no:cacheprovider", "-k", "litellm")
FILES = ("tests/providers/test_contract.py", "tests/clients/inside_litellm.py")


@pytest.fixture(scope="session", autouse=True)
def with_litellm(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[subprocess.Popen[str] | None]:
    """The tests over the real LiteLLM, in one process: importing it takes seconds, so it begins early."""
    if not any("test_with_litellm" in item.nodeid for item in request.session.items):
        yield None
        return
    process = subprocess.Popen(
        [str(environment("litellm").executable), "-m", "pytest", *WORDS, *FILES],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env=clean(tmp_path_factory.mktemp("litellm"), PYTHONDONTWRITEBYTECODE=""),
    )
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.fixture(scope="session", autouse=True)
def clients_end() -> Iterator[None]:
    """No client outlives the tests."""
    yield
    hang_up()


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the clients live."""
    return tmp_path_factory.mktemp("clients")
