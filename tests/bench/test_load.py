"""The load benchmark compares like with like, with no gaps, no lost tokens, no lost errors."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from bench import load, run
from bench.load import Size
from bench.load_client import CONTENDERS, Watch, measured, reuse, spark, together
from bench.load_server import Serving
from bench.report import Missing
from tests.served import Served

SMALL = Size(5, 4, 50, requests=20, seconds=0.2, rounds=2)
NAMES = ("nbstream", "openai", "by_hand", "httpx2")


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """What a run of ours finds; the rows of the others are made up."""
    with Serving() as server:
        ours = asyncio.run(measured(["nbstream", server.url, "5", "4", "50", "20", "0.2"]))
        reused = reuse(server.url, 2)
    with Served("spark", key=None) as server:
        sockets = asyncio.run(spark(server.url, 5, 20, 100))
    rows = {part: dict.fromkeys(NAMES, ours[part]) for part in ("together", "by_the_second")}
    return rows | {"size": SMALL.label, "requests": 20, "reuse": {"http": reused}, "spark": sockets}


HERE = tuple(name for name in NAMES if name != "openai" or find_spec("openai"))
"""The openai package comes with the benchmark, not with the tests: a run without it ends with an error."""


def test_every_contender_reads_every_token_of_every_stream() -> None:
    assert set(CONTENDERS) == set(NAMES)
    for name in HERE:
        with Serving() as server:
            found = asyncio.run(together(CONTENDERS[name][1](server.url), 5, 4, 50))
        assert found["errors"] == 0, (name, found["error"])
        assert 0 < found["first_p50"] <= found["first_p99"] and 0 < found["late_p50"] <= found["late_p99"]
        assert found["wall"] >= found["ideal"] == 3 / 50 and found["cpu"] > 0


def test_requests_a_second_reuse_and_websockets_are_measured(found: dict[str, Any]) -> None:
    steady = found["by_the_second"]["nbstream"]
    assert (steady["requests"], steady["errors"]) == (4, 0) and steady["first_p99"] > 0
    assert found["reuse"]["http"]["new"] > 0 and found["reuse"]["http"]["reused"] > 0
    assert found["spark"]["errors"] == 0 and found["spark"]["streams"] == 5


def test_the_tables_name_each_contender_and_the_targets(found: dict[str, Any]) -> None:
    text = load.table(found)
    for label, _ in CONTENDERS.values():
        assert text.count(f"\n| {label} |") == 2
    assert "5 Spark WebSockets at once: 0 errors" in text
    wanted = {target.what: target.wanted for target in load.targets(found)}
    assert wanted["streams at once: first token, p50"] == "≤ 300 ms"
    assert wanted["streams at once: CPU beside AsyncOpenAI"] == "≤ 0.9×"
    assert len(wanted) == 10


@pytest.mark.parametrize("part", ["together", "by_the_second"])
@pytest.mark.parametrize("name", NAMES)
def test_a_missing_contender_is_an_error_and_not_a_gap(found: dict[str, Any], part: str, name: str) -> None:
    without = found | {part: {other: one for other, one in found[part].items() if other != name}}
    with pytest.raises(Missing, match=name):
        load.table(without)


def test_a_contender_that_fails_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="nobody failed under load"):
        load._run(tmp_path, {}, "nobody", "http://127.0.0.1:9", 1, 1, 1, 1, 1)


def test_a_target_is_missed_by_what_is_too_slow_and_by_what_never_came(found: dict[str, Any]) -> None:
    slow = found["together"] | {"nbstream": found["together"]["nbstream"] | {"errors": 1, "first_p99": None}}
    missed = {one.what: one.measured for one in load.targets(found | {"together": slow}) if not one.met}
    assert missed["streams at once: errors"] == "1"
    assert missed["streams at once: first token, p99"] == "never"


def test_load_is_part_of_the_benchmark() -> None:
    assert "load" in run.PARTS


def test_a_stream_that_ends_early_is_an_error() -> None:
    async def read(model: str) -> AsyncIterator[str]:
        yield f"{time.monotonic_ns()} "

    watch = Watch()
    asyncio.run(watch.one(read, "load:2@1", 2))
    assert watch.figures()["errors"] == 1 and "1 tokens of 2" in watch.figures()["error"]
