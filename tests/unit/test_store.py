"""A conversation that is saved and loaded is the same conversation, or the file says why not."""

from __future__ import annotations

import json
import os
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from nbstream.chat import schema, store
from nbstream.chat.history import History, Turn
from nbstream.chat.session import Session
from nbstream.errors import KINDS, ConfigError, NbstreamError
from nbstream.messages import Answer, Attachment, Context, Cost, Message, Opaque, Timing, ToolCall, Usage

# --- any tree ---------------------------------------------------------------------------------------

TEXT = some.text(some.characters(), max_size=12)  # half surrogate pairs too
NAME = some.text("abc-", min_size=1, max_size=3)
WHOLE = some.none() | some.integers(0, 10**9)
SECONDS = some.none() | some.floats(0, 1e6)
JSON = some.recursive(
    some.none() | some.booleans() | some.integers(-9, 9) | TEXT,
    lambda inner: some.lists(inner, max_size=2) | some.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
OPAQUE = some.lists(some.builds(Opaque, NAME, JSON), max_size=2).map(tuple)
CALLS = some.lists(some.builds(ToolCall, NAME, NAME, TEXT), max_size=2)
FILES = some.lists(some.builds(Attachment, NAME, some.binary(max_size=9), TEXT), max_size=2).map(tuple)
ERRORS = some.none() | some.builds(
    lambda kind, what, code, wait: KINDS[kind](what, "why", "fix", status=500, code=code, retry_after=wait),
    some.sampled_from(sorted(KINDS)),
    TEXT,
    some.none() | TEXT.filter(bool),
    SECONDS,
)
MESSAGES = some.builds(
    Message,
    some.sampled_from(["user", "assistant", "tool"]),
    TEXT,
    reasoning=TEXT,
    tool_calls=CALLS.map(tuple),
    tool_call_id=some.none() | NAME,
    opaque=OPAQUE,
    attachments=FILES,
)
CONTEXTS = some.none() | some.builds(Context, some.integers(0, 9), some.integers(0, 9), WHOLE, WHOLE)
ANSWERS = some.builds(
    Answer,
    text=TEXT,
    reasoning=TEXT,
    tool_calls=CALLS,
    finish_reason=some.sampled_from([None, "stop", "length", "cancelled"]),
    raw_finish_reason=some.none() | TEXT,
    usage=some.none() | some.builds(Usage, WHOLE, WHOLE, WHOLE, WHOLE),
    notes=some.lists(TEXT, max_size=2).map(tuple),
    model=TEXT,
    timing=some.builds(Timing, some.floats(0, 1e10), SECONDS, SECONDS, some.integers(0, 99)),
    error=ERRORS,
    opaque=OPAQUE,
    cost=some.none() | some.builds(Cost, some.floats(0, 9), NAME),
    context=CONTEXTS,
)
TURNS = some.builds(
    Turn,
    TEXT,
    TEXT,
    system=some.none() | TEXT,
    options=some.dictionaries(some.sampled_from(["temperature", "max_tokens"]), some.integers(0, 9)),
    cell=some.none() | some.sampled_from("xyz"),
    fresh=some.booleans(),
    sent=some.none() | TEXT,
    attachments=FILES,
    rounds=some.lists(MESSAGES, max_size=2).map(tuple),
    pinned=some.booleans(),
    line=TEXT,
    opening=SECONDS,
    context=CONTEXTS,
    answer=ANSWERS,
    created=some.floats(0, 1e10),
)


@some.composite
def histories(draw: Any) -> History:
    history, turns = History(), list[Turn]()
    for one in draw(some.lists(TURNS, max_size=6)):
        parent = draw(some.sampled_from([None, *turns]))
        turns.append(history.add(one, parent))
    history.head = draw(some.sampled_from([None, *turns]))
    return history


KEPT = [
    "id", "prompt", "model", "system", "options", "cell", "fresh", "sent", "attachments", "rounds", "pinned",
    "line", "answer", "context", "number", "opening", "created", "asked", "status",
]  # fmt: skip
SAID = ["kind", "what", "why", "fix", "provider", "status", "code", "retry_after", "request_id", "case"]


def facts(turn: Turn) -> list[Any]:
    """All that one may want of a turn."""
    error = turn.answer.error if turn.answer is not None else None
    return [getattr(turn, name) for name in KEPT] + [error and getattr(error, name) for name in SAID]


def tree(history: History) -> list[Any]:
    """All of it, as values that can be compared."""
    turns = list(history.every())
    name = {id(turn): number for number, turn in enumerate(turns)}
    return [
        [name.get(id(history.head)), [name[id(one)] for one in history.turns]],
        *([facts(one), name.get(id(one.parent)), [name[id(c)] for c in one.children]] for one in turns),
    ]


@given(histories())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_tree_saved_and_loaded_is_the_same(tmp_path_factory: Any, history: History) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    store.save(history, "main", path)
    again, found = store.load(path)
    assert tree(again) == tree(history)
    assert found.turns == len(list(history.every()))


NOT_KEPT = {
    Turn: {"execution", "replaced", "parent", "children", "number", "landmark"}  # the tree tells them
    | {"template"},  # a file could say so of anything
    Answer: {"again", "object"},  # ways to ask again; what a program made of the text
}


@pytest.mark.parametrize("kind", [Turn, Answer, Message, Usage, Timing, ToolCall, Attachment, Opaque])
def test_every_field_is_kept_or_left_out_on_purpose(kind: type) -> None:
    names = {one.name for one in fields(kind)}
    assert names - schema._KNOWN[kind].keys() == NOT_KEPT.get(kind, set())


DEEP: list[Any] = []
for _ in range(500):
    DEEP = [DEEP]

ODD = {
    "a count with a fraction": (Answer("said", usage=Usage(1.5, 7)), Answer("said", usage=Usage(None, 7))),  # type: ignore[arg-type]
    "a wait without end": (
        Answer("said", error=KINDS["rate_limit"]("what", "why", "fix", retry_after=float("inf"))),
        Answer("said", error=KINDS["rate_limit"]("what", "why", "fix")),
    ),
    "an ending that nobody knows": (Answer("said", finish_reason="odd"), Answer("said")),  # type: ignore[arg-type]
    "a time that is no number": (
        Answer("said", timing=Timing(1.0, float("nan"))),
        Answer("said", timing=Timing(1.0)),
    ),
    "a count of a thousand digits": (Answer("said", usage=Usage(10**5_000)), Answer("said", usage=Usage())),
    "a block that is very deep": (Answer("said", opaque=(Opaque("p", DEEP),)), Answer("said")),
    "a model that is no text": (Answer("said", model=7), Answer("said")),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("odd", ODD)
def test_one_odd_value_does_not_cost_the_whole_file(odd: str, tmp_path: Path) -> None:
    given, kept = ODD[odd]
    history = History()
    history.finish(
        history.begin(Turn("prompt", "m", options={"temperature": float("nan"), "x": DEEP})), given
    )
    store.save(history, "main", tmp_path / "talk.json")
    (turn,) = store.load(tmp_path / "talk.json")[0].turns
    assert turn.answer is not None
    assert facts(turn) == facts(replace(turn, answer=kept, options={}))


@pytest.mark.parametrize("name", ["", "  ", "n" * 101, "two\nlines", "a\tb", "turned\u202e", "\ud800", 7])
def test_no_conversation_has_a_name_that_a_file_or_a_receipt_cannot_hold(name: Any) -> None:
    session = Session()
    with pytest.raises(ConfigError) as error:
        session.conversation(name)
    assert error.value.case == "conversation_name"
    assert not session.conversations


@pytest.mark.parametrize("name", ["n" * 100, "数据 2", "../x", "<b>|`", "😀", "--new"])
def test_whatever_a_conversation_may_be_called_it_is_loaded_by_that_name(name: str, tmp_path: Path) -> None:
    session = Session()
    asked(session.conversation(name).history, "hello")
    session.conversation(name).save(tmp_path / "talk.json")
    asked(session.conversation(name).history, "more")
    loaded = session.conversation(name).load(tmp_path / "talk.json")
    assert loaded.saved.name == loaded.name == name
    assert [turn.prompt for turn in session.conversation(loaded.kept_as or "").turns] == ["hello", "more"]
    store.save(session.conversation(name).history, loaded.kept_as or "", tmp_path / "kept.json")
    assert store.load(tmp_path / "kept.json")[1].name == loaded.kept_as


def asked(history: History, prompt: str, **more: Any) -> Turn:
    turn = history.begin(Turn(prompt, "openai:words", **more))
    history.finish(turn, Answer(f"to {prompt}", model="openai:words", finish_reason="stop"))
    return turn


@pytest.fixture
def history() -> History:
    history = History()
    for number, cell in enumerate("abc"):
        asked(history, f"prompt {number}", cell=cell)
    return history


def test_what_a_loaded_conversation_sends_is_what_the_saved_one_would_have_sent(
    history: History, tmp_path: Path
) -> None:
    picture = Attachment("image/png", b"\x89PNG", "x.png")
    rounds = (
        Message("assistant", "", tool_calls=(ToolCall("1", "add", "{}"),)),
        Message("tool", "3", tool_call_id="1"),
    )
    turn = asked(history, "{{x}}", sent="42", attachments=(picture,))
    turn.rounds, turn.context = rounds, Context(3, 4, 100)
    store.save(history, "main", tmp_path / "talk.json")
    again, _ = store.load(tmp_path / "talk.json")
    new = [one.begin(Turn("next", "openai:words")) for one in (history, again)]
    assert again.before(new[1]) == history.before(new[0])
    assert len(again.before(new[1])) == 2 * 3 + 4


def test_running_a_cell_again_after_loading_replaces_its_turn(history: History, tmp_path: Path) -> None:
    store.save(history, "main", tmp_path / "talk.json")
    again, _ = store.load(tmp_path / "talk.json")
    asked(again, "prompt 1, better", cell="b")
    assert [one.prompt for one in again.turns] == ["prompt 0", "prompt 1, better", "prompt 2"]


def test_a_turn_that_was_running_is_stopped_when_it_is_loaded(history: History, tmp_path: Path) -> None:
    history.begin(Turn("wait", "openai:words"))
    assert store.save(history, "main", tmp_path / "talk.json").running == 1
    again, _ = store.load(tmp_path / "talk.json")
    assert [one.status for one in again.turns] == ["done", "done", "done", "stopped"]


def test_too_many_attachments_are_left_out_and_named(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbstream.chat.schema.MOST_ATTACHED", 10)
    asked(history, "see", attachments=(Attachment("image/png", b"123456", "a.png"),))
    asked(history, "see", attachments=(Attachment("image/png", b"123456", "b.png"),))
    saved = store.save(history, "main", tmp_path / "talk.json")
    assert saved.left_out == ("b.png",)
    again, _ = store.load(tmp_path / "talk.json")
    assert [len(one.attachments) for one in again.turns] == [0, 0, 0, 1, 0]


def test_chinese_stays_readable_in_the_file(history: History, tmp_path: Path) -> None:
    asked(history, "你好")
    store.save(history, "主线", tmp_path / "talk.json")
    assert "你好" in (tmp_path / "talk.json").read_text(encoding="utf-8")


# --- the file ---------------------------------------------------------------------------------------


def test_a_file_that_is_not_ours_stays_as_it_is(history: History, tmp_path: Path) -> None:
    path = tmp_path / "thesis.json"
    path.write_text('{"my": "thesis"}')
    with pytest.raises(ConfigError) as error:
        store.save(history, "main", path)
    assert error.value.fix == f"%llm save {path} --overwrite"
    assert path.read_text() == '{"my": "thesis"}'
    store.save(history, "main", path, overwrite=True)
    assert store.load(path)[1].turns == 3


def test_an_earlier_save_is_replaced_and_named(history: History, tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    assert store.save(history, "main", path).replaced is None
    asked(history, "one more")
    again = store.save(history, "main", path)
    assert again.replaced is not None
    assert (again.turns, again.replaced.turns) == (4, 3)


def test_a_save_that_fails_leaves_the_earlier_one(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "talk.json"
    store.save(history, "main", path)
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    asked(history, "one more")
    with pytest.raises(ConfigError, match="cannot be written"):
        store.save(history, "main", path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["talk.json"], "and nothing lies about"


def test_a_link_is_followed_and_rights_stay(history: History, tmp_path: Path) -> None:
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    store.save(history, "main", real)
    real.chmod(0o640)
    link.symlink_to(real)
    store.save(history, "main", link)
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("folder", ["nowhere/talk.json", "."])
def test_where_nothing_can_be_written_the_system_s_reason_is_told(
    folder: str, history: History, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as error:
        store.save(history, "main", tmp_path / folder, overwrite=True)
    assert error.value.case == "file_unwritten"
    assert "folder" in error.value.why.lower()


def changed(path: Path, change: Any) -> Path:
    body = json.loads(path.read_text())
    change(body)
    path.write_text(json.dumps(body))
    return path


def test_a_newer_schema_is_refused_with_the_line_that_helps(history: History, tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    store.save(history, "main", path)
    changed(path, lambda body: body.update(version=store.VERSION + 1))
    with pytest.raises(ConfigError) as error:
        store.load(path)
    assert error.value.case == "file_newer"
    assert error.value.fix == "pip install -U nbstream"
    with pytest.raises(ConfigError, match="is there already"):
        store.save(history, "main", path)  # nor may it be overwritten by somebody who cannot read it


DAMAGES: dict[str, Any] = {
    "a parent that is not there": lambda b: b["turns"][1].update(parent="gone"),
    "a parent that comes later": lambda b: b["turns"][0].update(parent=b["turns"][1]["id"]),
    "the same id twice": lambda b: b["turns"][1].update(id=b["turns"][0]["id"]),
    "a head that is not there": lambda b: b.update(head="gone"),
    "no turns": lambda b: b.pop("turns"),
    "a turn that is none": lambda b: b["turns"].append(7),
    "a prompt that is no text": lambda b: b["turns"][0].update(prompt=7),
    "no prompt": lambda b: b["turns"][0].pop("prompt"),
    "a role that is none": lambda b: b["turns"][0].update(rounds=[{"role": "root", "content": "x"}]),
    "an ending that is none": lambda b: b["turns"][0]["answer"].update(finish_reason="well"),
    "usage in words": lambda b: b["turns"][0]["answer"].update(usage={"input_tokens": "many"}),
    "an error of no kind": lambda b: b["turns"][0]["answer"].update(error={"kind": "odd"}),
    "an attachment that is not base64": lambda b: b["turns"][0].update(
        attachments=[{"media_type": "image/png", "data": "*", "name": "x"}]
    ),
    "a name of two lines": lambda b: b.update(name="a\nb"),
    "a version that is none": lambda b: b.update(version="1"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused_whole(damage: str, history: History, tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    store.save(history, "main", path)
    with pytest.raises(ConfigError) as error:
        store.load(changed(path, DAMAGES[damage]))
    assert error.value.case == "file_damaged"


@given(cut=some.floats(0, 1), byte=some.none() | some.integers(0, 255))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_became_of_a_file_only_our_own_error_comes_of_it(
    tmp_path_factory: Any, cut: float, byte: int | None
) -> None:
    history = History()
    asked(history, "hello")
    path = tmp_path_factory.getbasetemp() / "cut.json"
    path.unlink(missing_ok=True)
    store.save(history, "main", path)
    raw = path.read_bytes()
    at = int(cut * (len(raw) - 1))
    path.write_bytes(raw[:at] if byte is None else raw[:at] + bytes([byte]) + raw[at + 1 :])
    try:
        store.load(path)
    except NbstreamError as error:
        assert error.kind == "config"


@pytest.mark.parametrize(
    ("content", "case"),
    [
        ("not JSON", "file_foreign"),
        ("[" * 100_000, "file_foreign"),
        ('[{"role": "user"}]', "file_foreign"),
        ('{"cells": [], "nbformat": 4}', "file_notebook"),
        ('{"format": "nbstream conversation", "version": 1, "turns"', "file_damaged"),
    ],
)
def test_what_is_no_saved_conversation_is_told_from_one_that_broke(
    content: str, case: str, tmp_path: Path
) -> None:
    path = tmp_path / "file.json"
    path.write_text(content)
    with pytest.raises(ConfigError) as error:
        store.load(path)
    assert error.value.case == case


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no file"):
        store.load(tmp_path / "none.json")


def test_a_name_that_is_none_leads_to_the_one_that_was_meant(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store.save(history, "main", "我的对话.json")
    (tmp_path / "data.csv").write_text("a,b")
    for wrong in ("我得对话.json", "data.csv"):
        with pytest.raises(ConfigError) as error:
            store.load(wrong)
        assert error.value.fix == "%llm load 我的对话.json"
    (tmp_path / "day one.ipynb").write_text("{}")
    with pytest.raises(ConfigError) as error:
        Session().restore("dya one.ipynb")
    assert error.value.fix == '%llm restore "day one.ipynb"'


# --- conversations ----------------------------------------------------------------------------------


def told(session: Session, name: str = "main") -> list[str]:
    return [one.prompt for one in session.conversation(name).turns]


def talking(*prompts: str) -> Session:
    session = Session()
    for prompt in prompts:
        asked(session.conversation().history, prompt)
    return session


def test_turns_that_were_in_the_place_of_a_loaded_conversation_live_on_beside_it(tmp_path: Path) -> None:
    talking("one", "two").conversation().save(tmp_path / "talk.json")
    session = talking("here")
    loaded = session.conversation().load(tmp_path / "talk.json")
    assert (told(session), told(session, "main-1")) == (["one", "two"], ["here"])
    assert (loaded.kept_as, loaded.kept) == ("main-1", 1)


def test_nothing_is_kept_twice_where_the_file_holds_it_all(tmp_path: Path) -> None:
    session = talking("one", "two")
    session.conversation().save(tmp_path / "talk.json")
    assert session.conversation().load(tmp_path / "talk.json").kept_as is None
    assert list(session.conversations) == ["main"]


def test_a_turn_that_runs_while_another_conversation_takes_its_place_is_finished_where_it_is(
    tmp_path: Path,
) -> None:
    talking("one").conversation().save(tmp_path / "talk.json")
    session = Session()
    talk = session.conversation()
    turn, run = talk.begin("hello", model="demo", options={"delay": 0})
    talk.load(tmp_path / "talk.json")
    run.start()
    assert run.wait(10)
    assert turn.status == "done"
    assert session.conversation("main-1").turns == [turn]


def test_answers_differ_where_they_differ() -> None:
    """The comparison that the round trip rests on sees a change in any field."""
    history = History()
    turn = asked(history, "one")
    before = tree(history)
    for change in ({"text": "x"}, {"notes": ("n",)}, {"opaque": (Opaque("a", 1),)}):
        kept, turn.answer = turn.answer, replace(turn.answer or Answer(), **change)  # type: ignore[arg-type]
        assert tree(history) != before
        turn.answer = kept
