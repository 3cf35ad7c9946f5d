"""From what was seen to the figures of a row. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from statistics import median
from typing import Any

from bench.contenders import Contender
from bench.page import Seen
from bench.workloads import Workload, markers_in
from tests.browser.answers import shown
from tests.browser.page import squeezed

LONG_TASK = 0.05
"""Seconds of a task that block nobody; what is above them is blocking time."""
VISIBLE_STEP = 0.5
"""Pixels by which a height must fall to be seen."""


@dataclass
class Figures:
    """One contender, one workload, one run (or the median of several). Times in ms unless named."""

    contender: str
    workload: str
    p50: float | None
    """From the provider's send to the frame that shows it. None: nothing was seen in time."""
    p99: float | None
    finish: float | None
    """From the provider's last byte to the frame that shows the last word; None: it never came."""
    settled: float | None
    """From the provider's last byte to the output's last change."""
    bytes: int
    messages: int
    main_stream: float
    """Seconds of CPU of the page's main thread, from the cell's start to the provider's last byte."""
    main_settling: float
    blocking_stream: float
    blocking_settling: float
    kernel_cpu: float
    """Seconds, of the kernel's process."""
    height_drops: int
    deepest_drop: float
    """Pixels."""
    complete: bool
    markers_shown: int
    markers_sent: int
    gave_up: bool
    limited: bool
    uncertainty: float
    """How far the page's clock may be off."""
    idle: float | None
    """Seconds of CPU a second of the page's main thread when nothing changes any more: the sampler's cost."""
    runs: int = 1

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def figures(contender: Contender, workload: Workload, seen: Seen) -> Figures:
    """The figures of one run."""
    tokens = workload.tokens()
    there = set(markers_in(seen.text))
    # What is not there at the end was dropped, though a later marker may make it look passed.
    latencies = sorted(1000 * (at - seen.sent[n]) for n, at in visible_at(seen).items() if n in there)
    ended = seen.last_byte if seen.last_byte is not None else float("inf")
    last = sum(len(markers_in(token)) for token in tokens) - 1
    finished = visible_at(seen).get(last) if last in there else None
    blocking = [(at, 1000 * (length - LONG_TASK)) for at, length in seen.tasks if at >= seen.looks[0][0]]
    stream, settling = main_thread(seen.looks, ended, seen.changed)
    drops = height_drops([height for _, height, _ in seen.frames])
    return Figures(
        contender=contender.name,
        workload=workload.name,
        p50=quantile(latencies, 0.5),
        p99=quantile(latencies, 0.99),
        finish=None if finished is None else 1000 * (finished - ended),
        settled=None if seen.gave_up else 1000 * (seen.changed - ended),
        bytes=seen.bytes,
        messages=seen.messages,
        main_stream=stream,
        main_settling=settling,
        blocking_stream=sum(length for at, length in blocking if at < ended),
        blocking_settling=sum(length for at, length in blocking if at >= ended),
        kernel_cpu=seen.kernel_cpu,
        height_drops=len(drops),
        deepest_drop=max(drops, default=0.0),
        complete=squeezed(seen.text) == expected("".join(tokens), markdown=contender.markdown),
        markers_shown=len(there),
        markers_sent=last + 1,
        gave_up=seen.gave_up,
        limited=seen.limited,
        uncertainty=1000 * seen.uncertainty,
        idle=None if seen.gave_up else idle(seen.looks, seen.changed),
    )


def expected(text: str, *, markdown: bool) -> str:
    """The squeezed text that a complete answer shows."""
    return shown(text) if markdown else squeezed(text)


def visible_at(seen: Seen) -> dict[int, float]:
    """The first frame in which each marker could be read."""
    found: dict[int, float] = {}
    upto = 0
    for at, _, newest in seen.frames:
        for number in range(upto, min(newest + 1, len(seen.sent))):
            found[number] = at
        upto = max(upto, newest + 1)
    return found


def main_thread(looks: Sequence[tuple[float, float]], ended: float, changed: float) -> tuple[float, float]:
    """Seconds of CPU until the provider's end, and from there to the last change."""
    first = looks[0][1]
    at_end = at_time(looks, ended)
    return at_end - first, max(0.0, at_time(looks, changed) - at_end)


def idle(looks: Sequence[tuple[float, float]], changed: float) -> float:
    """Seconds of CPU a second from half a second after the last change on."""
    since = max(changed, looks[0][0]) + 0.5
    return (looks[-1][1] - at_time(looks, since)) / max(0.1, looks[-1][0] - since)


def at_time(looks: Sequence[tuple[float, float]], when: float) -> float:
    """The reading at `when`, on a straight line between the two looks around it."""
    before = looks[0]
    for look in looks:
        if look[0] >= when:
            width = look[0] - before[0]
            part = (when - before[0]) / width if width else 1.0
            return before[1] + max(0.0, part) * (look[1] - before[1])
        before = look
    return before[1]


def height_drops(heights: Sequence[float]) -> list[float]:
    """How far the height fell, each time that it did.

    >>> height_drops([0, 10, 8, 9, 9, 3])
    [2, 6]
    """
    steps = pairwise(heights)
    return [before - after for before, after in steps if before - after > VISIBLE_STEP]


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that `share` of the values do not exceed; None of nothing.

    >>> quantile([1, 2, 3, 4], 0.5), quantile([1, 2, 3, 4], 0.99)
    (2, 4)
    """
    if not ordered:
        return None
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def middle(runs: Sequence[Figures]) -> Figures:
    """The median of each figure; complete only if every run was."""
    chosen = runs[0].as_json()
    for name, value in runs[0].as_json().items():
        values = [getattr(one, name) for one in runs]
        if isinstance(value, bool):
            chosen[name] = all(values) if name == "complete" else any(values)
        elif name in ("height_drops", "deepest_drop"):
            chosen[name] = max(values)
        elif not isinstance(value, str):
            chosen[name] = None if None in values else median(values)
    return Figures(**chosen | {"runs": len(runs)})
