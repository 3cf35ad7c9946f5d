"""A conversation as a table: what a person can see of it at a glance, and what with ``-v``."""

from __future__ import annotations

from typing import Any

import pytest

from nbstream.chat.history import History, Turn
from nbstream.errors import fail
from nbstream.i18n import set_language
from nbstream.messages import Answer, Attachment, Message, ToolCall, Usage
from nbstream.show.turns import short, turns_markdown, versions_markdown


def asked(history: History, prompt: str, answer: Answer, at: Turn | None = None, **more: Any) -> Turn:
    turn = history.begin(Turn(prompt, "openai:m", created=0.0, **more), at)
    history.finish(turn, answer)
    return turn


@pytest.fixture
def history() -> History:
    """A turn of each kind."""
    history = History()
    calls = (ToolCall("1", "weather", "{}"), ToolCall("2", "weather", "{}"), ToolCall("3", "clock", "{}"))
    asked(
        history,
        "# One | two",
        Answer("**Bold** words", finish_reason="stop", usage=Usage(1200, 34)),
        options={"temperature": 0.2},
        system="Be brief.",
        cell="0123456789abcdef",
        pinned=True,
        rounds=(Message("assistant", tool_calls=calls), Message("tool", "18", tool_call_id="1")),
        attachments=(Attachment("image/png", b"png", "a.png"),),
        sent="One, two.",
    )
    asked(history, "stopped", Answer("Half", finish_reason="cancelled"))
    asked(history, "failed", Answer("", error=fail("interrupted.no_end", provider="openai", label="OpenAI")))
    cut = asked(history, "cut", Answer("Long", finish_reason="length"))
    asked(history, "cut, better", Answer("Whole", finish_reason="stop"), at=cut)
    history.begin(Turn("running", "openai:m", fresh=True, created=0.0))
    return history


def rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()[2:]]


def test_each_turn_shows_how_it_began_and_how_it_ended(history: History) -> None:
    found = rows(turns_markdown(history, history.turns))
    assert [row[0] for row in found] == ["1", "2", "3", "4 (2/2)", "5"]
    assert [row[4] for row in found] == ["pinned", "stopped", "failed · not sent along", "", "running"]
    assert found[0][2:4] == [r"One \| two", "Bold words"], "no marks, and none that is read"
    assert found[2][3].startswith("⚠ ")


def test_verbose_shows_all_that_is_known(history: History) -> None:
    found = [row[5] for row in rows(turns_markdown(history, history.turns, verbose=True))]
    assert found[0] == (
        "temperature 0.2 · system “Be brief.” · 1,200 → 34 tokens · tool calls: 3 (weather, clock) · "
        "files: 1 (a.png) · sent with variables: 9 characters"
    )
    assert found[1] == "", "what is not known is not made up"
    assert found[4] == "begins anew"


def test_it_speaks_chinese(history: History) -> None:
    set_language("zh")
    try:
        table = turns_markdown(history, history.turns, verbose=True)
    finally:
        set_language(None)
    found = rows(table)
    assert "系统提示“Be brief.”" in found[0][5] and "附件 1 个（a.png）" in found[0][5]
    assert [row[4] for row in found] == ["固定", "停止", "失败 · 不再发送", "", "进行中"]
    assert found[3][0] == "4 (2/2)"
    assert "| 状\u2060态 |" in table, "not letter below letter"


def test_versions_are_numbered_and_the_one_in_use_is_marked(history: History) -> None:
    found = rows(versions_markdown(history.versions(history.turns[3]), history.turns[3]))
    assert [(row[0], row[2]) for row in found] == [("1", "cut"), ("2←", "cut, better")]


@pytest.mark.parametrize(
    ("text", "most", "seen"),
    [("one two three", 7, "one two…"), ("你好世界", 4, "你好…"), ("- item\n\n> said `x`", 60, "item said x")],
)
def test_a_long_text_is_shown_by_its_beginning(text: str, most: int, seen: str) -> None:
    assert short(text, most) == seen


def test_what_later_models_are_not_told_of_is_marked() -> None:
    history = History()
    history.finish(history.begin(Turn("hello", "demo")), Answer("I am no model", finish_reason="stop"))
    assert [row[4] for row in rows(turns_markdown(history, history.turns))] == [""]
    asked(history, "who are you?", Answer("A model", finish_reason="stop"))
    assert [row[4] for row in rows(turns_markdown(history, history.turns))] == ["not sent along", ""]
