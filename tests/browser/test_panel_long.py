"""A long conversation in the view, told by the real desk: it opens at its end, the rest comes on demand.

The page is a bare one, without a kernel between the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext

from nbstream.chat.kept import Turn
from nbstream.chat.session import Session
from nbstream.messages import Answer
from nbstream.panel.placing import placed
from tests.browser.test_panel_transcript import View
from tests.panel.view import Seen

TEXT = "A paragraph of **some** words, and `code`.\n\n```python\nx = 1\n```\n\n- a\n- b\n\n" * 6
PROMPTS = "[...document.querySelectorAll('.nbp-prompt')].map(one => one.textContent)"
TO_THE_TOP = """() => {
    const log = document.querySelector('.nbp-log');
    window.reading = log.querySelector('article');
    log.scrollTop = 0;
}"""
PLACE = "reading.getBoundingClientRect().top - document.querySelector('.nbp-log').getBoundingClientRect().top"


class Told:
    """A page that is told what a desk tells, and whose wishes the desk hears."""

    def __init__(self, view: View, seen: Seen) -> None:
        self.view, self.seen, self._told, self._heard = view, seen, 0, 0
        self.prompts: list[str] = []

    def until(self, condition: Callable[[], bool]) -> None:
        """Carry messages until this holds."""
        for _ in range(500):
            wishes = self.view.page.evaluate("said")
            for wish in wishes[self._heard :]:
                self.seen.desk.hear(wish)
            self._heard = len(wishes)
            for message in self.seen.messages[self._told :]:
                self.view.page.evaluate("message => panel.receive(message)", placed(message))
                self._told += 1
            self.prompts = self.view.page.evaluate(PROMPTS)
            if condition():
                return
            self.view.page.wait_for_timeout(20)
        raise AssertionError("it does not come about")


@pytest.fixture
def told(context: BrowserContext) -> Iterator[Told]:
    here = Session()
    talk = here.conversation()
    for number in range(1, 121):
        answer = Answer(f"{TEXT}the end of {number}", finish_reason="stop", model="demo")
        talk.history.head = talk.history.add(
            Turn(f"question {number}", "demo", answer=answer), talk.history.head
        )
    page = context.new_page()
    view = View(page)
    page.evaluate("panel.seq = -1")
    seen = Seen(here)
    yield Told(view, seen)
    seen.close()
    page.close()


def test_it_opens_at_its_end_and_the_others_come_as_one_scrolls_up(told: Told) -> None:
    page = told.view.page
    told.until(lambda: bool(told.prompts))
    first = told.prompts
    assert first == [f"question {number}" for number in range(121 - len(first), 121)]
    assert 2 <= len(first) <= 20
    page.wait_for_function(
        "(log => log.scrollHeight - log.scrollTop - log.clientHeight < 2)(document.querySelector('.nbp-log'))"
    )
    for _ in range(2):
        count = len(told.prompts)
        page.evaluate(TO_THE_TOP)
        told.until(lambda count=count: len(told.prompts) > count)  # type: ignore[misc]
        told.until(lambda: abs(page.evaluate(PLACE)) < 40)  # what one was reading is where it was
    later = told.prompts
    assert later == [f"question {number}" for number in range(121 - len(later), 121)]
    while told.seen.view.state["more"]:
        count = len(told.prompts)
        page.evaluate(TO_THE_TOP)
        told.until(lambda count=count: len(told.prompts) > count)  # type: ignore[misc]
    assert told.prompts == [f"question {number}" for number in range(1, 121)]
