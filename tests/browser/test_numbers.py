"""``%llm stats`` as a person sees it: a table and a picture in the colours of the theme."""

from __future__ import annotations

import nbformat

from tests.browser.page import FrontEnd
from tests.served import Served

CELLS = [
    "%%llm -m openai:words:30@200\nfirst",
    "%%llm -m openai:think:20@200\nsecond",
    "%%llm -m openai:status:404\nthird",
    "%%llm -m openai:words:60@200\nfourth",
    "%llm stats -v",
]
COLOUR = "one => getComputedStyle(one).fill"


def test_stats_are_a_table_and_a_picture_in_the_colours_of_the_theme(lab: FrontEnd, served: Served) -> None:
    notebook = lab.open([served.setup(), *CELLS])
    notebook.run_all()
    picture = notebook.output(5).locator("svg[role=img]")
    picture.wait_for()
    assert picture.locator("g").count() == 4
    assert notebook.output(5).locator("table").count() == 2
    assert picture.get_by_text("✕").count() == 1
    assert picture.bounding_box()["width"] > 300  # type: ignore[index]
    picture.scroll_into_view_if_needed()
    notebook.screenshot("stats-light")
    light = picture.locator("text").first.evaluate(COLOUR)
    notebook.save()
    [saved] = notebook.saved(5)
    assert set(saved["data"]) == {"text/html", "text/markdown", "text/plain"}
    assert "| openai |" in "".join(saved["data"]["text/markdown"]), "a table for whoever shows no HTML"
    lab.set_theme("dark")
    again = lab.view(notebook.path)
    picture = again.output(5).locator("svg[role=img]")
    picture.wait_for()
    picture.scroll_into_view_if_needed()
    again.screenshot("stats-dark")
    assert picture.locator("text").first.evaluate(COLOUR) != light
    changed = notebook.read()
    changed.cells[0].source += "  # by somebody else, so that it is not trusted"
    nbformat.write(changed, lab.server.root / "stranger.ipynb")
    stranger = lab.view("stranger.ipynb")
    stranger.see(5, "first token p50")
    assert stranger.output(5).locator("svg[role=img]").count() == 0
    assert "streaming" not in stranger.text(5), "no words of a picture that is not there"
