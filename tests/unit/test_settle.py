"""The settled Markdown, rule by rule. The corpora in ``tests/hostile`` go through the parsers of others."""

from __future__ import annotations

import pytest

from nbstream.show.escape import safe_url
from nbstream.show.markdown import plain, settle
from nbstream.show.rules import RULES
from nbstream.show.tex import safe_tex


def test_nothing_is_nothing() -> None:
    assert settle("") == ""
    assert settle(" \n\n ") == ""


def test_no_answer_is_lost_because_markdown_would_not_show_it() -> None:
    sources = "[1]: https://a.example\n[2]: https://b.example"
    assert settle(sources) == plain(sources)


def test_html_is_text() -> None:
    assert settle("<b onclick=x>hi</b> &lt;i> &amp;lt;") == "&lt;b onclick=x>hi&lt;/b> &lt;i> &amp;lt;"


def test_marks_that_mean_nothing_are_escaped() -> None:
    assert settle("2 * 3 [x] ~ a|b \\ `") == r"2 \* 3 \[x\] \~ a\|b &#92; &#96;"


def test_names_keep_their_underscores() -> None:
    assert settle("snake_case and a__b but _x") == r"snake_case and a__b but \_x"


def test_money_stands_apart_from_math() -> None:
    assert settle("$12 … $30") == "<span>&#36;</span>12 … <span>&#36;</span>30"
    assert settle("$x$ for $5") == "$x$ for <span>&#36;</span>5"


def test_a_long_price_list_is_prose_and_a_crowd_of_dollars_is_not() -> None:
    assert settle("$ " * 300).count("<span>&#36;</span>") == 300
    assert settle("$ " * 3_000) == plain("$ " * 3_000)


def test_prose_never_begins_math() -> None:
    assert settle(r"\\(x\\) \\begin{x}") == "<span>&#92;</span>(x&#92;) <span>&#92;</span>begin{x}"


def test_addresses_are_links_only_where_the_model_made_them() -> None:
    assert settle("https://a.example www.a.example a@b.example") == (
        "https&#58;//a.example www&#46;a.example a&#64;b.example"
    )
    assert settle("[x](https://a.example 'title')") == "[x](<https://a.example>)"
    assert settle("<https://a.example>") == "[https&#58;//a.example](<https://a.example>)"


@pytest.mark.parametrize(
    "href", ["javascript:x", "data:text/html,x", "file:///x", "//x", "x.md", "https:x", ""]
)
def test_links_lead_to_the_web_or_to_mail(href: str) -> None:
    assert safe_url(href, RULES) is None
    assert "](<" not in settle(f"[text]({href})")


def test_brackets_in_link_text_survive_that_marked_unescapes_them() -> None:
    settled = settle(r"[a \[b\](javascript:x) c](https://a.example)")
    assert settled == "[a &#91;b&#93;(javascript:x) c](<https://a.example>)"


def test_an_image_is_a_link_unless_the_user_allows_it() -> None:
    text = "![a chart](https://a.example/c.png)"
    assert settle(text) == "[image: a chart](<https://a.example/c.png>)"
    assert settle(text, images=True) == "![a chart](<https://a.example/c.png>)"
    assert settle("![x](data:image/png;base64,AA)", images=True) == r"\[image: x\]"


def test_no_bang_turns_a_link_into_an_image() -> None:
    assert settle("wow!<https://a.example>").startswith("wow&#33;[")


@pytest.mark.parametrize(
    ("info", "language"),
    [
        ("python", "python"),
        ("c++", "c++"),
        ("", ""),
        ("python title=x", "python"),
        ('"><img src=x>', "text"),
        ("mermaid", "text"),
        ("MerMaid", "text"),
        ("text/html", "text"),
        ("Python3", "Python3"),
        ("nosuchlanguage", "text"),  # nbconvert would write its name into the code
        ("a" * 25, "text"),
    ],
)
def test_a_fence_names_a_language_or_text(info: str, language: str) -> None:
    assert settle(f"```{info}\nx\n```") == f"```{language}\nx\n```"


def test_all_fences_are_as_long_as_the_longest_needs() -> None:
    assert settle("```\na\n```\n\n`````\n````\n`````") == "`````\na\n`````\n\n`````\n````\n`````"


def test_indented_code_becomes_a_fence() -> None:
    assert settle("    a\n      b") == "```\na\n  b\n```"


def test_an_answer_that_was_cut_closes_its_fence() -> None:
    assert settle("```py\nx = 1") == "```py\nx = 1\n```"


def test_code_spans_take_the_shortest_delimiter_that_works() -> None:
    assert settle("`a` ``b`c`` ` `` `") == "`a` ``b`c`` ` `` `"
    assert settle("`a\nb`") == "`a b`"


def test_dollars_in_code_begin_no_formula_for_nbconvert() -> None:
    assert settle("`$x` and `$$`") == "`$x` and <code>&#36;&#36;</code>"


def test_an_address_reads_as_it_was_written() -> None:
    assert settle("<https://a.example/%20>") == "[https&#58;//a.example/%20](<https://a.example/%20>)"


def test_a_colon_begins_no_definition_for_nbconvert() -> None:
    assert settle("Word\n: its meaning") == "Word\n&#58; its meaning"


@pytest.mark.parametrize(
    "source",
    [
        r"\href{https://x}{y}",
        r"\class{a}{b}",
        r"\def\x{y}",
        r"\unicode{60}",
        r"\begin{document}x\end{document}",
        r"\begin{align}x",
        "{a",
        "a}",
        'a"b',
        "a`b",
        "a%b",
        "@@0@@",
        "a\\",
        "",
        "\\text{<b>}",
    ],
)
def test_math_that_does_more_than_draw_stays_text(source: str) -> None:
    assert safe_tex(source, RULES) is None
    assert "<span>" in settle(f"a ${source}$ b") or "$" not in settle(f"a ${source}$ b")


@pytest.mark.parametrize(
    ("source", "tex"),
    [
        ("a<b", r"a\lt b"),
        ("a\n+ b", "a + b"),
        (r"\begin{cases} 1 & a \\ 2 & b \end{cases}", r"\begin{cases} 1 & a \\ 2 & b \end{cases}"),
        (r"x \label{eq:1}", "x"),
        (r"a \\", "a"),
        ("f[x](y)", "f[x] (y)"),
        ("&lt;", "& lt;"),
        (r"\{a\}", r"\{a\}"),
    ],
)
def test_math_is_on_one_line_and_spelled_safely(source: str, tex: str) -> None:
    assert safe_tex(source, RULES) == tex


def test_our_footer_cannot_be_imitated() -> None:
    assert "⟡" not in settle("*⟡ demo* `⟡` &#x27e1;\n\n```\n⟡\n```\n\n[⟡](https://a.example/⟡)")


def test_lists_keep_their_numbers_their_tightness_and_their_boxes() -> None:
    text = "3. a\n4. b\n   - [ ] c\n   - [x] d"
    assert settle(text) == text
    loose = "- a\n\n- b"
    assert settle(loose) == loose


def test_two_lists_in_a_row_stay_two() -> None:
    assert settle("- a\n\n* b\n\n1. c\n\n1) d") == "- a\n\n* b\n\n1. c\n\n1) d"


def test_empty_items_do_not_become_a_rule() -> None:
    assert settle("- - -a\n- - b").startswith("- * -a")
    assert settle("+\n  - -") == "- * -"


def test_text_at_the_start_of_a_line_makes_no_block() -> None:
    assert (
        settle("\\# a\n\\> b\n1\\. c\n\\- d\n\\+ e\n\\===")
        == "&#35; a\n&gt; b\n1&#46; c\n&#45; d\n&#43; e\n&#61;=="
    )


def test_a_table_keeps_its_pipes_its_alignment_and_its_breaks() -> None:
    text = "| a | b |\n| :-- | --: |\n| `x\\|y` \\| `z` | one<br>two |"
    assert settle(text) == text.replace("`x\\|y`", "<code>x&#124;y</code>")  # which all readers know


def test_chinese_emphasis_stays_markdown() -> None:
    for text in ("**你好**，再见", "这是**重点**内容", "**“引号”**，然后"):
        assert settle(text) == text


def test_text_that_nests_too_deep_is_kept_whole_as_code() -> None:
    deep = "> " * 5_000 + "x"
    assert settle(deep) == plain(deep)
    assert settle("- " * 60 + "x") == plain("- " * 60 + "x")


def test_a_plain_answer_outgrows_any_fence_in_it() -> None:
    assert plain("a\n````\nb").splitlines()[0] == "`````text"
    assert plain("`" * 200).startswith("<pre><code>&#96;")


@pytest.mark.parametrize(
    "text", ["It costs $5 \\ now", "a `b` **c** $d$", "- a\n- b", "C:\\", "[a](https://b.example)"]
)
def test_settling_what_is_settled_changes_nothing(text: str) -> None:
    assert settle(settle(text)) == settle(text)
