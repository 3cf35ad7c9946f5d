"""What a person reads of tapes: which there are, what is on them, and that one is played or recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import nbstream
from nbstream.cli import main
from nbstream.i18n import set_language
from nbstream.teach.playing import Tapes
from tests.teach.test_tapes import a_tape, playing, said, take

__all__ = ["playing"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where we are."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("there", "given", "why", "fix"),
    [
        ("class merge", "clas.tape", "a tape here is called class.tape", "%llm replay class.tape"),
        ("merge own", "nothere.tape", "the tapes here are merge.tape, own.tape", "%llm replay merge.tape"),
        ("'my class'", "my clas.tape", "is called my class.tape", "%llm replay 'my class.tape'"),
        ("", "clas.tape", "there is no tape here", "%llm record clas.tape"),
    ],
)
def test_a_tape_that_is_not_there_is_one_to_be_played(
    there: str, given: str, why: str, fix: str, folder: Path
) -> None:
    for name in ["my class"] if "my" in there else there.split():
        a_tape(folder / f"{name}.tape", take("one"))
    with pytest.raises(nbstream.NbstreamError) as caught:
        Tapes(given)
    assert why in caught.value.why and caught.value.fix == fix


def test_where_it_was_looked_for_is_where_it_is_to_be_found(folder: Path) -> None:
    (folder / "lessons").mkdir()
    a_tape(folder / "lessons/class.tape", take("one"))
    with pytest.raises(nbstream.NbstreamError) as caught:
        Tapes("lessons/clas.tape")
    assert Path(caught.value.fix.removeprefix("%llm replay ")) == Path("lessons/class.tape")


def test_a_shell_is_told_what_can_be_run_in_a_shell(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["tape", "check", "nothere.tape"]) == 1
    assert "lessons/lesson.tape" in capsys.readouterr().out
    a_tape(folder / "merge.tape", take("one"))
    for verb in ("check", "show"):
        assert main(["tape", verb, "nothere.tape"]) == 1
        out = "".join(capsys.readouterr())
        assert f"→ nbstream tape {verb} merge.tape" in out and "%llm" not in out
    try:
        set_language("zh")
        main(["tape", "check", "nothere.tape"])
        assert (
            "找不到磁带 nothere.tape。在当前目录读不到这个文件；这里的磁带有 merge.tape。"
            in capsys.readouterr().out
        )
    finally:
        set_language(None)


def test_where_nothing_is_like_the_prompt_those_of_the_tape_are_told(
    tmp_path: Path, playing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    prompts = ["compare", "Name three rivers.", *(f"question {number}" for number in range(5))]
    playing(a_tape(tmp_path / "class.tape", *(take("x", one) for one in [*prompts, "compare"])))
    with pytest.raises(nbstream.NbstreamError) as caught:
        said("Who wrote the Iliad, and in which language?")
    assert caught.value.case == "tape_prompts"
    assert "“compare”, “Name three rivers.”, “question 0”, “question 1”, “question 2” …" in caught.value.why
    assert caught.value.fix.startswith("Ask one of these")
