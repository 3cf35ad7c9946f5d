"""Several models at once in a real kernel: each in its own column, one of them kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from nbstream.chat.kept import Turn
from nbstream.chat.session import Session
from nbstream.errors import fail
from nbstream.messages import Answer, TextDelta
from nbstream.teach.compare_sinks import TerminalBoard
from tests.kernel.kernels import Kernel, Run, running
from tests.served import Served

NUMBERS = count()


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with Served() as server:
        yield server


@pytest.fixture(scope="module")
def asked(server: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel that has loaded nbstream and asks the loopback server; each test has its conversation."""
    with running(tmp_path_factory.mktemp("compare"), NBSTREAM_DEMO_SPEED="max") as kernel:
        run = kernel.run(server.setup())
        assert run.status == "ok", run.errors
        yield kernel


@pytest.fixture
def name() -> str:
    return f"talk{next(NUMBERS)}"


@pytest.fixture
def log(server: Served) -> Any:
    """The requests since the test began."""
    before = len(server.log())
    return lambda: server.log()[before:]


def receipt(run: Run) -> dict[str, Any]:
    [output] = [one for one in run.outputs if one["output_type"] == "display_data"]
    found: dict[str, Any] = output["metadata"]["nbstream"]
    return found


def plain(run: Run) -> str:
    [output] = [one for one in run.outputs if one["output_type"] == "display_data"]
    text: str = output["data"]["text/plain"]
    return text


def rows(run: Run) -> list[str]:
    """The rows of the table, without its head."""
    return [line for line in run.markdown.splitlines() if line.startswith("|")][2:]


def said(record: dict[str, Any]) -> list[str]:
    return [message["content"] for message in record["body"]["messages"]]


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


# --- what stays -----------------------------------------------------------------------------------------


def test_all_answers_stand_in_one_table_and_in_full_in_the_text(asked: Kernel, log: Any, name: str) -> None:
    run = asked.run(f"%%llm -m openai:words:30@400,openai:rich:60,demo -c {name}\nWhat is streaming?")
    assert run.status == "ok", run.errors
    first, second, third = rows(run)
    for row, number, title in ((first, 1, "openai words:30@400"), (second, 2, "openai rich:60")):
        assert unescape(row).startswith(f"| **{number} · {title}** · first after ")
        assert "tokens" in row and "cost unknown" in row
    assert third.startswith("| **3 · demo** · ")
    texts = {record["body"]["model"]: record["text"] for record in log()}
    assert squeezed(texts["words:30@400"]) in squeezed(first)
    parts, whole = receipt(run)["candidates"], plain(run)
    kept = [whole[part["start"] : part["end"]] for part in parts]
    assert kept[:2] == [texts["words:30@400"], texts["rich:60"]]
    assert whole.startswith("# 1 · openai words:30@400\n\n")
    assert [part["usage"]["output_tokens"] > 0 for part in parts] == [True] * 3
    assert f"%llm keep 1 -c {name}" in run.markdown


def test_the_same_model_may_stand_there_twice(asked: Kernel, name: str) -> None:
    run = asked.run(f"%%llm -m demo，demo -c {name}\nhello")
    assert [part["provider"] for part in receipt(run)["candidates"]] == ["demo", "demo"]


def test_what_goes_wrong_stays_in_its_own_row_and_the_others_go_on(asked: Kernel, name: str) -> None:
    run = asked.run(f"%%llm -m openai:status:404,spark,nobody,openai:cut:9,openai:words:5 -c {name}\nHello")
    assert run.status == "ok", run.errors
    refused, keyless, unknown, cut, well = rows(run)
    assert "**⚠ " in refused and "failed" in refused
    assert "%llm login spark" in keyless
    assert "**⚠ " in unknown and "nobody" in unknown
    assert "**⚠ " in cut and receipt(run)["candidates"][3]["characters"] > 0
    assert "⚠" not in well
    assert [one.get("error", {}).get("kind") for one in receipt(run)["candidates"]][:3] == [
        "not_found", "config", "config",
    ]  # fmt: skip


def test_a_hostile_answer_stays_in_its_cell(asked: Kernel, name: str) -> None:
    hostile = "a | b %0A%0A| c | d |%0A|---|---|%0A| 1 |%0A%0A```%0A<img src=x onerror=alert(1)>%0A"
    recite = hostile.replace(" ", "%20").replace("|", "%7C")
    run = asked.run(f"%%llm -m openai:recite:{recite},openai:words:3 -c {name} -o answers\nHello")
    assert len(rows(run)) == 2
    assert "<img" not in run.markdown
    assert "onerror" in asked.value("answers[0].text")


def test_nobody_answered_is_an_error_and_asked_of_nobody_it_changes_nothing(
    asked: Kernel, log: Any, name: str
) -> None:
    run = asked.run(f"%%llm -m spark,nobody -c {name}\nHello")
    assert run.status == "error" and not log()
    assert "spark" in run.markdown and "nobody" in run.markdown, "both are told"
    assert asked.value(f"len(__import__('nbstream').conversation('{name}').turns)") == "0"
    run = asked.run(f"%%llm -m openai:status:404,openai:status:401 -c {name}\nHello")
    assert run.status == "error"
    assert len(rows(run)) == 2, "the table is published before the cell fails"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("-m demo,", "only one is named"),
        ("-m " + ",".join(["demo"] * 7), "At most 6"),
        ("-m demo,demo --code", "--code does not go together"),
        ("-m demo,demo -f json", "-f json does not go together"),
        ("-m demo,demo --xray", "--xray does not go together"),
    ],
)
def test_what_cannot_be_is_said(asked: Kernel, line: str, said: str) -> None:
    run = asked.run(f"%%llm {line}\nHello", allow_stdin=True)
    assert said in unescape(run.markdown)


# --- what is sent ---------------------------------------------------------------------------------------


def test_each_is_sent_the_options_and_what_was_said_before(asked: Kernel, log: Any, name: str) -> None:
    asked.run(f"%%llm -m openai:recite:One. -c {name}\nFirst")
    asked.run("what = 'second'")
    options = f"-s 'Be brief.' -t 0.5 --max-tokens 99 -c {name}"
    asked.run(f"%%llm -m openai:words:3,openai:words:4 {options}\nThe {{{{what}}}}")
    for record in log()[1:]:
        assert said(record) == ["Be brief.", "First", "One.", "The second"]
        assert record["body"]["temperature"] == 0.5
        assert 99 in record["body"].values()


def test_no_tools_are_offered_and_that_is_said(asked: Kernel, log: Any, name: str) -> None:
    asked.run("def double(n: int) -> int:\n    'Twice n.'\n    return 2 * n\n%llm tools add double")
    try:
        run = asked.run(f"%%llm -m openai:tool,openai:words:3 -c {name}\nHello")
    finally:
        asked.run("%llm tools remove double")
    assert "no tools" in run.text
    assert all("tools" not in record["body"] for record in log())


# --- keep -----------------------------------------------------------------------------------------------


def test_what_is_kept_takes_its_place_in_the_conversation(asked: Kernel, log: Any, name: str) -> None:
    table = asked.run(f"%%llm -m openai:recite:One.,openai:recite:Two. -c {name}\nQ1", cell_id="k1")
    follow = f"%%llm -m openai:words:2 -c {name}\n"
    unkept = asked.run(follow + "Q2", cell_id="k2")
    assert f"%llm keep 1 -c {name}" in unkept.text
    assert said(log()[-1]) == ["Q2"]

    kept = asked.run(f"%llm keep 2 -c {name}", cell_id="k3")
    assert plain(kept) == "Two." and "turn 1" in kept.text
    assert "| **✓\u00a02 · " in table.markdown and "None of these" not in table.markdown, (
        "the table says so too"
    )
    asked.run(follow + "Q3")
    assert said(log()[-1])[:3] == ["Q1", "Two.", "Q2"]

    asked.run(f"%llm keep recite:One. -c {name}", cell_id="k4")
    assert plain(asked.run(f"%llm show 1 -c {name}")) == "One."
    assert "recite:One." in asked.run(f"%llm history -c {name}").markdown
    asked.run(follow + "Q4")
    assert said(log()[-1])[:3] == ["Q1", "One.", "Q2"]

    asked.run(f"%%llm -m openai:recite:Three.,openai:recite:Four. -c {name}\nQ5", cell_id="k5")
    asked.run(f"%llm keep 2 -c {name}", cell_id="k3")
    assert plain(asked.run(f"%llm show 1 -c {name}")) == "Two.", "the cell keeps what it kept before"
    asked.run(f"%llm keep 1 --at 5 -c {name}")
    assert plain(asked.run(f"%llm show 5 -c {name}")) == "Three."


def test_what_cannot_be_kept_is_said(asked: Kernel, name: str) -> None:
    asked.run(f"%%llm -m openai:words:3,openai:status:404,demo -c {name}\nQ")
    for word, expected in (
        ("4", "3 answers, numbered"),
        ("2", "has no text"),
        ("nobody", "1 openai words:3"),
        ("openai", "more than one"),
    ):
        run = asked.run(f"%llm keep {word} -c {name}", allow_stdin=True)
        assert expected in run.markdown, run.markdown
    assert "nothing to keep" in asked.run(f"%llm keep 1 -c {name}x", allow_stdin=True).markdown
    assert plain(asked.run(f"%llm keep demo -c {name}"))


def test_a_cell_that_runs_again_compares_anew_in_its_place(asked: Kernel, log: Any, name: str) -> None:
    cell = f"%%llm -m openai:recite:One.,openai:recite:Two. -c {name}\n"
    asked.run(cell + "Q1", cell_id="r1")
    asked.run(f"%llm keep 1 -c {name}", cell_id="r2")
    asked.run(cell + "Q1, better", cell_id="r1")
    assert asked.value(f"[t.kept for t in __import__('nbstream').conversation('{name}').turns]") == "[None]"
    asked.run(f"%llm retry -c {name}")
    assert [said(record) for record in log()[-2:]] == [["Q1, better"]] * 2, "both are asked once more"


def test_after_a_restart_the_notebook_gives_all_of_it_back(asked: Kernel, name: str, tmp_path: Path) -> None:
    sources = [
        f"%%llm -m openai:recite:One.,openai:recite:Two. -c {name}\nQ1",
        f"%llm keep 1 -c {name}",
        f"%llm keep 2 -c {name}",
        f"%%llm -m openai:recite:One.,openai:recite:Two. -c {name}\nQ2",
    ]
    runs = [asked.run(source, cell_id=f"{name}-{number}") for number, source in enumerate(sources)]
    cells = [
        {"cell_type": "code", "id": f"{name}-{number}", "metadata": {}, "execution_count": number}
        | {"source": source, "outputs": run.outputs}
        for number, (source, run) in enumerate(zip(sources, runs, strict=True))
    ]
    path = tmp_path / "lesson.ipynb"
    for some, kept in ((cells, 2), (cells[:1], 2), (cells[1:2] + cells[:1], 2), (cells[:2][::-1], 2)):
        path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": some}))
        fresh = Session()
        fresh.restore(path)
        turn = fresh.conversation(name).turns[0]
        assert (turn.prompt, turn.kept, turn.answer and turn.answer.text) == ("Q1", kept, "Two.")
        assert [one.answer and one.answer.text for one in turn.candidates] == ["One.", "Two."]
        assert turn.model == "openai:recite:Two."
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}))
    fresh = Session()
    restored = fresh.restore(path)
    talk = fresh.conversation(name)
    assert [turn.undecided for turn in talk.turns] == [False, True]
    assert [message.content for message in talk.history.before(talk.turns[1])] == ["Q1", "Two."]
    assert [row.outcome for row in restored.rows if row.turn is not None] == ["taken", "taken"]
    talk.save(tmp_path / "talk.json")
    loaded = Session().conversation("other")
    loaded.load(tmp_path / "talk.json")
    [first, second] = loaded.turns
    assert (first.kept, second.undecided, second.candidates[1].model) == (2, True, "openai:recite:Two.")


# --- while they come --------------------------------------------------------------------------------------


def sent(run: Run) -> list[dict[str, Any]]:
    """What the view was told, in order."""
    comms = [one["content"]["data"] for one in run.messages if one["msg_type"] == "comm_msg"]
    return [one["content"] for one in comms if one.get("method") == "custom"]


def ended(run: Run, column: int) -> bool:
    told = [each for one in sent(run) for number, each in one.get("columns", ()) if number == column]
    return any(each.get("end") is not None for each in told)


def key(run: Run) -> str:
    opened = [one["content"]["data"] for one in run.messages if one["msg_type"] == "comm_open"]
    return next(str(one["state"]["key"]) for one in opened if "key" in one.get("state", {}))


def test_they_stream_at_once_and_one_can_be_kept_while_another_still_comes(
    asked: Kernel, server: Served, name: str
) -> None:
    run = asked.start(f"%%llm -m openai:hold,openai:words:40 -c {name}\nHello", allow_stdin=True)
    run.until(lambda run: ended(run, 1))
    assert not ended(run, 0)
    asked.say({"turn": key(run), "do": "keep", "column": 1})
    run.until(lambda run: any(one.get("kept") == 1 for one in sent(run)))
    server.release()
    run.finish()
    assert receipt(run)["kept"] == 2
    assert squeezed(plain(asked.run(f"%llm show -c {name}"))) in squeezed(plain(run))
    numbered = [one["seq"] for one in sent(run) if "seq" in one and not one.get("full")]
    assert numbered == list(range(1, len(numbered) + 1)), "one road for all columns"
    state = json.dumps([one["content"] for one in run.messages if one["msg_type"] == "comm_open"])
    assert plain(run).split()[5] not in state.replace("jp-", ""), "no text of a model in a trait"


def test_all_together_keep_to_the_pace_of_one(asked: Kernel, name: str) -> None:
    run = asked.run(f"%%llm -m openai:words:300@300,openai:words:300@300,openai:words:300@300 -c {name}\nGo",
                    allow_stdin=True)  # fmt: skip
    parts = receipt(run)["candidates"]
    seconds = max(part["timing"]["started"] + part["timing"]["duration"] for part in parts)
    seconds -= min(part["timing"]["started"] for part in parts)
    messages = [one for one in sent(run) if "columns" in one]
    assert len(messages) < 50 * seconds + 15  # their states and their ends come at once
    size = sum(len(json.dumps(one)) for one in messages if not one.get("full"))
    assert size < 20 * len(plain(run)), "each piece goes once"


def test_stopping_one_keeps_its_text_and_the_square_stops_all(asked: Kernel, name: str) -> None:
    cell = f"%%llm -m openai:endless,openai:words:5,openai:endless -c {name} -o answers\nGo on"
    run = asked.start(cell, allow_stdin=True)
    run.until(lambda run: ended(run, 1) and len(sent(run)) > 12)
    asked.say({"turn": key(run), "do": "stop", "column": 0})
    run.until(lambda run: ended(run, 0))
    assert not ended(run, 2)
    asked.interrupt()
    run.finish()
    assert run.status == "ok" and not run.errors
    assert asked.value("[(one.finish_reason, bool(one.text)) for one in answers]") == (
        "[('cancelled', True), ('stop', True), ('cancelled', True)]"
    )
    assert rows(run)[0].count("stopped") == rows(run)[2].count("stopped") == 1


def test_in_the_background_the_next_cell_runs_meanwhile(asked: Kernel, server: Served, name: str) -> None:
    run = asked.run(f"%%llm -m openai:hold,openai:words:5 -c {name} --background\nHello", allow_stdin=True)
    assert "text/markdown" not in run.outputs[-1]["data"]
    assert "still coming" in asked.run(f"%llm keep 1 -c {name}", allow_stdin=True).markdown
    server.release()
    run.until(lambda run: "text/markdown" in run.outputs[-1]["data"])
    assert len(rows(run)) == 2
    assert plain(asked.run(f"%llm keep 1 -c {name}"))


def test_tab_completes_each_model_of_several_and_what_may_be_kept(asked: Kernel) -> None:
    assert "spark,openai" in asked.complete("%%llm -m spark,open|")["matches"]
    asked.run("%%llm -m demo,openai:words:3\nHi")
    assert asked.complete("%llm keep |")["matches"][:4] == ["1", "2", "demo", "openai:words:3"]


def test_python_compares_too(asked: Kernel) -> None:
    call = "[str(a.error and a.error.kind) for a in __import__('nbstream').compare('hi', [{}])]"
    models = "'demo', 'openai:words:3', 'openai:status:404', 'nobody'"
    assert asked.value(call.format(models)) == "['None', 'None', 'not_found', 'config']"


def test_a_terminal_prints_one_after_the_other_each_under_its_heading(capsys: Any) -> None:
    board = TerminalBoard(3)
    turn = Turn("hi", "a,b,c")
    failed = Answer(model="c", error=fail("config.empty_prompt"))
    turn.candidates = (Turn("hi", "a"), Turn("hi", "b:x"), Turn("hi", "c", answer=failed))
    first, second, _ = board.columns
    session = Session()
    runs = [session.run(session.call("hi", model="demo")) for _ in range(2)]
    board.open(turn, [*runs, None])
    second.batch([TextDelta("From b.\x1b[31m")])
    first.batch([TextDelta("From ")])
    assert capsys.readouterr().out.strip() == "── 1 · a ──\n\nFrom"
    second.done(Answer("From b.", model="b:x", finish_reason="stop"))
    assert capsys.readouterr().out == "", "it waits for its turn"
    first.batch([TextDelta("a.")])
    first.done(Answer("From a.", model="a", finish_reason="cancelled"))
    said = capsys.readouterr().out
    assert re.sub(r"\s+", " ", said).startswith("a. ⟡ stopped ── 2 · b x ── From b.[31m ⟡")
    assert said.index("── 3 · c ──") < said.index(failed.error.what if failed.error else "")
