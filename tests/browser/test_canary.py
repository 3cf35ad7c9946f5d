"""No key gets out of JupyterLab either: what the page hears and shows, what the server and the notebook keep.

The long day, with every provider and every verb, is in tests/kernel/test_canary.py; here is what only a
front end does: its hidden prompt, its saved widget state, its workspaces and checkpoints.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from json import JSONDecoder
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from playwright.sync_api import expect

from tests.browser.page import FrontEnd, Notebook
from tests.browser.panel import Head, Panel
from tests.canary.canaries import canary, environment, hits, hits_below
from tests.canary.services import Services

WIDGETS = "../@jupyter-widgets/jupyterlab-manager/plugin"
"""The settings in which "Save Widget State Automatically" stands."""
CELLS = [
    "%load_ext nbstream\n%xmode Verbose\nimport nbstream, logging, os\n"
    "logging.basicConfig(level=logging.DEBUG, filename='debug.log')",
    "%llm login deepseek",
    "%%llm -m deepseek:words:20\nHello",
    "%llm lang zh\n%llm login spark",
    "%%llm -m spark:words:20\nHello",
    "%llm lang en\nos.environ.update(ECHO)",
    "%%llm -m deepseek:words:20\nHello",
    "%%llm -m spark:words:20\nHello",
    "%%llm -m gemini:words:20\nHello",
    "try:\n    try: nbstream.ask('hi', model='deepseek:x', retries=0)\n"
    "    except nbstream.NbstreamError: 1 / 0\nexcept ZeroDivisionError: get_ipython().showtraceback()",
    "%tb",
    "%llm why",
    "%llm doctor",
    "%llm history -v",
    "%llm save kept.json\n%llm export kept.md",
    "%whos",
    "os.environ.update(GOOD)",
    "%%llm -m deepseek:hold --background\nHello",
    "nbstream.ChatPanel()",
]


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    with Services(monkeypatch) as running:
        yield running


def type_keys(notebook: Notebook, cell: int, keys: dict[str, str], shot: str) -> None:
    """Run a login cell, and type each of `keys` at its prompt, as a person does."""
    notebook.run_cell(cell, wait=False)
    notebook.see(cell, "https://")  # where to get a key: a line that comes by another way than the prompt
    for prompt, key in keys.items():
        stdin = notebook.output(cell).locator(".jp-Stdin").filter(has_text=prompt)
        box = stdin.locator("input")
        expect(box).to_be_focused()
        assert (box.get_attribute("type") == "password") == (key != "app0id")
        for _ in range(5):  # a page that is still laying out its cells may take the box away once more
            box.fill(key)
            if prompt == list(keys)[-1]:
                notebook.screenshot(shot)
            box.press("Enter")
            with suppress(PlaywrightTimeout):
                box.wait_for(state="detached", timeout=5000)
                break
    notebook.wait_done()


def type_into_panel(notebook: Notebook, cell: int, services: Services) -> None:
    """Choose Spark in the panel of `cell`, and type its keys into the box that opens: first half of them."""
    notebook.execute_hidden(
        "HELD = {n: os.environ.pop(n) for n in list(os.environ) if n.startswith('SPARK_') and 'URL' not in n}"
    )
    head = Head(Panel.opened(notebook, cell))
    head.open(head.model)
    head.item("spark:4.0Ultra").first.click()
    fields = [head.field(name) for name in ("APPID", "APISecret", "APIKey")]
    for field, value in zip(fields, services.typed("spark"), strict=True):
        field.fill(value)
    notebook.page.keyboard.press("Escape")
    head.gone()
    head.open(head.model)
    head.item("spark:4.0Ultra").first.click()
    for field, value in zip(fields, services.typed("spark"), strict=True):
        expect(field).to_have_value("")
        field.fill(value)
    head.press("Save")
    expect(head.popup).to_contain_text("…0f7E ✓")
    notebook.screenshot("canary-panel")
    head.press("Done")
    head.panel.send("Hello from the panel")
    notebook.execute_hidden("os.environ.update(HELD); nbstream.use('deepseek')")


def test_a_day_in_lab_leaves_no_key_behind(lab: FrontEnd, services: Services, tmp_path: Path) -> None:
    heard: list[str | bytes] = []
    said: list[str | bytes] = []

    def listen(socket: Any) -> None:
        socket.on("framereceived", lambda payload: heard.append(payload))
        socket.on("framesent", lambda payload: said.append(payload))

    lab.context.on("page", lambda page: page.on("websocket", listen))
    lab.server.set(WIDGETS, {"saveState": True})
    try:
        notebook = lab.open(CELLS, name="canary")
    finally:
        lab.server.set(WIDGETS, {})
    # From a file that is not searched: code that held the keys would be sent to the page, and kept.
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps([environment() | services.addresses(), services.addresses(echo=True)]))
    notebook.execute_hidden(
        f"import json, os\nGOOD, ECHO = json.load(open({str(keys)!r}))\n"
        "os.environ.update(GOOD)\nGOOD = {n: v for n, v in GOOD.items() if n == 'DEEPSEEK_BASE_URL'}"
    )
    services.typed_keys()
    notebook.run_cell(0)
    # Ways in: the box of the panel, a hidden prompt, the environment.
    type_into_panel(notebook, 18, services)
    type_keys(notebook, 1, {"API Key": canary("typed", "deepseek")}, "login-prompt")
    notebook.run_cell(2)
    prompts = ("APPID", "APISecret", "APIKey")
    type_keys(notebook, 3, dict(zip(prompts, services.typed("spark"), strict=True)), "login-prompt-zh")
    notebook.select(4)
    notebook.command("notebook:run-all-below")
    notebook.wait_done()
    notebook.see(1, "…0f7E ✓")
    notebook.see(9, "ZeroDivisionError")
    notebook.screenshot("canary")
    notebook.save()
    assert notebook.read().metadata["widgets"], "the state of the widget that streams is in the file"
    page = notebook.page.content()
    for server in services.running.values():
        server.release()
    notebook.see(17, "words")
    notebook.save()
    notebook.execute_hidden("get_ipython().history_manager.writeout_cache()")

    everything = b"\n".join(one.encode() if isinstance(one, str) else one for one in heard)
    assert everything.count(b"who is ") > 4, "the cards and tracebacks quote the servers"
    found = hits(everything, "what the page heard") + hits(page, "the page")
    sent = [one if isinstance(one, bytes) else one.encode() for one in said]
    assert sum(bool(hits(one)) for one in sent) == 4, "the keys that were typed went to the kernel, once each"
    # Those of the panel's box in the bytes behind its message, which nobody logs.
    (login,) = [one for one in sent if b"login" in one and hits(one)]
    wish, _ = JSONDecoder().raw_decode(login[login.index(b'{"comm_id"') :].decode("utf-8", "replace"))
    assert wish["data"]["content"]["fields"] == ["app_id", "api_secret", "api_key"]
    found += hits(json.dumps(wish), "the panel's wish")
    others = [one for one in sent if b"input_reply" not in one and one is not login]
    found += [hit for one in others for hit in hits(one, "what the page said")]
    found += hits_below(lab.server.log_file.parent)
    assert not found, "\n".join(found)
    assert (lab.server.root / "debug.log").stat().st_size
