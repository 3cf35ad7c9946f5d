"""An answer, from its first words to the Markdown that stays."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from playwright.sync_api import expect

from tests.browser.answers import assert_same
from tests.browser.page import FrontEnd
from tests.served import Served


def test_a_heading_and_a_table_stand_while_the_server_holds_the_rest_back(
    front: FrontEnd, served: Served
) -> None:
    notebook = front.open([served.setup(), "%%llm -m openai:hold\nHold on."])
    notebook.run_all(wait=False)
    output = notebook.output(1)
    expect(output.locator("h2")).to_have_text("Held back")
    expect(output.locator("td").first).to_have_text("1")
    expect(output.locator("button", has_text="Stop")).to_be_visible()
    [record] = served.log()
    assert record["closed"] is None, "the server has let go, so this proves nothing"
    notebook.screenshot("streaming")
    served.release()
    notebook.wait_done()
    settled = output.locator(".jp-RenderedMarkdown")
    expect(settled.locator("h2")).to_contain_text("Held back")
    expect(settled.locator("td")).to_have_text(["1", "2", "3", "4"])
    expect(settled).to_contain_text("Last words.")
    expect(output.locator(".nbs-answer")).to_have_count(0)
    notebook.screenshot("settled")


@pytest.mark.parametrize("model", ["rich:1500", "rich:800@400"])
def test_a_whole_document_is_shown_and_saved_to_the_last_character(
    front: FrontEnd, served: Served, model: str
) -> None:
    notebook = front.open([served.setup(), f"%%llm -m openai:{model}\nWrite."])
    notebook.run_all()
    expect(notebook.output(1).locator(".nbs-answer")).to_have_count(0)
    [record] = served.log()
    assert_same(notebook.answer(1), record["text"])
    notebook.save()
    [output] = notebook.saved(1)
    assert output.output_type == "display_data"
    assert set(output.data) == {"text/markdown", "text/plain"}, "the widget must not be saved"
    assert output.data["text/plain"] == record["text"]
    body, _, footer = output.data["text/markdown"].rpartition("\n\n")
    assert footer.startswith("*⟡") and footer.endswith("*") and "\n" not in footer
    assert_same(re.sub(r"\s", "", _text(body)), record["text"])
    notebook.screenshot("document-" + model.partition(":")[2].replace("@", "-at-"))


def _text(markdown: str) -> str:
    from tests.browser.answers import shown

    return shown(markdown)


def test_a_reopened_notebook_shows_the_answer_without_a_kernel(front: FrontEnd, served: Served) -> None:
    notebook = front.open([served.setup(), "%%llm -m openai:rich:200\nWrite."])
    notebook.run_all()
    notebook.save()
    notebook.close()
    front.close_kernels()
    again = front.view(notebook.path)
    expect(again.output(1).locator(".jp-RenderedMarkdown")).to_be_visible()
    [record] = served.log()
    assert_same(again.answer(1), record["text"])
    assert "model not found" not in again.text(1).lower()


def test_run_all_keeps_the_order_of_five_answers(front: FrontEnd, served: Served) -> None:
    asking = [f"%%llm -m openai:words:40@400\nQuestion {number}" for number in range(5)]
    cells = [served.setup(), *asking, "print('the end')"]
    notebook = front.open(cells)
    notebook.run_all()
    notebook.see(6, "the end")
    log = served.log()
    prompts = [record["body"]["messages"][-1]["content"] for record in log]
    assert prompts == [f"Question {number}" for number in range(5)]
    assert all(one["closed"] <= two["opened"] for one, two in pairwise(log))
    for number, record in enumerate(log):
        expect(notebook.output(number + 1).locator(".jp-RenderedMarkdown")).to_be_visible()
        assert_same(notebook.answer(number + 1), record["text"])
    assert notebook.prompts() == [str(number) for number in range(1, 8)]


def test_something_is_on_the_screen_before_the_first_token(front: FrontEnd, served: Served) -> None:
    notebook = front.open([served.setup(), "%%llm -m openai:silent\nWell?"])
    notebook.run_cell(0)
    notebook.run_cell(1, wait=False)
    notebook.see(1, re.compile("openai.*connecting|silent.*connecting"))
    notebook.screenshot("connecting")
    notebook.interrupt()
    notebook.wait_done()


def test_reasoning_folds_and_opens_on_a_click(front: FrontEnd, served: Served) -> None:
    notebook = front.open([served.setup(), "%%llm -m openai:think:300@50\nThink."])
    notebook.run_all(wait=False)
    fold = notebook.output(1).locator("details")
    thought = notebook.output(1).locator(".nbs-thought")
    expect(fold).to_be_visible()
    expect(thought).not_to_be_visible()  # reasoning is folded until one asks
    notebook.see(1, "thinking")
    fold.locator("summary").click()
    expect(thought).to_contain_text(re.compile(r"\w+ \w+ \w+"))
    notebook.screenshot("thinking")
    notebook.interrupt()
    notebook.wait_done()


def test_an_error_is_a_card_of_three_lines_and_run_all_goes_on(front: FrontEnd, served: Served) -> None:
    cells = [served.setup(), "%%llm -m openai:status:401\nHello", "print('went on')"]
    notebook = front.open(cells)
    notebook.run_all()
    notebook.see(2, "went on")
    assert "Traceback" not in notebook.text(1)
    assert "sk-test" not in notebook.text(1)
    notebook.save()
    [output] = notebook.saved(1)
    assert "%llm login openai" in output.data["text/markdown"]
    notebook.screenshot("error")


def test_the_dark_theme(front: FrontEnd, served: Served) -> None:
    front.set_theme("dark")
    asking = [f"%%llm -m openai:{model}\nGo." for model in ("rich:150", "status:429:0", "hold")]
    notebook = front.open([served.setup(), *asking])
    assert notebook.page.locator("body").get_attribute("data-jp-theme-light") == "false"
    notebook.run_all(wait=False)
    expect(notebook.output(3).locator("td").first).to_be_visible()
    notebook.screenshot("dark")
    served.release()
    notebook.wait_done()


def test_the_first_run_needs_no_key_and_no_network(lab: FrontEnd) -> None:
    notebook = lab.open(["%load_ext nbstream", "%%llm\nWhat is streaming?"])
    notebook.run_all()
    notebook.see(1, "demo")
    notebook.screenshot("demo")
    assert not lab.strangers()
