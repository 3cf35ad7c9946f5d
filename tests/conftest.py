"""The order of the tests: the browser last.

Playwright's synchronous face keeps an event loop on the main thread while a browser is open, where
``asyncio.run`` of other tests would fail. And what is quick should fail first.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.served import Served


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: "browser" in getattr(item, "fixturenames", ()))


@pytest.fixture
def served() -> Iterator[Served]:
    """A loopback server that speaks OpenAI's chat completions; fresh for each test."""
    with Served() as server:
        yield server
