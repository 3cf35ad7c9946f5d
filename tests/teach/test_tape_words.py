"""What a person reads of tapes: which there are, what is on them, and that one is played or recorded."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import nbstream
from nbstream.chat.session import session
from nbstream.chat.stream import Stream
from nbstream.cli import main
from nbstream.i18n import set_language
from nbstream.magics.load import load, unload
from nbstream.magics.verbs.finding import examined, report, why
from nbstream.magics.verbs.using import status
from nbstream.messages import Note
from nbstream.teach.cells import tape
from nbstream.teach.playing import Tapes, usual_speed
from nbstream.teach.tape import Take
from nbstream.teach.verbs.tapes import record, replay
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
        (("class", "merge"), "clas.tape", "a tape here is called class.tape", "%llm replay class.tape"),
        (
            ("merge", "own"),
            "nothere.tape",
            "the tapes here are merge.tape, own.tape",
            "%llm replay merge.tape",
        ),
        (("my class",), "my clas.tape", "is called my class.tape", "%llm replay 'my class.tape'"),
        (
            (),
            "clas.tape",
            "there is no tape here",
            "Put clas.tape into this folder, or write where it is: %llm replay /path/to/clas.tape",
        ),
    ],
)
def test_a_tape_that_is_not_there_is_one_to_be_played(
    there: tuple[str, ...], given: str, why: str, fix: str, folder: Path
) -> None:
    for name in there:
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


def test_a_command_that_lacks_its_tape_names_one_that_is_here(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("lesson", "class 3"):
        assert main(["tape", "show"]) == 2
        err = capsys.readouterr().err
        assert "does not know which tape is meant" in err
        assert shlex.split(err.partition("→ ")[2]) == ["nbstream", "tape", "show", f"{name}.tape"]
        a_tape(folder / "class 3.tape", take("one"))


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


# --- a line that is damaged ---------------------------------------------------------------------------


def half_written(path: Path) -> Path:
    """A tape whose third line was never finished, with takes before and behind."""
    a_tape(path, take("one", "first"), take("two", "second"))
    rows = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*rows[:2], '{"ask": {"prov', rows[2]]) + "\n", encoding="utf-8")
    return path


def test_a_damaged_line_spoils_no_other_and_is_told_of_wherever_the_tape_is_opened(
    folder: Path,
    shell: InteractiveShell,
    playing: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    half_written(folder / "lesson.tape")
    words = "(damaged and passed over: line 3)"
    playing(Path("lesson.tape"))
    first, second = said("first"), said("second")
    assert (first.text, second.text) == ("one", "two")
    assert words in loaded(shell, capsys) and words in status() and words in doctor()
    with pytest.raises(nbstream.NbstreamError) as caught:
        said("the one that was lost")
    assert words in caught.value.why
    line = "passed over: line 3. What is wrong with it: `nbstream tape check lesson.tape`"
    assert line in str(replay("lesson.tape")) and line in str(record("lesson.tape"))
    assert words in doctor() and line not in str(record("stop"))
    assert main(["tape", "show", "lesson.tape"]) == 0
    shown = capsys.readouterr().out
    assert "first" in shown and "second" in shown and "damaged: it is not JSON" in shown
    assert main(["tape", "check", "lesson.tape"]) == 1


def test_a_cell_with_a_damaged_tape_says_so_in_its_footer(folder: Path) -> None:
    half_written(folder / "lesson.tape")
    with nbstream.tape("lesson.tape", speed="max"):
        events = list(nbstream.stream("first", model="openai:m").events())
    notes = [one.text for one in events if isinstance(one, Note)]
    assert notes == ["played from lesson.tape (damaged and passed over: line 3)"]


def test_a_tape_of_which_nothing_is_left_is_refused(folder: Path) -> None:
    path = half_written(folder / "lesson.tape")
    path.write_text("\n".join(path.read_text(encoding="utf-8").splitlines()[::2]), encoding="utf-8")
    with pytest.raises(nbstream.NbstreamError) as caught:
        Tapes("lesson.tape")
    assert caught.value.what == "Line 2 of lesson.tape is damaged."


# --- that a tape is at work -----------------------------------------------------------------------------


@pytest.fixture
def shell(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """An IPython of our own, in a session that nothing was done in."""
    monkeypatch.setattr(session(), "taps", [])
    monkeypatch.setattr(session(), "chosen", None)
    shell = InteractiveShell()
    yield shell
    shell.history_manager.end_session()  # type: ignore[union-attr]


def loaded(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> str:
    """What `%load_ext` says."""
    load(shell)
    unload(shell)
    return capsys.readouterr().out


def doctor() -> str:
    rows = [one for one in examined() if one.what == "tape"]
    return report(rows) if rows else ""


def test_that_a_tape_plays_is_said_by_all_that_say_how_things_stand(
    folder: Path, shell: InteractiveShell, playing: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "tape" not in loaded(shell, capsys) + status() + doctor()
    a_tape(folder / "lesson.tape", take("one"))
    playing(Path("lesson.tape"))
    words = "lesson.tape is played; no service is asked"
    assert f"nbstream · tape: {words}" in loaded(shell, capsys)
    assert f"| tape | {words} |" in status() and words in doctor()
    assert "| model | openai:m |" in status()


def test_while_a_tape_plays_doctor_asks_nobody_unless_somebody_is_named(
    folder: Path, shell: InteractiveShell, playing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbstream.chat.doctor.examine", lambda *given: pytest.fail("somebody was asked"))
    playing(a_tape(folder / "a.tape", take("one")))
    assert "not asked while a tape is played" in report(examined())
    with pytest.raises(pytest.fail.Exception):
        examined("openai")


def test_where_a_tape_plays_for_all_that_of_a_cell_is_only_played(folder: Path, playing: Any) -> None:
    playing(a_tape(folder / "a.tape", take("one")))
    options = Namespace(tape=str(folder / "b.tape"), model=None)
    tape(options)
    assert options.player.taps, "demo answers here, and may be recorded"
    with pytest.raises(nbstream.NbstreamError) as caught:
        given = {"credentials": {"api_key": "k" * 20}, "base_url": "http://127.0.0.1:9/v1"}
        Stream(session().run(session().call("Why?", model="openai:m", player=options.player, **given))).wait()
    assert caught.value.case == "tape_empty"


def test_a_speed_that_is_none_is_mended_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBSTREAM_TAPE_SPEED", "abc")
    with pytest.raises(nbstream.NbstreamError) as caught:
        usual_speed()
    assert caught.value.fix == "%env NBSTREAM_TAPE_SPEED=4"


def test_that_all_is_recorded_is_said_too_with_the_name_as_it_was_given(
    folder: Path, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    said = str(record("lesson.tape"))
    words = "every answer is recorded on lesson.tape"
    assert words in status() and words in doctor() and words in loaded(shell, capsys)
    assert said.startswith("Recording: from now on every answer goes onto lesson.tape. ")
    nbstream.ask("hello", model="demo", options={"delay": 0})
    said += str(record()) + str(record("stop"))
    again = str(record("lesson.tape"))
    assert "It holds 1 answer already" in again and "To start over, delete the file first" in again
    assert str(folder) not in said + again + str(record("stop"))


def test_a_tape_of_the_environment_that_cannot_be_played_is_a_row_to_mend(
    folder: Path, shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    a_tape(folder / "class.tape", take("one"))
    monkeypatch.setenv("NBSTREAM_TAPE", "clas.tape")
    monkeypatch.delitem(vars(session()), "player", raising=False)
    assert "There is no tape clas.tape." in loaded(shell, capsys)
    assert "There is no tape clas.tape." in status() and "%env NBSTREAM_TAPE=class.tape" in doctor()
    (folder / "class.tape").unlink()
    said = loaded(shell, capsys)
    assert "NBSTREAM_TAPE says to play it" in said and str(folder) in said and "record" not in said
    assert "%env NBSTREAM_TAPE=/path/to/clas.tape" in said
    monkeypatch.setitem(vars(session()), "player", None)


def test_a_notebook_in_a_folder_below_is_told_where_the_tape_is(
    folder: Path, shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    a_tape(folder / "lesson.tape", take("one"))
    (folder / "week1").mkdir()
    a_tape(folder / "week1/other.tape", take("one"))
    monkeypatch.chdir(folder / "week1")
    monkeypatch.setenv("NBSTREAM_TAPE", "lesson.tape")
    monkeypatch.delitem(vars(session()), "player", raising=False)
    instead = str(Path("../lesson.tape"))
    assert f"\n%env NBSTREAM_TAPE={instead}\n" in loaded(shell, capsys)
    (folder / "{1+1}.tape").write_bytes((folder / "lesson.tape").read_bytes())
    monkeypatch.setenv("NBSTREAM_TAPE", "{1+1}.tape")
    assert "\n%llm replay " in loaded(shell, capsys), "behind %env it would be run"
    monkeypatch.setenv("NBSTREAM_TAPE", instead)
    assert "is played; no service is asked" in status()
    monkeypatch.setitem(vars(session()), "player", None)


def test_of_a_failure_that_was_played_nothing_is_said_to_be_sent(folder: Path, playing: Any) -> None:
    refused = {"refused": {"status": 401, "body": {"error": {"message": "no"}}}}
    playing(a_tape(folder / "a.tape", Take(take("one").ask, [refused])))
    for prompt, played in (("Why is the sky blue?", True), ("Who are you?", False)):
        with pytest.raises(nbstream.NbstreamError):
            said(prompt)
        told = why()
        assert ("| tape | a.tape |" in told) == played
        assert "| what was sent | nothing, because a tape is played |" in told
        assert "| to |" not in told and "messages:" not in told


def test_a_prompt_that_is_not_on_the_tape_is_no_request(folder: Path, playing: Any) -> None:
    playing(a_tape(folder / "a.tape", take("one", model="only-here")))
    before = session().statistics().get("openai")
    asked, failed = (before.turns, before.errors) if before else (0, 0)
    with pytest.raises(nbstream.NbstreamError):
        said("Who are you?", "openai:only-here")
    assert said(model="openai:only-here").text == "one"
    after = session().statistics()["openai"]
    assert (after.turns, after.errors) == (asked + 1, failed)
    assert session().last_error is not None and session().last_error.case == "tape_prompts"
