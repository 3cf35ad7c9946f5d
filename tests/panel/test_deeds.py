"""What one does with a turn in a panel: asked again, changed, taken out, gone on with; and errors mended."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from nbstream.chat.history import Turn
from nbstream.chat.notebook import Receipt
from nbstream.chat.receipts import _error
from nbstream.chat.session import Session
from nbstream.errors import KINDS, NbstreamError
from nbstream.i18n import LANGUAGES, sentences, set_language
from nbstream.magics import template
from nbstream.messages import Answer, Attachment, Context
from nbstream.panel.composing import Composing
from nbstream.panel.deeds import Deeds
from nbstream.panel.desk import Desk
from nbstream.panel.fixes import fixes, told
from nbstream.panel.heading import Heading
from tests.served import Served

WAIT = 10.0
PNG = b"\x89PNG\r\n\x1a\n"


class Table:
    """A desk, and the conversation that it shows."""

    def __init__(self, server: Served) -> None:
        self.server, self.here = server, Session()
        self.desk = Desk(self._hear, [Composing, Deeds, Heading], here=self.here, model="openai:words:3")
        self.talk = self.desk.talk
        self.count = 0
        self.state: dict[str, Any] = {}
        self._done: dict[int, threading.Event] = {}

    def _hear(self, message: dict[str, Any], buffers: Any) -> None:
        self.state |= message.get("state", {})
        if reply := message.get("reply"):
            self._done[reply["id"]].set()

    def do(self, what: str, turn: Turn | str, **facts: Any) -> None:
        """Have a view wish it; comes back when it is done."""
        self.count += 1
        done = self._done[self.count] = threading.Event()
        id = turn if isinstance(turn, str) else turn.id
        self.desk.hear({"do": what, "view": "a", "id": self.count, "ask": True, "turn": id, **facts})
        assert done.wait(WAIT)

    def ask(self, prompt: str, model: str = "openai:words:3", **more: Any) -> Turn:
        turn, run = self.talk.begin(prompt, model=model, **more)
        run.start()
        assert run.wait(WAIT)
        return turn

    def end(self, turn: Turn | None = None) -> Answer:
        """The answer of the last turn, when it is there."""
        turn = turn or self.talk.turns[-1]
        while (run := self.talk.run_of(turn)) is not None and turn.answer is None:
            assert run.wait(WAIT)
        assert turn.answer is not None
        return turn.answer

    @property
    def notice(self) -> str:
        found = self.desk._notice
        return str(found["text"]) if found else ""

    @property
    def prompts(self) -> list[str]:
        return [turn.prompt for turn in self.talk.turns]

    @property
    def sent(self) -> list[str]:
        """What the last request said."""
        return [message["content"] for message in self.server.log()[-1]["body"]["messages"]]


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with Served() as server:
        yield server


@pytest.fixture
def table(server: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
        monkeypatch.setenv(name.replace("OPENAI", "LLAMACPP"), value)
    table = Table(server)
    yield table
    table.talk.reset()
    table.desk.close()


# --- asking again -------------------------------------------------------------------------------------


def test_a_turn_that_is_asked_again_says_the_same_and_leaves_the_first_answer_as_a_version(
    table: Table,
) -> None:
    picture = Attachment("text/plain", b"1,2", "a.csv")
    first = table.ask(
        "what is {{x}}?", sent="what is 5?", attachments=(picture,), template=True, system="Be brief."
    )
    table.ask("and then?")
    table.do("retry", first)
    table.end()
    again = table.talk.turns[-1]
    assert table.talk.history.versions(first) == [first, again] and table.prompts == ["what is {{x}}?"]
    assert table.sent == ["Be brief.", "what is 5?"] and again.attachments == (picture,)
    table.talk.go_to(first)
    assert table.prompts == ["what is {{x}}?", "and then?"], "what followed the first answer is still there"


def test_another_model_can_be_asked_again(table: Table) -> None:
    first = table.ask("hello", temperature=0.5, line="-m openai:words:3 -c main")
    table.do("retry", first, model="openai:words:7")
    assert len(table.end().text.split()) == 7
    assert table.talk.turns[-1].options == {"temperature": 0.5}
    table.do("retry", first, model="opnai:x")
    assert "opnai" in table.notice and len(table.talk.history.versions(first)) == 2


def test_a_changed_prompt_goes_to_the_model_that_the_panel_shows_with_its_settings(table: Table) -> None:
    first = table.ask("one", model="openai:words:9")
    table.ask("two")
    table.desk.presets.update(system="Be brief.", temperature=0.25)
    table.do("edit", first, text="one, better")
    table.end()
    assert table.prompts == ["one, better"] and table.sent == ["Be brief.", "one, better"]
    assert table.talk.turns[0].model == "openai:words:3" and table.talk.turns[0].options == {
        "temperature": 0.25
    }


def test_a_changed_prompt_is_filled_anew_and_its_files_go_along_again(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: dict[str, Any] = {"x": 5}
    shell = SimpleNamespace(user_ns=names, user_global_ns=names, user_ns_hidden={})
    monkeypatch.setattr(template, "get_ipython", lambda: shell)
    along = (Attachment("image/png", PNG, "x"), Attachment("text/plain", b"1,2", "a.csv"))
    sent = "[image: x] and a.csv\n\na.csv:\n\n```csv\n1,2\n```"
    first = table.ask("{{x}} and a.csv", sent=sent, template=True)
    first.attachments = along
    table.do("edit", first, text="twice {{x}}")
    table.end()
    assert table.sent[-1] == "twice 5\n\na.csv:\n\n```csv\n1,2\n```"
    assert table.talk.turns[-1].attachments == along[1:], "the braces are no picture any more"
    file = table.ask("{{x}} of a file")
    table.do("edit", file, text="{{x}} of a file, better")
    table.end()
    assert table.sent[-1] == "{{x}} of a file, better", "braces that nobody here typed do not run"


def test_an_edit_that_cannot_be_sent_changes_nothing_and_says_why(table: Table) -> None:
    first = table.ask("one")
    table.do("edit", first, text="  ")
    assert table.notice and table.prompts == ["one"] and table.talk.history.versions(first) == [first]


def test_stop_ends_the_expressions_of_an_edited_prompt_which_is_then_not_asked(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go = threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        go.wait(WAIT)  # in C: nothing reaches it there

    names: dict[str, Any] = {"slow": slow}
    shell = SimpleNamespace(user_ns=names, user_global_ns=names, user_ns_hidden={})
    monkeypatch.setattr(template, "get_ipython", lambda: shell)
    first = table.ask("{{1}}", template=True)
    edit = threading.Thread(target=table.do, args=("edit", first), kwargs={"text": "{{slow()}}"})
    edit.start()
    assert begun.wait(WAIT)
    table.do("version", first, step=1)  # what else one wishes is done meanwhile
    assert table.state["sending"]  # and there is a Stop
    table.desk.hear({"do": "stop", "view": "b", "id": 1})
    edit.join(WAIT)
    assert not edit.is_alive() and "Stopped" in table.notice
    go.set()
    table.do("version", first, step=1)
    assert table.talk.history.versions(first) == [first] and not table.state["sending"]


# --- taking out, going on, going back -----------------------------------------------------------------


def test_a_turn_that_is_deleted_is_not_sent_along_and_redo_brings_it_back(table: Table) -> None:
    one, two, _ = (table.ask(prompt) for prompt in ("one", "two", "three"))
    table.do("remove", two)
    assert table.prompts == ["one", "three"]
    table.ask("four")
    assert "two" not in table.sent and "three" in table.sent
    assert table.talk.redo() == [two] and table.prompts == ["one", "two", "three", "four"]
    assert one.number == 1


def test_a_running_turn_that_is_deleted_is_stopped(table: Table) -> None:
    turn, run = table.talk.begin("for ever", model="openai:endless")
    run.start()
    table.do("remove", turn)
    assert run.wait(WAIT) and run.cancelled and table.prompts == []


@pytest.mark.parametrize("provider", ["openai", "llamacpp"])
def test_an_answer_that_was_cut_goes_on_whether_or_not_the_service_likes_beginnings(
    table: Table, provider: str
) -> None:
    turn = table.ask("Go.", model=f"{provider}:half:4")
    begun = turn.answer.text if turn.answer else ""
    table.do("continue", turn)
    whole = table.end(turn)
    assert whole.text.startswith(begun.rstrip()) and len(whole.text) > len(begun) and whole.error is None
    assert table.talk.turns == [turn]


def test_one_steps_through_the_versions_while_another_runs(table: Table) -> None:
    first = table.ask("one")
    other, run = table.talk.begin("one, better", model="openai:endless", at=first)
    run.start()
    table.do("version", other, step=-1)
    assert table.prompts == ["one"] and not run.cancelled
    table.do("version", first, step=-1)
    assert table.prompts == ["one"], "there is none before the first"
    table.do("version", first, step=1)
    assert table.prompts == ["one, better"] and not run.progress.done
    run.cancel()


@pytest.mark.parametrize("what", ["retry", "edit", "continue"])
def test_what_runs_is_not_asked_again(table: Table, what: str) -> None:
    turn, run = table.talk.begin("for ever", model="openai:endless")
    run.start()
    table.do(what, turn, text="else")
    assert "not ended" in table.notice and table.talk.turns == [turn] and not run.cancelled
    run.cancel()


def test_a_double_click_asks_once_and_stop_reaches_what_one_has_gone_away_from(table: Table) -> None:
    first, run = table.talk.begin("for ever", model="openai:endless")
    run.start()
    run.cancel()
    table.end(first)
    for _ in range(2):
        table.do("retry", first)
    _, again = table.talk.history.versions(first)
    table.do("retry", first, model="openai:words:3")
    assert "not ended" in table.notice and len(table.talk.history.versions(first)) == 2
    table.do("version", again, step=-1)
    assert table.talk.turns == [first] and again.answer is None
    table.do("stop", again)
    assert table.end(again).finish_reason == "cancelled"


def test_a_model_that_is_chosen_because_one_failed_is_the_panels_from_then_on(table: Table) -> None:
    turn = table.ask("one")
    table.do("retry", turn, model="openai:say:0")  # to see what another says
    table.end()
    assert table.desk.model == "openai:words:3"
    table.do("retry", turn, model="openai:say:0", use=True)  # as the button of an error wishes it
    table.end()
    assert table.desk.model == "openai:say:0" and table.talk.turns[-1].model == "openai:say:0"


def test_a_deletion_can_be_undone_and_says_what_is_left_of_a_turn_with_versions(table: Table) -> None:
    one, two = table.ask("one"), table.ask("two")
    table.do("remove", one)
    assert "Turn 1" in table.notice and table.prompts == ["two"]
    (undo,) = table.desk._notice["fixes"]
    table.do(**undo["wish"] | {"what": undo["wish"]["do"], "turn": one})
    assert table.prompts == ["one", "two"] and not table.notice
    table.do("edit", two, text="rather this")
    table.end()
    table.do("remove", table.talk.turns[-1])
    assert "This version" in table.notice and "left: 1" in table.notice
    assert table.prompts == ["one", "two"]
    table.do("redo", "", of="main")
    last = table.talk.turns[-1]
    table.ask("and then?")
    table.do("remove", last)  # what followed it was said of this version
    assert "followed it (1)" in table.notice and table.prompts == ["one", "two"]
    table.do("redo", "", of="main")
    table.talk.undo()
    table.do("remove", last)
    (undo,) = table.desk._notice["fixes"]
    table.desk.go_to("another")  # what is undone was done there
    table.do("redo", "", of=undo["wish"]["of"])
    assert table.prompts == ["one", "rather this"]


@pytest.mark.parametrize("what", ["retry", "edit", "continue", "remove", "version"])
def test_who_comes_too_late_is_told_so(table: Table, what: str) -> None:
    turn = table.ask("one")
    table.talk.reset()
    table.do(what, turn, text="else", step=1)
    assert "not in the conversation" in table.notice


def test_a_whole_answer_is_not_gone_on_with_and_what_was_said_of_it_does_not_stay(table: Table) -> None:
    turn = table.ask("one")
    table.do("continue", turn)
    assert "whole" in table.notice
    table.do("retry", turn)
    assert not table.notice


# --- errors -------------------------------------------------------------------------------------------


def failed(kind: str, fix: str, text: str = "", sent: int = 3) -> tuple[NbstreamError, Turn]:
    error = KINDS[kind]("what", "why", fix, provider="spark")
    turn = Turn("hello", "spark", answer=Answer(text, error=error), number=2)
    turn.context = Context(sent, 3)
    return error, turn


@pytest.mark.parametrize(
    ("kind", "fix", "text", "does"),
    [
        ("auth", "%llm login spark", "", ["openkey", "retry"]),
        ("auth", "Set the clock, then run the cell again.", "", ["retry"]),
        ("rate_limit", "Wait a moment, then run the cell again.", "", ["retry"]),
        ("overloaded", "Run the cell again in a minute.", "", ["retry"]),
        ("timeout", "Run the cell again.", "half", ["continue", "retry"]),
        ("connection", "ollama serve   # then run the cell again", "", ["retry", "copy"]),
        ("content_filter", "Put it in other words.", "half", ["edit"]),
        ("server_error", "%llm use MODEL   # another model", "", ["retry", "choosemodel"]),
        ("interrupted", "Run the cell again.", "half an", ["continue", "retry"]),
        ("interrupted", "Run the cell again.", "", ["retry"]),
        ("protocol", "Check the base URL.", "", ["retry"]),
        ("context_length", "%llm reset   # begins anew", "", ["retry", "choosemodel", "talk"]),
        ("not_found", "%llm models spark   # lists what there is", "", ["choosemodel"]),
        ("quota_exhausted", "Top up the account.", "", ["choosemodel"]),
        ("permission", "Enable the model.", "", ["choosemodel"]),
        ("content_filter", "Put it in other words.", "", ["edit"]),
        ("invalid_request", "Change what it names, then run the cell again.", "", []),
        ("invalid_request", "%%llm -t 1", "", ["copy"]),
    ],
)
def test_an_error_has_what_mends_it_as_buttons(kind: str, fix: str, text: str, does: list[str]) -> None:
    error, turn = failed(kind, fix, text)
    found = fixes(error, turn)
    assert [one["wish"]["do"] if "wish" in one else "copy" for one in found] == does
    assert all(one["label"] for one in found)
    for one in found:
        if one.get("wish", {}).get("do") in ("retry", "continue", "edit", "choosemodel"):
            assert one["wish"]["turn"] == turn.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_failed_before_a_restart_can_be_tried_again_and_speaks_of_no_cell(language: str) -> None:
    set_language(language)
    try:
        _, turn = failed("not_found", "")
        error = _error(Receipt({"kind": "not_found"}))
        assert [one["wish"]["do"] for one in fixes(error, turn)] == ["retry", "choosemodel"]
        said = told(error)
        assert not any(word in said.why + said.fix for word in ("cell", "单元格"))
    finally:
        set_language(None)


def test_a_prompt_that_is_too_long_by_itself_is_not_asked_again(table: Table) -> None:
    error, turn = failed("context_length", "Shorten it.", sent=1)
    assert "retry" not in [one["wish"]["do"] for one in fixes(error, turn)]


def test_before_anything_was_asked_a_key_can_be_entered_and_a_line_copied(table: Table) -> None:
    with pytest.raises(NbstreamError) as caught:
        table.talk.begin("hi", model="deepseek")
    ((button,)) = fixes(caught.value)
    assert button["wish"] == {"do": "openkey", "provider": "deepseek"}
    line = KINDS["config"]("what", "why", "%env X=1   # and a word about it")
    assert [one["copy"] for one in fixes(line)] == ["%env X=1"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_error_of_a_turn_speaks_of_a_cell_that_runs_again(language: str) -> None:
    set_language(language)
    try:
        for key, said in sentences(language).items():
            if key.startswith("error.") and key.endswith(".fix") and not key.startswith("error.config."):
                fix = told(KINDS[key.split(".")[1]]("", "", said)).fix
                assert not re.search(r"un (?:the|this) cell|运行\S*单元格", fix), key
                assert bool(fix) == bool(said)
    finally:
        set_language(None)
