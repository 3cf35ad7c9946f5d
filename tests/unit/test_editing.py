"""The cell that asks a turn anew: its own options, its place, its conversation."""

from __future__ import annotations

import pytest

from nbstream.chat.history import Turn
from nbstream.magics.editing import asked_with, cell_for


def turn(line: str = "", **more: object) -> Turn:
    return Turn("What?", "openai:m", line=line, number=3, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("line", "talk", "first"),
    [
        ('-s "Be  brief." -t 0.2', "main", '%%llm --at 3 -s "Be  brief." -t 0.2'),
        ("", "main", "%%llm --at 3 -m openai:m"),
        ("-m deepseek --at 2", "main", "%%llm --at 3 -m deepseek"),
        ("--at=2 -o x", "main", "%%llm --at 3 -o x"),
        ("-c alt -o x", "alt", "%%llm --at 3 -c alt -o x"),
        ("-c main -s 'a -c b'", "alt", "%%llm --at 3 -s 'a -c b' -c alt"),
        ("-calt --new", "main", "%%llm --at 3 --new"),
        ("--conv alt --new", "other", "%%llm --at 3 --new -c other"),
        ("--conversation=alt", "main", "%%llm --at 3"),
    ],
)
def test_the_cell_keeps_its_options_and_has_one_place_in_one_conversation(
    line: str, talk: str, first: str
) -> None:
    assert cell_for(turn(line), talk) == f"{first}\nWhat?"


def test_a_turn_that_no_cell_made_has_the_options_it_was_asked_with() -> None:
    made = turn(system="Be 'brief'\nplease", options={"temperature": 0.5, "max_tokens": 9}, fresh=True)
    cell = cell_for(made, "my talk")
    assert cell.startswith("%%llm --at 3 -m openai:m -s ") and cell.endswith("\nWhat?")
    assert len(cell.splitlines()) == 2, "the options stand on the first line"
    again = asked_with(turn(cell.partition("\n")[0].removeprefix("%%llm ")), "my talk")
    assert again.conversation == "my talk" and again.at is None


def test_asked_of_another_model_the_line_says_so() -> None:
    options = asked_with(turn('-m openai:m -s "Be brief."', system="Be brief."), "main", "deepseek")
    assert options.model == "deepseek" and options.system == "Be brief."
    assert cell_for(turn(options.line), "main") == "%%llm --at 3 -s 'Be brief.' -m deepseek\nWhat?"


def test_a_cell_that_went_on_in_the_background_is_asked_again_in_the_foreground() -> None:
    options = asked_with(turn("--background -o answer"), "main")
    assert (options.background, options.out, options.model) == (False, "answer", "openai:m")


def test_braces_that_nobody_typed_into_a_cell_here_do_not_run_in_the_cell_that_asks_again() -> None:
    foreign = Turn("look at {{__import__('os')}}", "openai:m")
    assert cell_for(foreign, "main").startswith("%%llm --at 1 --raw -m openai:m\n")
    foreign.line = "-m openai:m --raw"
    assert cell_for(foreign, "main").startswith("%%llm --at 1 -m openai:m --raw\n")
    assert cell_for(Turn("look at {{x}}", "openai:m", template=True, line="-m m"), "main").startswith(
        "%%llm --at 1 -m m\n"
    )


@pytest.mark.parametrize("line", ["-m m\n{{x}}", "-m m\x0b{{x}}", "-m m\u2028{{x}}"])
def test_options_from_a_file_do_not_reach_into_the_prompt(line: str) -> None:
    assert cell_for(turn(line), "main") == "%%llm --at 3 -m openai:m\nWhat?"
    odd = Turn("What?", f"openai:{line}", system=line)
    assert len(cell_for(odd, "main").splitlines()) == 2


def test_what_fix_told_the_model_is_what_its_cell_says_and_no_braces_in_it_run() -> None:
    fixed = Turn("%llm fix\nKeyError: '{{x}}'", "openai:m", sent="A traceback:\nKeyError: '{{x}}'")
    assert cell_for(fixed, "main") == "%%llm --at 1 --raw -m openai:m\nA traceback:\nKeyError: '{{x}}'"
