"""The tables and the targets, from the results of a run. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bench import history
from bench.contenders import CONTENDERS
from bench.figures import Figures
from bench.flat import MOST
from bench.workloads import Workload

OURS, BARE = "nbstream", "anywidget"
COLUMNS = (
    "shown after: p50",
    "p99",
    "finished",
    "settled",
    "websocket",
    "messages",
    "page CPU: stream + settling",
    "blocked: stream + settling",
    "kernel CPU",
    "height drops",
    "text complete",
)


class Missing(Exception):
    """A contender has no row: the run is not a comparison."""


def row_of(rows: Sequence[Figures], contender: str, workload: str) -> Figures:
    """The row of one contender; raises `Missing` rather than leave a gap."""
    for row in rows:
        if (row.contender, row.workload) == (contender, workload):
            return row
    raise Missing(f"{contender} has no row for {workload}")


def streams(rows: Sequence[Figures], workloads: Sequence[Workload], contenders: Sequence[str]) -> str:
    """A table for each workload, with a row for each contender."""
    parts = []
    for workload in workloads:
        lines = [["", *COLUMNS]]
        bare = row_of(rows, BARE, workload.name) if BARE in contenders else None
        for name in contenders:
            row = row_of(rows, name, workload.name)
            lines.append([CONTENDERS[name].label, *cells(row, workload, bare)])
        parts.append(f"### {workload.label}\n\n{grid(lines)}")
    return "\n\n".join(parts)


def cells(row: Figures, workload: Workload, bare: Figures | None) -> Iterator[str]:
    """The columns of one row; latencies also as multiples of the bare anywidget's."""
    for name in ("p50", "p99"):
        value, other = getattr(row, name), getattr(bare, name, None)
        times = f" ({value / other:.2f}×)" if value and other and bare is not row else ""
        yield milliseconds(value) + times
    yield milliseconds(row.finish)
    yield milliseconds(row.settled)
    yield f"{row.bytes / 1000:,.0f} kB"
    yield f"{row.messages:,.0f}"
    yield f"{row.main_stream:.2f} + {row.main_settling:.2f} s"
    yield f"{row.blocking_stream:,.0f} + {row.blocking_settling:,.0f} ms"
    yield f"{row.kernel_cpu:.2f} s"
    yield f"{row.height_drops:.0f}"
    yield completeness(row, workload)


def completeness(row: Figures, workload: Workload) -> str:
    if row.complete:
        return "yes"
    reasons = [f"gave up after {workload.bound:.0f} s"] if row.gave_up else []
    reasons += ["Jupyter's rate limit"] if row.limited else []
    shown = row.markers_shown / row.markers_sent * workload.count
    return f"no: about {shown:,.0f} of {workload.count:,} tokens ({', '.join(reasons) or 'text differs'})"


def milliseconds(value: float | None) -> str:
    return "never" if value is None else f"{value:,.0f} ms"


def grid(lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first line is its head.

    >>> print(grid([["a", "b"], ["1", "2"]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    head, *body = lines
    rows = [head, ["---"] * len(head), *body]
    return "\n".join(
        "| " + " | ".join(row) + " |" if row[0] != "---" else "|---" * len(row) + "|" for row in rows
    )


def clients(speeds: dict[str, dict[str, float]], labels: dict[str, str]) -> str:
    """The table of the clients' speeds."""
    lines = [["tokens a second", "in one piece", "× openai", "in HTTP chunks", "× openai"]]
    for name, label in labels.items():
        if name not in speeds:
            raise Missing(f"{name} has no row among the clients")
        line = [label]
        for shape in ("body", "chunks"):
            speed = speeds[name][shape]
            line += [f"{speed:,.0f}", f"{speed / speeds['openai'][shape]:.1f}"]
        lines.append(line)
    return grid(lines)


def loading(took: dict[str, float]) -> str:
    """The table of what loading costs."""
    lines = [
        ["", "CPU, ms"],
        ["`%load_ext nbstream`", f"{took['load_ext']:.0f}"],
        ["`import ipywidgets`", f"{took['ipywidgets']:.0f}"],
        ["the modules of the first `%%llm`", f"{took['first']:.0f}"],
        ["`import httpx2, anywidget`", f"{took['parts']:.0f}"],
        ["the same, and what httpx2 loads when it first sends", f"{took['sending']:.0f}"],
    ]
    longer = (
        f"By the clock, the first `%%llm` of a kernel takes {took['first_use']:.0f} ms longer than the "
        "second until its request arrives at the provider."
    )
    return f"{grid(lines)}\n\n{longer}"


@dataclass(frozen=True)
class Target:
    """What we want, and what came of it."""

    what: str
    wanted: str
    measured: str
    met: bool

    def line(self) -> list[str]:
        return ["✓" if self.met else "✗", self.what, self.wanted, self.measured]


def targets(results: dict[str, Any], rows: Sequence[Figures], workloads: Sequence[Workload]) -> list[Target]:
    """Every target that these results can answer."""
    found: list[Target] = []
    for workload in workloads if {OURS, BARE} <= {row.contender for row in rows} else ():
        ours, bare = row_of(rows, OURS, workload.name), row_of(rows, BARE, workload.name)
        found += _against_bare(ours, bare, workload)
    for workload in workloads if OURS in {row.contender for row in rows} else ():
        found += _alone(row_of(rows, OURS, workload.name), workload)
    if speeds := results.get("client"):
        for shape, label in (("body", "in one piece"), ("chunks", "in HTTP chunks")):
            ratio = speeds["nbstream.stream"][shape] / speeds["openai"][shape]
            found.append(
                Target(f"tokens a second beside the openai SDK, {label}", "≥ 5×", f"{ratio:.1f}×", ratio >= 5)
            )
    if took := results.get("imports"):
        for what, one, other, most in (
            ("`%load_ext nbstream` beside importing ipywidgets", "load_ext", "ipywidgets", 1.0),
            ("first `%%llm` beside importing httpx2 and anywidget", "first", "parts", 1.5),
        ):
            ratio = took[one] / took[other]
            found.append(Target(what, f"≤ {most:g}×", f"{ratio:.2f}×", ratio <= most))
    costs = results.get("flat", [])
    for name in dict.fromkeys(row["workload"] for row in costs):
        ratio = max(row["ratio"] for row in costs if row["workload"] == name)
        what = f"{name}: a batch at token 20,000 beside one at token 200"
        found.append(Target(what, f"≤ {MOST:g}×", f"{ratio:.2f}×", ratio <= MOST))
    for row in results.get("history", {}).get("rows", []):
        if row["bounded"]:
            what = (
                f"preparing a turn after {history.LONG:,} turns beside after {history.SHORT}: {row['what']}"
            )
            found.append(Target(what, f"≤ {history.MOST:g}×", f"{row['ratio']:.2f}×", row["ok"]))
    return found


def _against_bare(ours: Figures, bare: Figures, workload: Workload) -> Iterator[Target]:
    for name, most in (("p50", 1.5), ("p99", 2.0)):
        mine, other = getattr(ours, name), getattr(bare, name)
        if mine is None or other is None:
            measured, met = "nothing was seen", mine is not None
        else:
            measured, met = f"{mine / other:.2f}× ({mine:.0f} against {other:.0f} ms)", mine <= most * other
        if not bare.complete:
            measured += ", of what the bare one showed"
        yield Target(f"{workload.label}: {name} beside the bare anywidget", f"≤ {most:g}×", measured, met)


def _alone(ours: Figures, workload: Workload) -> Iterator[Target]:
    yield Target(f"{workload.label}: text complete", "yes", completeness(ours, workload), ours.complete)
    blocked = ours.blocking_stream
    yield Target(f"{workload.label}: blocked in the stream", "0 ms", f"{blocked:.0f} ms", blocked == 0)
    finished = ours.finish is not None and ours.finish <= 100
    yield Target(
        f"{workload.label}: finished after the last byte", "≤ 100 ms", milliseconds(ours.finish), finished
    )
    if (workload.count, workload.rate) == (4000, 200):
        size = ours.bytes / 1000
        yield Target(f"{workload.label}: websocket", "≤ 700 kB", f"{size:,.0f} kB", size <= 700)


def target_table(found: Sequence[Target]) -> str:
    return grid([["", "target", "wanted", "measured"], *(target.line() for target in found)])
