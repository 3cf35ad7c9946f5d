"""Tapes in a notebook that nobody watches: for a whole run, for a cell, and by the lines of ``%llm``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nbstream.teach.tape import read
from tests.kernel.headless import Outcome, execute
from tests.teach.test_tapes import a_tape, take

HELLO = "%%llm -m demo --tape own.tape\nhello"
CELLS = (
    "%load_ext nbstream",
    "%%llm\nWhy is the sky blue?",
    HELLO,
    HELLO,
    "%llm retry",
    "%llm record mine",
    "%%llm -m demo\nWhat can you do?",
    "%llm record stop",
    "%llm replay lesson.tape --speed 4",
    "%llm replay",
    "%%llm -m openai:m,openai:n\nWhy is the sky blue?",
    "%%llm -m openai:m --background -o later\nWhy is the sky blue?",
    "later.tape",
    "%%llm -m openai:m\nWhy is the sea blue?",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Path]:
    folder = tmp_path_factory.mktemp("lesson")
    a_tape(folder / "lesson.tape", take("Because of |Rayleigh."), take("It |scatters.", model="n"))
    env = {"NBSTREAM_TAPE": "lesson.tape", "NBSTREAM_TAPE_SPEED": "max", "NBSTREAM_DEMO_SPEED": "max"}
    return execute("nbclient", CELLS, folder, **env), folder


def markdown(run: tuple[Outcome, Path], cell: int) -> str:
    return "\n".join(one["data"]["text/markdown"] for one in run[0].outputs(cell))


def receipt(run: tuple[Outcome, Path], cell: int) -> dict[str, Any]:
    (output,) = run[0].outputs(cell)
    return dict(output["metadata"]["nbstream"])


def test_a_variable_answers_a_whole_run_with_no_key_and_says_so(run: Any) -> None:
    said = markdown(run, 1)
    assert (
        said.startswith("Because of Rayleigh.") and "openai m" in said and "played from lesson.tape" in said
    )
    assert receipt(run, 1)["tape"] == "lesson.tape" and receipt(run, 1)["provider"] == "openai"


def test_a_cell_with_a_tape_asks_once_and_is_played_from_then_on(run: Any) -> None:
    assert "recorded on own.tape" in markdown(run, 2) and "tape" not in receipt(run, 2)
    assert "played from own.tape" in markdown(run, 3) and receipt(run, 3)["tape"] == "own.tape"
    assert markdown(run, 2).partition("⟡")[0] == markdown(run, 3).partition("⟡")[0]
    assert [one.prompt for one in read(run[1] / "own.tape")] == ["hello"]


def test_to_ask_such_a_cell_once_more_asks_its_tape(run: Any) -> None:
    assert "played from own.tape" in markdown(run, 4)


def test_lines_record_and_play_and_say_what_they_do(run: Any) -> None:
    assert "mine.tape" in markdown(run, 5) and "`%llm record stop`" in markdown(run, 5)
    assert "recorded on mine.tape" in markdown(run, 6)
    assert "Recorded 1 answer on" in markdown(run, 7)
    assert [one.prompt for one in read(run[1] / "mine.tape")] == ["What can you do?"]
    assert "lesson.tape (2 answers of openai:m, openai:n), at 4 times the pace" in markdown(run, 8)
    assert "`%llm replay off`" in markdown(run, 9)


def test_several_models_at_once_and_an_answer_in_the_background_are_played(run: Any) -> None:
    said = markdown(run, 10)
    assert "Because of Rayleigh." in said and "It scatters." in said
    assert "'lesson.tape'" in str(run[0].outputs(12))


def test_a_prompt_that_changed_fails_the_run_and_its_card_shows_what_changed(run: Any) -> None:
    outcome = run[0]
    assert outcome.code != 0 and "tape" in outcome.said
    card = next(one for one in outcome.outputs(13) if one["output_type"] == "display_data")
    assert "holds no answer to this prompt" in card["data"]["text/markdown"]
    assert "sky" in card["data"]["text/markdown"] and "%llm record" in card["data"]["text/markdown"]
