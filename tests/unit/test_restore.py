"""After a restart a notebook's cells and receipts give the conversation back, and say what they do not."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as some

from nbstream.chat.history import Turn
from nbstream.chat.restore import Restored
from nbstream.errors import ConfigError, NbstreamError
from nbstream.i18n import set_language
from nbstream.messages import Answer, Attachment, Timing, Usage
from nbstream.show.restored import restored_markdown
from tests.unit.notebooks import Notebook, failed


@pytest.fixture
def book(tmp_path: Path) -> Notebook:
    return Notebook(tmp_path)


@pytest.fixture
def lesson(book: Notebook) -> Notebook:
    """Three cells that have asked."""
    for id in "abc":
        book.ask(id, f"prompt {id}")
    return book


def outcomes(restored: Restored) -> dict[str, str]:
    """What became of each cell, by its prompt."""
    return {row.prompt: " ".join([row.outcome, *row.notes]) for row in restored.rows}


SENT = ["prompt a", "to prompt a", "prompt b", "to prompt b", "prompt c", "to prompt c"]


def test_all_that_was_said_is_sent_along_again(lesson: Notebook) -> None:
    restored = lesson.restore()
    assert lesson.sent() == SENT
    assert restored.turns == {"main": 3}
    assert outcomes(restored) == {f"prompt {id}": "taken" for id in "abc"}
    assert restored.saved == lesson.path.stat().st_mtime


def test_a_restored_cell_that_runs_again_replaces_its_own_turn(lesson: Notebook) -> None:
    lesson.restore()
    lesson.ask("b", "prompt b, better")
    assert lesson.prompts() == ["prompt a", "prompt b, better", "prompt c"]
    again = lesson.restore()
    assert lesson.prompts() == ["prompt a", "prompt b, better", "prompt c"]
    assert not again.missing, "the turn before c is known by its cell"


def test_what_a_receipt_tells_is_in_the_turn_again(book: Notebook) -> None:
    usage = Usage(10, 20, None, 5)
    book.ask(
        "a", "hello", answer=Answer("hi", finish_reason="length", usage=usage),
        system="Be brief.", options={"temperature": 0.5, "max_tokens": 9}, fresh=True,
    )  # fmt: skip
    [before] = book.session.conversation().turns
    book.restore()
    [turn] = book.session.conversation().turns
    for name in (
        "prompt",
        "model",
        "system",
        "options",
        "cell",
        "fresh",
        "id",
        "opening",
        "number",
        "created",
    ):
        assert getattr(turn, name) == getattr(before, name), name
    assert turn.answer == before.answer


def test_turns_keep_the_order_of_asking_when_cells_are_moved(lesson: Notebook) -> None:
    lesson.cells.reverse()
    restored = lesson.restore()
    assert lesson.sent() == SENT
    assert restored.moved
    assert sum("moved" in one for one in outcomes(restored).values()) == 2, "the fewest that explain it"


def test_a_deleted_cell_is_missed_where_later_ones_followed_it(lesson: Notebook) -> None:
    del lesson.cells[1]
    restored = lesson.restore()
    assert lesson.sent() == [*SENT[:2], *SENT[4:]]
    assert restored.missing == 1


def test_an_edited_cell_keeps_its_place_without_the_answer_to_another_prompt(lesson: Notebook) -> None:
    lesson.cell("b")["source"] = "%%llm -m openai:words\nsomething else\n"
    restored = lesson.restore()
    assert lesson.sent() == [*SENT[:2], *SENT[4:]]
    assert outcomes(restored)["something else"] == "edited"
    assert "edited after it was asked" in str(lesson.session.conversation().turns[1].answer.error)
    lesson.ask("b", "something else")
    assert lesson.sent() == [*SENT[:2], "something else", "to something else", *SENT[4:]]


def test_a_cell_that_names_another_model_now_is_told(lesson: Notebook) -> None:
    lesson.cell("a")["source"] = "%%llm --model=spark:lite\nprompt a"
    lesson.cell("b")["source"] = "%%llm -m nobody -s 'x y'\nprompt b"
    restored = lesson.restore()
    assert lesson.sent() == SENT
    rows = {row.prompt: row for row in restored.rows}
    assert outcomes(restored) == {
        "prompt a": "taken model", "prompt b": "taken model", "prompt c": "taken"
    }  # fmt: skip
    assert (rows["prompt a"].model, rows["prompt a"].now) == ("openai:words", "spark:lite")
    assert rows["prompt b"].now == "nobody"


def test_cells_without_a_turn_are_named(lesson: Notebook) -> None:
    lesson.ask("d", "apart", line="--no-history", conversation=None)
    lesson.cell("d")["outputs"][0]["metadata"]["nbstream"]["conversation"] = None
    lesson.cells.append({"cell_type": "code", "id": "e", "source": "%%llm\nnever run", "outputs": []})
    lesson.cells.append({"cell_type": "code", "id": "f", "source": "print(1)", "outputs": []})
    lesson.cells.append({"cell_type": "markdown", "id": "g", "source": "%%llm\nno cell"})
    copied = copy.deepcopy(lesson.cell("a")) | {"id": "h"}
    lesson.cells.insert(0, copied)
    restored = lesson.restore()
    assert lesson.sent() == SENT
    found = [(row.prompt, row.outcome) for row in restored.rows]
    assert found[:2] == [("prompt a", "copy"), ("prompt a", "taken")]
    assert found[4:] == [("apart", "apart"), ("never run", "unanswered")]
    assert len(restored.skipped) == 3


def test_failed_and_stopped_turns_are_what_they_were(book: Notebook) -> None:
    book.ask("a", "refused", answer=failed())
    book.ask("b", "cut", answer=failed("half an"))
    book.ask("c", "stopped", answer=Answer("so far", finish_reason="cancelled"))
    restored = book.restore()
    assert [turn.status for turn in book.session.conversation().turns] == ["failed", "failed", "stopped"]
    assert book.sent() == ["cut", "half an", "stopped", "so far"], "and the error's own words are no answer"
    assert list(outcomes(restored).values()) == ["taken failed", "taken failed", "taken stopped"]


def test_new_is_new_again(lesson: Notebook) -> None:
    lesson.ask("d", "prompt d", line="--new", fresh=True)
    lesson.restore()
    assert lesson.sent() == ["prompt d", "to prompt d"]
    assert len(lesson.prompts()) == 4


def test_conversations_stay_apart(lesson: Notebook) -> None:
    lesson.ask("d", "guten Tag", line="-c german", conversation="german")
    restored = lesson.restore()
    assert restored.turns == {"main": 3, "german": 1}
    assert lesson.sent("german") == ["guten Tag", "to guten Tag"]


def test_a_conversation_that_was_branched_off_another_begins_with_what_it_began_with(
    lesson: Notebook,
) -> None:
    lesson.session.conversation().branch("aside", 2)
    lesson.ask("d", "prompt d", line="-c aside", conversation="aside")
    lesson.ask("e", "prompt e")
    main, aside = lesson.sent(), lesson.sent("aside")
    assert aside == [*SENT[:4], "prompt d", "to prompt d"]
    restored = lesson.restore()
    assert (lesson.sent(), lesson.sent("aside")) == (main, aside)
    assert not restored.missing
    lesson.restore()
    assert (lesson.sent(), lesson.sent("aside")) == (main, aside)


def test_branches_are_branches_again_and_the_newest_is_in_use(lesson: Notebook) -> None:
    history = lesson.session.conversation().history
    history.undo(2)
    lesson.ask("d", "prompt d")
    restored = lesson.restore()
    assert lesson.prompts() == ["prompt a", "prompt d"]
    assert outcomes(restored)["prompt b"] == "taken branch"


def test_a_conversation_that_was_begun_anew_stays_so(lesson: Notebook) -> None:
    lesson.session.conversation().reset()
    lesson.ask("d", "prompt d")
    lesson.restore()
    assert lesson.prompts() == ["prompt d"]


def test_what_was_taken_out_stays_out(lesson: Notebook) -> None:
    [gone] = lesson.session.conversation().undo(1)
    said = {"output_type": "display_data", "data": {}, "metadata": {"nbstream": {"undone": [gone.id]}}}
    lesson.cells.append({"cell_type": "code", "id": "u", "source": "%llm undo", "outputs": [said]})
    restored = lesson.restore()
    assert lesson.sent() == SENT[:4]
    assert outcomes(restored)["prompt c"] == "undone"
    lesson.ask("c", "prompt c")
    lesson.restore()
    assert lesson.sent() == SENT, "asked again, it is another turn"


def test_what_was_brought_back_is_there_again(lesson: Notebook) -> None:
    def told(id: str, **facts: Any) -> None:
        said = {"output_type": "display_data", "data": {}, "metadata": {"nbstream": facts}}
        lesson.cells.insert(0, {"cell_type": "code", "id": id, "source": "%llm undo", "outputs": [said]})

    [gone] = lesson.session.conversation().undo(1)
    told("u", undone=[gone.id], at=1.0)
    told("v", redone=[gone.id], at=2.0)
    lesson.restore()
    assert lesson.sent() == SENT
    lesson.session.conversation().undo(1)
    told("w", undone=[gone.id], at=3.0)
    lesson.restore()
    assert lesson.sent() == SENT[:4], "the last word counts, wherever its cell stands"


def test_what_was_asked_by_a_line_is_found_by_its_prompt(lesson: Notebook) -> None:
    history = lesson.session.conversation().history
    lesson.clock += 10
    turn = history.begin(Turn("prompt c", "openai:other", cell="r", created=lesson.clock), history.head)
    history.finish(turn, Answer("to prompt c again", finish_reason="stop", timing=Timing(lesson.clock)))
    line = {"cell_type": "code", "id": "r", "source": "%llm retry -m openai:other"}
    lesson.cells.append(line | {"outputs": [lesson.shown(turn)]})
    lesson.restore()
    assert lesson.sent() == [*SENT[:5], "to prompt c again"]
    assert [turn.model for turn in lesson.session.conversation().turns][-1] == "openai:other"


def test_what_was_asked_by_a_line_without_a_cell_is_in_its_receipt(lesson: Notebook) -> None:
    history = lesson.session.conversation().history
    turn = history.begin(Turn("mend this", "openai:words", created=lesson.clock + 5))
    history.finish(turn, Answer("mended", finish_reason="stop"))
    told, untold = lesson.shown(turn), lesson.shown(turn)
    told["metadata"]["nbstream"]["prompt"] = "mend this"
    lesson.cells.append({"cell_type": "code", "id": "r", "source": "%llm fix", "outputs": [told]})
    lesson.restore()
    assert lesson.sent() == [*SENT, "mend this", "mended"]
    lesson.cell("r")["outputs"] = [untold]
    assert lesson.restore().rows[-1].outcome == "unread"
    assert lesson.sent() == SENT


def test_an_answer_that_was_gone_on_with_or_shown_again_is_one_turn(lesson: Notebook) -> None:
    [*_, last] = lesson.session.conversation().turns
    partial = lesson.cell("c")["outputs"]
    last.answer = Answer("to prompt c, and on", model="openai:words", finish_reason="stop")
    shown = {"cell_type": "code", "id": "s", "source": "%llm continue", "outputs": [lesson.shown(last)]}
    lesson.cells.append(shown)
    assert partial[0]["data"]["text/plain"] == "to prompt c"
    restored = lesson.restore()
    assert lesson.sent() == [*SENT[:5], "to prompt c, and on"]
    assert len(restored.rows) == 3


def test_what_is_not_in_a_notebook_is_told(book: Notebook) -> None:
    book.ask("a", "{{x}}", sent="42")
    book.ask("b", "see", attachments=(Attachment("image/png", b"1", "x.png"),))
    restored = book.restore()
    assert outcomes(restored) == {"{{x}}": "taken filled", "see": "taken attachments"}


# --- more than one kernel -----------------------------------------------------------------------------


def test_what_was_asked_before_somebody_thought_of_restoring_comes_after_the_rest(lesson: Notebook) -> None:
    lesson.save()
    lesson.restart()
    lesson.ask("d", "prompt d")
    assert lesson.sent() == ["prompt d", "to prompt d"]
    restored = lesson.session.restore(lesson.path)
    assert lesson.sent() == [*SENT, "prompt d", "to prompt d"]
    assert restored.since == 1
    lesson.ask("d", "prompt d")
    assert lesson.sent() == [*SENT, "prompt d", "to prompt d"], "and run again, it is told of them"


def test_the_same_when_its_cell_was_saved_or_the_kernel_was_restarted_once_more(lesson: Notebook) -> None:
    lesson.restart()
    lesson.ask("d", "prompt d")
    lesson.ask("e", "prompt e")
    lesson.save()
    restored = lesson.session.restore(lesson.path)
    assert outcomes(restored)["prompt d"] == "here"
    assert lesson.prompts() == [f"prompt {id}" for id in "abcde"]
    lesson.restore()
    assert lesson.prompts() == [f"prompt {id}" for id in "abcde"]


def test_restoring_twice_changes_nothing(lesson: Notebook) -> None:
    lesson.restore()
    turns = lesson.session.conversation().turns
    again = lesson.session.restore(lesson.path)
    assert lesson.session.conversation().turns == turns
    assert {row.outcome for row in again.rows} == {"here"}


def test_old_notebooks_without_places_are_taken_in_the_order_of_asking(lesson: Notebook) -> None:
    for cell in lesson.cells:
        for name in ("number", "parent", "parent_cell", "opening", "characters"):
            cell["outputs"][0]["metadata"]["nbstream"].pop(name, None)
    lesson.cells.reverse()
    lesson.restore()
    assert lesson.sent() == SENT


STEPS = some.lists(
    some.tuples(some.sampled_from("abcdef"), some.sampled_from(["ask", "ask", "new", "beside", "restart"])),
    min_size=1,
    max_size=12,
)


@given(STEPS)
@example([(cell, "beside" if place in (1, 5) else "ask") for place, cell in enumerate("aadbcabad")])
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_however_cells_were_run_the_restored_branch_is_the_one_that_was_in_use(
    lesson: Notebook, steps: list[tuple[str, str]]
) -> None:
    lesson.cells.clear()
    lesson.restart()
    for number, (id, how) in enumerate(steps):
        if how == "restart":
            lesson.restore()
            continue
        turns = lesson.session.conversation().turns
        at = turns[len(turns) // 2] if how == "beside" and turns else None
        own = id if at is None else f"e{number}"  # what edits another turn is a cell of its own
        lesson.ask(own, f"{number} in {own}", fresh=how == "new", at=at)
    before, sent = lesson.prompts(), lesson.sent()
    whole = {turn.id for turn in lesson.session.conversation().history.every()}
    lesson.restore()
    assert {turn.id for turn in lesson.session.conversation().history.every()} == whole
    assert (lesson.prompts(), lesson.sent()) == (before, sent)


# --- files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "case"),
    [
        ("", "no_notebook"),
        ("[]", "no_notebook"),
        ('{"nbformat": 3, "worksheets": []}', "no_notebook"),
        ('{"nbformat": 4, "cells": 7}', "no_notebook"),
        ("[" * 100_000, "no_notebook"),
    ],
)
def test_a_file_that_is_no_notebook_is_said_to_be_none(content: str, case: str, book: Notebook) -> None:
    book.path.write_text(content)
    with pytest.raises(ConfigError) as error:
        book.session.restore(book.path)
    assert error.value.case == case


def test_a_file_that_is_not_there_is_said_so(book: Notebook) -> None:
    with pytest.raises(ConfigError, match="There is no file"):
        book.session.restore(book.path)


@pytest.fixture
def jupyter(lesson: Notebook, monkeypatch: pytest.MonkeyPatch) -> Notebook:
    """The kernel's server says that its notebook is this file."""
    monkeypatch.setenv("JPY_SESSION_NAME", str(lesson.save()))
    lesson.restart()
    return lesson


def test_the_notebook_is_found_by_what_the_server_said_at_the_start(jupyter: Notebook) -> None:
    jupyter.session.ran["b"] = None
    assert jupyter.session.restore().path == jupyter.path


def test_a_notebook_with_none_of_this_kernel_s_cells_is_not_taken_unless_it_is_named(
    jupyter: Notebook,
) -> None:
    jupyter.session.ran["another"] = None
    with pytest.raises(ConfigError) as error:
        jupyter.session.restore()
    assert error.value.fix == "%llm restore FILE.ipynb"
    assert "lesson.ipynb" in error.value.why
    assert jupyter.session.restore(jupyter.path).turns == {"main": 3}


def test_the_names_that_vs_code_has_for_cells_are_in_no_file(jupyter: Notebook) -> None:
    jupyter.session.ran["vscode-notebook-cell:/lesson.ipynb#W0sZmlsZQ=="] = None
    assert jupyter.session.restore().turns == {"main": 3}


def test_where_nobody_knows_the_file_a_path_is_asked_for(book: Notebook, monkeypatch: Any) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", str(book.path))
    with pytest.raises(ConfigError) as error:
        book.session.restore()
    assert error.value.case == "restore_where"


# --- hostile notebooks --------------------------------------------------------------------------------

ODD = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=5)
    | some.sampled_from(["main", "a" * 300, "x\n%llm", "../..", "vscode-x"]),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
NAMES = [
    "turn", "parent", "parent_cell", "number", "opening", "conversation", "cell", "provider", "model",
    "options", "usage", "timing", "error", "finish_reason", "prompt_sha256", "prompt",
    "characters", "fresh", "system",
]  # fmt: skip


@given(some.lists(some.tuples(some.integers(0, 2), some.sampled_from(NAMES), ODD), min_size=1, max_size=6))
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_forged_receipt_does_no_more_than_put_words_in_a_mouth(
    lesson: Notebook, forged: list[tuple[int, str, Any]]
) -> None:
    cells = copy.deepcopy(lesson.cells)
    for place, name, value in forged:
        cells[place]["outputs"][0]["metadata"]["nbstream"][name] = value
    body = json.dumps({"nbformat": 4, "cells": cells})
    lesson.path.write_text(body)
    lesson.restart()
    restored = lesson.session.restore(lesson.path)
    restored_markdown(restored)
    for talk in lesson.session.conversations.values():
        turns = list(talk.history.every())
        assert len(set(turns)) == len(turns)
        assert [turn.number for turn in talk.turns] == list(range(1, len(talk.turns) + 1))


@given(ODD)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_stands_where_cells_should_only_our_own_error_comes_of_it(book: Notebook, odd: Any) -> None:
    for body in ({"nbformat": 4, "cells": [odd]}, {"nbformat": 4, "cells": odd}, odd):
        book.path.write_text(json.dumps(body))
        try:
            book.session.restore(book.path)
        except NbstreamError as error:
            assert error.kind == "config"


def test_a_circle_of_parents_becomes_a_line(lesson: Notebook) -> None:
    first, *_, last = [cell["outputs"][0]["metadata"]["nbstream"] for cell in lesson.cells]
    first |= {"parent": last["turn"], "number": 2}
    lesson.restore()
    assert len(list(lesson.session.conversation().history.every())) == 3


def test_a_long_notebook_of_which_much_was_deleted_is_restored_in_its_order(book: Notebook) -> None:
    for number in range(400):
        book.ask(f"c{number}", f"prompt {number}")
    book.cells = book.cells[::3]
    restored = book.restore()
    assert book.prompts() == [f"prompt {number}" for number in range(0, 400, 3)]
    assert restored.missing == 133


# --- what is said -------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_table_says_what_became_of_each_cell(lesson: Notebook, language: str) -> None:
    lesson.cell("b")["source"] = "%%llm\n<b>else</b> | x"
    lesson.cells.reverse()
    restored = lesson.restore()
    set_language(language)
    try:
        shown = restored_markdown(restored, now=restored.saved + 180)
    finally:
        set_language(None)
    assert shown.count("\n| ") == 5
    assert "&lt;b>else&lt;/b> \\| x" in shown
    assert ("3 min ago" if language == "en" else "3 分钟前") in shown
    assert "lesson.ipynb" in shown


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_a_restore_did_to_a_kernel_that_knew_some_of_it_is_said_first(
    lesson: Notebook, language: str
) -> None:
    lesson.session.conversation().history.undo(2)
    lesson.ask("d", "{{d}}", sent="42")
    cells, lesson.cells = lesson.cells, [lesson.cell("a"), lesson.cell("d")]
    lesson.restore()
    set_language(language)
    try:
        known = restored_markdown(lesson.session.restore(lesson.save()))
        lesson.cells = cells
        more = restored_markdown(lesson.session.restore(lesson.save()))
    finally:
        set_language(None)
    assert known.startswith("Nothing was changed" if language == "en" else "没有改动")
    assert "version" not in known
    first = more.partition("\n")[0]
    assert first.startswith("The turns in use were not changed" if language == "en" else "当前的各轮没有改动")
    assert "**main**" in first and (": 2." if language == "en" else " 2 轮，作为其他版本") in first
    assert "`%llm version 2`" in more and lesson.prompts() == ["prompt a", "{{d}}"]
    assert more.count("`{{…}}`") == 1, "what is said of many rows stands below them, once"


def test_of_many_cells_those_are_listed_of_which_there_is_something_to_say(book: Notebook) -> None:
    for number in range(60):
        book.ask(f"c{number}", f"prompt {number}")
    book.cell("c7")["source"] = "%%llm\nelse"
    shown = restored_markdown(book.restore())
    assert "else" in shown and "prompt 8" not in shown
    assert "not listed: 59" in shown
