"""The desk behind a panel: what it tells its views, and how it takes their wishes."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client.session import json_packer

from nbstream.chat.background import io_loop
from nbstream.chat.session import Session
from nbstream.errors import fail
from nbstream.panel.desk import REMEMBERED, Desk
from nbstream.panel.part import Part, wish

WAIT = 10.0


class Probe(Part):
    """A part that notes what happens to it."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.seen: list[Any] = []
        self.threads: list[str] = []
        self.colour = "green"
        self.go = threading.Event()
        self.news = threading.Condition()

    def _note(self, what: Any) -> None:
        with self.news:
            self.seen.append(what)
            self.threads.append(threading.current_thread().name)
            self.news.notify_all()

    def until(self, what: Any) -> None:
        with self.news:
            assert self.news.wait_for(lambda: what in self.seen, WAIT), self.seen

    def state(self) -> dict[str, Any]:
        return {"colour": self.colour, "draft": f"{self.colour} words"}

    def changed(self) -> None:
        self._note("changed")

    def ran(self, turn: Any, relay: Any) -> None:
        self._note(("ran", turn.prompt))

    def close(self) -> None:
        self._note("closed")

    @wish("slow")
    def slow(self, wish: dict[str, Any], buffers: list[bytes]) -> dict[str, Any]:
        self.go.wait(WAIT)
        self._note(("slow", wish["text"], buffers))
        return {"text": wish["text"].upper()}

    @wish("quick", now=True)
    def quick(self, wish: dict[str, Any], buffers: list[bytes]) -> None:
        self._note("quick")

    @wish("echo")
    def echo(self, wish: dict[str, Any], buffers: list[bytes]) -> dict[str, Any]:
        self._note(("echo", wish["text"]))
        self.desk.tell({"heard": wish["text"], "own": "kernel \ud800"})
        return {"text": wish["text"]}

    @wish("refused")
    def refused(self, wish: dict[str, Any], buffers: list[bytes]) -> None:
        raise fail("config.empty_prompt")

    @wish("broken")
    def broken(self, wish: dict[str, Any], buffers: list[bytes]) -> None:
        raise ZeroDivisionError("sk-0123456789abcdef0123")


class Wall:
    """What was sent, in order."""

    def __init__(self) -> None:
        self.sent: list[tuple[dict[str, Any], list[bytes]]] = []

    def __call__(self, message: dict[str, Any], buffers: Any) -> None:
        json_packer(message)
        self.sent.append((message, list(buffers)))

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [message for message, _ in self.sent]


def settled() -> None:
    """All that was handed to the io loop before has been done."""

    async def nothing() -> None: ...

    asyncio.run_coroutine_threadsafe(nothing(), io_loop()).result(WAIT)


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def desk(wall: Wall) -> Iterator[Desk]:
    desk = Desk(wall, [Probe], here=Session())
    yield desk
    desk.part(Probe).go.set()
    desk.close()
    settled()


def test_what_is_told_is_numbered_and_only_what_is_new_is_sent(desk: Desk, wall: Wall) -> None:
    for value in (1, 1, 2):
        desk.tell({"place": value})
    settled()
    assert wall.messages == [{"seq": 1, "state": {"place": 1}}, {"seq": 2, "state": {"place": 2}}]


def test_a_new_view_is_sent_all_there_is(desk: Desk, wall: Wall) -> None:
    desk.hear({"do": "sync", "view": "a", "id": 1})
    settled()
    message = wall.messages[-1]
    assert message["full"] and message["state"]["colour"] == "green" and message["turns"] == []


def test_what_changes_as_a_new_view_comes_is_told_to_those_that_were_there(desk: Desk, wall: Wall) -> None:
    desk.hear({"do": "sync", "view": "a", "id": 1})
    settled()
    desk.part(Probe).colour = "red"  # and the desk will look, but has not yet
    desk.hear({"do": "sync", "view": "b", "id": 1})
    settled()
    seq, (before, whole) = wall.messages[0]["seq"], wall.messages[1:]
    assert before == {"seq": seq + 1, "state": {"colour": "red"}}  # the first view's draft is its own
    assert whole["full"] and whole["state"]["colour"] == "red" and whole["state"]["draft"] == "red words"


def test_a_reply_that_was_lost_is_said_again_to_who_still_waits_for_it(desk: Desk, wall: Wall) -> None:
    for id in range(1, 13):
        desk.hear({"do": "echo", "view": "a", "id": id, "text": str(id), "ask": True})
    desk.part(Probe).until(("echo", "12"))
    desk.hear({"do": "echo", "view": "a", "id": 13, "text": "end"})
    desk.part(Probe).until(("echo", "end"))
    settled()
    known = desk.seq
    desk.hear({"do": "sync", "view": "b", "id": 14, "seq": known, "asked": [12]})
    desk.hear({"do": "sync", "view": "a", "id": 14, "seq": known, "asked": [1, 12, "x", []]})
    settled()
    again = [message.get("reply") for message in wall.messages[known:]]
    assert again == [{"to": "a", "id": 12, "text": "12"}]


def test_a_wish_that_comes_on_two_roads_is_done_once_and_answered_to_who_asked(
    desk: Desk, wall: Wall
) -> None:
    probe = desk.part(Probe)
    for control in (True, False):
        desk.hear({"do": "slow", "view": "a", "id": 7, "text": "x", "ask": True}, [b"1"], control=control)
        for number in range(REMEMBERED):
            desk.hear({"do": "ack", "view": "a", "id": 100 + number, "seq": 0})
    probe.go.set()
    probe.until(("slow", "x", [b"1"]))
    desk.hear({"do": "slow", "view": "a", "id": 8, "text": "end"})
    probe.until(("slow", "end", []))
    settled()
    assert [one for one in probe.seen if one[0] == "slow"] == [("slow", "x", [b"1"]), ("slow", "end", [])]
    assert [message["reply"] for message in wall.messages] == [{"to": "a", "id": 7, "text": "X"}]
    assert desk.on_control


def test_what_must_be_done_now_does_not_wait_for_what_takes_its_time(desk: Desk) -> None:
    probe = desk.part(Probe)
    desk.hear({"do": "slow", "view": "a", "id": 1, "text": "later"})
    desk.hear({"do": "quick", "view": "a", "id": 2})
    probe.until("quick")
    assert ("slow", "later", []) not in probe.seen
    probe.go.set()
    probe.until(("slow", "later", []))
    names = dict(zip(map(str, probe.seen), probe.threads, strict=True))
    assert names["quick"] == "nbstream-io" and names[str(("slow", "later", []))] == "nbstream-panel"


def test_an_error_becomes_a_notice_with_its_three_sentences(desk: Desk, wall: Wall) -> None:
    probe = desk.part(Probe)
    probe.go.set()
    desk.hear({"do": "refused", "view": "a", "id": 1, "ask": True})
    desk.hear({"do": "slow", "view": "a", "id": 2, "text": "end"})
    probe.until(("slow", "end", []))
    settled()
    notice = next(m["state"]["notice"] for m in wall.messages if "notice" in m.get("state", {}))
    assert notice["kind"] == "error" and len({notice["text"], notice["why"], notice["fix"]}) == 3
    assert any("error" in message.get("reply", {}) for message in wall.messages)


def test_a_wish_that_fails_says_so_and_tells_nobody_a_key(
    desk: Desk, wall: Wall, caplog: pytest.LogCaptureFixture
) -> None:
    desk.session.login("openai", api_key="sk-0123456789abcdef0123")
    probe = desk.part(Probe)
    probe.go.set()
    desk.hear({"do": "broken", "view": "a", "id": 1})
    desk.hear({"do": "slow", "view": "a", "id": 2, "text": "end"})
    probe.until(("slow", "end", []))
    settled()
    assert wall.messages[-1]["state"]["notice"]["kind"] == "hint"
    assert "ZeroDivisionError" in caplog.text and "sk-0123456789abcdef" not in caplog.text


@pytest.mark.parametrize(
    "wish", [None, 3, {}, {"do": None}, {"do": "nothing"}, {"do": "ack", "seq": "x"}, {"view": [], "id": {}}]
)
def test_what_no_view_of_ours_says_is_passed_over(desk: Desk, wall: Wall, wish: Any) -> None:
    desk.hear(wish)
    settled()
    assert wall.messages == []


def test_half_a_character_becomes_one_that_can_be_sent(desk: Desk, wall: Wall) -> None:
    desk.hear({"do": "echo", "view": "a", "id": 1, "text": "half \ud83d, \ud83d\ude00", "ask": True})
    desk.part(Probe).until(("echo", "half \ufffd, 😀"))
    desk.hear({"do": "echo", "view": "a", "id": 2, "text": "end"})
    desk.part(Probe).until(("echo", "end"))
    settled()
    news, reply = wall.messages[:2]
    assert news["state"] == {"heard": "half \ufffd, 😀", "own": "kernel \ufffd"}
    assert reply["reply"]["text"] == "half \ufffd, 😀"


def test_a_panel_hears_of_turns_that_others_begin(desk: Desk) -> None:
    probe = desk.part(Probe)
    desk.talk.ask("hello", model="demo", options={"delay": 0})
    probe.until(("ran", "hello"))
    settled()
    before = probe.seen.count("changed")
    desk.talk.undo()
    settled()
    assert probe.seen.count("changed") > before


def test_it_looks_on_at_the_conversation_that_it_shows_and_at_no_other(desk: Desk) -> None:
    probe = desk.part(Probe)
    before = desk.talk
    desk.go_to("other")
    before.ask("unseen", model="demo", options={"delay": 0})
    desk.talk.ask("seen", model="demo", options={"delay": 0})
    probe.until(("ran", "seen"))
    assert ("ran", "unseen") not in probe.seen


def test_a_closed_desk_leaves_nothing_behind(wall: Wall) -> None:
    here = Session()
    desk = Desk(wall, [Probe], here=here)
    probe, talk = desk.part(Probe), desk.talk
    settled()
    desk.close()
    probe.until("closed")
    desk.tell({"place": 1})
    desk.hear({"do": "sync", "view": "a", "id": 1})
    settled()
    assert wall.messages == [] and not len(talk.watchers) and not len(here.watchers)
    gone = weakref.ref(desk)
    del desk, probe
    settled()
    gc.collect()
    assert gone() is None
