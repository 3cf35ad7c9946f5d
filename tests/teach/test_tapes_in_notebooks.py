"""Tapes in a notebook that nobody watches: for a whole run, for a cell, and by the lines of ``%llm``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import nbstream
from nbstream.teach.tape import read
from nbstream.teach.tapecheck import check
from tests.fakes.ernie_server import CREDENTIALS as ERNIE_KEYS
from tests.fakes.ernie_server import ErnieServer
from tests.fakes.spark_server import CREDENTIALS as SPARK_KEYS
from tests.fakes.spark_server import SparkServer
from tests.kernel.headless import Outcome, execute
from tests.teach.test_tapes import a_tape, take

HELLO = "%%llm -m demo --tape own.tape\nhello"
CELLS = (
    "%load_ext nbstream",
    "%%llm\nWhy is the sky blue?",
    HELLO,
    HELLO,
    "%llm retry",
    "%llm stats -v",
    "%llm record mine",
    "%%llm -m demo\nWhat can you do?",
    "%llm record stop",
    "%llm replay lesson.tape --speed 4",
    "%llm replay",
    "%%llm -m openai:m,openai:n\nWhy is the sky blue?",
    "%%llm -m openai:m --background -o later\nWhy is the sky blue?",
    "later.tape",
    "%%llm -m spark\n你好，星火",
    "%%llm -m ernie:words:12\n你好，文心",
    "%%llm -m openai:m,openai:n -t 1.9 -s 'Speak French.'\nWhy is the sky blue?",
    "%%llm -m openai:m\nWhy is the sea blue?",
)


def teacher(path: Path) -> None:
    """Record two answers as a teacher would, who has keys and a network."""
    with SparkServer() as spark, ErnieServer() as ernie, nbstream.tape(str(path), "record"):
        for model, server, keys, prompt in (
            ("spark", spark, SPARK_KEYS, "你好，星火"),
            ("ernie:words:12", ernie, ERNIE_KEYS, "你好，文心"),
        ):
            said = nbstream.ask(prompt, model=model, base_url=server.url, credentials=dict(keys))
            TAUGHT[model] = said.text


TAUGHT: dict[str, str] = {}
"""What the services said to the teacher."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Path]:
    folder = tmp_path_factory.mktemp("lesson")
    a_tape(folder / "lesson.tape", take("Because of |Rayleigh."), take("It |scatters.", model="n"))
    teacher(folder / "lesson.tape")
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


def test_what_was_played_is_marked_in_the_numbers(run: Any) -> None:
    assert markdown(run, 5).count("(tape)") == 3


def test_lines_record_and_play_and_say_what_they_do(run: Any) -> None:
    assert "mine.tape" in markdown(run, 6) and "`%llm record stop`" in markdown(run, 6)
    assert "recorded on mine.tape" in markdown(run, 7)
    assert "Recorded 1 answer on" in markdown(run, 8)
    assert [one.prompt for one in read(run[1] / "mine.tape")] == ["What can you do?"]
    models = "openai:m, openai:n, spark:4.0Ultra, ernie:words:12"
    assert f"lesson.tape (4 answers of {models}), at 4 times the pace" in markdown(run, 9)
    assert "`%llm replay off`" in markdown(run, 10)


def test_several_models_at_once_and_an_answer_in_the_background_are_played(run: Any) -> None:
    said = markdown(run, 11)
    assert "Because of Rayleigh." in said and "It scatters." in said
    assert "'lesson.tape'" in str(run[0].outputs(13))


def test_each_answer_of_a_comparison_says_that_it_was_played_and_what_was_different(run: Any) -> None:
    *_, one, other = [line for line in markdown(run, 16).splitlines() if line.startswith("|")]
    heads = [line for line in run[0].outputs(16)[0]["data"]["text/plain"].splitlines() if line[:1] == "#"]
    for said in (one, other, *heads):
        assert "played from lesson.tape, where this was different: " in said
        assert "the system prompt" in said and "the temperature" in said
    assert "cost" not in one and "≈ $" not in one  # nothing was paid


def test_what_a_teacher_recorded_from_spark_and_ernie_a_class_hears_with_no_key(run: Any) -> None:
    for cell, model in ((14, "spark"), (15, "ernie:words:12")):
        (output,) = run[0].outputs(cell)
        assert output["data"]["text/plain"] == TAUGHT[model] and "lesson.tape" in markdown(run, cell)
    assert check(str(run[1] / "lesson.tape")) == []


def test_a_prompt_that_changed_fails_the_run_and_its_card_shows_what_changed(run: Any) -> None:
    outcome = run[0]
    assert outcome.code != 0 and "tape" in outcome.said
    card = next(one for one in outcome.outputs(17) if one["output_type"] == "display_data")
    assert "holds no answer to this prompt" in card["data"]["text/markdown"]
    assert "“sky” → “sea”" in card["data"]["text/markdown"] and "%llm record" in card["data"]["text/markdown"]
