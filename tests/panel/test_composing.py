"""What is written in a panel becomes a turn, waits for its turn, or comes back: nothing is lost."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from nbstream.chat import shelf
from nbstream.chat.conversation import Conversation
from nbstream.chat.session import Session
from nbstream.errors import fail
from nbstream.i18n import LANGUAGES, set_language
from nbstream.panel import composing
from nbstream.panel.composing import Composing
from nbstream.panel.interrupting import Interruptible, Stopped
from nbstream.panel.opening import opening, whither
from nbstream.panel.waiting import line_of, running
from tests.panel.spoken import Line
from tests.panel.view import Seen

pytestmark = pytest.mark.usefixtures("spoken")
NAMES = (f"composing{number}" for number in count())


@pytest.fixture(scope="module")
def shell() -> Iterator[Any]:
    found = InteractiveShell.instance()
    yield found
    InteractiveShell.clear_instance()


class Panel(Seen):
    """A panel whose model is a `Line`."""

    def __init__(self, here: Session | None = None, line: Line | None = None, **options: Any) -> None:
        self.model = line or Line(next(NAMES))
        super().__init__(here, (Composing,), **{"model": self.model.model, **options})
        self.wait_for(lambda view: "draft" in view.state)

    @property
    def talk(self) -> Conversation:
        return self.desk.talk

    def queue(self) -> list[tuple[str, bool]]:
        return [(one["text"], one["held"]) for one in self.view.state["queue"] if "text" in one]

    def shows(self, *queue: tuple[str, bool]) -> None:
        self.wait_for(lambda view: self.queue() == [*queue])

    def entry(self, text: str) -> int:
        return next(int(one["id"]) for one in self.view.state["queue"] if one.get("text") == text)

    def send(self, text: str) -> None:
        """Send it; comes back when it is known to have been heard."""
        self.ask("send", text=text)

    def prompts(self) -> list[str]:
        return [turn.prompt for turn in self.talk.turns]

    def until(self, *prompts: str) -> None:
        """Wait until these are the turns, and the last of them runs."""
        self.wait_for(lambda view: self.prompts() == [*prompts] and bool(running(self.talk)))
        self.model.heard()

    def ends(self, done: str = "stop") -> None:
        run = self.talk.run_of(running(self.talk)[-1])
        self.model.say(done=done)
        assert run.wait(10)


@pytest.fixture
def make() -> Iterator[Callable[..., Panel]]:
    made: list[Panel] = []

    def one(*values: Any, **options: Any) -> Panel:
        made.append(Panel(*values, **options))
        return made[-1]

    yield one
    for panel in made:
        panel.close()
        panel.talk.reset()


@pytest.fixture
def panel(make: Callable[..., Panel]) -> Panel:
    return make()


# --- sending --------------------------------------------------------------------------------------------


def test_what_is_sent_becomes_a_turn_that_runs_with_the_presets_of_its_conversation(panel: Panel) -> None:
    panel.talk.presets |= {"system": "Be brief.", "temperature": 0.5}
    panel.send("hello")
    panel.until("hello")
    (turn,) = panel.talk.turns
    assert (turn.model, turn.system, turn.options) == (panel.model.model, "Be brief.", {"temperature": 0.5})


def test_expressions_are_filled_and_files_go_along(panel: Panel, shell: Any) -> None:
    shell.user_ns["answer"] = 42
    panel.desk.hear(
        {
            "do": "send", "view": "v", "id": "files", "text": "Is it {{answer}}?",
            "files": [{"name": "../notes.txt", "type": "text/plain"}],
        },
        [b"It is."],
    )  # fmt: skip
    panel.wait_for(lambda view: bool(panel.prompts()))
    (turn,) = panel.talk.turns
    assert turn.prompt == "Is it {{answer}}?"
    assert turn.sent == "Is it 42?\n\nnotes.txt:\n\n```\nIt is.\n```"
    assert [one.name for one in turn.attachments] == ["notes.txt"]


def test_an_unknown_name_in_braces_is_sent_as_it_stands_and_said(panel: Panel, shell: Any) -> None:
    panel.send("About {{nowhere_to_be_found}}")
    panel.wait_for(lambda view: "nowhere_to_be_found" in str(view.state.get("notice")))
    assert panel.prompts() == ["About {{nowhere_to_be_found}}"]


@pytest.mark.parametrize(
    ("text", "model", "said"),
    [
        ("hello", "openai", "key"),
        ("hello", "nobody:x", "nobody"),
        ("it is sk-known-0123456789abcdef", None, "key"),
        ("{{1 / 0}}", None, "1 / 0"),
        (" ", None, ""),
    ],
)
def test_what_cannot_be_sent_is_explained_and_comes_back(
    make: Callable[..., Panel], shell: Any, text: str, model: str | None, said: str
) -> None:
    panel = make(**({"model": model} if model else {}))
    panel.session.login("deepseek", api_key="sk-known-0123456789abcdef")
    panel.send(text)
    panel.wait_for(lambda view: bool(view.state.get("back")))
    assert said in panel.view.state["notice"]["text"]
    panel.shows((text, True))  # till a view has put it back into the box
    assert panel.view.state["back"] == {"view": "v", "entry": panel.entry(text)}
    panel.wait_for(lambda view: not view.state["sending"])
    assert not panel.talk.turns


def test_what_is_no_text_and_no_picture_is_refused(panel: Panel) -> None:
    panel.desk.hear(
        {"do": "send", "view": "v", "id": "x", "text": "", "files": [{"name": "a.zip"}]},
        [b"PK\x03\x04\0\0"],
    )
    panel.wait_for(lambda view: bool(view.state.get("back")))
    assert "a.zip" in panel.view.state["notice"]["text"] and not panel.talk.turns


# --- waiting --------------------------------------------------------------------------------------------


def test_what_is_written_during_an_answer_goes_in_order_when_it_has_ended(panel: Panel) -> None:
    panel.send("one")
    panel.until("one")
    panel.send("two")
    panel.send("three")
    panel.shows(("two", False), ("three", False))
    panel.ends()
    panel.until("one", "two")
    panel.shows(("three", False))
    panel.ends()
    panel.until("one", "two", "three")
    panel.shows()


def test_it_waits_for_the_answer_of_a_cell_too(panel: Panel) -> None:
    _, run = panel.talk.begin("of a cell", model=panel.model.model, cell="c")
    run.start()
    panel.model.heard()
    panel.send("mine")
    panel.shows(("mine", False))
    panel.ends()
    panel.until("of a cell", "mine")


@pytest.mark.parametrize("end", ["stop", "fail"])
def test_after_a_stop_or_a_failure_what_waits_is_held_until_it_is_meant(panel: Panel, end: str) -> None:
    panel.send("one")
    panel.until("one")
    panel.send("two")
    panel.send("three")
    if end == "stop":
        panel.say("stop")
    else:
        panel.model.say(fail="broken_stream")
    panel.shows(("two", True), ("three", True))
    assert panel.prompts() == ["one"]
    panel.send("something else")  # which is meant now
    panel.until("one", "something else")
    panel.ends()
    panel.shows(("two", True), ("three", True))
    panel.say("sendnow", entry=panel.entry("three"))
    panel.until("one", "something else", "three")
    panel.shows(("two", False))
    panel.ends()
    panel.until("one", "something else", "three", "two")


def test_many_that_wait_are_told_in_part_so_that_each_change_can_be_told(panel: Panel) -> None:
    panel.send("one")
    panel.until("one")
    for number in range(25):
        panel.send(f"{number} {'long ' * 5_000}")
    panel.wait_for(lambda view: view.state["queue"][-1] == {"more": 5})
    told = [one["text"] for one in panel.view.state["queue"][:-1]]
    assert [text.split()[0] for text in told] == [str(number) for number in range(20)]
    assert sum(map(len, told)) < 25_000


def test_send_now_stops_what_runs_and_goes_first(panel: Panel) -> None:
    panel.send("one")
    panel.until("one")
    panel.send("two")
    panel.send("three")
    panel.shows(("two", False), ("three", False))
    panel.say("sendnow", entry=panel.entry("three"))
    panel.until("one", "three")
    assert panel.talk.turns[0].status == "stopped"
    panel.shows(("two", False))


def test_a_waiting_message_can_be_taken_back_with_its_files(panel: Panel) -> None:
    panel.send("one")
    panel.until("one")
    panel.desk.hear(
        {"do": "send", "view": "v", "id": "f", "text": "two", "files": [{"name": "n.txt"}]}, [b"x"]
    )
    panel.shows(("two", False))
    assert panel.view.state["queue"][0]["files"] == ["n.txt"]
    reply, buffers = panel.ask("unqueue", entry=panel.entry("two"))
    assert reply["text"] == "two" and reply["files"] == [{"name": "n.txt", "type": ""}] and buffers == [b"x"]
    panel.shows()
    assert panel.ask("unqueue", entry=12345)[0].get("text") is None


def test_a_waiting_message_that_cannot_be_sent_stays_in_front(panel: Panel, shell: Any) -> None:
    panel.send("one")
    panel.until("one")
    panel.send("{{1 / 0}}")
    panel.send("three")
    panel.ends()
    panel.shows(("{{1 / 0}}", True), ("three", True))
    panel.wait_for(lambda view: "1 / 0" in str(view.state["notice"]))
    assert panel.prompts() == ["one"]


def test_two_panels_show_one_line_and_each_message_is_asked_with_the_model_of_its_panel(
    make: Callable[..., Panel],
) -> None:
    first = make()
    second = make(first.session)
    first.send("one")
    first.until("one")
    second.send("two")
    first.send("three")
    for panel in (first, second):
        panel.shows(("two", False), ("three", False))
    first.ends()
    second.until("one", "two")
    second.ends()
    first.until("one", "two", "three")
    assert [turn.model for turn in first.talk.turns] == [one.model.model for one in (first, second, first)]


def test_another_panel_sends_what_a_closed_one_left_and_takes_over_what_stood_in_its_box(
    make: Callable[..., Panel],
) -> None:
    first = make()
    first.send("one")
    first.until("one")
    first.send("two")
    first.say("draft", text="half a sen")
    first.shows(("two", False))
    first.close()
    second = make(first.session, first.model)
    second.say("sync")
    second.wait_for(lambda view: view.state.get("draft") == "half a sen")
    second.shows(("two", False))
    second.ends()
    second.until("one", "two")
    assert make(first.session).view.state["draft"] == ""


def test_what_waits_in_one_conversation_does_not_go_to_another(panel: Panel) -> None:
    panel.send("one")
    panel.until("one")
    panel.send("two")
    panel.shows(("two", False))
    here = panel.talk
    panel.desk.go_to("elsewhere")
    panel.shows()
    panel.model.say(done="stop")
    elsewhere = panel.session.conversation("elsewhere")
    panel.desk.go_to(here.name)
    panel.until("one", "two")
    assert not elsewhere.turns


def test_a_closed_panel_is_forgotten(make: Callable[..., Panel]) -> None:
    panel = Panel()
    panel.send("one")
    panel.until("one")
    panel.ends()
    panel.close()
    gone = weakref.ref(panel.desk.part(Composing))
    end = threading.Event()
    panel.desk._loop.call_soon_threadsafe(end.set)
    assert end.wait(5)
    threads = [one for one in threading.enumerate() if one.name == "nbstream-panel"]
    for one in threads:
        one.join(5)
    del panel
    gc.collect()
    assert gone() is None


def test_what_waits_in_a_conversation_that_is_deleted_waits_where_one_goes_on(panel: Panel) -> None:
    first, idea = panel.talk, panel.session.conversation("idea")
    panel.desk.go_to("idea")
    panel.send("one")
    panel.until("one")
    panel.send("two")
    panel.shows(("two", False))
    shelf.remove(panel.session, idea)
    panel.desk.go_to(shelf.beside(panel.session, idea))
    panel.shows(("two", True))
    assert panel.talk is first and not panel.prompts()


def test_what_was_being_put_together_for_a_conversation_that_is_deleted_is_not_sent(
    panel: Panel, shell: Any
) -> None:
    idea = panel.session.conversation("idea")
    panel.desk.go_to("idea")

    def delete() -> str:
        shelf.remove(panel.session, idea)
        panel.desk.go_to("main")
        return "x"

    shell.user_ns["delete"] = delete
    panel.send("{{delete()}}")
    panel.shows(("{{delete()}}", True))
    assert not idea.history.turns and not panel.prompts()
    panel.wait_for(lambda view: "deleted" in (view.state["notice"] or {"text": ""})["text"])


# --- stopping -------------------------------------------------------------------------------------------


def test_stop_ends_the_running_turn_whoever_began_it_before_its_first_token(panel: Panel) -> None:
    turn, run = panel.talk.begin("of a cell", model=panel.model.model, cell="c")
    run.start()
    panel.model.heard()
    assert panel.ask("stop")[0]["to"] == "v"  # it is said that it was heard
    assert run.wait(10) and turn.status == "stopped"


def test_a_message_goes_into_no_other_conversation_than_it_was_written_in(panel: Panel) -> None:
    panel.ask("send", text="a secret", of="gone by now")
    panel.shows(("a secret", True))
    assert not panel.talk.turns and panel.view.state["back"]["entry"] == panel.entry("a secret")
    assert "gone by now" in str(panel.view.state["notice"])
    panel.ask("send", text="hello", of=panel.talk.name)
    panel.until("hello")


@pytest.mark.parametrize("when", ["before", "behind"])
def test_stop_just_behind_send_is_for_that_message(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    filled = Interruptible.run

    def run(self: Interruptible, *asked: Any) -> Any:
        if when == "before":
            line_of(panel.talk).stop()
        found = filled(self, *asked)
        if when == "behind":
            line_of(panel.talk).stop()
        return found

    monkeypatch.setattr(Interruptible, "run", run)
    panel.send("a slip")
    panel.shows(("a slip", True))
    assert not panel.talk.turns
    monkeypatch.undo()
    panel.send("what is meant")
    panel.until("what is meant")


def test_while_a_turn_is_asked_anew_its_text_is_kept_for_a_kernel_that_dies(panel: Panel) -> None:
    with line_of(panel.talk).editing("in other words"):
        panel.wait_for(lambda view: view.state["queue"] == [{"busy": "in other words"}])
    panel.wait_for(lambda view: view.state["queue"] == [])


def test_stop_that_comes_when_its_turn_is_over_is_not_for_the_next(panel: Panel) -> None:
    panel.send("one")
    panel.until("one")
    panel.send("two")
    panel.ends()
    panel.until("one", "two")
    one, two = panel.talk.turns
    panel.ask("stop", turn=one.id)
    assert running(panel.talk) == [two]
    run = panel.talk.run_of(two)
    panel.ask("stop", turn=two.id)
    assert run is not None and run.wait(10) and (one.status, two.status) == ("done", "stopped")


def test_stop_ends_an_expression_that_goes_on_for_ever_and_the_text_comes_back(
    panel: Panel, shell: Any
) -> None:
    begun = threading.Event()
    shell.user_ns["begun"] = begun
    exec("def endless():\n    begun.set()\n    while True: pass", shell.user_ns)
    panel.send("{{endless()}}")
    assert begun.wait(10) and panel.view.state["sending"]
    assert panel.view.state["queue"] == [{"busy": "{{endless()}}"}]  # kept for a kernel that dies
    panel.send("behind it")
    panel.shows(("behind it", False))
    panel.ask("stop")
    panel.shows(("{{endless()}}", True), ("behind it", True))
    assert panel.view.state["back"]["entry"] == panel.entry("{{endless()}}")
    assert not panel.talk.turns


def test_while_an_expression_takes_its_time_all_else_is_done_and_stop_does_not_wait_for_it(
    panel: Panel, shell: Any
) -> None:
    begun, go = threading.Event(), threading.Event()
    shell.user_ns["query"] = lambda: (begun.set(), go.wait(20))[1]  # in C: nothing reaches it there
    panel.send("{{query()}}")
    assert begun.wait(10)
    panel.send("behind it")
    assert panel.ask("unqueue", entry=panel.entry("behind it"))[0]["text"] == "behind it"
    panel.ask("stop")
    panel.shows(("{{query()}}", True))
    panel.wait_for(lambda view: not view.state["sending"])
    go.set()
    panel.send("after it")
    panel.until("after it")


def test_what_is_interrupted_ends_there_and_what_comes_next_is_left_alone() -> None:
    work = Interruptible()
    assert not work.interrupt() and work.run(None, lambda: 5) == 5
    for _ in range(50):
        inside, ended, result = threading.Event(), threading.Event(), list[str]()

        def endless(inside: threading.Event = inside, ended: threading.Event = ended) -> None:
            inside.set()
            try:
                while True:
                    pass
            finally:
                ended.set()

        def do(result: list[str] = result, endless: Callable[[], None] = endless) -> None:
            try:
                work.run(do, endless)
            except Stopped:
                result.append("stopped")
            result.append(str(sum(range(1000))))

        thread = threading.Thread(target=do)
        thread.start()
        assert inside.wait(5) and not work.interrupt("another's") and work.interrupt()
        thread.join(5)
        assert ended.wait(5) and result == ["stopped", "499500"]
    with pytest.raises(KeyError):
        work.run(None, partial({}.pop, "missing"))


# --- writing --------------------------------------------------------------------------------------------


def test_names_of_the_notebook_are_offered_behind_two_braces(panel: Panel, shell: Any) -> None:
    shell.user_ns |= {"frames": [1, 2], "fraction": 0.5, "ключ": 1}
    reply, _ = panel.ask("complete", text="x {{1}} and {{fra")
    assert reply["fragment"] == "fra"
    assert reply["items"] == [
        {"text": "fraction", "detail": "float"},
        {"text": "frames", "detail": "list · 2"},
    ]
    assert [one["text"] for one in panel.ask("complete", text="{{ fraction.is_")[0]["items"]] == [
        "fraction.is_integer"
    ]
    assert panel.ask("complete", text="no braces fra")[0]["items"] == []


def test_completion_runs_no_code_of_the_user(panel: Panel, shell: Any) -> None:
    class Trap:
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError(name)

    class Watching(type):
        def __getattribute__(cls, name: str) -> Any:
            raise AssertionError(name)

        def __eq__(cls, other: object) -> bool:
            raise AssertionError

    class Trapping(metaclass=Watching):
        __module__ = 5  # type: ignore[assignment]  # has no part in it

    shell.user_ns |= {"trapped": Trap(), "trapping": Trapping()}
    try:
        items = panel.ask("complete", text="{{trapp")[0]["items"]
        assert items == [{"text": "trapped", "detail": "Trap"}, {"text": "trapping", "detail": "Trapping"}]
        assert "{{trapp" not in str(opening(Session(), "demo"))
    finally:
        del shell.user_ns["trapped"], shell.user_ns["trapping"]


def test_completion_tells_how_large_a_table_is_but_believes_no_class_that_calls_itself_one(
    panel: Panel, shell: Any
) -> None:
    import pandas

    class DataFrame:
        @property
        def shape(self) -> tuple[int, int]:
            raise AssertionError

    DataFrame.__module__ = "pandas"
    shell.user_ns |= {"tabled": pandas.DataFrame({"a": [1]}), "tables": DataFrame()}
    items = panel.ask("complete", text="{{table")[0]["items"]
    assert [one["detail"] for one in items] == ["DataFrame · 1 × 1", "DataFrame"]
    del shell.user_ns["tabled"], shell.user_ns["tables"]


def test_a_view_that_comes_later_gets_the_draft_till_it_is_sent(panel: Panel) -> None:
    panel.say("draft", text="half")
    panel.say("sync")
    panel.wait_for(lambda view: view.state.get("draft") == "half")
    panel.send("half and half")
    panel.say("sync")
    panel.wait_for(lambda view: view.state.get("draft") == "")


# --- the empty panel ------------------------------------------------------------------------------------


def test_the_empty_panel_asks_about_what_is_in_the_notebook(shell: Any) -> None:
    import pandas

    shell.user_ns |= {"old": pandas.DataFrame({"a": [1]}), "prices": pandas.DataFrame({"a": [1]}), "few": [1]}
    found = opening(Session(), "openai")["prompts"]
    assert len(found) == 3 and "{{prices}}" in found[0] and "{{few}}" not in str(found)
    assert "{{old}}" not in str(found)
    for name in ("old", "prices", "few"):
        del shell.user_ns[name]


def test_it_offers_to_explain_what_went_wrong_and_sends_the_traceback_without_keys(
    panel: Panel, shell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.user_ns["api_key"] = "abcdefgh12345678"
    shell.run_cell("raise ValueError(f'no luck with {api_key}')", store_history=True)
    prompt = opening(Session(), "demo")["prompts"][0]
    assert "ValueError: no luck" in prompt and "abcdefgh" not in prompt
    panel.send(prompt)
    panel.until(prompt)
    (turn,) = panel.talk.turns
    assert turn.sent and "Traceback" in turn.sent and "abcdefgh" not in turn.sent
    del shell.user_ns["api_key"]
    import sys

    for name in ("last_exc", "last_value"):
        monkeypatch.delattr(sys, name, raising=False)
    assert prompt not in opening(Session(), "demo")["prompts"]


def test_an_error_is_asked_what_it_says_only_where_that_is_offered_or_sent(panel: Panel, shell: Any) -> None:
    panel.send("one")
    panel.until("one")
    panel.ends()
    asked: list[str] = []
    shell.user_ns["asked"] = asked
    told = "asked.append(1); return 'a\x1bb\\ud800'"
    shell.run_cell(f"class Odd(Exception):\n  def __str__(self): {told}\nraise Odd")
    prompt = opening(Session(), "demo")["prompts"][0]
    assert "Odd: ab\ufffd" in prompt
    asked.clear()
    panel.send("two")
    panel.until("one", "two")
    panel.ends()
    assert not asked
    panel.send(prompt)
    panel.until("one", "two", prompt)
    assert asked and "Traceback" in str(panel.talk.turns[-1].sent)
    shell.run_cell("class Mute(Exception):\n  def __str__(self): raise SystemError\nraise Mute")
    assert len(opening(Session(), "demo")["prompts"]) == 3
    del shell.user_ns["asked"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_says_to_whom_a_message_goes(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    set_language(language)
    try:
        here = Session()
        assert "demo" in whither(here, "demo")
        assert "api.deepseek.com" in whither(here, "deepseek")
        assert "127.0.0.1" in whither(here, "ollama")
        monkeypatch.setenv("OPENAI_BASE_URL", "https://me:secret@proxy.example:8443/v1?k=secret")
        said = whither(here, "openai")
        assert "proxy.example" in said and "secret" not in said
        assert len({*opening(here, "demo")["prompts"], *opening(here, "deepseek")["prompts"]}) >= 5
    finally:
        set_language(None)


def test_it_is_there_until_the_first_turn_and_again_after_a_reset(panel: Panel) -> None:
    panel.wait_for(lambda view: bool(view.state["opening"]))
    panel.send("one")
    panel.wait_for(lambda view: view.state["opening"] is None)
    panel.talk.reset()
    panel.wait_for(lambda view: bool(view.state["opening"]))


def test_the_line_on_who_reads_follows_the_model(make: Callable[..., Panel]) -> None:
    panel = make(model=None)
    panel.wait_for(lambda view: "demo" in str(view.state["opening"]))
    panel.session.use("deepseek:deepseek-v4-flash")
    panel.wait_for(lambda view: "api.deepseek.com" in view.state["opening"]["line"])


def test_an_unexpected_error_while_it_is_put_together_puts_a_waiting_message_back(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel.send("one")
    panel.until("one")
    panel.send("two")
    panel.shows(("two", False))
    monkeypatch.setattr(composing, "about_failure", lambda text: fail.no_such_thing)
    panel.ends()
    panel.shows(("two", True))
