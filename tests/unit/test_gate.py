"""Who queues before a provider is let in in the order in which they came, wherever they wait."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from nbstream.chat import gate as gates
from nbstream.chat.call import State
from nbstream.chat.gate import Gate
from nbstream.i18n import set_language
from nbstream.show import words


class Visitor:
    """One who goes through the gate when `enter` is called, and stays until `leave`."""

    def __init__(self, gate: Gate, log: list[str], name: str) -> None:
        self.places: list[int] = []
        self._gate, self._log, self._name = gate, log, name
        self._go = asyncio.Event()

    def enter(self) -> asyncio.Task[None]:
        self.task = asyncio.create_task(self._visit())
        return self.task

    async def _visit(self) -> None:
        async with self._gate.passed(self.places.append):
            self._log.append(self._name)
            await self._go.wait()

    async def leave(self) -> None:
        self._go.set()
        await self.task


async def turns() -> None:
    """Let everybody run who can."""
    for _ in range(10):
        await asyncio.sleep(0)


@asynccontextmanager
async def visitors(gate: Gate, names: str) -> AsyncIterator[tuple[list[Visitor], list[str]]]:
    log: list[str] = []
    all_ = [Visitor(gate, log, name) for name in names]
    for one in all_:
        one.enter()
        await asyncio.sleep(0)
    await turns()
    try:
        yield all_, log
    finally:
        for one in all_:
            one.task.cancel()
        await asyncio.gather(*(one.task for one in all_), return_exceptions=True)


def test_they_are_let_in_in_order_and_see_themselves_move_up() -> None:
    async def check() -> None:
        gate = Gate(lambda: 2)
        async with visitors(gate, "abcde") as (all_, log):
            assert log == ["a", "b"] and (gate.inside, gate.waiting) == (2, 3)
            for one in all_[:3]:
                await one.leave()
                await turns()
            assert log == ["a", "b", "c", "d", "e"]
            assert [one.places for one in all_] == [[], [], [1], [2, 1], [3, 2, 1]]
        assert (gate.inside, gate.waiting) == (0, 0)

    asyncio.run(check())


def test_who_leaves_the_queue_leaves_at_once_and_the_others_move_up() -> None:
    async def check() -> None:
        gate = Gate(lambda: 1)
        async with visitors(gate, "abc") as (all_, log):
            all_[1].task.cancel()
            await turns()
            assert all_[1].task.cancelled() and gate.waiting == 1
            await all_[0].leave()
            await turns()
            assert log == ["a", "c"]

    asyncio.run(check())


def test_who_is_stopped_in_the_moment_of_being_let_in_passes_it_on() -> None:
    async def check() -> None:
        gate = Gate(lambda: 1)
        async with visitors(gate, "abc") as (all_, log):
            all_[0]._go.set()
            while not all_[0].task.done():
                await asyncio.sleep(0)
            assert gate.inside == 1 and log == ["a"]  # b is in, and does not know it yet
            all_[1].task.cancel()
            await turns()
            assert log == ["a", "c"] and (gate.inside, gate.waiting) == (1, 0)

    asyncio.run(check())


def test_an_error_inside_gives_the_place_back() -> None:
    async def check() -> None:
        gate = Gate(lambda: 1)
        with pytest.raises(KeyError):
            async with gate.passed(print):
                raise KeyError
        assert gate.inside == 0

    asyncio.run(check())


def test_a_loop_that_dies_holds_nobody_up() -> None:
    gate, log = Gate(lambda: 1), []
    dead = asyncio.new_event_loop()

    async def two() -> list[asyncio.Task[None]]:
        tasks = [Visitor(gate, log, "dead").enter() for _ in range(2)]
        await turns()
        return tasks

    tasks = dead.run_until_complete(two())
    assert log == ["dead"] and (gate.inside, gate.waiting) == (1, 1)
    for task in tasks:
        task._log_destroy_pending = False  # type: ignore[attr-defined]
    dead.close()

    async def check() -> None:
        async with asyncio.timeout(5), gate.passed(lambda place: None):
            assert (gate.inside, gate.waiting) == (1, 0)

    asyncio.run(check())
    assert gate.inside == 0


def test_threads_with_loops_of_their_own_queue_in_one_line() -> None:
    gate, log, order = Gate(lambda: 1), [], threading.Semaphore(0)
    together, most, inside = threading.Lock(), 0, 0

    async def visit(number: int) -> None:
        nonlocal most, inside
        async with gate.passed(lambda place: order.release()):
            with together:
                inside += 1
                most = max(most, inside)
            log.append(number)
            await asyncio.sleep(0)
            with together:
                inside -= 1

    async def first() -> list[threading.Thread]:
        async with gate.passed(print):
            threads = []
            for number in range(20):
                threads.append(threading.Thread(target=asyncio.run, args=(visit(number),)))
                threads[-1].start()
                assert await asyncio.to_thread(order.acquire, timeout=5)  # it stands in the queue
        return threads

    for thread in asyncio.run(first()):
        thread.join(10)
    assert log == list(range(20)) and most == 1 and gate.inside == 0


def test_a_limit_that_is_raised_lets_the_next_ones_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "LOOK", 0.01)
    limits: list[int | None] = [1]

    async def check() -> None:
        async with visitors(Gate(lambda: limits[-1]), "abcd") as (_, log):
            assert log == ["a"]
            limits.append(None)
            async with asyncio.timeout(5):
                while log != ["a", "b", "c", "d"]:
                    await asyncio.sleep(0.005)

    asyncio.run(check())


def test_a_long_queue_is_not_woken_as_a_whole_for_each_that_leaves() -> None:
    async def check() -> int:
        gate = Gate(lambda: 1)
        told = 0

        def note(place: int) -> None:
            nonlocal told
            told += 1

        async def visit() -> None:
            async with gate.passed(note):
                await asyncio.sleep(0)

        await asyncio.gather(*(visit() for _ in range(400)))
        return told

    assert asyncio.run(check()) < 400 * (gates.NEAR + 3)


def test_the_place_is_said_as_one_says_it() -> None:
    def said(place: int) -> str:
        return str(words.status("spark:lite", State("queued", place=place), thinking=False)["text"])

    try:
        set_language("en")
        assert said(3) == "spark lite · queued, 3rd"
        found = [words.ordinal(n) for n in (1, 2, 4, 11, 12, 13, 21, 102)]
        assert found == ["1st", "2nd", "4th", "11th", "12th", "13th", "21st", "102nd"]
        set_language("zh")
        assert said(3) == "spark lite · 排队中，第 3 位"
    finally:
        set_language(None)
