"""A call as it is shown: whoever reads it sees what it says, and nothing in it does anything."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from nbstream.messages import Message, ToolCall
from nbstream.show.calls import CallCard, card, cards, shortened
from nbstream.show.live import LiveMarkdown
from nbstream.show.markdown import settle
from nbstream.show.pages import Pages
from tests.unit.pages import StringPage

HOSTILE = (
    "<script>x</script>", "</p></blockquote><img src=x onerror=y>", "```\n\n# out", "> > >",
    "$$\\href{x}{y}$$", "[a](javascript:x)", "\r\n\nout", "\u2028\u2029\x85\x0bout", "\x1b]0;title\x07",
    "\u202egnp", "⟡ footer", "`" * 40, "|a|b|\n|-|-|", "&#60;img&#62;", "</code></pre><script>",
    "\ud83d", "~~~", "@@0@@", "%llm login x", "<!--", "a\n\n    b\n\n- c", "\\(x\\)", "\\[x\\]",
)  # fmt: skip
TEXT = some.sampled_from(HOSTILE) | some.text(max_size=30)
ARGUMENTS = some.dictionaries(TEXT, TEXT | some.integers() | some.lists(TEXT, max_size=2), max_size=3).map(
    json.dumps
)


@given(TEXT, ARGUMENTS | TEXT, some.none() | TEXT)
@example("f", json.dumps({"a": "".join(HOSTILE) * 3}), "".join(HOSTILE))
def test_nothing_gets_out_of_a_card(name: str, arguments: str, result: str | None) -> None:
    card = CallCard(name, arguments, result)
    assert all(line.startswith(">") for line in card.markdown.split("\n"))
    assert settle(card.markdown).strip("\n") == card.markdown, "it is as safe as any settled answer"
    tags = set(re.findall(r"</?(\w+)", card.html))
    assert tags <= {"blockquote", "p", "strong", "pre", "code"}
    assert card.html.count("<") == card.html.count(">")
    for shown in (card.line, card.plain, card.outcome):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]", shown)
    assert "\n" not in card.line + card.outcome


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ('{"city": "成都", "days": 2}', 'weather(city="成都", days=2)'),
        ("", "weather()"),
        ("{oh", "weather({oh)"),
        ('{"code": "a\\nb"}', "weather(code=…)"),
    ],
)
def test_a_call_reads_as_one_would_write_it(arguments: str, line: str) -> None:
    assert CallCard("weather", arguments).line == line


def test_what_is_long_stands_below_as_a_block_and_says_how_much_is_left_out() -> None:
    card = CallCard("run", json.dumps({"code": "print(1)\n" * 1_000}), "ok " * 500)
    assert "> ```text\n> print(1)\n> print(1)" in card.markdown
    assert "… (+4,999)" in card.markdown and "… (+5,000)" not in card.markdown
    assert len(card.outcome) < 330 and "(+1,199)" in card.outcome


def test_whoever_allows_a_call_has_seen_all_of_its_arguments() -> None:
    hidden = json.dumps(
        {"path": "a" * 80, "then": "b" * 150 + "rm -rf", "last": {"deep": ["x" * 120 + "!!"]}}
    )
    for shown in (CallCard("f", hidden).markdown, html.unescape(CallCard("f", hidden).html)):
        assert "rm -rf" in shown and "!!" in shown and "a" * 80 in shown


def test_the_rounds_of_a_turn_are_what_was_said_and_a_card_for_each_call() -> None:
    calls = (ToolCall("1", "weather", "{}"), ToolCall("2", "f_01", "{}"))
    rounds = (
        Message("assistant", "Not JSON."),  # it was corrected, and is not part of the answer
        Message("user", "Again."),
        Message("assistant", "Looking.", tool_calls=calls),
        Message("tool", "18", tool_call_id="1"),
    )
    said, first, second = cards(rounds, {"f_01": "查天气"})
    assert isinstance(said, Message) and said.content == "Looking."
    assert first == CallCard("weather", "{}", "18") and second == CallCard("查天气", "{}", None)
    [_, one] = cards(
        [Message("assistant", "", tool_calls=(ToolCall("1", "f", '{"f_02": 1}'),))], {"f_02": "天数"}
    )
    assert isinstance(one, CallCard) and one.line == "f(天数=1)"


# --- the live page --------------------------------------------------------------------------------------


def shown(ops: list[Any]) -> list[str]:
    page = StringPage()
    page.apply(ops)
    return page.blocks


def test_what_a_model_knows_by_a_number_has_its_name_in_what_came_back() -> None:
    call = ToolCall("1", "f_d7db6c2b", "{}")
    shown = list(
        cards(
            [Message("assistant", "", (), (call,)), Message("tool", "f_29188eac: missing; not f_00000000")],
            {"f_d7db6c2b": "天气", "f_29188eac": "城市"},
        )
    )[1]
    assert isinstance(shown, CallCard)
    assert (shown.name, shown.result) == ("天气", "城市: missing; not f_00000000")


def test_a_card_stands_between_what_was_said_and_is_replaced_by_its_result() -> None:
    pages, ops = Pages(), []
    ops += pages.feed("One.\n\n```python\nprint(1)")  # a fence that nobody closes
    asked, done = CallCard("f", "{}"), CallCard("f", "{}", "18")
    ops += pages.card(asked.html) + pages.card(done.html, again=True)
    ops += pages.feed("Two **bold") + pages.feed("**.") + pages.finish()
    blocks = shown(ops)
    assert blocks[0] == "<p>One.</p>" and blocks[1].startswith("<pre>")
    assert blocks[2] == done.html and blocks[3] == "<p>Two <strong>bold</strong>.</p>"
    assert shown(pages.snapshot()) == blocks, "a view that comes late sees the same"


def test_what_is_withdrawn_is_the_last_part() -> None:
    pages = Pages()
    pages.feed("One.")
    pages.card(CallCard("f", "{}", "1").html)
    pages.feed("Two.")
    assert len(shown(pages.withdraw())) == 2
    ops = pages.withdraw() + pages.feed("Three.") + pages.finish()
    assert shown(ops)[2] == "<p>Three.</p>"


def test_a_part_that_cannot_be_rendered_is_shown_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = Pages()
    ops = pages.feed("One.") + pages.card(CallCard("f", "{}").html) + pages.feed("Two ")

    def broken(self: LiveMarkdown, text: str) -> list[Any]:
        raise ValueError("odd")

    monkeypatch.setattr(LiveMarkdown, "feed", broken)
    ops += pages.feed("more")
    monkeypatch.undo()
    assert shown(ops)[0] == "<p>One.</p>" and shown(ops)[2] == "<pre>Two more</pre>"


@given(some.lists(some.tuples(TEXT, ARGUMENTS, TEXT), max_size=3), TEXT)
def test_live_and_settled_have_a_block_for_each_call(rounds: list[tuple[str, str, str]], last: str) -> None:
    pages, ops = Pages(), []
    for _, arguments, result in rounds:
        ops += pages.card(CallCard("f", arguments).html)
        ops += pages.card(CallCard("f", arguments, result).html, again=True)
    ops += pages.feed(last) + pages.finish()
    quotes = [block for block in shown(ops) if block.startswith("<blockquote><p><strong>⚙ f")]
    assert len(quotes) == len(rounds)


def test_a_line_that_is_cut_says_so() -> None:
    assert shortened("x" * 12, 10) == "xxxxxxxxxx … (+2)"


def test_a_key_that_a_model_gives_to_a_function_is_masked_on_its_card(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = "9f8e7d6c5b4a39281706abcdef012345"
    monkeypatch.setenv("OPENAI_API_KEY", key)
    call = ToolCall("c", "add", json.dumps({"a": key, "b": "kept"}))
    shown = card(call, {})
    assert key not in shown.markdown + shown.html + shown.plain + shown.line
    assert "…2345" in shown.plain and "kept" in shown.plain
    assert key in call.arguments, "the function gets what was meant"
