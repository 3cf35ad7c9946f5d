"""The benchmark: what we promise, measured beside what a user would pick instead, all on this machine.

    python bench/run.py                    everything; bench/results.json and bench/results.md
    python bench/run.py --quick            a look, in two minutes
    python bench/run.py --only stream --contender nbstream --workload 20000@2000
    python bench/run.py --write-docs       the tables of the last full run into docs/benchmarks.md

A contender that fails or has no row ends the run with an error. A target that is missed does not.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import chatting, client, flat, history, imports, load, report
from bench.chrome import Chrome
from bench.contenders import CONTENDERS
from bench.figures import Figures, figures, middle
from bench.page import Bench
from bench.provider import Provider
from bench.workloads import QUICK, WORKLOADS, Workload
from tests.browser.jupyter import Server
from tests.environment import ROOT

PARTS = ("stream", "panel", "client", "imports", "flat", "history", "load")
RESULTS = ROOT / "bench/results.json"
TABLES = ROOT / "bench/results.md"
DOCS = ROOT / "docs/benchmarks.md"
PACKAGES = ("jupyterlab", "ipykernel", "anywidget", "httpx2", "openai", "chatlas", "panel", "marimo")


def main() -> int:
    options = parsed()
    if options.write_docs:
        return write_docs()
    begun = time.monotonic()
    workloads = options.workload or (QUICK if options.quick else WORKLOADS)
    contenders = options.contender or list(CONTENDERS)
    parts = tuple(options.only or PARTS)
    results: dict[str, Any] = {"machine": machine(), "workloads": [one.name for one in workloads]}
    results["full"] = parts == PARTS and not (options.quick or options.workload or options.contender)
    with Provider() as provider, tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        if "stream" in parts:
            results |= streamed(
                provider, home / "server", workloads, contenders, 1 if options.quick else options.repeat
            )
        if "panel" in parts:
            say("the panel")
            results["panel"] = paneled(provider, home / "panel", quick=options.quick)
        if "client" in parts:
            say("clients")
            results["client"] = client.measure(
                provider.url, home / "client", rounds=1 if options.quick else 5
            )
        if "imports" in parts:
            say("imports")
            results["imports"] = imports.measure(
                provider.url, home / "imports", rounds=2 if options.quick else 7
            )
    if "flat" in parts:
        say("flat cost")
        results["flat"] = flat.measure(flat.WORKLOADS, runs=1 if options.quick else flat.RUNS)
    if "history" in parts:
        say("a long conversation")
        results["history"] = history.measure(20 if options.quick else history.ROUNDS)
    if "load" in parts:
        say("load")
        with tempfile.TemporaryDirectory() as folder:
            results["load"] = load.measure(load.QUICK if options.quick else load.FULL, Path(folder))
    results["seconds"] = round(time.monotonic() - begun)
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False), encoding="utf-8")
    if failures := results.get("failures"):
        print("A contender failed, so this is no comparison:", *failures, sep="\n  ", file=sys.stderr)
        return 1
    text = tables(results, contenders)
    TABLES.write_text(text + "\n", encoding="utf-8")
    print(f"\n{text}\n\n{results['seconds']} s; written to bench/results.json and bench/results.md")
    return 0


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--only", action="append", choices=PARTS, help="a part (default: all); may be repeated"
    )
    parser.add_argument("--contender", action="append", choices=CONTENDERS, help="may be repeated")
    parser.add_argument("--workload", action="append", type=Workload.parse, metavar="TOKENS@RATE")
    parser.add_argument(
        "--repeat", type=int, default=3, help="runs of those that targets compare (default: 3)"
    )
    parser.add_argument("--quick", action="store_true", help="one small workload, once")
    parser.add_argument("--write-docs", action="store_true", help="put the last results into the documents")
    return parser.parse_args()


def say(*words: object) -> None:
    print("bench:", *words, file=sys.stderr, flush=True)


def machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "python": ".".join(map(str, sys.version_info[:3])),
        **{name: version(name) for name in PACKAGES},
    }


# --- the answers in the browser -----------------------------------------------------------------------


def streamed(
    provider: Provider, home: Path, workloads: Sequence[Workload], contenders: Sequence[str], repeat: int
) -> dict[str, Any]:
    """Every workload through every contender; what failed is told apart."""
    runs: list[Figures] = []
    rows: list[Figures] = []
    failures: list[str] = []
    with Chrome() as chrome:
        server = Server("lab", home).start()
        try:
            bench = Bench(provider, server, chrome)
            for workload in workloads:
                made = rounds(bench, workload, contenders, repeat, failures)
                runs += [one for each in made.values() for one in each]
                rows += [middle(each) for each in made.values() if each]
        finally:
            server.stop()
    return {
        "chromium": chrome.version,
        "rows": [row.as_json() for row in rows],
        "runs": [one.as_json() for one in runs],
        "failures": failures,
    }


def paneled(provider: Provider, home: Path, *, quick: bool) -> dict[str, Any]:
    """The panel beside other chats."""
    with Chrome() as chrome:
        server = Server("lab", home / "server").start()
        try:
            bench = Bench(provider, server, chrome)
            workload = chatting.QUICK if quick else chatting.WORKLOAD
            return chatting.measure(bench, home, workload, repeat=1 if quick else 3)
        finally:
            server.stop()


def rounds(
    bench: Bench, workload: Workload, contenders: Sequence[str], repeat: int, failures: list[str]
) -> dict[str, list[Figures]]:
    """The runs of one workload: each contender in turn, those that targets compare `repeat` times."""
    made: dict[str, list[Figures]] = {name: [] for name in contenders}
    for number in range(repeat):
        for name in contenders:
            contender = CONTENDERS[name]
            if number and not contender.repeats:
                continue
            try:
                seen = bench.run(contender, workload)
                if seen.errors or not seen.text.strip():
                    raise RuntimeError("; ".join(seen.errors) or "it showed nothing")
            except Exception as error:  # the others still run; the comparison fails at the end
                failures.append(f"{name}, {workload.label}: {error}")
                say(failures[-1])
                continue
            made[name].append(one := figures(contender, workload, seen))
            say(f"{workload.label}, {name}:", " · ".join(report.cells(one, workload, None)))
    return made


# --- what is written ----------------------------------------------------------------------------------


def tables(results: dict[str, Any], contenders: Sequence[str]) -> str:
    """All tables of `results` as Markdown."""
    workloads = [Workload.parse(name) for name in results["workloads"]]
    rows = [Figures(**row) for row in results.get("rows", [])]
    parts = [situation(results, rows)]
    if rows:
        parts += ["## Streaming", report.streams(rows, workloads, contenders)]
    if chats := results.get("panel"):
        parts += ["## The panel", chatting.table(chats)]
    if speeds := results.get("client"):
        labels = {name: label for name, (label, _) in client.READERS.items()}
        parts += ["## The client alone", report.clients(speeds, labels)]
    if took := results.get("imports"):
        parts += ["## Loading", report.loading(took)]
    if costs := results.get("flat"):
        parts += ["## Flat cost", flat.table(costs)]
    if held := results.get("history"):
        parts += ["## A long conversation", history.table(held)]
    if busy := results.get("load"):
        parts += ["## Load", load.table(busy)]
    if found := all_targets(results, rows, workloads):
        parts += ["## Targets", report.target_table(found)]
    return "\n\n".join(parts)


def all_targets(
    results: dict[str, Any], rows: Sequence[Figures], workloads: Sequence[Workload]
) -> list[report.Target]:
    """Every target that these results can answer."""
    found = report.targets(results, rows, workloads)
    if chats := results.get("panel"):
        found += chatting.targets(chats)
    if busy := results.get("load"):
        found += load.targets(busy)
    return found


def situation(results: dict[str, Any], rows: Sequence[Figures]) -> str:
    known = results["machine"]
    where = f"{known['cores']} cores, Python {known['python']}, {results.get('chromium', 'no browser')}"
    with_ = ", ".join(f"{name} {known[name]}" for name in PACKAGES)
    text = f"{where}; {with_}."
    if rows:
        off = max(row.uncertainty for row in rows)
        idle = sorted(row.idle for row in rows if row.idle is not None)
        text += f" The page's clock is known to ±{off:.1f} ms."
        if idle:
            text += f" The sampler itself takes {idle[len(idle) // 2]:.2f} s of the page's CPU a second."
    return text


def write_docs() -> int:
    """Put the tables of the last full run between the marks in docs/benchmarks.md."""
    if not RESULTS.exists():
        print("There are no results yet: run `make bench` first.", file=sys.stderr)
        return 1
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    if not results["full"] or results["failures"]:
        print("The last run was not a full one: run `make bench` first.", file=sys.stderr)
        return 1
    page = DOCS.read_text(encoding="utf-8")
    made = f"<!-- tables -->\n\n{tables(results, list(CONTENDERS))}\n\n<!-- end of tables -->"
    pattern = r"<!-- tables -->.*<!-- end of tables -->"
    DOCS.write_text(re.sub(pattern, lambda _: made, page, flags=re.S), encoding="utf-8")
    rows = [Figures(**row) for row in results["rows"]]
    workloads = [Workload.parse(name) for name in results["workloads"]]
    found = all_targets(results, rows, workloads)
    missed = [one.what for one in found if not one.met]
    print("Missed; the text below the tables must say why:", *missed or ["nothing"], sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
