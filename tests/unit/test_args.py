"""The magic line: options as people write them, and keys that must not stand there."""

import pytest

from nbstream.errors import NbstreamError
from nbstream.magics.args import parse, refuse_keys, words
from nbstream.magics.cell import llm

PARSER = llm.parser  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "line",
    [
        "-m openai sk-abcdefghijklmnopqrstuv",
        "-s sk-abcdefghijklmnopqrstuv",
        '-s "use sk-abcdefghijklmnopqrstuv please"',
        "--api-key=x1",
        "--token abc",
        "login ernie bce-v3/ALTAK-abc/def",
    ],
)
def test_what_looks_like_a_key_is_refused(line: str) -> None:
    with pytest.raises(NbstreamError) as caught:
        refuse_keys(line)
    assert "sk-abc" not in str(caught.value) and "login" in caught.value.fix


@pytest.mark.parametrize(
    "line",
    ['-s "explain multi-token streaming"', "-m openai:ask-me-anything-model"],
)
def test_what_only_resembles_a_key_is_not(line: str) -> None:
    refuse_keys(line)


def test_a_comment_stands_behind_the_options_as_our_own_lines_have_it() -> None:
    found = parse(PARSER, "-c draft#2 -s '# one' --new   # sends this cell alone; it's quick")
    assert (found.conversation, found.system, found.new) == ("draft#2", "# one", True)


def test_stray_words_that_could_be_a_key_are_not_repeated() -> None:
    with pytest.raises(NbstreamError) as caught:
        parse(PARSER, "-m zhipu 1234567890abcdef1234567890abcdef.ABCDEFGHIJKLMNOP")
    assert "1234567890" not in str(caught.value)


@pytest.mark.parametrize(
    "line, system",
    [
        ('-s "be brief"', "be brief"),
        ('--system="be brief"', "be brief"),
        (r'-s "say \"hi\""', 'say "hi"'),
        ("-s '$HOME {x} {{y}}'", "$HOME {x} {{y}}"),
        ("-s 简短回答", "简短回答"),
    ],
)
def test_quotes_work_as_in_a_shell_and_nothing_is_expanded(line: str, system: str) -> None:
    assert parse(PARSER, line).system == system


@pytest.mark.parametrize(
    "line",
    ["-o class", "-o 1x", "--max-tokens 0", "-t warm", "-t nan", "-t inf", "-t=-1", '-s "open', "--modle x"],
)
def test_a_value_that_cannot_be_is_a_clear_error(line: str) -> None:
    with pytest.raises(NbstreamError) as caught:
        parse(PARSER, line)
    assert caught.value.kind == "config"


def test_words_of_an_empty_line() -> None:
    assert words("") == []
