"""Which braces of a prompt are ours: an expression of Python outside of code, formulas and templates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from nbstream.magics.braces import expressions, fenced_names


def found(text: str) -> list[str]:
    return [one.source for one in expressions(text)]


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        ("Explain {{df}} and {{ x + 1 }}.", ["df", "x + 1"]),
        ("{{first}}{{last}}", ["first", "last"]),
        ('{"key":{{value}}}', ["value"]),
        ("file_{{n}}.txt", ["n"]),
        ("It costs ${{a}} or ${{b}}.", ["a", "b"]),
        ("$5 for {{x}}, $6 for me", ["x"]),
        ("{{ {'a': {'b': k}}['a'] }}", ["{'a': {'b': k}}['a']"]),
        ("{{d['}}']}} and {{e}}", ["d['}}']", "e"]),
        ("{{f'{x}'}}", ["f'{x}'"]),
        ("{{[\n  one\n  for one in many\n]}}", ["[\n  one\n  for one in many\n]"]),
        ("{{2**10}}", ["2**10"]),
        ("{{变量}} 是什么？", ["变量"]),
        ("an open {{brace, then {{x}}", ["x"]),
        ("a tick ` and {{x}}", ["x"]),
    ],
)
def test_an_expression_is_found_as_it_is_written(text: str, sources: list[str]) -> None:
    assert found(text) == sources


@pytest.mark.parametrize(
    "text",
    [
        '{"a": {"b": {"c": 1}}}',
        '{"a":{"b":{}}}',
        "f'{x}' and {x}",
        r"\frac{{a}}{{b}}",
        r"\sqrt[n]{{x}}",
        r"\textbf{{x}}",
        r"x^{{n}}",
        r"$\alpha_{{i}} + {{x}}$",
        r"$$ {{x}} $$",
        r"\[ {{x}} \]",
        r"\begin{align*} {{x}} \end{align*}",
        r"\{{x}}",
        "{{{x}}}",
        "{% if x %}{{x}}{% endif %}",
        "{{#each xs}}{{x}}{{/each}}",
        "{{! a comment }} {{x}}",
        "{{> header}} {{x}}",
        "`{{x}}`",
        "``a ` {{x}}``",
        "```yaml\nrun: ${{ matrix.os }}\n```",
        "~~~\n{{x}} and\n~~~",
        "```\n{{x}} in a fence that nobody closed",
        "- in a list:\n  ```\n  {{x}} + 1\n  ```",
        "{{1, 2}}",
        "{{'text'}}",
        "{{}} {{ }} {{\n}}",
        "{{x:.2f}}",
        "{{x!r}}",
        "{{x y}}",
        "{{import os}}",
        "{{x = 1}}",
        "{{yield x}}",
        "{{await x}}",
        "{{a\n\nb}}",
        "{{\\}}",
        "{{\0}}",
    ],
)
def test_other_braces_are_left_alone(text: str) -> None:
    assert found(text) == []


def test_a_fence_that_holds_one_expression_and_nothing_else_is_filled() -> None:
    [one] = expressions("Explain:\n\n```python\n{{ source }}\n```\n")
    assert one.source == "source" and one.alone
    [one] = expressions("```\nx\n```\n{{y}}")
    assert one.source == "y" and not one.alone


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("x", ("x",)),
        ("len(x) + y.z[w]", ("len", "x", "y", "w")),
        ("[a for a in b if a > c]", ("b", "c")),
        ("(lambda a, *b: a + c)(d)", ("d", "c")),
        ("(a := 1) + a", ()),
        ("{k: v for k, v in d.items() for w in v if w in {e for e in k}}", ("d",)),
    ],
)
def test_names_are_those_that_come_from_outside(source: str, names: tuple[str, ...]) -> None:
    [one] = expressions("{{ " + source + " }}")
    assert set(one.names) == set(names)


def test_a_name_alone_is_told_from_an_expression() -> None:
    assert [one.name for one in expressions("{{df}} {{df.x}} {{f()}}")] == ["df", "", ""]


@given(some.text("{}x \n`$\\^#%1'\",[]:", max_size=60))
def test_whatever_is_typed_places_are_in_order_and_hold_what_they_say(text: str) -> None:
    end = 0
    for one in expressions(text):
        assert end <= one.start < one.end <= len(text)
        whole = text[one.start : one.end]
        assert whole[:2] == "{{" and whole[-2:] == "}}" and whole[2:-2].strip() == one.source
        end = one.end


@given(some.text(max_size=200).filter(lambda text: "{{" not in text))
def test_text_without_double_braces_holds_nothing(text: str) -> None:
    assert found(text) == []


def test_braces_by_the_thousand_are_read_in_one_go() -> None:
    assert len(found("{{x}} " * 5_000)) == 5_000
    assert found("{{" * 50_000) == []
    assert found("{{x " * 20_000) == []


def test_a_name_among_code_is_left_alone_and_known() -> None:
    text = "```python\n{{code}}\nprint(1)\n```\n~~~\n{{ x }} {{y+1}} {{{z}}} {{x}}\n~~~\n"
    text += "`{{inline}}` {{outside}}"
    assert fenced_names(text) == ["code", "x"] and found(text) == ["outside"]
