"""A notebook in a browser page, with one interface for JupyterLab and Notebook 7.

Every wait is a wait for a condition. What a person does is done by mouse and keyboard where that is the
thing tested (the kernel's ■, Ctrl+S); the rest goes through the front end's own commands.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
from jupyter_client import BlockingKernelClient
from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Locator, Page, ViewportSize, expect

from tests.browser.jupyter import Server
from tests.browser.scripts import ANSWER, PANEL, START_OVER, TOLD
from tests.browser.written import notebook_of
from tests.environment import ROOT

SHOTS = ROOT / "shots"
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
VIEWPORT: ViewportSize = {"width": 1280, "height": 1400}
WAIT = 30_000  # milliseconds; a bound for a machine under load, not a pause

# Noise of the front ends themselves, seen with no extension loaded: settings of a plugin that Notebook 7
# leaves out; a reply to the comm by which the page before a reload had asked for the widgets.
FRONT_END_NOISE = re.compile(
    r"ResizeObserver loop|Comm not found for comm id|reading 'schema'.*notebook_core", re.DOTALL
)


def squeezed(text: str) -> str:
    """`text` with no white space at all: what a hash of visible text is taken of.

    Blocks and cells are parted by line breaks in one place and by margins in another.
    """
    return re.sub(r"\s+", "", text)


def answer_in(area: Locator) -> str:
    """The squeezed text of the answer in an output area, streaming or settled; no status, no footer."""
    area.scroll_into_view_if_needed()
    return squeezed(area.evaluate(ANSWER))


class FrontEnd:
    """A server and the browser pages on it.

    A page takes longer to load than all else: the first one stays open, and the tests that follow `open`
    their notebooks in it, each with a kernel of its own.
    """

    def __init__(self, server: Server, context: BrowserContext) -> None:
        self.server = server
        self.kind = server.kind
        self.context = context
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.pages: list[Notebook] = []
        self._first: Notebook | None = None
        self._theme = "light"
        context.set_default_timeout(WAIT)
        context.add_init_script(PANEL)
        context.on("request", lambda request: self.requests.append(request.url))
        context.on("console", self._console)
        context.on("weberror", lambda error: self._error(f"uncaught: {error.error.stack}"))
        context.on("page", lambda page: page.on("websocket", lambda ws: self.requests.append(ws.url)))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._error(message.text)

    def _error(self, text: str) -> None:
        if not FRONT_END_NOISE.search(text):
            self.errors.append(text)

    def strangers(self) -> list[str]:
        """The addresses asked for that are not loopback."""
        asked = (urlsplit(url) for url in self.requests)
        return [u.geturl() for u in asked if u.scheme not in ("data", "blob") and u.hostname not in LOOPBACK]

    def write(self, cells: Sequence[str], name: str | None = None) -> str:
        """Write a notebook of these cells (see `notebook_of`); its path."""
        path = f"{name or 'n' + uuid.uuid4().hex[:8]}.ipynb"
        nbformat.write(notebook_of(cells), self.server.root / path)
        return path

    def open(self, cells: Sequence[str], name: str | None = None) -> Notebook:
        """Write a notebook of these cells and open it; comes back when its kernel is idle."""
        if name or self._first is None or self._first.page.is_closed():
            notebook = self.view(self.write(cells, name))
            self._first = self._first or (None if name else notebook)
            return notebook
        notebook = self._first
        self.write(cells, notebook.path.removesuffix(".ipynb"))
        notebook.start_over()
        self.pages.append(notebook)
        return notebook

    def view(self, path: str, wait_idle: bool = True) -> Notebook:
        """Open the notebook `path` in a new browser page (a second view, if one is open already)."""
        notebook = Notebook(self, self.context.new_page(), path)
        self.pages.append(notebook)
        notebook.go(wait_idle)
        return notebook

    def set_theme(self, name: str) -> None:
        """``"dark"`` or ``"light"``, for the pages that are opened or reloaded from now on."""
        self.server.set("apputils-extension/themes", {"theme": THEMES[name]})
        self._theme = name
        self.forget()

    def close_kernels(self) -> None:
        self.forget()
        self.server.close_kernels()

    def forget(self) -> None:
        """Let the next notebook have a page of its own."""
        if self._first and not self._first.page.is_closed() and self._first not in self.pages:
            self._first.page.close()
        self._first = None

    def tidy(self) -> None:
        """Leave the first page as it was, and nothing else: the next test begins."""
        if self._theme != "light":
            self.set_theme("light")
        for notebook in self.pages:
            if notebook is not self._first:
                notebook.page.close()
        kept = self._first and not self._first.page.is_closed() and self.server.kernel_of(self._first.path)
        self.server.close_kernels(but=kept or "")
        self.errors.clear()
        self.requests.clear()
        self.pages.clear()


class Notebook:
    """One notebook in one browser page."""

    def __init__(self, front: FrontEnd, page: Page, path: str) -> None:
        self.front = front
        self.page = page
        self.path = path
        self.file = front.server.root / path
        # A workspace of its own: else Lab opens what the page before had open.
        where = f"/lab/workspaces/w{uuid.uuid4().hex[:8]}/tree/" if front.kind == "lab" else "/notebooks/"
        self.url = f"{front.server.url}{where}{path}?token={front.server.token}"

    def go(self, wait_idle: bool = True) -> None:
        self.page.goto(self.url)
        if wait_idle:
            self.until("window.kernelReady && window.kernelReady()", timeout=90_000)
        else:
            self._loaded()

    def start_over(self) -> None:
        """Show what is in the file now, with a fresh kernel."""
        self.page.set_viewport_size(VIEWPORT)
        self.page.emulate_media(reduced_motion="null")
        self.page.mouse.move(0, 0)
        self.page.evaluate(START_OVER)
        self.until("window.kernelReady()")

    def reload(self) -> None:
        """Reload the page as F5 does. The kernel lives on; the notebook comes from the disk."""
        self.page.reload()
        self._loaded()

    def _loaded(self) -> None:
        # Connected, if only to a busy kernel: a cell that is run before makes the front end start a new one.
        self.until(
            "window.kernelReady && window.notebookPanel()?.context.isReady && "
            "window.notebookPanel().sessionContext.session?.kernel?.connectionStatus === 'connected'"
        )
        self.page.locator(".jp-Notebook .jp-Cell").first.wait_for()

    def close(self) -> None:
        self.page.close()

    # -- doing ---------------------------------------------------------------------------------------

    def run_all(self, wait: bool = True) -> None:
        self.page.evaluate("window.runCommand('notebook:run-all-cells')")
        if wait:
            self.wait_done()

    def run_cell(self, index: int, wait: bool = True) -> None:
        """Run one cell and leave it selected."""
        # In one go: a click that is still being dealt with may select its own cell in between.
        self.page.evaluate(
            "i => { const c = window.notebookPanel().content; c.deselectAll(); c.activeCellIndex = i;"
            " window.runCommand('notebook:run-cell'); }",
            index,
        )
        if wait:
            self.wait_done()

    def select(self, index: int) -> None:
        self.page.evaluate(
            "i => { const c = window.notebookPanel().content; c.deselectAll(); c.activeCellIndex = i; }",
            index,
        )

    def interrupt(self) -> None:
        """Click the ■ of the notebook's toolbar."""
        self.page.locator("jp-button[data-command='notebook:interrupt-kernel']").click()

    def command(self, name: str, **args: Any) -> None:
        self.page.evaluate("([id, args]) => window.runCommand(id, args)", [name, args])

    def save(self) -> None:
        """Press Ctrl+S and wait until the file is written, and its checkpoint: else it cannot be renamed."""
        before = self.file.stat().st_mtime_ns
        self.page.evaluate("window.jupyterapp.shell.activateById(window.notebookPanel().id)")
        with self.page.expect_response(lambda it: "/checkpoints" in it.url and it.request.method == "POST"):
            self.page.keyboard.press("Control+s")
        self.wait_for(lambda: self.file.stat().st_mtime_ns != before, "the file to be written")
        self.until("!window.notebookPanel().context.model.dirty")

    def execute_hidden(self, code: str, timeout: float = 30) -> str:
        """Run `code` in the kernel on a connection of its own; what it printed."""
        client = BlockingKernelClient(
            connection_file=str(self.front.server.connection_file(self.front.server.kernel_of(self.path)))
        )
        client.load_connection_file()
        client.start_channels()
        printed: list[str] = []

        def collect(message: dict[str, Any]) -> None:
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        try:
            client.wait_for_ready(timeout=timeout)
            reply = client.execute_interactive(
                code, store_history=False, allow_stdin=False, timeout=timeout, output_hook=collect
            )
        finally:
            client.stop_channels()
        assert reply["content"]["status"] == "ok", reply["content"]
        return "".join(printed)

    # -- waiting -------------------------------------------------------------------------------------

    def until(self, condition: str, timeout: float = WAIT) -> None:
        """Wait until the JavaScript expression `condition` is true in the page."""
        self.page.wait_for_function(f"() => {condition}", timeout=timeout)

    def wait_done(self, timeout: float = 60_000) -> None:
        """Wait until every cell that was started has ended and the kernel is idle."""
        self.until("window.cellsDone()", timeout)

    def wait_for(self, condition: Callable[[], bool], what: str, timeout: float = WAIT) -> None:
        """Wait for something outside of the page, while the page goes on."""
        waited = 0
        while not condition():
            assert waited < timeout, f"waited {timeout / 1000:.0f} s for {what}"
            self.page.wait_for_timeout(20)
            waited += 20

    # -- seeing --------------------------------------------------------------------------------------

    def cell(self, index: int) -> Locator:
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def output(self, index: int) -> Locator:
        """The output area of cell `index`."""
        return self.cell(index).locator(".jp-OutputArea").first

    def outputs(self, index: int) -> Locator:
        """The single outputs of cell `index`."""
        return self.output(index).locator(".jp-OutputArea-output")

    def text(self, index: int) -> str:
        """What a person reads below cell `index`."""
        self.output(
            index
        ).scroll_into_view_if_needed()  # a cell off the screen has no layout, so no innerText
        return self.output(index).inner_text()

    def answer(self, index: int) -> str:
        """The visible text of the answer below cell `index`, squeezed; no status, no footer."""
        return answer_in(self.output(index))

    def see(self, index: int, text: str | re.Pattern[str], timeout: float = WAIT) -> None:
        """Wait until the output of cell `index` holds `text`."""
        expect(self.output(index)).to_contain_text(text, timeout=timeout)

    def prompts(self) -> list[str]:
        """The execution prompts of the code cells: ``1``, ``*`` while one waits or runs, empty before."""
        script = "window.notebookPanel().content.widgets.flatMap(w => w.prompt ?? [])"
        found: list[str] = self.page.evaluate(script)
        return found

    def read(self) -> Any:
        """The notebook as it is on the disk."""
        return nbformat.read(self.file, as_version=4)

    def saved(self, index: int) -> list[Any]:
        """The outputs of cell `index` in the saved file."""
        outputs: list[Any] = self.read().cells[index].outputs
        return outputs

    def told(self) -> str:
        """What the page says of its kernel and its code cells, for the report of a test that failed."""
        try:
            return "\n".join(self.page.evaluate(TOLD))
        except Error as error:
            return f"the page does not say: {error.message}"

    def screenshot(self, name: str) -> Path:
        """Write shots/NAME.FRONTEND.png."""
        SHOTS.mkdir(exist_ok=True)
        path = SHOTS / f"{name}.{self.front.kind}.png"
        self.page.screenshot(path=path, animations="disabled")
        return path
