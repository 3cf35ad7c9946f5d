"""The panel beside other chats: what the benchmark says of them is what was seen."""

from __future__ import annotations

import pytest

from bench import chatting, run
from bench.chats import CHATS
from bench.chatting import ABOVE, LONG, Row, row
from bench.report import Target
from bench.workloads import Workload, markers_in, said

SENT = {"marks": [10.0, 10.1, 10.2]}
"""When the provider sent three markers, by the machine's clock; the page's is 9 s behind."""
SEEN = {
    "frames": [[1050.0, 0], [1300.0, 2]],
    "keys": [[1000.0, 1020.0], [1100.0, 1110.0], [1200.0, 1290.0]],
    "lost": 0,
    "tasks": [[1060.0, 80.0], [1400.0, 250.0]],
    "bytes": 600,
    "messages": 3,
}


def seen(chat: str = "nbstream", above: int = ABOVE, **changed: object) -> Row:
    return row(CHATS[chat], above, SEEN | changed, SENT, 9.0, 1.0, 0.5, 2)


def found(**ours: object) -> dict[str, object]:
    """What a run gives: a row of each chat below none and below many turns, and ours below more."""
    rows = [seen(chat, above) for chat in CHATS for above in (0, ABOVE)]
    rows += [seen(above=LONG), *(seen(above=above, **ours) for above in (0, ABOVE, LONG) if ours)]
    opening = {"first": 900.0, "second": 300.0, "tokens": 96_000}
    return {"workload": "4000@200", "rows": [vars(one) for one in rows], "answer": 600, "opening": opening}


def targets(results: dict[str, object]) -> dict[str, Target]:
    return {target.what: target for target in chatting.targets(results)}


def test_a_word_counts_from_its_sending_to_the_paint_that_shows_it_or_a_later_one() -> None:
    one = seen()
    assert (one.token50, one.token99) == pytest.approx((100, 200))  # 50, 200 and 100 ms
    assert (one.key50, one.key99, one.keys) == pytest.approx((20, 90, 3))
    assert (one.tasks, one.blocked, one.blocked_after) == (1, 30, 200)
    assert one.seen
    assert not seen(frames=[[1050.0, 1]]).seen


def test_every_chat_has_its_row_also_one_that_never_opened() -> None:
    results = found()
    never = [None, None, 0, 0, None, None, 0, 0.0, 0.0, 0, 0, 0.0, 0.0, False]
    results["rows"] = [
        vars(Row("marimo", ABOVE, *never)) if (one["chat"], one["above"]) == ("marimo", ABOVE) else one
        for one in results["rows"]  # type: ignore[attr-defined]
    ]
    text = chatting.table(results)
    for chat in CHATS.values():
        assert text.count(f"| {chat.label} | 0 |") == text.count(f"| {chat.label} | {ABOVE} |") == 1
    assert text.count("not opened in") == 1
    assert "(96,000 tokens of answers) can be seen 900 ms" in text
    assert chatting.targets(results)


def test_what_is_promised_of_the_panel_is_judged() -> None:
    assert "panel" in run.PARTS
    good = targets(found())
    assert good["panel: bytes of the first turn beside the answer's"].measured == "1.00×"
    assert not good[f"panel: long tasks below {ABOVE} turns"].met
    assert all(one.met for what, one in good.items() if "long tasks" not in what)
    assert targets({**found(), "rows": [vars(seen(above=n, tasks=[])) for n in (0, ABOVE, LONG)]})[
        f"panel: long tasks below {ABOVE} turns"
    ].met
    worse = targets(found(bytes=1400))
    assert not worse["panel: bytes of the first turn beside the answer's"].met
    late = targets(found(frames=[[1500.0, 2]]))
    assert not late[f"panel: token to paint, p50 beside {CHATS['marimo'].label}"].met


def test_what_stands_above_has_no_marker_and_many_tokens() -> None:
    turns = said(LONG)
    assert not [text for turn in turns for text in turn if markers_in(text)]
    assert len(turns) * chatting.TURN > 95_000
    assert Workload.parse(chatting.WARM).count == 60
