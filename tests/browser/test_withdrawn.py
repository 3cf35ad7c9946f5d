"""What a service's moderation withdraws is gone from the page, and from what is saved."""

from __future__ import annotations

import json

from playwright.sync_api import expect

from tests.browser.page import FrontEnd
from tests.fakes.spark_server import CREDENTIALS, SparkServer


def test_text_that_is_withdrawn_leaves_the_live_view_and_is_not_saved(lab: FrontEnd) -> None:
    with SparkServer() as server:
        keys = {f"SPARK_{name.upper()}": value for name, value in CREDENTIALS.items()}
        given = json.dumps({"SPARK_BASE_URL": server.url, **keys})
        setup = f"import os\nos.environ.update({given})\n%load_ext nbstream"
        notebook = lab.open([setup, "%%llm -m spark:withdraw:12\nTell me.", "%%llm -m spark:echo\nGo on."])
        notebook.run_all(wait=False)
        output = notebook.output(1)
        body = output.locator(".nbs-body")
        notebook.wait_for(lambda: len(body.inner_text().split()) > 5, "the text that is to go")
        shown = body.inner_text().strip()[:20]
        expect(output.locator(".nbs-thought")).to_contain_text("A thought that leads there.")
        server.release()
        expect(output).to_contain_text("很抱歉，无法继续回答。")
        expect(output).not_to_contain_text(shown)
        expect(output).not_to_contain_text("A thought")
        notebook.screenshot("withdrawn")
        notebook.wait_done()
        expect(output.locator(".nbs-answer")).to_have_count(0)
        expect(output).not_to_contain_text(shown)
        notebook.save()
        for saved in notebook.saved(1):
            assert shown not in json.dumps(saved, ensure_ascii=False)
        # Nor does the next question send it along.
        assert [one["content"] for one in server.log[-1].body["payload"]["message"]["text"]] == ["Go on."]
