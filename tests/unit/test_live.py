"""An answer on its way: every state is sound, the end is exact, and length costs nothing."""

from __future__ import annotations

import re
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbstream.show import frames, grammar, highlight, leaves, spans
from nbstream.show import live as live_module
from nbstream.show.live import WINDOW, LiveMarkdown
from nbstream.show.render import render
from tests.unit.pages import StringPage, assert_safe, text_of
from tests.unit.whole import bare, whole

# --- documents ------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    [
        "a",
        "word",
        "你好",
        "é",
        "😀",
        "**bold**",
        "*it*",
        "`code`",
        "$x^2$",
        "$5",
        "snake_case",
        "[link](https://x.y/a_b)",
        "![i](https://x.y/z)",
        "<b>",
        "&amp;",
        "~~old~~",
        "\\*",
        "**",
        "`",
        "[half",
        "http://x.y",
        "|",
        "-",
        "#",
        "<script>alert(1)</script>",
        "[bad](javascript:x)",
        "\\(y\\)",
        "2*3",
    ]
)
LINES = st.lists(WORDS, min_size=1, max_size=12).map(" ".join)
PARAGRAPHS = st.lists(LINES, min_size=1, max_size=4).map("\n".join)
HEADINGS = st.one_of(LINES.map("## {}".format), PARAGRAPHS.map("{}\n===".format))
FENCES = st.tuples(
    st.sampled_from(["```", "```python", "~~~~ js", '```"><img src=x>']), st.lists(LINES, max_size=8)
).map(lambda made: "\n".join([made[0], *made[1], re.match(r"[`~]+", made[0])[0]]))  # type: ignore[index]
ROWS = st.lists(st.tuples(LINES, LINES), min_size=1, max_size=6)
TABLES = ROWS.map(lambda rows: "| a | b |\n|---|:-:|\n" + "\n".join(f"| {a} | {b} |" for a, b in rows))
MATHS = LINES.map("$$\n{}\n$$".format)
LEAVES = st.one_of(PARAGRAPHS, HEADINGS, FENCES, TABLES, MATHS, st.just("---"), LINES.map("    {}".format))


def _indented(text: str, first: str, rest: str) -> str:
    lines = text.split("\n")
    return "\n".join([first + lines[0], *(rest + line if line else line for line in lines[1:])])


def _lists(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    items = st.lists(st.lists(children, min_size=1, max_size=3), min_size=1, max_size=5)
    shapes = st.tuples(items, st.sampled_from(["- ", "* ", "1. ", "-   "]), st.sampled_from(["\n", "\n\n"]))
    return shapes.map(
        lambda made: made[2].join(
            _indented(made[2].join(item), made[1], " " * len(made[1])) for item in made[0]
        )
    )


def _quotes(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(children, min_size=1, max_size=3).map(
        lambda blocks: "\n".join("> " + line if line else ">" for line in "\n\n".join(blocks).split("\n"))
    )


BLOCKS = st.recursive(LEAVES, lambda inner: st.one_of(_lists(inner), _quotes(inner)), max_leaves=6)
DOCUMENTS = st.lists(BLOCKS, max_size=5).map("\n\n".join)
MARKS = [
    "- ",
    "* ",
    "+ ",
    "1. ",
    "2) ",
    "> ",
    "> > ",
    "\n",
    "\n\n",
    "\n",
    "`",
    "```",
    "```\n",
    "#",
    "# ",
    "-",
    "--",
    "---",
    "===",
    "*",
    "**",
    "_",
    "~~",
    "[",
    "](http://a)",
    "$",
    "$$",
    "  ",
    "    ",
    "\t",
    "\\",
    "&amp;",
    "<",
    "é",
    "😀",
    "\r",
    "\r\n",
    "[ ] ",
    "[x] ",
    "a ",
    "word another ",
    "x x x x x x x x ",
    "print(1)\n",
    "\\(",
    "\\]",
    "\\[",
    "<b>",
    "!",
    "\x1b",
    "\u2028",
    "\ud800",
    "|",
    "|-",
    "a | b\n",
    "-|-\n",
    "| c | d |\n",
]
SOUP = st.lists(st.sampled_from(MARKS), max_size=40).map("".join)
LONGER = [
    "    code\n",
    "     x",
    ">     code\n",
    "-     code\n",
    "## head `a` #\n",
    "# a heading of some words ",
    "verse  \n",
    "verse\\\n",
    "- a\n- b\n\n",
    "* c\n",
    "\n\n\n\n",
    "| a | b |\n|---|---|\n",
    "| x |\n",
    "$$\na\nb\n",
    "$$\n",
    "- [ ] a task of some words ",
    "aaaa bbbb cccc dddd ",
    "中文**重点：**内容 ",
    "```c\n/* a\n",
    "*/\n",
    "```\n",
    "  ",
    "> ",
]
ANYTHING = st.lists(
    st.one_of(
        DOCUMENTS, SOUP, st.lists(st.sampled_from(LONGER), max_size=20).map("".join), st.text(max_size=30)
    ),
    max_size=4,
).map("".join)


@st.composite
def cut(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> list[str]:
    text = draw(texts)
    places = (
        sorted(draw(st.sets(st.integers(0, max(0, len(text))), max_size=40))) if draw(st.booleans()) else []
    )
    if not places:
        step = draw(st.integers(1, 9))
        places = list(range(0, len(text), step))
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


def follow(feeds: list[str], window: int) -> None:
    """Show an answer as it comes, and hold every state against what must be true of it."""
    live, page = LiveMarkdown(window), StringPage()
    late: list[StringPage] = []
    for number, feed in enumerate([*feeds, None]):
        ops = live.finish() if feed is None else live.feed(feed)
        page.apply(ops)
        for other in late:  # a view that came later, and lives on the same operations since
            other.apply(ops)
            assert other.blocks == page.blocks
        rebuilt = StringPage()
        rebuilt.apply(live.snapshot())
        assert rebuilt.blocks == page.blocks
        if number % 7 == 0:
            assert_safe(page.blocks)
            late = [rebuilt, *late[:1]]
    assert_safe(page.blocks)
    assert page.blocks == render("".join(feeds))


TRY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@TRY
@given(cut(DOCUMENTS), st.sampled_from([0, 40, WINDOW]))
def test_any_document_in_any_pieces_ends_as_it_would_be_rendered_whole(feeds: list[str], window: int) -> None:
    follow(feeds, window)


@TRY
@given(cut(SOUP), st.sampled_from([0, 8, WINDOW]))
def test_any_soup_of_marks_ends_as_it_would_be_rendered_whole(feeds: list[str], window: int) -> None:
    follow(feeds, window)


@TRY
@given(cut(ANYTHING), st.sampled_from([0, 8, 40, WINDOW]))
def test_anything_at_all_ends_as_it_would_be_rendered_whole(feeds: list[str], window: int) -> None:
    follow(feeds, window)


@TRY
@given(
    cut(st.one_of(ANYTHING, DOCUMENTS)),
    st.tuples(st.sampled_from([20, 40]), st.sampled_from([30, 60]), st.integers(1, 6), st.integers(2, 4)),
    st.tuples(st.sampled_from([2, 20]), st.sampled_from([15, 700])),
)
def test_cuts_anywhere_in_paragraphs_code_and_tables_change_nothing(
    feeds: list[str], grammar_limits: tuple[int, int, int, int], limits: tuple[int, int]
) -> None:
    header, row, missing, lines = grammar_limits
    with (
        mock.patch.object(spans, "_SIZES", (20, 40, 60)),
        mock.patch.multiple(highlight, _LINES=3, _MOST_LINES=5, _MOST_CHARS=60, _LONG_LINE=20, _STEP=2),
        mock.patch.multiple(
            grammar, LONGEST_HEADER=header, _LONGEST_ROW=row, MOST_MISSING=missing, _LONGEST_MATH=(lines, 60)
        ),
        mock.patch.object(leaves, "LONGEST_HEADER", header),
        mock.patch.multiple(frames, MOST_MISSING=missing, _MANY_EMPTY=limits[0]),
        mock.patch.object(live_module, "_LONG_LINE", limits[1]),
    ):
        follow(feeds, 0)


@settings(TRY, max_examples=100)
@given(st.one_of(DOCUMENTS, SOUP, ANYTHING))
def test_rendered_whole_is_what_the_parser_says_and_nothing_else(text: str) -> None:
    """Not so on purpose: what the next test says, and what is nested sixty deep."""
    assert bare(render(text)) == whole(text)


LONG_LINES = {
    "a fence that is none": "words\n```" + "a " * 400 + "`\nmore",
    "a formula with words behind": "words\n$$ " + "a " * 400 + "$$ more\nmore",
    "a formula in an item": "- words\n  \\[ " + "a " * 400 + "\\] more\nmore",
    "a formula without an end": "words\n$$ " + "a " * 2_400 + "\nmore",
    "a row that gets its cells late": "|a|b|c|d|e|f|\n|-|-|-|-|-|-|\n"
    + "|x|\n" * 199
    + "|"
    + "ab " * 400
    + "|c|d|e|f|\n|x|\n",
    "a row that is too long": "|a|b|\n|-|-|\n|" + "ab " * 1_400 + "|\n|x|\n",
}


@pytest.mark.parametrize("name", LONG_LINES)
@pytest.mark.parametrize("step", [101, 264])
def test_a_long_line_that_turns_out_to_be_something_else_is_shown_as_that(name: str, step: int) -> None:
    text = LONG_LINES[name]
    follow([text[at : at + step] for at in range(0, len(text), step)], WINDOW)


def test_marks_that_stay_open_for_long_and_bulk_of_brackets_are_shown_as_written() -> None:
    words = ("and more words " * 200).strip()
    assert text_of(render(f"**a {words}**")) == f"**a {words}**"
    assert "<strong>" in whole(f"**a {words}**")
    brackets = "[" * 101 + "a](http://x.y)"
    assert text_of(render(brackets)) == brackets
    assert "<a>" in whole(brackets)


# --- what a person sees -----------------------------------------------------------------------------------

ANSWER = """Here is **bold text** and *italic words* with `inline code`, see [the docs](https://example.com/a_b?c=d).

## A heading with `code`

1. First **step**: run `pip install x`
2. Second step
   - nested *item* with [a link](https://e.x)
   - [ ] task one
   - [x] task two

```python
def f(a, b):
    return a + b
```

| Name | **Value** | Link |
|:-----|----------:|------|
| `ab` | 1 | [x](http://y.z) |
| two | **3** | $x_1$ |

The formula $E = mc^2$ and \\(a + b\\), plus snake_case_name.

$$
x = y
$$

> A quote with **bold**
> - and a list

Name | Age
--- | ---
Bob | 5

Setext
------

~~gone~~ ![pic](https://p.q/r.png) and & < > done. 中文**加粗**文字，`代码`。

- **Key point**: explanation
- __Other__: ***both*** of them

***

End."""
RAW = re.compile(r"[*`$|~#\\]|\]\(|__|---|\[x\]|\[ \]|!\[|https?:")


@pytest.mark.parametrize("step", [1, 2, 3, 5, 11])
def test_marks_never_flash_and_text_never_shrinks(step: int) -> None:
    live, page, before = LiveMarkdown(), StringPage(), ""
    for at in range(0, len(ANSWER), step):
        page.apply(live.feed(ANSWER[at : at + step]))
        shown = text_of([block for block in page.blocks if not block.startswith("<pre>")])
        assert not RAW.search(shown.replace("snake_case_name", "").replace("E = mc^2", ""))
        assert len(shown) >= len(before)
        before = shown


@pytest.mark.parametrize(
    "text", ["Plain words flow at once", "这是一段普通的文字。", "A sum: 2 * 3 = 6 and 5 > 4"]
)
def test_plain_text_is_never_held_back(text: str) -> None:
    live, page = LiveMarkdown(), StringPage()
    for at, char in enumerate(text):
        page.apply(live.feed(char))
        shown = text_of(page.blocks)
        assert text[: at + 1].startswith(shown)
        assert len(text[: at + 1].rstrip()) - len(shown) <= 2  # a mark that may begin something


@pytest.mark.parametrize(
    "text",
    [
        "say [this and then a lot more without an end",
        "a `code that never closes",
        "| a bar and",
        "* x **bold and",
    ],
)
def test_what_is_held_back_is_bounded_and_the_end_shows_it(text: str) -> None:
    live, page = LiveMarkdown(), StringPage()
    for word in (text + " and more words" * 200).split(" "):
        page.apply(live.feed(word + " "))
    assert len(text_of(page.blocks)) > 2_000
    page.apply(live.finish())
    assert page.blocks == render(text + " and more words" * 200 + " ")


def test_halves_of_characters_and_line_ends_wait_for_each_other() -> None:
    live, page = LiveMarkdown(), StringPage()
    for feed in ["a\ud83d", "\ude00 b\r", "\nc\r"]:
        page.apply(live.feed(feed))
    page.apply(live.finish())
    assert page.blocks == ["<p>a😀 b\nc</p>"]


def test_a_finished_block_is_never_touched_again() -> None:
    live, last = LiveMarkdown(), 0
    for number in range(200):
        for op in live.feed(f"## Part {number}\n\nSome **text**\n\n- a\n- b\n\n"):
            assert op[1] >= last - 1
            last = max(last, op[1])
    assert last > 500


# --- what means ill ---------------------------------------------------------------------------------------

HOSTILE: dict[str, Any] = {
    "nested quotes": ">" * 5_000 + "a\n",
    "nested quotes, twenty lines": (">" * 5_000 + "a\n") * 20,
    "nested items": "- " * 5_000 + "a",
    "a staircase": "\n".join(" " * 2 * i + "- a" for i in range(300)),
    "dollars": "$" * 20_000,
    "words of dollars": "$a " * 7_000,
    "brackets": "[" * 20_000,
    "half links": "[a](" * 5_000,
    "images": "![[" * 7_000,
    "brackets in brackets": "[a" * 9_000 + "]" * 9_000,
    "one long line": "a" * 300_000,
    "one line of words": "word " * 60_000,
    "one line of bars": "a|b " * 50_000,
    "stars": "*a **b " * 3_000,
    "backticks": "".join("`" * (i % 60 + 1) + "a" for i in range(2_000)),
    "a wide table": "|" + "a|" * 3_000 + "\n|" + "-|" * 3_000 + "\n|x|\n|y|\n" * 30,
    "rows without cells": "|" + "a|" * 50 + "\n|" + "-|" * 50 + "\n" + "|x|\n" * 2_000,
    "empty items": "-\n" * 20_000,
    "lazy lines": "> a\n" + "b\n" * 20_000,
    "no text": "\n" * 50_000 + "\t" * 20_000,
    "controls": "\x00\x1b[31m\u202e\ud800" * 5_000,
    "a list that becomes loose": "- a\n" * 10_000 + "\n- b\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bulk_neither_hangs_nor_fails(name: str) -> None:
    text = HOSTILE[name]
    live, page = LiveMarkdown(), StringPage()
    for at in range(0, len(text), 4_001):
        page.apply(live.feed(text[at : at + 4_001]))
    page.apply(live.finish())
    assert page.blocks == render(text)
    assert live.renderer.parsed + live.renderer.inline.parsed < 60 * len(text) + 100_000
