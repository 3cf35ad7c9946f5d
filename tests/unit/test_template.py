"""A prompt and what it becomes: values are put in once, and nothing else is changed."""

from __future__ import annotations

from argparse import Namespace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from nbstream.errors import NbstreamError
from nbstream.magics import template
from nbstream.magics.template import Prepared, prepared


@pytest.fixture
def space(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The user's namespace, as IPython keeps it: with names of IPython's own."""
    names: dict[str, Any] = {"exit": print, "x": 7}
    shell = SimpleNamespace(user_ns=names, user_global_ns=names, user_ns_hidden={"exit": print})
    monkeypatch.setattr(template, "get_ipython", lambda: shell)
    return names


def fill(text: str, **options: Any) -> Prepared:
    return prepared(text, Namespace(**({"attach": None, "raw": False} | options)))


LOOSE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
PLAIN = some.text("ab 中。\n{}", max_size=8).filter(lambda text: "{{" not in text and "}}" not in text)


@LOOSE
@given(some.text("{}xy ab\n`$\\_^%#\"'().:,\t中", max_size=80))
def test_what_names_nothing_that_is_known_goes_out_as_it_was_typed(space: dict[str, Any], text: str) -> None:
    del space["x"]
    try:
        assert fill(text).sent is None and not fill(text).attachments
    except NbstreamError:
        assert "{{" in text, "only an expression may fail, such as a call of a string"
    finally:
        space["x"] = 7


@LOOSE
@given(some.lists(some.tuples(PLAIN, some.text(max_size=30)), max_size=5), PLAIN)
def test_values_stand_where_their_names_stood_and_are_not_read_again(
    space: dict[str, Any], parts: list[tuple[str, str]], end: str
) -> None:
    typed = sent = "."
    for number, (text, value) in enumerate(parts):
        space[f"v{number}"] = value + "{{x}}"
        typed += f"{text} {{{{v{number}}}}}"
        sent += f"{text} {value}{{{{x}}}}"
    typed, sent = (f"{text} {end}." for text in (typed, sent))
    assert (fill(typed).sent or typed) == sent


def test_each_expression_runs_once_from_left_to_right_and_what_is_known_is_looked_up_as_one_goes(
    space: dict[str, Any],
) -> None:
    space["seen"] = []
    space["note"] = lambda name: space["seen"].append(name) or name
    assert fill("{{note('a')}} {{note('b')}} {{note('a')}}").sent == "a b a"
    assert space["seen"] == ["a", "b", "a"]


def test_raw_runs_nothing_and_puts_nothing_in(space: dict[str, Any]) -> None:
    space["boom"] = lambda: 1 / 0
    assert fill("{{boom()}} {{x}}", raw=True) == Prepared("{{boom()}} {{x}}")


def test_tables_and_listings_get_lines_of_their_own(space: dict[str, Any]) -> None:
    space["d"] = {"a": list(range(200))}
    sent = fill("See {{d}} here.\n{{d}}\nEnd").sent
    assert (
        sent is not None
        and sent.startswith("See \n\n{\n")
        and "}\n\n here.\n{\n" in sent
        and sent.endswith("}\nEnd")
    )
    assert fill("{{d['a'][:3]}} here").sent == "[0, 1, 2] here"


def test_a_function_alone_in_a_fence_has_no_second_fence(space: dict[str, Any]) -> None:
    space["f"] = test_raw_runs_nothing_and_puts_nothing_in
    sent = fill("```python\n{{f}}\n```").sent
    assert sent is not None and sent.startswith("```python\ndef test_raw") and sent.count("```") == 2


def test_names_of_python_and_ipython_alone_are_words_of_a_template(space: dict[str, Any]) -> None:
    found = fill("{{exit}} {{id}} {{len(str(x))}}")
    assert found.sent == "{{exit}} {{id}} 1" and len(found.hints) == 2
    space["id"] = 5
    assert fill("{{id}}").sent == "5", "but one's own name is one's own"


def test_a_known_name_among_code_is_hinted_at(space: dict[str, Any]) -> None:
    found = fill("```\n{{x}} + 1\n{{nobody}}\n```")
    assert found.sent is None
    assert found.hints == ("{{x}} stands among code and is sent as it is. Alone in its block it is put in.",)


def test_a_known_name_in_a_template_of_jinja_is_hinted_at(space: dict[str, Any]) -> None:
    found = fill("{% if x %}{{x}}{% endif %} `{% not %}`")
    assert found.sent is None and "{{x}}" in found.hints[0] and "template" in found.hints[0]
    assert not fill("{% if y %}{{y}}{% endif %}").hints
    assert fill("`{% not %}` {{x}}").sent == "`{% not %}` 7"


def test_hints_are_few(space: dict[str, Any]) -> None:
    assert len(fill(" ".join(f"{{{{n{number}}}}}" for number in range(50))).hints) == template.HINTS


class Panic(BaseException):
    """As libraries in Rust raise it."""


@pytest.mark.parametrize(
    "wrong", [RuntimeError("why"), SystemExit(2), RecursionError("deep"), MemoryError(), Panic("at x.rs")]
)
def test_whatever_an_expression_raises_is_one_sentence(space: dict[str, Any], wrong: BaseException) -> None:
    def fails() -> None:
        raise wrong

    space["fails"] = fails
    with pytest.raises(NbstreamError) as caught:
        fill("{{x}} {{fails()}}")
    assert caught.value.what == f"{{{{fails()}}}} failed: {type(wrong).__name__}" + (
        f": {wrong}" if str(wrong) else ""
    )
    assert caught.value.__suppress_context__


def test_a_key_in_an_error_of_an_expression_is_not_shown(
    space: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", key := "key-0123456789abcdefghij")
    space["fails"] = lambda: (_ for _ in ()).throw(ValueError(f"{'x' * 290}{key}"))
    with pytest.raises(NbstreamError) as caught:
        fill("{{fails()}}")
    assert "xxx" in caught.value.what and "key-0" not in str(caught.value)


def test_an_error_whose_own_words_fail_is_told_by_its_type(space: dict[str, Any]) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise ValueError

    space["fails"] = lambda: (_ for _ in ()).throw(Mute())
    with pytest.raises(NbstreamError) as caught:
        fill("{{fails()}}")
    assert caught.value.what.endswith("failed: Mute")


def test_the_prompt_of_a_cell_that_only_attaches_is_the_file(space: dict[str, Any], tmp_path: Any) -> None:
    path = tmp_path / "a.txt"
    path.write_text("{{x}}")
    assert fill("\n", attach=[str(path)]).sent == "a.txt:\n\n```\n{{x}}\n```", (
        "and what it holds is not looked into"
    )


def test_a_mistake_in_an_expression_with_ones_own_variable_is_hinted_at(space: dict[str, Any]) -> None:
    found = fill("{{x.describe(}} and {{nobody(}} and {{x}}")
    assert found.sent == "{{x.describe(}} and {{nobody(}} and 7"
    assert len(found.hints) == 1 and "{{x.describe(}} is sent as it stands" in found.hints[0]
