"""A function that a model calls, as a person sees it: the call, the question, the result, what is saved."""

from __future__ import annotations

import json
import re

from playwright.sync_api import expect

from tests.browser.page import FrontEnd
from tests.served import Served

HOSTILE = '<img src=x onerror="window.ran=1">**b** $x$ `c`'
DEFINED = '''
def weather(city: str, days: int = 1) -> dict:
    """某个城市的天气。"""
    return {"celsius": 18, "note": city}

def run_code(code: str) -> int:
    """Run a piece of Python."""
    return 1

def forever(city: str) -> None:
    """Never comes back."""
    while True: pass
'''
CELLS = [
    "{setup}\n" + DEFINED + "%llm tools add weather run_code\n%llm tools add --yes forever",
    "%%llm -m openai:script\nthink Where is it?\nI will look that up.\n"
    'call weather {"city": "成都", "days": 2}\ncall weather {hostile}\n---\n'
    "It is **18 °C** there.",
    "%%llm -m openai:script\nLet me compute that.\ncall run_code {code}\n---\n{results}: 42.",
    '%%llm -m openai:script\nThis takes a while.\ncall forever {"city": "a"}\n---\nDone.',
    "print('next')",
]
CODE = json.dumps({"code": "import math\n\nfor n in range(3):\n    print(math.factorial(n))"})


def test_a_call_is_seen_allowed_and_saved(lab: FrontEnd, served: Served) -> None:
    setup = served.setup()
    cells = [
        cell.replace("{setup}", setup)
        .replace("{hostile}", json.dumps({"city": HOSTILE}))
        .replace("{code}", CODE)
        for cell in CELLS
    ]
    notebook = lab.open(cells)
    notebook.run_cell(0)
    notebook.see(0, "asks first")

    notebook.run_cell(1, wait=False)
    question = notebook.output(1).locator(".jp-Stdin-input")
    expect(question).to_be_focused()
    notebook.see(1, 'weather(city="成都", days=2)')
    notebook.see(1, "weather asks for your permission")
    notebook.screenshot("tool-asks")
    notebook.page.keyboard.type("y")
    notebook.page.keyboard.press("Enter")
    notebook.see(1, re.compile(r"→ .*18"))
    notebook.see(1, re.compile(r"Run weather\(city=\"<img"))  # the second call's question
    expect(question.last).to_be_focused()
    notebook.page.keyboard.type("n")
    notebook.page.keyboard.press("Enter")
    notebook.wait_done()
    expect(notebook.output(1).locator("blockquote")).to_have_count(2)
    notebook.see(1, "did not allow")
    assert notebook.page.evaluate("window.ran") is None, "what a model sends as an argument is text"

    notebook.run_cell(2, wait=False)
    expect(notebook.output(2).locator("blockquote pre")).to_contain_text("math.factorial(n)")
    question = notebook.output(2).locator(".jp-Stdin-input")
    expect(question).to_be_focused()
    notebook.screenshot("tool-code")
    notebook.page.keyboard.type("y")
    notebook.page.keyboard.press("Enter")
    notebook.wait_done()

    notebook.run_cell(3, wait=False)
    notebook.see(3, re.compile(r"forever runs · \d s"))
    notebook.output(3).locator(".nbs-stop").click()
    notebook.wait_done()
    notebook.see(3, "Stopped by the user")
    notebook.run_cell(4)
    notebook.see(4, "next")
    notebook.screenshot("tool-settled")

    notebook.save()
    markdown = notebook.saved(1)[0]["data"]["text/markdown"]
    assert markdown.startswith(
        'I will look that up.\n\n> **⚙ weather**(city="成都", days=2)\n>\n'
        '> → {"celsius": 18, "note": "成都"}\n\n'
    )
    assert "<img" not in markdown and "\n\nIt is **18 °C** there.\n\n*⟡ " in markdown
    assert [one["output_type"] for one in notebook.saved(1)] == ["display_data", "stream"]
