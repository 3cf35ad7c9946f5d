"""Servers whose pages show all outputs of a notebook at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.jupyter import Server


class Servers(dict[str, Server]):
    """JupyterLab and Notebook 7, each started at its first use."""

    def __init__(self, factory: pytest.TempPathFactory) -> None:
        super().__init__()
        self._factory = factory

    def __missing__(self, kind: str) -> Server:
        server = Server(kind, self._factory.mktemp(kind))
        server.set("notebook-extension/tracker", {"windowingMode": "none"})
        self[kind] = server.start()
        return server


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    started = Servers(tmp_path_factory)
    yield started
    for server in started.values():
        server.stop()
