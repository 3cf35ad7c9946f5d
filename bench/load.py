"""Many streams at once, beside what a user would pick instead; reused connections; WebSockets by the hundred.

    python bench/load.py            500 streams, 100 requests a second for 30 s, 500 WebSockets: four minutes
    python bench/load.py --quick    a look, in a minute

Each contender reads in a process of its own, one after the other, from a server in another. Part of
``python bench/run.py``, which writes the results down.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


from bench.load_client import CONTENDERS, SHORT
from bench.load_server import Serving
from bench.report import Missing, Target, grid
from tests.environment import ROOT, clean
from tests.served import Served

OURS, OTHER = "nbstream", "openai"


@dataclass(frozen=True)
class Size:
    """How much is asked."""

    streams: int
    tokens: int
    rate: float
    requests: int
    seconds: float
    rounds: int

    @property
    def label(self) -> str:
        return f"{self.streams} streams at once, {self.tokens} tokens at {self.rate:g}/s each"


FULL = Size(500, 200, 20, requests=100, seconds=30, rounds=31)
QUICK = Size(500, 60, 20, requests=100, seconds=4, rounds=7)


def measure(size: Size, home: Path, names: tuple[str, ...] = tuple(CONTENDERS)) -> dict[str, Any]:
    """All figures. Raises RuntimeError where a contender fails: a gap is no comparison."""
    found: dict[str, Any] = {"size": size.label, "requests": size.requests}
    found |= {"together": {}, "by_the_second": {}, "reuse": {}}
    for name in names:
        with Serving() as server:
            numbers = (size.streams, size.tokens, size.rate, size.requests, size.seconds)
            figures = _run(home, {}, name, server.url, *numbers)
        found["together"][name] = figures["together"]
        found["by_the_second"][name] = figures["by_the_second"]
    for scheme, words in (("http", ()), ("https", ("--tls",))):
        with Serving(*words) as server:
            trusted = {"SSL_CERT_FILE": server.certificate} if server.certificate else {}
            found["reuse"][scheme] = _run(home, trusted, "reuse", server.url, size.rounds)
    with Served("spark", key=None) as server:
        found["spark"] = _run(home, {}, "spark", server.url, size.streams, 20, size.rate / 2)
    return found


def _run(home: Path, environment: dict[str, str], *words: object) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(ROOT / "bench/load_client.py"), *map(str, words)],
        capture_output=True,
        text=True,
        timeout=300,
        env=clean(home, **environment),
    )
    if done.returncode:
        raise RuntimeError(f"{words[0]} failed under load:\n{done.stderr}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def table(found: dict[str, Any]) -> str:
    """The tables, as Markdown."""
    head = [
        "",
        "errors",
        "wall (ideal)",
        "first token: p50",
        "p99",
        "token late: p50",
        "p99",
        "CPU",
        "× openai",
    ]
    lines = [head, *(_together(found["together"], name) for name in CONTENDERS)]
    parts = [f"### {found['size'].capitalize()}", grid(lines)]
    head = ["", "errors", "first token: p50", "p99", "token late: p99", "CPU"]
    lines = [head, *(_by_the_second(found["by_the_second"], name) for name in CONTENDERS)]
    requests = found["by_the_second"][OURS]["requests"]
    parts += [
        f"### {requests:,} requests, {found['requests']} a second ({SHORT.removeprefix('load:')})",
        grid(lines),
    ]
    rows = [
        [name, *(f"{value:.1f} ms" for value in (one["new"], one["reused"], one["new"] - one["reused"]))]
        for name, one in found["reuse"].items()
    ]
    parts += ["### Time to the first token", grid([["", "new connection", "reused", "saved"], *rows])]
    one = found["spark"]
    parts.append(
        f"{one['streams']} Spark WebSockets at once: {one['errors']} errors, {one['wall']:.1f} s (ideal "
        f"{one['ideal']:.1f} s), first token p50 {one['first_p50']:.0f} ms, p99 {one['first_p99']:.0f} ms, "
        f"{one['kilobytes']:.0f} kB of memory and {1000 * one['cpu'] / one['streams']:.0f} ms of CPU each."
    )
    return "\n\n".join(parts)


def _row(rows: dict[str, Any], name: str) -> Any:
    if name not in rows:
        raise Missing(f"{name} has no row under load")
    return rows[name]


def _together(rows: dict[str, Any], name: str) -> list[str]:
    one = _row(rows, name)
    return [
        CONTENDERS[name][0],
        _errors(one),
        f"{one['wall']:.2f} s ({one['wall'] / one['ideal']:.2f}×)",
        *(_ms(one[figure]) for figure in ("first_p50", "first_p99", "late_p50", "late_p99")),
        f"{one['cpu']:.2f} s",
        f"{one['cpu'] / _row(rows, OTHER)['cpu']:.2f}",
    ]


def _by_the_second(rows: dict[str, Any], name: str) -> list[str]:
    one = _row(rows, name)
    figures = (_ms(one[figure]) for figure in ("first_p50", "first_p99", "late_p99"))
    return [CONTENDERS[name][0], _errors(one), *figures, f"{one['cpu']:.2f} s"]


def _errors(one: dict[str, Any]) -> str:
    return f"{one['errors']}: {one['error']}" if one["errors"] else "0"


def _ms(value: float | None) -> str:
    return "never" if value is None else f"{value:,.0f} ms"


def targets(found: dict[str, Any]) -> Iterator[Target]:
    """What we want under load, and what came of it."""
    ours, other = _row(found["together"], OURS), _row(found["together"], OTHER)
    yield _at_most("streams at once: errors", ours["errors"], 0)
    yield _at_most("streams at once: wall beside the ideal", ours["wall"] / ours["ideal"], 1.1, "×")
    yield _at_most("streams at once: first token, p50", ours["first_p50"], 300, " ms")
    yield _at_most("streams at once: first token, p99", ours["first_p99"], 500, " ms")
    yield _at_most("streams at once: token late, p99", ours["late_p99"], 150, " ms")
    yield _at_most("streams at once: CPU beside AsyncOpenAI", ours["cpu"] / other["cpu"], 0.9, "×")
    steady = _row(found["by_the_second"], OURS)
    yield _at_most("100 requests a second: errors", steady["errors"], 0)
    yield _at_most("100 requests a second: first token, p99", steady["first_p99"], 500, " ms")
    yield _at_most("500 Spark WebSockets: errors", found["spark"]["errors"], 0)
    for scheme, one in found["reuse"].items():
        saved = one["reused"] / one["new"]
        yield _at_most(f"{scheme}: first token on a reused connection beside a new one", saved, 1.0, "×")


def _at_most(what: str, value: float | None, most: float, unit: str = "") -> Target:
    if value is None:
        return Target(what, f"≤ {most:g}{unit}", "never", False)
    measured = f"{value:.2f}{unit}" if unit == "×" else f"{value:,.0f}{unit}"
    return Target(what, f"≤ {most:g}{unit}", measured, value <= most)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer tokens, shorter")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as folder:
        found = measure(QUICK if quick else FULL, Path(folder))
    print(table(found))
    print("\n" + grid([["", "target", "wanted", "measured"], *(one.line() for one in targets(found))]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
