"""The order of the tests, the browser last; and what all of them share.

Playwright's synchronous face keeps an event loop on the main thread while a browser is open, where
``asyncio.run`` of other tests would fail. And what is quick should fail first.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser import chromium
from tests.served import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def pytest_configure(config: pytest.Config) -> None:
    # Whoever starts us in a shell's background leaves us deaf to it, and we press Ctrl-C ourselves.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests: Playwright's synchronous face can be entered only once."""
    from playwright.sync_api import sync_playwright

    if chromium.find() is None:
        if os.environ.get("CI", "").lower() not in ("", "0", "false"):
            pytest.fail(chromium.MISSING, pytrace=False)  # in CI a test that did not run has not passed
        pytest.skip(chromium.MISSING)
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def served() -> Iterator[Served]:
    """A loopback server that speaks OpenAI's chat completions; fresh for each test."""
    with Served() as server:
        yield server
