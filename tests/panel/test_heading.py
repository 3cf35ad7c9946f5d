"""The head of a panel, without a page: models, keys, conversations, settings, export."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nbstream.chat import doctor, shelf
from nbstream.chat.catalog import catalog
from nbstream.chat.session import Session
from nbstream.errors import NbstreamError, fail
from nbstream.i18n import set_language
from nbstream.messages import Answer
from nbstream.panel import heading
from nbstream.panel.composing import Composing
from nbstream.panel.deeds import Deeds
from nbstream.panel.heading import Heading
from nbstream.panel.offers import offers
from nbstream.panel.presets import presets
from nbstream.panel.transcript import Transcript
from nbstream.providers import registry
from nbstream.teach.playing import AT_ONCE, Tapes
from tests.fakes.openai_server import OpenAIServer
from tests.panel.spoken import Line
from tests.panel.view import Seen

KEY = "sk-0123456789abcdef-right"


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for provider in registry.keyed():
        for name in (one for field in provider.fields for one in field.env):
            monkeypatch.delenv(name, raising=False)
    set_language("en")
    yield
    set_language(None)


@pytest.fixture
def seen() -> Iterator[Seen]:
    made = shown()
    yield made
    made.close()


def shown(here: Session | None = None, **options: Any) -> Seen:
    """A panel, and what its view shows."""
    made = Seen(here, (Heading, Transcript), **options)
    made.wait_for(lambda view: "model" in view.state)
    return made


def beside(seen: Seen) -> Seen:
    """A second panel in the same kernel."""
    return shown(seen.session)


def say(seen: Seen, do: str, **wish: Any) -> dict[str, Any]:
    return seen.ask(do, **wish)[0]


def labels(reply: dict[str, Any]) -> list[str]:
    return [one["label"] for one in reply["sheet"]["items"]]


# --- models -------------------------------------------------------------------------------------------


def test_a_model_chosen_in_one_panel_is_in_use_in_all(seen: Seen) -> None:
    other = beside(seen)
    seen.session.login("openai", api_key=KEY)
    assert say(seen, "model", name="openai:some-model")["name"] == "openai:some-model"
    for one in (seen, other):
        one.wait_for(lambda view: view.state["model"]["id"] == "openai:some-model")
    assert seen.session.default_model() == "openai:some-model"
    other.close()


def test_a_panel_opened_with_a_model_of_its_own_follows_once_one_is_chosen_in_it() -> None:
    seen = shown(model="demo")
    seen.session.login("openai", api_key=KEY)
    seen.session.use("openai:a")
    assert seen.desk.model == "demo"
    say(seen, "model", name="openai:b")
    seen.session.use("openai:c")
    seen.wait_for(lambda view: view.state["model"]["id"] == "openai:c")
    seen.close()


def test_a_model_for_one_question_changes_nothing(seen: Seen) -> None:
    assert say(seen, "model", name="demo", only=True) == {"to": "v", "id": 2, "name": "demo"}
    assert seen.session.chosen is None


def test_a_model_without_a_key_asks_for_its_key_first(seen: Seen) -> None:
    sheet = say(seen, "model", name="spark:4.0Ultra")["sheet"]
    assert [(one["label"], one["type"]) for one in sheet["fields"]] == [
        ("APPID", "text"), ("APISecret", "password"), ("APIKey", "password")
    ]  # fmt: skip
    assert sheet["secret"] and sheet["link"]["href"].startswith("https://")
    assert sheet["wish"] == {"do": "login", "provider": "spark", "model": "spark:4.0Ultra", "only": False}
    assert seen.session.chosen is None


def test_where_one_of_several_sets_of_keys_is_enough_the_box_says_which(seen: Seen) -> None:
    sheet = say(seen, "key_sheet", provider="ernie-v1")["sheet"]
    assert ", or " in sheet["text"] and "+" in sheet["text"]
    optional = say(seen, "key_sheet", provider="ernie")["sheet"]["fields"]
    assert [(one["label"], one["required"]) for one in optional] == [
        ("API Key", True), ("appid (optional)", False)
    ]  # fmt: skip


def test_who_has_a_key_stands_before_who_needs_one(seen: Seen) -> None:
    seen.session.login("zhipu", api_key=KEY)
    found = offers(seen.session)
    mine = [model for model, detail in found if "Needs a key" not in detail]
    assert mine[0].startswith("zhipu:") and "demo" in mine
    assert [model for model, _ in found][: len(mine)] == mine
    assert not [model for model in mine if model.startswith("ollama")], "it does not run here"
    assert labels(say(seen, "model_sheet"))[: len(mine)] == mine


def test_who_reads_chinese_finds_the_domestic_services_first_among_those_that_need_a_key() -> None:
    set_language("zh")
    details = [detail for _, detail in offers(Session()) if "需要密钥" in detail]
    chinese = [not detail.removesuffix(" · 需要密钥").isascii() for detail in details]
    assert chinese == sorted(chinese, reverse=True) and chinese[0]


def test_the_list_is_there_at_once_and_fills_with_what_the_services_say(
    seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog(), "_kept", {})
    with OpenAIServer(KEY) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        first = labels(say(seen, "model_sheet"))
        assert "openai:echo" not in first and any(one.startswith("openai:") for one in first)
        assert not server.log, "nobody was asked"
        later = [one["label"] for one in say(seen, "models")["items"]]
        assert "openai:echo" in later


def test_a_name_that_is_none_keeps_the_box_open_which_says_so_and_offers_what_was_meant(seen: Seen) -> None:
    reply = say(seen, "model", name="opnai:gpt")
    assert "opnai" in str(reply["sheet"]) and labels(reply)[0].startswith("openai")
    assert not seen.view.state["notice"] and seen.session.chosen is None


def taped(path: Path, **options: Any) -> Seen:
    """A panel while a tape of DeepSeek is played: one answer, to “hi”."""
    ask = {"provider": "deepseek", "model": "deepseek-chat", "messages": [{"role": "user", "content": "hi"}]}
    frames = [
        [0, json.dumps({"choices": [{"delta": {"content": "Hello."}, "finish_reason": "stop"}]})],
        [0, "[DONE]"],
    ]
    attempt = {"headers": {"content-type": "text/event-stream"}, "frames": frames}
    take = {"ask": ask, "transport": "http", "attempts": [attempt]}
    path.write_text(f"{json.dumps({'nbstream': 'tape', 'version': 1})}\n{json.dumps(take)}\n", "utf-8")
    here = Session()
    here.player = Tapes(str(path), AT_ONCE)
    seen = Seen(here, (Heading, Transcript, Composing, Deeds), **options)
    seen.wait_for(lambda view: "model" in view.state)
    return seen


def test_while_a_tape_is_played_its_models_are_offered_and_nobody_is_asked_for_a_key(tmp_path: Path) -> None:
    seen = taped(tmp_path / "lesson.tape")
    name = "deepseek:deepseek-chat"
    assert seen.view.state["model"] == {"id": name, "label": name, "ready": True, "demo": False}
    names = [one for one, detail in offers(seen.session) if "Needs a key" not in detail]
    assert names[0] == name and "demo" in names and names == [one for one, _ in offers(seen.session)]
    assert not [one for one in names if one.startswith("openai")], "it would not answer"
    for one in (name, "openai:gpt-4o"):
        assert say(seen, "model", name=one)["name"] == one
    seen.session.player = None
    assert say(seen, "model", name=name)["sheet"]["secret"], "a service needs one"
    seen.close()


def test_what_is_on_the_tape_of_another_model_is_asked_of_it_at_a_press(tmp_path: Path) -> None:
    seen = taped(tmp_path / "lesson.tape", model="openai:gpt-4o")
    turn, run = seen.desk.talk.begin("hi", model="openai:gpt-4o")
    run.start()
    seen.wait_for(lambda view: any(one.info["error"] for one in view.turns.values()))
    error = seen.view.turns[turn.id].info["error"]
    assert [one["label"] for one in error["fixes"]] == ["Ask deepseek:deepseek-chat", "Choose another model"]
    assert "%%llm" not in error["html"]
    say(seen, **error["fixes"][0]["wish"])
    seen.wait_for(lambda view: "Hello." in view.html())
    assert seen.view.state["model"]["id"] == "deepseek:deepseek-chat", "the next one is asked of it, too"
    seen.close()


def test_for_what_is_on_no_tape_other_words_help_and_no_other_model(tmp_path: Path) -> None:
    seen = taped(tmp_path / "lesson.tape")
    turn, run = seen.desk.talk.begin("What else?", model="deepseek:deepseek-chat")
    run.start()
    seen.wait_for(lambda view: any(one.info["error"] for one in view.turns.values()))
    fixes = seen.view.turns[turn.id].info["error"]["fixes"]
    assert [one["label"] for one in fixes] == ["Change the question"]
    seen.close()


# --- keys ---------------------------------------------------------------------------------------------


def log_in(seen: Seen, *values: str, fields: list[str] | None = None, **wish: Any) -> dict[str, Any]:
    """Press Save in the box for a key."""
    before = len(seen.view.replies)
    said = {
        "do": "login",
        "view": "v",
        "id": f"k{before}",
        "ask": True,
        "fields": fields or ["api_key"],
        **wish,
    }
    carried = [memoryview(one.encode()) for one in values]
    seen.desk.hear(said, carried)
    assert not carried, "what the kernel still holds of the message is without the key"
    seen.wait_for(lambda view: len(view.replies) > before)
    return seen.view.replies[-1][0]


def test_a_good_key_is_checked_shown_by_its_end_and_its_model_used(
    seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OpenAIServer(KEY) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        reply = log_in(seen, f" Bearer {KEY}\n", provider="openai", model="openai:echo")
    assert reply["sheet"]["text"].endswith("…ight ✓")
    assert reply["name"] == "openai:echo" == seen.session.chosen
    seen.wait_for(lambda view: view.state["model"] == {
        "id": "openai:echo", "label": "openai:echo", "ready": True, "demo": False
    })  # fmt: skip
    assert KEY not in json.dumps(seen.messages)


def test_a_key_that_is_entered_at_a_failed_answer_has_its_question_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = Seen(None, (Heading, Transcript, Composing, Deeds), model="openai:echo")
    with OpenAIServer(KEY) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        seen.session.login("openai", api_key="sk-fedcba9876543210-wrong")
        turn, run = seen.desk.talk.begin("hi", model="openai:echo")
        run.start()
        failed = seen.wait_for(lambda view: any(one.info["error"] for one in view.turns.values()))
        wish = failed.turns[turn.id].info["error"]["fixes"][0]["wish"]
        sheet = say(seen, **{**wish, "do": "key_sheet"})["sheet"]
        assert "memory" in sheet["text"] and failed.turns[turn.id].info["can"] == ["retry", "edit", "remove"]
        assert "sheet" not in log_in(seen, KEY, **sheet["wish"]), "there is nothing more to press"
        seen.wait_for(lambda view: [one.info["status"] for one in view.turns.values()] == ["done"])
        seen.wait_for(lambda view: (view.state["notice"] or {"text": ""})["text"].endswith("…ight ✓"))
    assert KEY not in json.dumps(seen.messages)
    seen.close()


def test_a_refused_key_is_not_kept_and_the_one_before_goes_on(
    seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OpenAIServer(KEY) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        seen.session.login("openai", api_key=KEY)
        reply = log_in(seen, "sk-fedcba9876543210-wrong", provider="openai", model="openai:echo")
    assert reply["error"] and "sheet" not in reply
    assert seen.session.credentials(registry.get("openai"))["api_key"].reveal() == KEY
    assert seen.session.chosen is None
    assert "wrong" not in json.dumps(seen.messages)


@pytest.mark.parametrize("values", [[""], [], ["密钥"]])
def test_what_is_no_key_is_said_in_the_box(seen: Seen, values: list[str]) -> None:
    fields = ["api_key"] * len(values)
    reply = log_in(seen, *values, fields=fields or ["api_key"], provider="openai")
    assert reply["error"] and not seen.session.keys.pools


def test_a_key_that_cannot_be_checked_is_kept_and_says_so(
    seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*given: Any) -> bool:
        raise fail("timeout.models", provider="openai", address="h.example", seconds="8")

    monkeypatch.setattr(doctor, "accepted", unreachable)
    assert "not checked" in log_in(seen, KEY, provider="openai")["sheet"]["text"]
    assert "openai" in seen.session.keys.pools


# --- conversations ------------------------------------------------------------------------------------


def test_conversations_are_listed_with_their_turns_and_what_can_be_done(seen: Seen) -> None:
    seen.desk.talk.ask("hi", model="demo", options={"delay": 0})
    seen.session.conversation("数据")
    sheet = say(seen, "talks_sheet")["sheet"]
    assert [(one["label"], one["detail"], one["current"]) for one in sheet["items"]][:2] == [
        ("main", "1 turn", True), ("数据", "0 turns", False)
    ]  # fmt: skip
    say(seen, "talk", op="open", name="数据")
    seen.wait_for(lambda view: view.state["talk"]["name"] == "数据")


def test_a_new_one_without_a_name_gets_one_and_a_name_that_is_taken_is_refused(seen: Seen) -> None:
    say(seen, "talk", op="new", name="  ")
    assert seen.desk.talk.name == "chat-1"
    assert "already" in say(seen, "talk", op="new", name="main")["error"]
    assert "main-1" in seen.view.state["notice"]["fix"]
    assert say(seen, "talk", op="new", name="a\nb")["error"]
    seen.desk.notice(None)
    form = say(seen, "naming_sheet", op="new")["sheet"]["wish"]
    assert "already" in say(seen, **form, name="main")["error"]
    assert seen.rest().state["notice"] is None, "it is said where the name stands"
    assert list(seen.session.conversations) == ["main", "chat-1"] and seen.desk.talk.name == "chat-1"


def test_a_renamed_conversation_stays_where_it_is_for_all_who_show_it(seen: Seen) -> None:
    seen.session.conversation("other")
    other = beside(seen)
    talk = seen.desk.talk
    assert "error" not in say(seen, "talk", op="rename", name="main"), "its own name"
    say(seen, "talk", op="rename", name="plan")
    other.wait_for(lambda view: view.state["talk"]["name"] == "plan")
    assert other.desk.talk is talk and list(seen.session.conversations) == ["plan", "other"]
    other.close()


def test_a_branch_has_the_turns_so_far_and_the_settings(seen: Seen) -> None:
    talk = seen.desk.talk
    talk.ask("hi", model="demo", options={"delay": 0})
    talk.presets["system"] = "Be brief."
    say(seen, "talk", op="branch", name="aside")
    assert seen.desk.talk.name == "aside" and [turn.prompt for turn in seen.desk.talk.turns] == ["hi"]
    assert seen.desk.presets == {"system": "Be brief."}
    assert seen.desk.talk.turns[0] is not talk.turns[0]


def test_what_runs_is_not_branched(seen: Seen, spoken: None) -> None:
    line = Line("still")
    turn, run = seen.desk.talk.begin("hi", model=line.model)
    run.start()
    assert say(seen, "talk", op="branch", name="aside")["error"]
    assert list(seen.session.conversations) == ["main"]
    line.say(done="stop")
    assert turn is seen.desk.talk.turns[0]


def test_deleting_stops_what_runs_and_takes_every_panel_elsewhere(seen: Seen, spoken: None) -> None:
    say(seen, "talk", op="new", name="plan")
    other = beside(seen)
    other.desk.go_to("plan")
    other.wait_for(lambda view: view.state["talk"]["name"] == "plan")
    line = Line("endless")
    turn, run = seen.desk.talk.begin("hi", model=line.model)
    run.start()
    line.say(text="some")
    say(seen, "talk", op="remove", of="plan")
    for one in (seen, other):
        one.wait_for(lambda view: view.state["talk"]["name"] == "main")
    run.wait(5)
    assert isinstance(turn.answer, Answer) and turn.answer.finish_reason == "cancelled"
    other.close()


def test_the_last_conversation_is_emptied_and_can_come_back(seen: Seen) -> None:
    talk = seen.desk.talk
    talk.ask("hi", model="demo", options={"delay": 0})
    say(seen, "talk", op="remove")
    assert seen.desk.talk is talk and not talk.turns
    assert [turn.prompt for turn in talk.redo()] == ["hi"]


def test_a_deletion_means_the_conversation_that_was_shown_when_it_was_asked_for(seen: Seen) -> None:
    for name in ("a", "b"):
        seen.session.conversation(name)
    seen.desk.go_to("a")
    wish = say(seen, "naming_sheet", op="remove")["sheet"]["wish"]
    seen.desk.go_to("b")
    say(seen, **wish)
    assert list(seen.session.conversations) == ["main", "b"]
    # The second of two clicks comes when it is gone, and takes no other one.
    assert "no conversation a any more" in say(seen, **wish)["error"]
    assert list(seen.session.conversations) == ["main", "b"]


def test_no_name_holds_a_key_that_is_in_use(seen: Seen) -> None:
    key = "sk-0123456789abcdef0123"
    seen.session.login("openai", api_key=key)
    for wish in ({"op": "new"}, {"op": "rename"}, {"op": "branch"}):
        assert "holds a key" in say(seen, "talk", name=f"n {key}", form=True, **wish)["error"]
    assert "holds a key" in say(seen, "model", name=f"openai:{key}")["error"]
    for wrong in (
        lambda: seen.session.use(f"openai:{key}"),
        lambda: seen.session.conversation(key),
        lambda: seen.desk.talk.ask("hi", model=f"demo:{key}"),
    ):
        with pytest.raises(NbstreamError, match="holds a key"):
            wrong()
    assert list(seen.session.conversations) == ["main"] and not seen.desk.talk.turns


def test_who_shows_a_deleted_conversation_shows_the_new_one_of_its_name(seen: Seen) -> None:
    old = seen.session.conversation("idea")
    seen.desk.go_to("idea")

    def at_once() -> None:  # before it looks
        shelf.remove(seen.session, old)
        seen.session.conversation("idea")

    seen.desk.on_loop(at_once)
    seen.wait_for(lambda view: seen.desk.talk is not old)
    assert seen.desk.talk is seen.session.conversations["idea"]


def test_where_main_is_gone_a_panel_goes_to_the_newest() -> None:
    here = Session()
    talk = here.conversation("a")
    for name in ("b", "c"):
        here.conversation(name)
    shelf.remove(here, talk)
    assert shelf.beside(here, talk) == "c"


# --- settings, export ---------------------------------------------------------------------------------


def test_settings_are_those_of_the_conversation(seen: Seen) -> None:
    other = beside(seen)
    say(seen, "settings", system=" Be brief. ", temperature="0.2", max_tokens="99", language="auto")
    told = other.wait_for(lambda view: view.state["settings"]["temperature"] is not None).state["settings"]
    assert (
        told
        == {"system": "Be brief.", "temperature": 0.2, "max_tokens": 99, "language": "auto"}
        | {"language": "en"}
        or told["system"] == "Be brief."
    )
    fields = {one["name"]: one["value"] for one in say(other, "settings_sheet")["sheet"]["fields"]}
    assert fields == {"system": "Be brief.", "temperature": "0.2", "max_tokens": "99", "language": "auto"}
    say(other, "settings", system="", temperature="", max_tokens="", language="auto")
    assert seen.desk.presets == {}
    other.close()


@pytest.mark.parametrize(
    "typed",
    [
        {"temperature": "warm"},
        {"temperature": "-1"},
        {"temperature": "nan"},
        {"max_tokens": "0"},
        {"max_tokens": "1.5"},
        {"max_tokens": "9" * 30},
    ],
)
def test_a_setting_that_is_no_number_changes_nothing(typed: dict[str, str]) -> None:
    with pytest.raises(NbstreamError) as caught:
        presets({"system": "x", **typed})
    assert caught.value.kind == "config" and next(iter(typed)) in caught.value.what


def test_a_setting_that_the_policy_forbids_is_refused_where_it_stands_or_put_right_at_a_press(
    seen: Seen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "policy.toml"
    path.write_text('models = ["openai:echo"]\nmax_tokens = 100', "utf-8")
    monkeypatch.setattr("nbstream.chat.policy.places", lambda: [path])
    assert "100 tokens" in say(seen, "settings", max_tokens="5000")["error"] and seen.desk.presets == {}
    seen.desk.talk.presets["max_tokens"] = 5000  # from before there was a policy
    with pytest.raises(NbstreamError) as caught:
        seen.session.call("hi", model="openai:echo", max_tokens=5000, credentials={"api_key": KEY})
    seen.desk.notice(caught.value)
    notice = seen.rest().state["notice"]
    assert [one["label"] for one in notice["fixes"]] == [notice["fix"]] and "%%llm" not in notice["fix"]
    assert seen.session.last_error is caught.value, "as `why` tells"
    say(seen, **notice["fixes"][0]["wish"])
    assert seen.desk.presets == {"max_tokens": 100} and seen.rest().state["notice"] is None
    assert "class" in say(seen, "model", name="openai:other")["sheet"]["text"]
    assert seen.session.last_error is not caught.value


def test_a_key_in_the_system_prompt_is_refused_and_the_settings_stay(seen: Seen) -> None:
    seen.session.login("openai", api_key=KEY)
    assert say(seen, "settings", system=f"Use {KEY}", language="zh")["error"]
    assert seen.desk.presets == {} and KEY not in json.dumps(seen.messages)


def test_zero_is_a_temperature(seen: Seen) -> None:
    say(seen, "settings", temperature="0", language="en")
    assert seen.desk.presets == {"temperature": 0.0}
    fields = {one["name"]: one["value"] for one in say(seen, "settings_sheet")["sheet"]["fields"]}
    assert fields["temperature"] == "0"


def test_an_export_is_sent_and_no_file_is_written(
    seen: Seen, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "no turns" in say(seen, "export", kind=".md")["error"]
    say(seen, "talk", op="new", name="a/b: 方案?")
    seen.desk.talk.ask("hi", model="demo", options={"delay": 0})
    for kind in heading.KINDS:
        reply, buffers = seen.ask("export", kind=kind)
        assert reply["file"]["download"] == f"a_b_ 方案_{kind}"
        assert b"hi" in buffers[0]
    assert not list(tmp_path.iterdir())


def test_an_export_too_large_for_a_message_names_the_line_that_writes_it(
    seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heading, "LARGEST", 100)
    say(seen, "talk", op="new", name="two words")
    seen.desk.talk.ask("hi", model="demo", options={"delay": 0})
    assert say(seen, "export", kind=".ipynb")["error"]
    assert seen.view.state["notice"]["fix"] == '%llm export "two words.ipynb" -c "two words"'
