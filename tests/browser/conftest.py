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
from playwright.sync_api import Browser, BrowserContext, expect

from tests.browser.jupyter import Server
from tests.browser.page import VIEWPORT, WAIT, FrontEnd

expect.set_options(timeout=WAIT)  # as everywhere else: five seconds are little on a machine under load


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


@pytest.fixture(scope="session")
def fronts() -> Iterator[dict[str, FrontEnd]]:
    """The front ends that are open, by kind: from test to test, until one fails."""
    opened: dict[str, FrontEnd] = {}
    yield opened
    for front in opened.values():
        front.context.close()


def _front(
    kind: str, browser: Browser, servers: dict[str, Server], fronts: dict[str, FrontEnd], request: Any
) -> Iterator[FrontEnd]:
    server = servers[kind]
    since = server.log_file.stat().st_size
    if kind not in fronts:
        context = browser.new_context(viewport=VIEWPORT, locale="en-US", service_workers="block")
        fronts[kind] = FrontEnd(server, context)
    front = fronts[kind]
    yield front
    failed = request.node.stash.get(FAILED, False)
    strangers, errors = front.strangers(), [*front.errors]
    if failed or strangers or errors:
        name = "failed-" + re.sub(r"\W+", "-", request.node.name)
        for number, notebook in enumerate(front.pages):
            if not notebook.page.is_closed():
                print("screenshot:", notebook.screenshot(f"{name}-{number}"))
                print(notebook.told())
        print("console errors:", *errors, sep="\n  ")
        print(f"the {kind} server wrote:\n{server.log(since)[-6000:]}")
        del fronts[kind]
        front.context.close()
        front.close_kernels()
    else:
        front.tidy()
    if not failed:
        assert not strangers, "a page asked for something outside of this machine"
        assert not errors, "the console shows errors"


@pytest.fixture(params=["lab", "notebook"])
def front(
    request: Any, browser: Browser, servers: dict[str, Server], fronts: dict[str, FrontEnd]
) -> Iterator[FrontEnd]:
    yield from _front(request.param, browser, servers, fronts, request)


@pytest.fixture
def lab(
    request: Any, browser: Browser, servers: dict[str, Server], fronts: dict[str, FrontEnd]
) -> Iterator[FrontEnd]:
    yield from _front("lab", browser, servers, fronts, request)


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Iterator[None]:
    outcome: Any = yield
    if outcome.get_result().failed:
        item.stash[FAILED] = True
