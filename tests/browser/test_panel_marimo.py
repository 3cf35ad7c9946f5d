"""The panel in marimo: no IPython, no JupyterLab, its view in a shadow root."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.jupyter import free_port
from tests.browser.page import LOOPBACK
from tests.environment import clean
from tests.served import Served

APP = """
import marimo
app = marimo.App()

@app.cell
def _():
    import marimo as mo
    import nbstream
    panel = mo.ui.anywidget(nbstream.ChatPanel(model="openai:rich:150"))
    panel
    return
"""


@pytest.fixture
def marimo(served: Served, tmp_path: Path) -> Iterator[str]:
    """The address of a notebook with a panel."""
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    port = free_port()
    words = ["-m", "marimo", "run", "app.py", "--headless", "--no-token"]
    words += ["--host", "127.0.0.1", "--port", str(port)]
    env = clean(tmp_path / "home", **served.environment())
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *words], cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end and process.poll() is None:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            time.sleep(0.1)  # a process that starts has no event to wait for
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    assert b"Traceback" not in (tmp_path / "log").read_bytes()


def panel(page: Page, url: str) -> None:
    page.goto(url)
    expect(page.locator(".nbp textarea")).to_be_visible(timeout=60_000)


def test_a_person_chats_stops_and_comes_back(marimo: str, served: Served, context: BrowserContext) -> None:
    page = context.new_page()
    errors: list[str] = []
    asked: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    panel(page, marimo)
    keyboard, turns = page.keyboard, page.locator(".nbp article")
    page.locator(".nbp textarea").click()
    keyboard.insert_text("Write.")
    keyboard.press("Enter")
    expect(turns).to_have_attribute("aria-busy", "false", timeout=30_000)
    expect(turns.locator("td").first).to_be_visible()
    expect(turns.locator("pre").first).to_be_visible()
    # The page resets lists and tables; the panel's own style gives them their shape back.
    style = turns.locator("ul").first.evaluate("ul => getComputedStyle(ul).listStyleType")
    assert style == "disc"
    page.locator(".nbp-model").press("Enter")
    search = page.locator(".nbp").get_by_role("searchbox")
    search.fill("openai:hold")
    search.press("Enter")
    expect(page.locator(".nbp-model")).to_contain_text("hold")
    page.locator(".nbp textarea").click()
    keyboard.insert_text("Hold on.")
    keyboard.press("Enter")
    expect(turns.last.locator("h2")).to_have_text("Held back")
    keyboard.press("Escape")
    expect(turns.last).to_have_attribute("aria-busy", "false")
    expect(turns.last.get_by_role("button", name="Continue")).to_be_attached()
    page.reload()
    expect(turns).to_have_count(2, timeout=60_000)
    expect(turns.last.locator("h2")).to_have_text("Held back")
    assert not errors
    there = [urlsplit(url) for url in asked]
    assert not [one for one in there if one.scheme not in ("data", "blob") and one.hostname not in LOOPBACK]
