"""An export is what its ending says, and a hostile answer does no more in it than in a notebook."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbconvert import HTMLExporter

from nbstream.chat.conversation import Conversation
from nbstream.chat.history import Turn
from nbstream.chat.session import Session
from nbstream.errors import ConfigError, NbstreamError
from nbstream.messages import Answer, Attachment, Message, Opaque, ToolCall
from nbstream.show.export import export
from tests.hostile.corpus import hostile
from tests.hostile.parsers import with_markdown_it, with_nbconvert
from tests.hostile.scan import Scan

HOSTILE = (
    "</details><img src=x onerror=alert(1)>\n\n[x](javascript:alert(1))\n\n--> <script>alert(1)</script>"
)


def asked(talk: Conversation, prompt: str, answer: Answer, **more: Any) -> Turn:
    turn = talk.history.begin(Turn(prompt, "openai:words", **more))
    talk.history.finish(turn, answer)
    return turn


@pytest.fixture
def talk() -> Conversation:
    talk = Session().conversation()
    hi = Answer("# Hi\n\n- one\n- two", model="openai:words", finish_reason="stop")
    asked(talk, "Hello", hi, cell="a-1", execution="x")
    asked(talk, HOSTILE, Answer(HOSTILE, model="openai:words", finish_reason="stop"), cell="b 2")
    failed = Answer("", model="openai:words", error=NbstreamError("It broke", "Because", "%llm why"))
    asked(talk, "```python\nprint(1)\n```", failed, cell="a-1", execution="x")
    return talk


def test_markdown_reads_as_the_conversation_did(talk: Conversation, tmp_path: Path) -> None:
    text = export(talk, tmp_path / "talk.md").read_text()
    order = [text.index(part) for part in ("# main", "> Hello", "# Hi", "- one", "> print(1)", "It broke")]
    assert order == sorted(order)
    assert "**1 · You**" in text and "*⟡ openai words" in text


@pytest.mark.parametrize("read", [with_markdown_it, with_nbconvert])
def test_nothing_of_a_hostile_conversation_is_markup(read: Any, tmp_path: Path) -> None:
    talk = Session().conversation()
    for entry in hostile():
        if entry.kind != "bulk":  # the same things, many times
            text = entry.text
            asked(talk, text, Answer(text, model="openai:words"), attachments=(Attachment(text, b"", text),))
    mark, _, text = export(talk, tmp_path / "talk.md").read_text().partition("\n")
    assert mark.startswith("<!-- nbstream export ") and mark.endswith(" -->")
    assert text.count("⟡") == len(talk.turns) > 300, "footers are ours alone"
    scan = Scan(read(text.replace("⟡", "")), False)
    assert not scan.findings
    assert not [link for link in scan.links if link.lower().startswith(("javascript:", "data:", "vbscript:"))]


def test_the_notebook_is_valid_opens_and_asks_the_same(talk: Conversation, tmp_path: Path) -> None:
    more = {"system": "Be 'brief'.", "options": {"temperature": 0.5, "max_tokens": 7}, "fresh": True}
    asked(talk, "last", Answer("word", model="openai:words", finish_reason="stop"), **more)
    path = export(talk, tmp_path / "talk.ipynb")
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    assert [cell.source.splitlines()[0] for cell in book.cells] == [
        "%load_ext nbstream",
        *["%%llm -m openai:words"] * 3,
        "%%llm -m openai:words -s 'Be '\"'\"'brief'\"'\"'.' -t 0.5 --max-tokens 7 --new",
    ]
    assert "one" in HTMLExporter().from_notebook_node(book)[0]


def test_an_exported_notebook_can_be_restored_from(talk: Conversation, tmp_path: Path) -> None:
    path = export(talk, tmp_path / "talk.ipynb")
    session = Session()
    restored = session.restore(path)
    again = session.conversation()
    assert [turn.prompt for turn in again.turns] == [turn.prompt for turn in talk.turns]
    assert {row.outcome for row in restored.rows} == {"taken"}
    assert session.conversation().history.before(again.turns[-1]) == talk.history.before(talk.turns[-1])


def test_braces_run_in_the_notebook_only_where_a_cell_had_them(tmp_path: Path) -> None:
    talk = Session().conversation()
    asked(talk, "{{foreign()}}", Answer("1"))
    asked(talk, "{{mine}}", Answer("2"), template=True)
    asked(talk, "mine", Answer("3"))
    asked(talk, "%llm fix\nE: {{x}}", Answer("4"), sent="A traceback. E: {{x}}")
    path = export(talk, tmp_path / "talk.ipynb")
    cells = nbformat.read(path, as_version=4).cells[1:]
    raw = [cell.source.splitlines()[0].endswith(" --raw") for cell in cells]
    assert raw == [True, False, False, True]
    assert cells[-1].source.endswith("--raw\nA traceback. E: {{x}}")
    assert {row.outcome for row in Session().restore(path).rows} == {"taken"}


def test_a_model_s_name_of_two_lines_does_not_break_out_of_its_line(tmp_path: Path) -> None:
    talk = Session().conversation("a b")
    turn = talk.history.begin(Turn("hello", "openai:x\n!rm -rf ~", system="two\nlines"))
    talk.history.finish(turn, Answer("x"))
    [_, cell] = nbformat.read(export(talk, tmp_path / "t.ipynb"), as_version=4).cells
    assert cell.source == "%%llm -c 'a b'\nhello"


def test_json_is_the_list_of_messages_that_would_be_sent(talk: Conversation, tmp_path: Path) -> None:
    picture = Attachment("image/png", b"\x89PNG", "x.png")
    turn = asked(talk, "{{x}}", Answer("42", opaque=(Opaque("a", 1),)), sent="What?", attachments=(picture,))
    turn.rounds = (
        Message("assistant", "", tool_calls=(ToolCall("1", "add", '{"a": 1}'),)),
        Message("tool", "2", tool_call_id="1"),
    )
    turn.system = "Be brief."
    found = json.loads(export(talk, tmp_path / "talk.json").read_text())
    assert [one["role"] for one in found] == [
        "system", "user", "assistant", "user", "assistant", "user", "user", "assistant", "tool", "assistant"
    ]  # fmt: skip
    assert found[6]["content"][0] == {"type": "text", "text": "What?"}
    assert found[6]["content"][1]["image_url"]["url"] == "data:image/png;base64,iVBORw=="
    assert found[7]["tool_calls"][0]["function"] == {"name": "add", "arguments": '{"a": 1}'}
    assert found[8] == {"role": "tool", "content": "2", "tool_call_id": "1"}
    assert [one.role for one in Message.many(found[:6])] == [one["role"] for one in found[:6]]


def test_another_ending_is_refused_with_those_that_there_are(talk: Conversation, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.md, \.ipynb or \.json") as error:
        export(talk, tmp_path / "talk.pdf")
    assert error.value.fix == "%llm export talk.md"


@pytest.mark.parametrize(
    ("name", "foreign"),
    [
        ("README.md", "# My own"),
        ("notes.md", "<!-- nbstream export -->\n\n# Notes on nbstream export"),
        ("work.ipynb", '{"cells": []}'),
        ("mine.ipynb", '{"cells": [{"source": "%nbstream export mine.ipynb"}], "metadata": {}}'),
        ("data.json", '{"a": 1}'),
        ("empty.json", "[]"),
        ("training.json", '[{"role": "user", "content": "a row of a data set"}]'),
    ],
)
def test_a_file_of_another_kind_is_kept_and_an_earlier_export_replaced(
    name: str, foreign: str, talk: Conversation, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(foreign)
    with pytest.raises(ConfigError) as error:
        export(talk, path)
    assert error.value.fix == f"%llm export {path} --overwrite"
    assert path.read_text() == foreign
    export(talk, path, overwrite=True)
    asked(talk, "one more", Answer("word", model="openai:words", finish_reason="stop"))
    export(talk, path)
    assert "one more" in path.read_text()


@pytest.mark.parametrize("name", ["talk.md", "talk.ipynb", "talk.json"])
def test_an_export_that_somebody_went_on_writing_in_is_kept(
    name: str, talk: Conversation, tmp_path: Path
) -> None:
    path = export(talk, tmp_path / name)
    mine = path.read_text().replace("Hello", "Hello, my own")
    path.write_text(mine)
    with pytest.raises(ConfigError, match="not as nbstream wrote it"):
        export(talk, path)
    assert path.read_text() == mine


def test_an_empty_conversation_is_not_exported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no turns"):
        export(Session().conversation(), tmp_path / "talk.md")
