"""The chat panel beside other chats: someone types while an answer streams below 100 turns.

Each chat is in a page of its own, answers from the same provider, and has the same turns above. A key is
pressed every `PAUSE` seconds, from the first token to the last; the page looks just after each paint.
"""

from __future__ import annotations

import itertools
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import websocket
from websocket import WebSocketException

from bench.chats import CHATS, PATIENCE, Chat, in_lab, opened
from bench.chrome import Tab
from bench.contenders import CONTENDERS
from bench.figures import quantile
from bench.page import Bench, spent
from bench.report import Target, grid, milliseconds
from bench.workloads import TURN, Workload, said

WORKLOAD = Workload(4_000, 200)
QUICK = Workload(600, 200)
WARM = "60@100"
ABOVE, LONG = 100, 300
PAUSE = 0.15
RUN = "window.runCommand('notebook:run-cell'))"
OPENINGS = 3
COLUMNS = (
    "key to paint: p50",
    "p99",
    "token to paint: p50",
    "p99",
    "long tasks",
    "blocked: stream + after",
    "socket",
    "messages",
    "page CPU",
    "server CPU",
    "complete",
)
BYTES, SAME, OPEN = 1.2, 1.25, 1000.0
"""What our panel's bytes may be as a multiple of the answer widget's; its cost below 300 turns as one of
that below none; the milliseconds of opening 300 turns."""


@dataclass(frozen=True)
class Row:
    """The figures of one run. Times are milliseconds."""

    chat: str
    above: int
    key50: float | None
    key99: float | None
    keys: int
    lost: int
    token50: float | None
    token99: float | None
    tasks: int
    """Tasks of the page above 50 ms, from sending to the last word."""
    blocked: float
    """By how much they are above."""
    blocked_after: float
    bytes: int
    messages: int
    page: float
    """Seconds of CPU of the page's main thread."""
    server: float
    """Seconds of CPU of the process behind it."""
    seen: bool
    """Whether the last word was shown."""


def measure(bench: Bench, home: Path, workload: Workload, *, repeat: int = 1) -> dict[str, Any]:
    """Every chat, our panel below 0 and 300 turns, the answer widget's bytes, and opening 300 turns."""
    plan = [(chat, turns) for turns in (0, ABOVE) for chat in CHATS.values()]
    ours = CHATS["nbstream"]
    plan += [(ours, LONG), *((ours, turns) for _ in range(repeat - 1) for turns in (0, ABOVE, LONG))]
    rows = []
    for chat, turns in plan:
        rows.append(tried(chat, bench, turns, home, workload))
        print(
            f"bench: {chat.name} below {turns} turns:", " · ".join(cells(asdict(rows[-1]))), file=sys.stderr
        )
    answer = bench.run(CONTENDERS["nbstream"], workload)
    return {
        "workload": workload.name,
        "rows": [asdict(row) for row in rows],
        "answer": answer.bytes,
        "opening": opening(bench, OPENINGS if repeat > 1 else 1),
    }


def tried(chat: Chat, bench: Bench, above: int, home: Path, workload: Workload) -> Row:
    """The figures of a run; of a chat that does not open in time, or breaks, that it did not."""
    try:
        return run(chat, bench, above, home, workload)
    except (TimeoutError, WebSocketException) as error:
        if chat.name == "nbstream":
            raise
        print(f"bench: {chat.name} below {above} turns: {error}", file=sys.stderr)
        never = [None, None, 0, 0, None, None, 0, 0.0, 0.0, 0, 0, 0.0, 0.0]
        return Row(chat.name, above, *never, False)  # type: ignore[arg-type]


def run(chat: Chat, bench: Bench, above: int, home: Path, workload: Workload) -> Row:
    """One chat: a short answer to warm it, then the one that is measured, while keys are pressed."""
    with opened(chat, bench, above, home) as (tab, process):
        found = f"window.chatting.deep({chat.box!r}) && window.chatting.deep({chat.log!r})"
        tab.until(found, PATIENCE)
        tab.until(f"{above} === 0 || window.chatting.deep({chat.log!r}).offsetHeight > 100", PATIENCE)
        send(tab, chat, WARM)
        tab.evaluate(f"window.chatting.start({chat.box!r}, {chat.log!r})")
        tab.until("window.chatting.state().newest >= 5", 60)
        settle(tab)
        offset, _ = tab.clock()
        tab.evaluate(f"window.chatting.start({chat.box!r}, {chat.log!r})")
        cpu, server = tab.metrics()["TaskDuration"], spent(process)
        send(tab, chat, workload.name)
        last = sum(1 for token in workload.tokens() if "m0" in token) - 1
        end = time.monotonic() + workload.bound + 20
        tab.until("window.chatting.state().newest >= 0", 60)
        with typing(tab):
            while tab.evaluate("window.chatting.state().newest") < last and time.monotonic() < end:
                time.sleep(0.2)
        cpu, server = tab.metrics()["TaskDuration"] - cpu, spent(process) - server  # to the last word
        settle(tab)
        result = tab.evaluate("window.chatting.result()")
        return row(chat, above, result, bench.provider.sent(), offset, cpu, server, last)


def row(
    chat: Chat,
    above: int,
    result: dict[str, Any],
    sent: dict[str, Any],
    offset: float,
    cpu: float,
    server: float,
    last: int,
) -> Row:
    """The figures of what was seen."""
    shown, upto = [], 0
    for at, newest in result["frames"]:
        for number in range(upto, min(newest + 1, len(sent["marks"]))):
            shown.append(at + 1000 * (offset - sent["marks"][number]))
        upto = max(upto, newest + 1)
    keys = sorted(painted - pressed for pressed, painted in result["keys"] if pressed is not None)
    tokens = sorted(shown)
    ended = max((at for at, _ in result["frames"]), default=0.0)
    blocked = [length - 50 for at, length in result["tasks"] if at < ended]
    after = [length - 50 for at, length in result["tasks"] if at >= ended]
    return Row(
        chat.name, above,
        quantile(keys, 0.5), quantile(keys, 0.99), len(keys), result["lost"],
        quantile(tokens, 0.5), quantile(tokens, 0.99),
        len(blocked), sum(blocked), sum(after), result["bytes"], result["messages"], cpu, server,
        upto > last,
    )  # fmt: skip


@contextmanager
def typing(tab: Tab) -> Iterator[None]:
    """Press a key every `PAUSE` seconds, whether or not the page keeps up."""
    over = threading.Event()
    socket = websocket.create_connection(tab.address, timeout=60, suppress_origin=True)

    def press() -> None:
        numbers = itertools.count(1)
        while not over.wait(PAUSE):
            for kind in ("keyDown", "keyUp"):
                params = {"type": kind, "key": "k", "code": "KeyK", "windowsVirtualKeyCode": 75}
                params |= {"text": "k"} if kind == "keyDown" else {}
                call = {"id": next(numbers), "method": "Input.dispatchKeyEvent", "params": params}
                socket.send(json.dumps(call))  # its reply comes when the page has taken it: nobody waits

    thread = threading.Thread(target=press)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        socket.close()


def send(tab: Tab, chat: Chat, text: str) -> None:
    """Empty the box, write `text` into it as a person pastes, and press Enter."""
    tab.evaluate(f"window.chatting.deep({chat.box!r}).focus()")
    every = {"key": "a", "code": "KeyA", "windowsVirtualKeyCode": 65, "modifiers": 2}
    tab.call("Input.dispatchKeyEvent", type="keyDown", commands=["selectAll"], **every)
    tab.call("Input.dispatchKeyEvent", type="keyUp", **every)
    tab.call("Input.insertText", text=text)
    time.sleep(0.3)
    enter = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
    tab.call("Input.dispatchKeyEvent", type="keyDown", text="\r", **enter)
    tab.call("Input.dispatchKeyEvent", type="keyUp", **enter)


def settle(tab: Tab) -> None:
    """Wait until a second has passed with nothing new on the page."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        state = tab.evaluate("window.chatting.state()")
        if state["now"] - state["changed"] > 1000:
            return
        time.sleep(0.2)


def opening(bench: Bench, times: int) -> dict[str, Any]:
    """Milliseconds from the cell's run to the pixels of `LONG` turns: a kernel's first panel, its second."""
    chat = CHATS["nbstream"]
    word = said(LONG)[-1][1].split()[-1].strip(".*`|")
    found: dict[str, list[float]] = {"first": [], "second": []}
    for _ in range(times):
        with in_lab(bench, LONG) as (tab, _process):
            for which in found:
                go = "() => (window.notebookPanel().content.activeCellIndex = 1, " + RUN
                if which == "second":
                    tab.evaluate("window.runCommand('notebook:clear-all-cell-outputs')")
                    tab.until("!document.querySelector('.nbp')", 20)
                tab.evaluate(f"window.chatting.opening({chat.box!r}, {chat.log!r}, {word!r}, {go})")
                tab.until("window.chatting.opened !== null", 60)
                found[which].append(tab.evaluate("window.chatting.opened"))
                tab.until("window.cellsDone()", 60)
    return {name: median(all_) for name, all_ in found.items()} | {"tokens": LONG * TURN}


def middle(rows: list[dict[str, Any]], chat: str, above: int) -> dict[str, Any] | None:
    """The medians of a chat's runs below `above` turns; of blocking, losses and tasks the worst."""
    some = [one for one in rows if (one["chat"], one["above"]) == (chat, above)]
    if not some:
        return None
    made = dict(some[0])
    for name, value in made.items():
        values = [one[name] for one in some]
        if name in ("tasks", "blocked", "blocked_after", "lost"):
            made[name] = max(values)
        elif isinstance(value, bool):
            made[name] = all(values)
        elif not isinstance(value, str):
            made[name] = None if None in values else median(values)
    return made


def table(found: dict[str, Any]) -> str:
    """What was measured, as Markdown."""
    lines = [["", "turns above", *COLUMNS]]
    for name, above in [*((name, above) for above in (0, ABOVE) for name in CHATS), ("nbstream", LONG)]:
        if one := middle(found["rows"], name, above):
            lines.append([CHATS[name].label, str(above), *cells(one)])
    workload, opened = Workload.parse(found["workload"]), found["opening"]
    return (
        f"An answer of {workload.label}, and a key pressed every {1000 * PAUSE:.0f} ms.\n\n{grid(lines)}\n\n"
        f"The same answer below `%%llm` takes {found['answer'] / 1000:,.0f} kB. A panel on {LONG} turns "
        f"({opened['tokens']:,} tokens of answers) can be seen {opened['first']:.0f} ms after its cell was "
        f"run; the next one of the same kernel, after {opened['second']:.0f} ms."
    )


def cells(one: dict[str, Any]) -> Iterator[str]:
    """The columns of one row."""
    if one["token50"] is None:
        yield f"not opened in {PATIENCE} s"
        yield from [""] * (len(COLUMNS) - 1)
        return
    for name in ("key50", "key99", "token50", "token99"):
        yield milliseconds(one[name])
    yield f"{one['tasks']:.0f}"
    yield f"{one['blocked']:,.0f} + {one['blocked_after']:,.0f} ms"
    yield f"{one['bytes'] / 1000:,.0f} kB"
    yield f"{one['messages']:,.0f}"
    yield f"{one['page']:.2f} s"
    yield f"{one['server']:.2f} s"
    yield "yes" if one["seen"] else "no"


def targets(found: dict[str, Any]) -> list[Target]:
    """What we promise of the panel, and what came of it."""
    ours, none, long = (middle(found["rows"], "nbstream", turns) for turns in (ABOVE, 0, LONG))
    if not (ours and none and long):
        return []
    times = none["bytes"] / found["answer"]
    first = found["opening"]["first"]
    made = [
        Target(f"panel: long tasks below {ABOVE} turns", "0", f"{ours['tasks']:.0f}", ours["tasks"] == 0),
        Target(
            "panel: bytes of the first turn beside the answer's",
            f"≤ {BYTES:g}×",
            f"{times:.2f}×",
            times <= BYTES,
        ),
        Target(f"panel: opening {LONG} turns", f"< {OPEN:.0f} ms", f"{first:.0f} ms", first < OPEN),
    ]
    ratio = (long["page"] + long["server"]) / (none["page"] + none["server"])
    what = f"panel: an answer's CPU below {LONG} turns beside below none"
    made.append(Target(what, f"≤ {SAME:g}×", f"{ratio:.2f}×", ratio <= SAME))
    for name in ("panel", "marimo"):
        other = middle(found["rows"], name, 0)
        for label, key in (("key to paint, p50", "key50"), ("token to paint, p50", "token50")):
            if other and other[key] and none[key]:
                ratio = none[key] / other[key]
                what = f"panel: {label} beside {CHATS[name].label}"
                made.append(Target(what, "≤ 1×", f"{ratio:.2f}×", ratio <= 1))
    return made
