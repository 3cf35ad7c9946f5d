"""Fixtures of the browser tests: the servers, one Chromium, and a fresh context for each test.

`front` runs a test on JupyterLab and on Notebook 7; `lab` on JupyterLab alone. After each test: no page may
have asked for anything outside of loopback, and no error may stand in the console (a test that expects some
empties ``front.errors``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.browser.jupyter import Server
from tests.browser.page import FrontEnd

VIEWPORT = {"width": 1280, "height": 1400}


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    """The servers by kind; each is started at its first use."""
    started = Servers(tmp_path_factory)
    yield started
    for server in started.values():
        server.stop()


class Servers(dict[str, Server]):
    def __init__(self, factory: pytest.TempPathFactory) -> None:
        super().__init__()
        self._factory = factory

    def __missing__(self, kind: str) -> Server:
        self[kind] = Server(kind, self._factory.mktemp(kind)).start()
        return self[kind]


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport=VIEWPORT, locale="en-US", service_workers="block")
    yield context
    context.close()


def _front(kind: str, context: BrowserContext, servers: Any, request: Any) -> Iterator[FrontEnd]:
    server = servers[kind]
    since = server.log_file.stat().st_size
    front = FrontEnd(server, context)
    yield front
    failed = request.node.stash.get(FAILED, False)
    if failed:
        name = "failed-" + re.sub(r"\W+", "-", request.node.name)
        for number, notebook in enumerate(front.pages):
            if not notebook.page.is_closed():
                print("screenshot:", notebook.screenshot(f"{name}-{number}"))
        print("console errors:", *front.errors, sep="\n  ")
        print(f"the {kind} server wrote:\n{server.log(since)[-6000:]}")
    strangers, errors = front.strangers(), front.errors
    for notebook in front.pages:
        notebook.page.close()
    front.close_kernels()
    front.set_theme("light")
    if not failed:
        assert not strangers, "a page asked for something outside of this machine"
        assert not errors, "the console shows errors"


@pytest.fixture(params=["lab", "notebook"])
def front(request: Any, context: BrowserContext, servers: dict[str, Server]) -> Iterator[FrontEnd]:
    yield from _front(request.param, context, servers, request)


@pytest.fixture
def lab(request: Any, context: BrowserContext, servers: dict[str, Server]) -> Iterator[FrontEnd]:
    yield from _front("lab", context, servers, request)


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Iterator[None]:
    outcome: Any = yield
    if outcome.get_result().failed:
        item.stash[FAILED] = True
