"""The x-ray in a page: it shows the wire while the answer comes, and leaves a table and a picture."""

from __future__ import annotations

import json

from playwright.sync_api import expect

from tests.browser.page import FrontEnd
from tests.fakes.spark_server import CREDENTIALS
from tests.served import Served

FORMULAS = """from IPython.display import HTML
from nbstream.show.tables import for_page, page_text
HTML(for_page("$a^2$ and ") + page_text("$b^2$ and ") + "$y^2$")"""
"""What words of ours are written with, beside a formula."""


def environment(server: Served) -> str:
    given = {"SPARK_BASE_URL": server.url, "NBSTREAM_LANG": "en"}
    given |= {f"SPARK_{name.upper()}": value for name, value in CREDENTIALS.items()}
    return f"import os; os.environ |= {given!r}\n%load_ext nbstream"


def test_the_wire_stands_beside_the_answer_while_it_comes_and_stays_when_it_has(lab: FrontEnd) -> None:
    with Served("spark", key=None) as server:
        cells = [environment(server), "%%llm -m spark:hold --xray\nTell me about the sea."]
        cells += [FORMULAS]
        notebook = lab.open(cells)
        notebook.run_all(wait=False)
        live = notebook.output(1).locator(".nbx")
        expect(live.locator(".nbx-frames > details").first).to_be_visible()
        # The request and the three lines that are signed stand there while the answer is under way.
        expect(live).to_contain_text("GET /v4.0/chat HTTP/1.1")
        expect(live).to_contain_text('api_key="…e1f0"')
        expect(live.locator("svg[role=img]")).to_be_visible()
        expect(notebook.output(1).locator(".nbs-answer")).to_be_visible()
        notebook.screenshot("xray-live")
        server.release()
        notebook.wait_done()
        page = notebook.output(1)
        expect(page.locator(".nbx")).to_have_count(0)
        expect(page.locator(".nbs-plot svg")).to_be_visible()
        expect(page.locator(".jp-RenderedMarkdown")).to_be_visible()
        expect(page).to_contain_text("GET /v4.0/chat HTTP/1.1")
        notebook.screenshot("xray-settled")
        expect(notebook.output(2).locator("mjx-container")).to_have_count(1)
        expect(notebook.output(2)).to_contain_text("$a^2$ and $b^2$")
        notebook.save()
        answer, xray = notebook.saved(1)
        assert set(answer["data"]) == {"text/markdown", "text/plain"}
        assert {"text/html", "text/markdown", "text/plain"} == set(xray["data"])
        for name in ("api_key", "api_secret", "app_id"):
            assert CREDENTIALS[name] not in json.dumps([answer, xray])


def test_streamed_and_waited_for_stand_in_one_picture_and_a_background_turn_is_xrayed(lab: FrontEnd) -> None:
    setup = "import os; os.environ |= {'NBSTREAM_LANG': 'en', 'NBSTREAM_DEMO_SPEED': '4'}"
    notebook = lab.open(
        [
            f"{setup}\n%load_ext nbstream",
            "%llm stream-vs-wait -m demo",
            "%%llm --xray --background -m demo\nWhat is a token?",
        ]
    )
    notebook.run_all()
    expect(notebook.output(2).locator(".nbs-plot svg")).to_be_visible()
    expect(notebook.output(2).locator(".nbx")).to_have_count(0)
    expect(notebook.output(2).locator(".jp-RenderedMarkdown")).to_be_visible()
    page = notebook.output(1)
    expect(page.locator(".nbs-plot svg")).to_be_visible()
    notebook.screenshot("waiting")
