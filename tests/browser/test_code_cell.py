"""What an answer leaves below its cell: code in a new one; and a cell that failed gets help."""

from __future__ import annotations

from urllib.parse import quote

from playwright.sync_api import expect

from tests.browser.page import FrontEnd
from tests.served import Served

CODE = "Add them up:\n\n```python\ntotal = sum(rows)\ntotal\n```\n"
CITY = (
    '{"name": "成都", "people": 21, "rivers": ["府河", "南河", "沙河"],'
    ' "province": "四川", "dishes": ["火锅"]}'
)


def test_code_comes_into_a_cell_below_a_failed_cell_is_mended_and_json_is_code(
    front: FrontEnd, served: Served
) -> None:
    said = quote(CODE, safe="")
    cells = [
        served.setup(),
        "rows = [1, 2, '3']\ntotal = sum(rows)",
        f"%llm fix -m openai:recite:{said}",
        f"%%llm --new --code -m openai:recite:{said}\nHow?",
        f"%%llm --new -f json -o city -m openai:recite:{quote(CITY, safe='')}\nA city",
        "print(city['people'])",
    ]
    notebook = front.open(cells)
    notebook.run_cell(0)
    notebook.run_cell(1)
    notebook.see(1, "TypeError")
    notebook.run_cell(2)
    expect(notebook.output(2).locator("code").first).to_contain_text("total = sum(rows)")
    asked = served.log()[-1]["body"]["messages"][-1]["content"]
    assert "rows = [1, 2, '3']" in asked and "TypeError" in asked

    notebook.run_cell(3)
    below = notebook.cell(4)
    expect(below.locator(".cm-content")).to_have_text("total = sum(rows)total")
    assert notebook.prompts()[4] == "", "nothing runs by itself"

    notebook.run_cell(5)
    expect(notebook.output(5).locator("code").first).to_contain_text('"people": 21')
    notebook.run_cell(6)
    notebook.see(6, "21")
    notebook.screenshot("code-cell")
