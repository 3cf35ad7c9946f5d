"""A comparison that a cell asks, as a panel of its conversation sees it: it runs, and can be stopped."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from nbstream.chat import several
from nbstream.chat.engine import Run
from nbstream.chat.kept import Turn
from nbstream.i18n import t
from nbstream.messages import Message
from nbstream.panel.composing import Composing
from nbstream.panel.transcript import Transcript
from nbstream.teach.compare_sinks import Board
from tests.panel.spoken import Line
from tests.panel.view import Seen

pytestmark = pytest.mark.usefixtures("spoken")
NAMES = (f"several{number}" for number in count())


class Compared(Seen):
    """A panel, and two models that are asked at once in its conversation."""

    def __init__(self) -> None:
        self.lines = [Line(next(NAMES)) for _ in range(2)]
        super().__init__(parts=(Transcript, Composing), model=self.lines[0].model)
        self.wait_for(lambda view: "draft" in view.state)

    def compare(self) -> tuple[Turn, list[Run]]:
        talk, models = self.desk.talk, [line.model for line in self.lines]
        board = Board(len(models))
        calls = several.calls(talk, Message("user", "Which?"), models, {})
        turn, made = several.begin(
            talk, "Which?", models, calls, board.columns, {}, sent=None, line="", attachments=()
        )
        runs = [run for run in made if run is not None]
        board.open(turn, made)
        for run in runs:
            run.start()
        for line in self.lines:
            line.heard()
        return turn, runs

    def left(self, number: int) -> None:
        """Wait until the status says that so many of the two still answer."""
        said = t("compare.answering", left=number, count=2)
        self.wait_for(lambda view: (view.state["busy"] or {}).get("status", {}).get("text") == said)

    def queued(self, *queue: tuple[str, bool]) -> None:
        self.wait_for(
            lambda view: (
                [(one["text"], one["held"]) for one in view.state["queue"] if "text" in one] == [*queue]
            )
        )


@pytest.fixture
def panel() -> Iterator[Compared]:
    made = Compared()
    yield made
    made.close()
    made.desk.talk.reset()


def test_while_columns_stream_the_panel_is_busy_and_what_is_written_waits_until_one_is_kept(
    panel: Compared,
) -> None:
    turn, runs = panel.compare()
    panel.left(2)
    panel.ask("send", text="And then?")
    panel.queued(("And then?", False))
    panel.lines[0].say(text="The first.")
    panel.lines[0].say(done="stop")
    assert runs[0].wait(10)
    panel.left(1)
    panel.lines[1].say(done="stop")
    assert runs[1].wait(10)
    several.finish(panel.desk.talk, turn)
    panel.queued(("And then?", True))
    assert panel.view.state["busy"] is None
    assert [one.prompt for one in panel.desk.talk.turns] == ["Which?"]
    panel.wait_for(lambda view: "%llm keep 1" in view.turns[turn.id].info["foot"])
    panel.ask("sendnow", entry=panel.view.state["queue"][0]["id"])
    panel.wait_for(lambda view: "%llm keep 1" in str(view.state["notice"]))
    panel.lines[0].say(done="stop")


def test_stop_in_the_panel_stops_all_of_them(panel: Compared) -> None:
    turn, runs = panel.compare()
    panel.left(2)
    panel.ask("stop")
    assert all(run.wait(10) for run in runs)
    several.finish(panel.desk.talk, turn)
    assert turn.status == "stopped"
    panel.wait_for(lambda view: view.state["busy"] is None)


def test_one_that_is_kept_stands_there_while_the_others_still_come(panel: Compared) -> None:
    turn, runs = panel.compare()
    panel.left(2)
    panel.lines[0].say(text="The first.")
    panel.lines[0].say(done="stop")
    assert runs[0].wait(10)
    several.keep(panel.desk.talk, turn, 1)
    panel.wait_for(lambda view: "The first." in str(view.turns[turn.id].page.blocks))
    assert panel.view.state["busy"] is None
    runs[1].cancel()
    assert runs[1].wait(10)
    several.finish(panel.desk.talk, turn)
    assert turn.answer is not None and turn.answer.text == "The first."
