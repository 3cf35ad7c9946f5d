"""The benchmark compares what it says it compares: no gaps, no row for another's text, no lost seconds."""

from __future__ import annotations

import doctest
import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bench import client, imports, report, run, workloads
from bench import figures as figures_module
from bench.contenders import ANYWIDGET, CONTENDERS, NBSTREAM, PRINT, Contender
from bench.figures import Figures, figures, middle
from bench.page import Seen
from bench.provider import Provider
from bench.workloads import WORKLOADS, Workload, markers_in, tokens
from tests.browser.answers import shown

SMALL = Workload(100, 0)
TEXT = "".join(SMALL.tokens())
MARKERS = len(markers_in(TEXT))
NAMES = ("chatlas", "display", "print", "anywidget", "nbstream")


def seen(contender: Contender = NBSTREAM, text: str | None = None) -> Seen:
    """A run in which a marker is sent every 10 ms from second 1 on, and each is shown 5 ms later."""
    sent = [1 + number / 100 for number in range(MARKERS)]
    return Seen(
        sent=sent,
        last_byte=sent[-1],
        frames=[(at + 0.005, 10.0 + number, number) for number, at in enumerate(sent)],
        tasks=[],
        looks=[(0.0, 1.0), (sent[-1], 2.0), (sent[-1] + 2, 3.0)],
        changed=sent[-1] + 1,
        text=text if text is not None else shown(TEXT) if contender.markdown else TEXT,
        bytes=1000,
        messages=10,
        kernel_cpu=0.5,
        gave_up=False,
        limited=False,
    )


def rows() -> list[Figures]:
    """A row for each contender and each workload of a full run."""
    made = [figures(contender, SMALL, seen(contender)) for contender in CONTENDERS.values()]
    return [replace(one, workload=workload.name) for workload in WORKLOADS for one in made]


def test_every_contender_of_the_promise_is_in_the_tables_once_for_each_workload() -> None:
    text = report.streams(rows(), WORKLOADS, list(CONTENDERS))
    assert set(CONTENDERS) == set(NAMES)
    for name in NAMES:
        assert text.count(f"\n| {CONTENDERS[name].label} |") == len(WORKLOADS)
    for label in ("500 @ 50/s", "4,000 @ 200/s", "20,000 @ 2,000/s", "8,000 at full speed"):
        assert f"### {label}\n" in text


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_contender_is_an_error_and_not_a_gap(name: str) -> None:
    without = [row for row in rows() if (row.contender, row.workload) != (name, "8000")]
    with pytest.raises(report.Missing, match=name):
        report.streams(without, WORKLOADS, list(CONTENDERS))


@pytest.mark.parametrize("name", client.READERS)
def test_a_missing_client_is_an_error_too(name: str) -> None:
    speeds = {reader: {"body": 2.0, "chunks": 1.0} for reader in client.READERS}
    labels = {reader: label for reader, (label, _) in client.READERS.items()}
    assert report.clients(speeds, labels).count("\n") == len(client.READERS) + 1
    del speeds[name]
    with pytest.raises((report.Missing, KeyError), match=name):
        report.clients(speeds, labels)


def test_latency_is_from_the_send_of_a_word_to_the_frame_that_shows_it() -> None:
    found = figures(NBSTREAM, SMALL, seen())
    assert (found.p50, found.p99, found.finish) == pytest.approx((5, 5, 5))
    assert found.settled == pytest.approx(1000)
    assert (found.main_stream, found.main_settling) == pytest.approx((1.0, 0.5))
    assert found.complete and found.height_drops == 0


def test_a_word_shown_late_is_late_also_when_the_next_one_is_on_time() -> None:
    late = seen()
    late.frames[10] = (late.frames[11][0], *late.frames[10][1:])
    assert figures(NBSTREAM, SMALL, late).p99 == pytest.approx(15)


def test_words_that_were_dropped_are_not_counted_as_shown() -> None:
    half = TEXT[: len(TEXT) // 2]
    found = figures(PRINT, SMALL, seen(PRINT, half))
    assert not found.complete
    assert found.markers_shown == len(markers_in(half)) < found.markers_sent == MARKERS
    assert found.finish is None
    assert "no: about" in report.completeness(found, SMALL)


def test_a_letter_too_few_is_not_complete() -> None:
    assert not figures(ANYWIDGET, SMALL, seen(ANYWIDGET, TEXT[:-1])).complete


def test_a_long_task_blocks_by_what_exceeds_50_ms_in_the_phase_in_which_it_began() -> None:
    blocked = seen()
    assert blocked.last_byte is not None
    blocked.tasks = [(-5.0, 1.0), (1.0, 0.08), (blocked.last_byte + 0.1, 0.15)]  # the first one: warm-up
    found = figures(NBSTREAM, SMALL, blocked)
    assert (found.blocking_stream, found.blocking_settling) == pytest.approx((30, 100))


def test_a_contender_that_gave_up_says_so() -> None:
    slow = replace(seen(PRINT, ""), gave_up=True, last_byte=None)
    found = figures(PRINT, SMALL, slow)
    assert (found.p50, found.finish, found.settled) == (None, None, None)
    assert "gave up after 20 s" in report.completeness(found, SMALL)


def test_the_middle_of_three_runs_hides_no_loss() -> None:
    one = figures(NBSTREAM, SMALL, seen())
    runs = [
        replace(one, p99=9.0),
        replace(one, p99=1.0, complete=False),
        replace(one, p99=2.0, height_drops=3),
    ]
    found = middle(runs)
    assert (found.p99, found.complete, found.height_drops, found.runs) == (2.0, False, 3, 3)


def test_targets_are_judged_beside_the_bare_anywidget() -> None:
    slow = [replace(row, p50=8.0) if row.contender == "nbstream" else row for row in rows()]
    found = {target.what: target for target in report.targets({}, slow, WORKLOADS)}
    assert not found["4,000 @ 200/s: p50 beside the bare anywidget"].met
    assert found["4,000 @ 200/s: p99 beside the bare anywidget"].met
    assert found["4,000 @ 200/s: websocket"].met
    assert len(found) == 4 * 5 + 1


def results(**more: Any) -> dict[str, Any]:
    """What a full run writes."""
    return {
        "full": True,
        "failures": [],
        "machine": {"cores": 2, "python": "3.11", **dict.fromkeys(run.PACKAGES, "1.0")},
        "workloads": [one.name for one in WORKLOADS],
        "rows": [row.as_json() for row in rows()],
        "imports": dict.fromkeys([*imports.WHATS, "first_use"], 1.0) | {"load_ext": 2.0},
    } | more


def test_the_tables_of_a_run_name_the_machine_and_the_targets() -> None:
    text = run.tables(results(), list(CONTENDERS))
    assert text.startswith("2 cores, Python ")
    assert "| ✗ | `%load_ext nbstream` beside importing ipywidgets | ≤ 1× | 2.00× |" in text


@pytest.mark.parametrize(
    ("more", "written"), [({}, True), ({"full": False}, False), ({"failures": ["x"]}, False)]
)
def test_only_a_full_run_gets_into_the_documents(
    more: dict[str, Any], written: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, kept = tmp_path / "page.md", "before\n<!-- tables -->old<!-- end of tables -->\nafter\n"
    page.write_text(kept, encoding="utf-8")
    (tmp_path / "results.json").write_text(json.dumps(results(**more)), encoding="utf-8")
    monkeypatch.setattr(run, "DOCS", page)
    monkeypatch.setattr(run, "RESULTS", tmp_path / "results.json")
    assert (run.write_docs() == 0) is written
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n<!-- tables -->") and text.endswith("<!-- end of tables -->\nafter\n")
    assert ("### 4,000 @ 200/s" in text) is written
    assert (text == kept) is not written


@pytest.mark.parametrize("module", [figures_module, report, workloads])
def test_the_examples_hold(module: ModuleType) -> None:
    failed, tried = doctest.testmod(module)
    assert tried and not failed


def test_the_provider_remembers_when_it_sent_each_marker() -> None:
    with Provider() as provider:
        text = "".join(client.stream(provider.url)("bench:100"))
        sent = provider.sent()
        assert text == TEXT
        assert len(sent["marks"]) == MARKERS
        assert sent["arrived"] <= sent["marks"][0] <= sent["marks"][-1] <= sent["last"]
        for shape in client.SHAPES:
            assert "".join(client.stream(provider.url)(f"{shape}:200")) == "".join(tokens(200, 20))
