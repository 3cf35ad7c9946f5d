"""A conversation that is held all day: what the benchmark says of it is so, and is a target."""

from __future__ import annotations

from bench import history, report, run
from nbstream.chat.conversation import Conversation
from nbstream.chat.history import Turn


def test_a_long_conversation_is_part_of_the_benchmark() -> None:
    assert "history" in run.PARTS
    rows = [{"what": "small", "short": 0.2, "long": 0.5, "ratio": 2.5, "bounded": True, "ok": False}]
    found = {"rows": rows, "memory": 4_400.0, "text": 1_837, "again": 26_000}
    text = history.table(found)
    assert "| small | 0.20 | 0.50 | 2.50 | above 2 |" in text
    assert "4.4 kB" in text
    [target] = report.targets({"history": found}, [], [])
    assert (target.wanted, target.measured, target.met) == ("≤ 2×", "2.50×", False)


def test_preparing_a_turn_looks_at_as_many_turns_after_a_thousand_as_after_thirty() -> None:
    looked: dict[int, int] = {}
    for count in (30, 1_000):
        talk = history.talk(count)
        seen: list[Turn] = []
        up = talk.history.up
        talk.history.up = lambda turn, up=up, seen=seen: (  # type: ignore[method-assign, misc]
            seen.append(one) or one for one in up(turn)
        )
        turn, _ = talk.begin("And why?", **history.MODELS[history.BOUNDED[0]])
        assert turn.context is not None
        assert turn.context.cut
        looked[count] = len(seen)
    assert looked[30] == looked[1_000]


def test_what_is_measured_is_the_way_of_a_cell() -> None:
    talk = history.talk(3)
    assert isinstance(talk, Conversation)
    assert history._prepared(talk, history.MODELS[history.BOUNDED[0]]) > 0
    assert len(talk.turns) == 3, "the conversation stays as long as it was"
