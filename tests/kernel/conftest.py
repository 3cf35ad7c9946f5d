"""A real kernel for a test: `kernel` is fresh, `shared_kernel` serves the tests of one file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.kernels import Kernel, running

RAN = pytest.StashKey[list[str]]()
"""The versions of the kernels that the matrix ran."""


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RAN] = []


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for versions in config.stash[RAN]:
        terminalreporter.write_line(f"kernels: {versions}")


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    with running(tmp_path) as kernel:
        yield kernel


@pytest.fixture(scope="module")
def shared_kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with running(tmp_path_factory.mktemp("kernel")) as kernel:
        yield kernel
