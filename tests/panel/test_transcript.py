"""The transcript shows what the conversation is, whoever asked, from wherever one begins to look."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from itertools import count
from typing import Any

import pytest

from nbstream.attachment import Attachment
from nbstream.chat.conversation import Conversation
from nbstream.chat.engine import Run
from nbstream.chat.kept import Turn
from nbstream.chat.stream import Stream
from nbstream.i18n import set_language
from nbstream.messages import Answer, Message, ToolCall
from nbstream.panel import following
from nbstream.show.render import Renderer
from tests.panel.spoken import Line
from tests.panel.view import Seen, View

pytestmark = pytest.mark.usefixtures("spoken")
AT_ONCE: dict[str, Any] = {"model": "demo", "options": {"delay": 0}}
NAMES = map(str, count())


@pytest.fixture
def seen() -> Iterator[Seen]:
    one = Seen()
    yield one
    one.close()


@pytest.fixture
def talk(seen: Seen) -> Conversation:
    return seen.session.conversation()


def put(talk: Conversation, prompt: str, text: str, **facts: Any) -> Turn:
    """A turn that was asked before."""
    turn = Turn(prompt, "demo", answer=Answer(text, finish_reason="stop", model="demo"), **facts)
    talk.history.head = talk.history.add(turn, talk.history.head)
    talk.watchers.changed()
    return turn


def asked(talk: Conversation, prompt: str = "hi", **options: Any) -> tuple[Line, Turn, Run]:
    """A turn that runs, and what says its answer."""
    line = Line(next(NAMES))
    turn, run = talk.begin(prompt, model=line.model, **options)
    run.start()
    line.heard()
    return line, turn, run


def agree(seen: Seen) -> View:
    """A view that looked on all the time, a new one, and one of another panel show the same."""
    view = seen.rest()
    assert seen.fresh().turns == view.turns
    other = Seen(seen.session)
    try:
        assert text_of(other.rest()) == text_of(view)
    finally:
        other.close()
    return view


def text_of(view: View) -> list[str]:
    return [
        unescape(re.sub("<[^>]*>", "", "".join(article.page.blocks))) + article.think
        for article in view.turns.values()
    ]


def statuses(view: View) -> list[str]:
    return [article.info["status"] for article in view.turns.values()]


def busy(view: View) -> str | None:
    return view.state["busy"] and view.state["busy"]["status"]["text"]


# --- a turn ---------------------------------------------------------------------------------------------


def test_a_turn_appears_with_its_answer_footer_and_facts(seen: Seen, talk: Conversation) -> None:
    talk.ask("hello", **AT_ONCE)
    view = seen.rest()
    (article,) = view.turns.values()
    assert article.info["prompt"] == "hello" and article.info["status"] == "done"
    assert article.info["number"] == 1 and article.info["versions"] == [1, 1]
    assert "demo" in article.info["foot"] and article.info["error"] is None
    assert "<h2>" in view.html()
    assert view.state["busy"] is None
    agree(seen)


def test_what_runs_out_of_sight_keeps_the_panel_busy_so_that_it_can_be_stopped(
    seen: Seen, talk: Conversation
) -> None:
    first = put(talk, "hi", "Hello.")
    line, turn, _ = asked(talk, at=first)
    talk.go_to(first)
    seen.wait_for(lambda view: [*view.turns] == [first.id] and busy(view) is not None)
    assert seen.view.state["busy"]["turn"] == turn.id
    line.say(done="stop")
    seen.wait_for(lambda view: view.state["busy"] is None)


def test_an_answer_streams_and_the_status_line_says_what_goes_on(seen: Seen, talk: Conversation) -> None:
    line, turn, _ = asked(talk)
    seen.wait_for(lambda view: busy(view) is not None)
    assert seen.view.state["busy"]["turn"] == turn.id
    assert seen.view.turns[turn.id].info["can"] == ["copy", "remove"]
    line.say(think="Hmm. ")
    seen.wait_for(lambda view: view.turns[turn.id].think == "Hmm. ")
    assert "{s}" in busy(seen.view)  # thinking, and for how long
    line.say(text="Hello **wor")
    seen.wait_for(lambda view: "Hello <strong>wor</strong>" in view.html())
    assert busy(seen.view) == f"spoken {line.model.partition(':')[2]}"
    line.say(text="ld**\n\n- one")
    line.say(done="stop")
    seen.wait_for(lambda view: statuses(view) == ["done"])
    assert seen.view.html() == "<p>Hello <strong>world</strong></p><ul><li>one</li></ul>"
    assert seen.view.state["busy"] is None
    agree(seen)


def test_a_panel_opened_in_mid_stream_shows_what_came_and_what_comes(seen: Seen, talk: Conversation) -> None:
    line, turn, _ = asked(talk)
    line.say(think="Hmm.", text="# One\n\ntwo")
    late = Seen(seen.session)
    late.wait_for(lambda view: bool(view.turns) and view.html() == "<h1>One</h1><p>two</p>")
    assert late.view.turns[turn.id].think == "Hmm."
    assert statuses(late.view) == ["running"] and busy(late.view)
    line.say(text=" three")
    line.say(done="stop")
    for one in (seen, late):
        one.wait_for(lambda view: statuses(view) == ["done"] and "two three" in view.html())
    assert agree(seen).turns == late.rest().turns
    late.close()


def test_a_view_that_comes_late_hears_how_long_it_has_been_thinking(seen: Seen, talk: Conversation) -> None:
    line, _, _ = asked(talk)
    line.say(think="Hmm.")
    seen.wait_for(lambda view: bool(busy(view)) and bool(view.turns) and "{s}" in busy(view))
    assert seen.view.state["busy"]["status"]["seconds"] == 0
    assert 0 < seen.fresh().state["busy"]["status"]["seconds"] < 10
    line.say(done="stop")


def test_a_stream_on_another_loop_appears_as_it_comes(seen: Seen, talk: Conversation) -> None:
    line = Line(next(NAMES))

    async def read() -> None:
        async for _ in talk.stream("hi", model=line.model):
            pass

    reader = threading.Thread(target=lambda: asyncio.run(read()), daemon=True)
    reader.start()
    seen.wait_for(lambda view: bool(view.turns))
    line.say(text="from afar")
    seen.wait_for(lambda view: "from afar" in view.html())
    assert statuses(seen.view) == ["running"]
    line.say(done="stop")
    reader.join(5)
    seen.wait_for(lambda view: statuses(view) == ["done"])
    agree(seen)


def test_what_moderation_withdraws_goes_and_what_follows_stays(seen: Seen, talk: Conversation) -> None:
    line, _, _ = asked(talk)
    line.say(think="secret thought", text="secret words")
    seen.wait_for(lambda view: "secret words" in view.html())
    line.say(retract="withdrawn", text="Something else.")
    seen.wait_for(lambda view: "Something else." in view.html())
    assert "secret" not in str(seen.view.turns) + str(seen.fresh().turns)
    line.say(done="content_filter")
    seen.wait_for(lambda view: statuses(view) == ["done"])
    assert "secret" not in str(agree(seen).turns)


def test_a_stopped_turn_keeps_what_came_and_can_be_continued(seen: Seen, talk: Conversation) -> None:
    line, turn, run = asked(talk)
    line.say(text="One, two,")
    seen.wait_for(lambda view: "two," in view.html())
    run.cancel()
    seen.wait_for(lambda view: statuses(view) == ["stopped"])
    assert "continue" in seen.view.turns[turn.id].info["can"]
    again = talk.resume(turn)
    again.start()
    line.heard()
    seen.wait_for(lambda view: statuses(view) == ["running"] and "One, two," in view.html())
    line.say(text=" three.")
    line.say(done="stop")
    seen.wait_for(lambda view: statuses(view) == ["done"])
    assert seen.view.html() == "<p>One, two, three.</p>"
    assert "continue" not in seen.view.turns[turn.id].info["can"]
    agree(seen)


def test_a_turn_that_is_stopped_before_its_first_token(seen: Seen, talk: Conversation) -> None:
    _, turn, run = asked(talk)
    run.cancel()
    view = seen.wait_for(lambda view: statuses(view) == ["stopped"])
    assert view.html() == "" and view.state["busy"] is None
    assert agree(seen).turns[turn.id].info["foot"]


def test_a_failure_is_a_card_and_the_text_before_it_stays(seen: Seen, talk: Conversation) -> None:
    line, turn, _ = asked(talk)
    line.say(text="So far <b>")
    line.say(fail="unexpected")
    view = seen.wait_for(lambda view: statuses(view) == ["failed"])
    error = view.turns[turn.id].info["error"]
    assert "as asked" in error["html"] and error["html"].startswith("<blockquote")
    assert error["fixes"] == []
    assert view.html() == "<p>So far &lt;b&gt;</p>"
    agree(seen)


def test_text_that_fails_to_render_is_shown_as_it_is(
    seen: Seen, talk: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    line, _, run = asked(talk)
    line.say(text="Fine. ")
    seen.wait_for(lambda view: "Fine." in view.html())

    def broken(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr(following.Pages, "feed", broken)
    line.say(text="**Odd** <i>")
    seen.wait_for(lambda view: "**Odd** &lt;i&gt;" in view.html())
    monkeypatch.setattr(following, "in_code", broken)
    line.say(text=" and on")
    line.say(done="stop")
    seen.wait_for(lambda view: statuses(view) == ["done"])
    assert seen.view.html() == "<pre>Fine. **Odd** &lt;i&gt; and on</pre>"
    assert run.progress.answer().text == "Fine. **Odd** <i> and on"


# --- rounds ---------------------------------------------------------------------------------------------


def test_tool_calls_are_cards_between_what_was_said(seen: Seen, talk: Conversation) -> None:
    line, turn, run = asked(talk)
    line.say(think="I look. ", text="Let me see.", call=[0, "weather", {"city": "Bern"}])
    line.say(call=[1, "clock", {}])
    line.say(done="tool_calls")
    seen.wait_for(lambda view: view.html().count("⚙") == 2)
    assert "→" not in seen.view.html()
    asked_for = run.progress.answer()
    said = Message("assistant", asked_for.text, asked_for.reasoning, tuple(asked_for.tool_calls))
    results = [Message("tool", text, tool_call_id=id) for text, id in (("12 °C", "id0"), ("noon", "id1"))]
    before = seen.messages[-1]["seq"]
    talk.go_on(turn, (said, *results)).start()
    line.heard()
    seen.wait_for(lambda view: "→ 12 °C" in view.html() and "→ noon" in view.html())
    line.say(think="Now.", text="It is *cold*.")
    line.say(done="stop")
    seen.wait_for(lambda view: statuses(view) == ["done"])
    html = seen.view.html()
    assert html.startswith("<p>Let me see.</p><blockquote") and html.endswith("<p>It is <em>cold</em>.</p>")
    assert seen.view.turns[turn.id].think == "I look. \n\nNow."
    later = [op for one in seen.messages if one["seq"] > before for op in one.get("turns", [])]
    assert "clear" not in [op[0] for op in later]  # what stood was not sent again
    assert "Let me see" not in str(later)
    agree(seen)


def test_while_tools_run_the_turn_is_not_over(seen: Seen, talk: Conversation) -> None:
    line, turn, run = asked(talk)
    with talk.carried(turn):
        line.say(call=[0, "weather", {}])
        line.say(done="tool_calls")
        seen.wait_for(lambda view: bool(busy(view)) and "weather" in busy(view))
        assert run.wait(5)
        assert statuses(seen.rest()) == ["running"] and seen.view.turns[turn.id].info["foot"] == ""
    view = seen.wait_for(lambda view: statuses(view) == ["done"])  # nobody went on with it
    assert view.state["busy"] is None and "⚙" in view.html() and view.turns[turn.id].info["foot"]
    agree(seen)


def test_an_answer_that_is_corrected_gives_way_to_the_right_one(seen: Seen, talk: Conversation) -> None:
    line = Line(next(NAMES))
    found: list[Answer] = []
    ask = threading.Thread(
        target=lambda: found.append(talk.ask("json", model=line.model, schema=dict)), daemon=True
    )
    ask.start()
    seen.wait_for(lambda view: bool(view.turns))
    line.say(text="I would rather not.")
    seen.wait_for(lambda view: "rather not" in view.html())
    line.say(done="stop")
    line.heard()
    assert "rather not" in seen.rest().html()  # nothing is gone before something else is there
    line.say(text='{"a"')
    seen.wait_for(lambda view: "language-json" in view.html())
    assert "rather" not in seen.view.html()
    line.say(text=f': "{"long " * 20}"}}')
    line.say(done="stop")
    ask.join(5)
    assert found[0].object == {"a": "long " * 20}
    seen.wait_for(lambda view: statuses(view) == ["done"])
    assert "rather" not in str(agree(seen).turns)


@pytest.mark.parametrize("other", [{"text": "Other."}, {"reasoning": "Other."}])
def test_an_answer_that_becomes_another_is_shown_anew(
    seen: Seen, talk: Conversation, other: dict[str, str]
) -> None:
    turn = put(talk, "hi", "One.")
    seen.rest()
    assert turn.answer is not None
    talk.history.finish(turn, replace(turn.answer, **other))  # type: ignore[arg-type]
    talk.watchers.changed()
    seen.wait_for(lambda view: "Other." in text_of(view)[0])
    agree(seen)


def test_a_turn_that_was_broken_off_between_two_rounds_shows_its_calls(
    seen: Seen, talk: Conversation
) -> None:
    line, turn, run = asked(talk)
    line.say(text="Let me see.", call=[0, "weather", {}])
    line.say(done="tool_calls")
    assert run.wait(5)
    said = run.progress.answer()
    rounds = (
        Message("assistant", said.text, tool_calls=tuple(said.tool_calls)),
        Message("tool", "stopped", tool_call_id="id0"),
    )
    talk.break_off(turn, rounds)
    talk.watchers.changed()
    seen.wait_for(lambda view: statuses(view) == ["stopped"])
    html = seen.view.html()
    assert html.count("Let me see.") == html.count("⚙") == html.count("→ stopped") == 1
    agree(seen)


def test_facts_from_a_damaged_file_can_still_be_sent(seen: Seen, talk: Conversation) -> None:
    odd = "odd\ud800\u202e"
    files = (Attachment(odd, b"", odd),)
    turn = put(talk, odd, f"**{odd}**", attachments=files, created=float("nan"))
    turn.model = odd
    turn.rounds = (
        Message("assistant", odd, odd, (ToolCall(odd, odd, odd),)),
        Message("tool", odd, tool_call_id=odd),
    )
    talk.watchers.changed()
    assert "\u202e" not in str(agree(seen).turns)


def test_footers_and_cards_follow_the_language(seen: Seen, talk: Conversation) -> None:
    turn = put(talk, "hi", "hello")
    turn.answer = Answer("half", finish_reason="cancelled", model="demo")
    try:
        set_language("en")
        talk.watchers.changed()
        assert "stopped" in seen.rest().turns[turn.id].info["foot"]
        set_language("zh")
        seen.session.watchers.changed()
        assert "已停止" in seen.rest().turns[turn.id].info["foot"]
    finally:
        set_language(None)
    last = seen.messages[-1]["turns"]
    assert [op[0] for op in last] == ["info"] and last[0][2].keys() == {"foot"}


# --- the conversation -----------------------------------------------------------------------------------


def test_undo_redo_reset_and_a_cell_that_runs_again(seen: Seen, talk: Conversation) -> None:
    for prompt, cell in (("one", "a"), ("two", "b"), ("three", None)):
        talk.ask(prompt, cell=cell, **AT_ONCE)
    assert agree(seen).prompts == ["one", "two", "three"]
    talk.undo(2)
    assert agree(seen).prompts == ["one"]
    talk.redo()
    assert agree(seen).prompts == ["one", "two", "three"]
    talk.ask("zwei", cell="b", **AT_ONCE)
    assert agree(seen).prompts == ["one", "zwei", "three"]
    assert [article.info["cell"] for article in seen.view.turns.values()] == [True, True, False]
    talk.reset()
    assert agree(seen).prompts == []
    assert seen.view.state["more"] is False


def test_a_turn_taken_out_of_the_middle_renumbers_those_behind_it(seen: Seen, talk: Conversation) -> None:
    _, two, three = (put(talk, prompt, "x") for prompt in ("one", "two", "three"))
    seen.rest()
    talk.history.remove(two)
    talk.watchers.changed()
    view = agree(seen)
    assert view.prompts == ["one", "three"]
    assert [article.info["number"] for article in view.turns.values()] == [1, 2]
    last = seen.messages[-1]["turns"]
    # And nothing else.
    assert last == [["gone", two.id], ["info", three.id, {"number": 2, "code": "%llm code 2.{k}"}]]


def test_versions_are_counted_and_stepped_through(seen: Seen, talk: Conversation) -> None:
    first = put(talk, "one", "a")
    put(talk, "after", "b")
    talk.ask("or else", at=first, **AT_ONCE)
    view = agree(seen)
    assert view.prompts == ["or else"]
    assert view.turns[talk.turns[0].id].info["versions"] == [2, 2]
    talk.history.go_to(first)
    talk.watchers.changed()
    view = agree(seen)
    assert view.prompts == ["one", "after"]
    assert view.turns[first.id].info["versions"] == [1, 2]


def test_another_conversation_is_shown_and_the_first_one_left_alone(seen: Seen, talk: Conversation) -> None:
    line, _, _ = asked(talk, "here")
    seen.wait_for(lambda view: bool(busy(view)))
    put(seen.session.conversation("other"), "there", "text")
    seen.desk.go_to("other")
    view = agree_on(seen, ["there"])
    assert view.state["busy"] is None
    before = len(seen.messages)
    line.say(text="unseen")
    assert "unseen" not in str([seen.rest(), seen.messages[before:]])
    seen.desk.go_to("main")
    seen.wait_for(lambda view: view.prompts == ["here"] and "unseen" in view.html())
    line.say(done="stop")
    seen.wait_for(lambda view: statuses(view) == ["done"])


def agree_on(seen: Seen, prompts: list[str]) -> View:
    return seen.wait_for(lambda view: view.prompts == prompts)


def test_a_change_elsewhere_in_the_session_sends_nothing(seen: Seen, talk: Conversation) -> None:
    for number in range(5):
        put(talk, f"{number}", "text")
    before = len(seen.rest().turns), len(seen.messages)
    seen.session.use("demo")
    seen.session.conversation("unrelated")
    assert (len(seen.rest().turns), len(seen.messages)) == before


# --- a long one -----------------------------------------------------------------------------------------


def test_a_long_conversation_opens_with_its_newest_turns_and_shows_the_others_on_demand(
    seen: Seen, talk: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = [0]
    parse = Renderer.parse

    def counting(self: Renderer, source: str) -> Any:
        parsed[0] += len(source)
        return parse(self, source)

    text = "A paragraph of some words, and *more*.\n\n" * 20
    seen.close()
    with talk.lock:
        for number in range(60):
            turn = Turn(f"{number}", "demo", answer=Answer(text, finish_reason="stop"))
            talk.history.head = talk.history.add(turn, talk.history.head)
    monkeypatch.setattr(Renderer, "parse", counting)
    late = Seen(seen.session)
    view = late.wait_for(lambda view: bool(view.turns))
    assert view.prompts == [str(number) for number in range(53, 60)]
    assert view.state["more"] is True
    assert parsed[0] <= 4 * 7 * len(text)  # of 60 times that
    late.say("older")
    view = late.wait_for(lambda view: len(view.turns) > 7)
    assert view.prompts == [str(number) for number in range(34, 60)]
    assert late.fresh().turns == view.turns
    while view.state["more"]:
        shown = len(view.turns)
        late.say("older")
        view = late.wait_for(lambda view, shown=shown: len(view.turns) > shown)  # type: ignore[misc]
    assert view.prompts == [str(number) for number in range(60)]
    late.say("older")  # there is nothing
    # A new token costs what it costs in an empty conversation.
    line, _, _ = asked(talk)
    late.wait_for(lambda view: bool(busy(view)))
    before, messages = parsed[0], len(late.messages)
    line.say(text="word ")
    late.wait_for(lambda view: "word" in view.html())
    assert parsed[0] - before <= 3 * len("word ")
    assert sum(len(str(one)) for one in late.messages[messages:]) < 400
    line.say(done="stop")
    late.close()


def test_where_the_oldest_turn_shown_is_replaced_the_new_one_is_shown(seen: Seen, talk: Conversation) -> None:
    talk.ask("one", cell="a", **AT_ONCE)
    talk.ask("two", **AT_ONCE)
    seen.rest()
    talk.ask("eins", cell="a", **AT_ONCE)
    assert agree(seen).prompts == ["eins", "two"]


def test_a_view_that_comes_when_very_much_is_shown_begins_with_the_newest_turns(
    seen: Seen, talk: Conversation
) -> None:
    for number in range(15):
        put(talk, f"{number}", "word " * 5_000)
    while len(seen.rest().turns) < 15:
        seen.say("older")
    again = seen.fresh()
    assert again.prompts == ["13", "14"] and again.state["more"] is True
    assert seen.rest().turns == again.turns  # whoever looked on goes along


def test_the_newest_turn_is_shown_however_long_it_is(seen: Seen, talk: Conversation) -> None:
    put(talk, "before", "short")
    put(talk, "long", "word " * 10_000)
    assert agree_on(seen, ["before", "long"]).state["more"] is False


# --- wishes ---------------------------------------------------------------------------------------------


def test_copy_gives_the_markdown_as_the_model_wrote_it(seen: Seen, talk: Conversation) -> None:
    turn = put(talk, "hi", "**bold** `code`\u202e\r\nnext")
    seen.rest()
    assert seen.ask("copy", turn=turn.id)[0]["text"] == "**bold** `code`\nnext"
    line, running, _ = asked(talk)
    line.say(text="so *far")
    seen.wait_for(lambda view: "far" in view.html())
    assert seen.ask("copy", turn=running.id)[0]["text"] == "so *far"
    line.say(done="stop")
    assert seen.ask("copy", turn="none such")[0]["text"] == ""


def test_pictures_are_given_and_nothing_that_could_hold_a_script(seen: Seen, talk: Conversation) -> None:
    files = (
        Attachment("image/png", b"\x89PNG", "a.png"),
        Attachment("image/svg+xml", b"<svg onload=alert(1)>", "b.svg"),
    )
    turn = put(talk, "look", "I see.", attachments=files)
    told = seen.rest().turns[turn.id].info["files"]
    assert [(one["name"], one["picture"], one["size"]) for one in told] == [
        ("a.png", True, 4),
        ("b.svg", False, 21),
    ]
    reply, buffers = seen.ask("picture", turn=turn.id, index=0)
    assert reply["type"] == "image/png" and buffers == [b"\x89PNG"]
    for index in (1, 2, -1, "0", None):
        reply, buffers = seen.ask("picture", turn=turn.id, index=index)
        assert not reply["type"] and not buffers


def test_a_panel_that_is_closed_leaves_the_stream_alone(seen: Seen, talk: Conversation) -> None:
    other = Seen(seen.session)
    line, _, run = asked(talk)
    other.wait_for(lambda view: bool(busy(view)))
    relay = talk.relay(talk.turns[0])
    assert relay is not None and len(relay._bells) == 2
    other.close()
    line.say(text="still")
    seen.wait_for(lambda view: "still" in view.html())
    assert len(relay._bells) == 1
    line.say(done="stop")
    assert Stream(run).wait().text == "still"
