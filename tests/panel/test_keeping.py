"""When a panel's output is written, and what is left of a panel that was closed."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nbstream.chat import shelf
from nbstream.chat.background import io_loop
from nbstream.chat.conversation import Conversation
from nbstream.chat.session import Session, session
from nbstream.panel import keeping as module
from nbstream.panel import panel as panels
from nbstream.panel.desk import Desk
from nbstream.panel.keeping import Keeping
from nbstream.panel.panel import ChatPanel

WAIT = 30.0


class Output:
    """A cell's second output, and all that was written into it."""

    def __init__(self) -> None:
        self.written: list[dict[str, str]] = []
        self._news = threading.Condition()

    def update(self, data: dict[str, str], *, raw: bool, metadata: dict[str, Any]) -> None:
        with self._news:
            self.written.append(data)
            self._news.notify_all()

    def until(self, *said: str) -> str:
        """Wait until all of it stands there."""
        with self._news:
            there = self._news.wait_for(lambda: all(one in self.text for one in said), WAIT)
            assert there, self.text
        return self.text

    @property
    def text(self) -> str:
        return self.written[-1]["text/markdown"] if self.written else ""


def keeping_facts(kept: Kept) -> dict[str, Any]:
    """What the output's metadata would tell now."""
    facts: dict[str, Any] = kept.keeping._bundle(kept.keeping._told())[1]["nbstream"]
    return facts


class Kept:
    """A desk that keeps what is said."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.hellos = 0
        self.desk = Desk(lambda message, _: self.messages.append(message), [Keeping], here=Session())
        self.keeping = self.desk.part(Keeping)
        self.output = Output()
        self.keeping._handle = self.output  # type: ignore[assignment]

    @property
    def talk(self) -> Conversation:
        return self.desk.talk

    def ask(self, prompt: str, talk: Conversation | None = None) -> None:
        (talk or self.talk).ask(prompt, model="demo", options={"delay": 0})

    def hello(self, page: str) -> None:
        self.hellos += 1
        self.desk.hear({"do": "hello", "page": page, "view": page, "id": self.hellos})
        on_loop(lambda: None)

    @property
    def state(self) -> dict[str, Any]:
        told: dict[str, Any] = {}
        for message in self.messages:
            told |= message.get("state", {})
        return told


def on_loop(what: Callable[[], Any]) -> Any:
    """What `what` gives on the io loop, behind all that waits there."""

    async def work() -> Any:
        await asyncio.sleep(0)
        return what()

    return asyncio.run_coroutine_threadsafe(work(), io_loop()).result(WAIT)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    monkeypatch.setattr(module, "SOON", 0.01)
    monkeypatch.setattr(module, "REST", 0.05)
    kept = Kept()
    yield kept
    kept.desk.close()


def test_nothing_is_written_in_mid_stream_and_all_of_it_at_the_end(kept: Kept) -> None:
    _, run = kept.talk.begin("what is streaming?", model="demo", options={"delay": 0})
    assert on_loop(lambda: kept.keeping._timer) is None
    run.start()
    text = kept.output.until("what is streaming?", "⟡ demo")
    assert len(kept.output.written) == 1
    assert text.count("**1 · You**") == 1


def test_changes_that_come_together_are_written_together(kept: Kept) -> None:
    for number in range(30):
        kept.ask(f"question {number}.")
    kept.output.until("question 0.", "question 29.")
    assert len(kept.output.written) < 30


def test_what_is_undone_renamed_or_begun_anew_is_written_too(kept: Kept) -> None:
    kept.ask("first")
    kept.ask("second")
    assert "2 turns" in kept.output.until("first", "second")
    kept.talk.undo()
    kept.output.until("1 turn ")
    assert "second" not in kept.output.text
    kept.talk.redo()
    kept.output.until("second")
    kept.talk.reset()
    on_loop(lambda: None)
    kept.ask("third")
    kept.output.until("third")
    assert "second" not in kept.output.text


def test_a_conversation_that_is_no_longer_shown_is_still_kept(kept: Kept) -> None:
    kept.ask("in the first")
    kept.desk.go_to("other")
    kept.ask("in the second")
    text = kept.output.until("in the first", "in the second")
    assert text.index("in the second") < text.index("in the first"), "the one that is shown comes first"
    del kept.desk.session.conversations["main"]  # deleted: nobody wants it back
    kept.ask("xylophone")
    kept.output.until("xylophone")
    assert "in the first" not in kept.output.text


def test_turns_of_a_deleted_conversation_are_marked_so_that_no_restore_brings_them_back(kept: Kept) -> None:
    here, idea = kept.desk.session, kept.desk.session.conversation("idea")
    kept.ask("first")
    kept.ask("a cell shows this, too", idea)
    (turn,) = idea.turns
    shelf.remove(here, idea)
    assert keeping_facts(kept)["undone"] == [turn.id]
    here.conversation("idea").history.add(turn)  # a file has brought it back
    assert "undone" not in keeping_facts(kept)


def test_only_a_page_that_cannot_keep_what_is_said_is_told_so(kept: Kept) -> None:
    kept.hello("home")
    kept.ask("first")
    kept.output.until("first")
    kept.hello("home")  # which has taken it
    kept.hello("reloaded")
    on_loop(kept.keeping._compare)
    assert kept.state["saved"] == {"home": "home", "behind": False, "written": 1}
    kept.ask("second")
    kept.output.until("second")
    on_loop(kept.keeping._compare)
    assert kept.state["saved"] == {"home": "home", "behind": True, "written": 2}
    kept.hello("reloaded again")
    assert kept.state["saved"]["behind"] is True
    kept.hello("home")  # it was only slow: two pages look on
    assert kept.state["saved"]["behind"] is False


def test_what_waits_to_be_written_is_written_when_the_panel_closes(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SOON", 3600.0)
    kept.ask("the last word")
    assert on_loop(lambda: kept.keeping._timer) is not None
    kept.desk.close()
    kept.output.until("the last word")


def test_two_hundred_panels_that_were_closed_leave_nothing_behind() -> None:
    from ipywidgets.widgets.widget import _instances

    talk = session().conversation("leaks")
    talk.ask("something", model="demo", options={"delay": 0})
    ChatPanel("demo", "leaks").close()  # which imports, and starts, what all share

    def left() -> tuple[int, ...]:
        on_loop(lambda: None)
        gc.collect()
        return (
            len([one for one in threading.enumerate() if one.name == "nbstream-panel"]),
            len(talk.watchers), len(session().watchers), len(panels._open), len(_instances),
        )  # fmt: skip

    before = left()
    known: list[weakref.ref[Any]] = []
    for _ in range(200):
        panel = ChatPanel("demo", "leaks")
        panel.desk.hear({"do": "sync", "view": "v", "id": 1})
        panel.desk.hear({"do": "complete", "view": "v", "id": 2, "ask": True})
        known += [weakref.ref(panel), weakref.ref(panel.desk), *map(weakref.ref, panel.desk.parts)]
        panel.close()
    del panel
    for one in threading.enumerate():
        if one.name == "nbstream-panel":
            one.join(WAIT)
    # What earlier tests left may be gone by now.
    assert all(now <= was for now, was in zip(left(), before, strict=True))
    assert not [one() for one in known if one() is not None]
