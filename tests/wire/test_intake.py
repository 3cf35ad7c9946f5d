"""Reading ahead: what came together is taken together, nothing is lost, nothing runs away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

import pytest

from nbstream.wire.intake import MOST, Intake


def take_all(pieces: Callable[[], AsyncGenerator[bytes, None]]) -> list[bytes]:
    async def run() -> list[bytes]:
        taken = []
        async with aclosing(Intake(pieces())) as intake:
            while piece := await intake.take(5):
                taken.append(piece)
        return taken

    return asyncio.run(run())


def test_pieces_that_one_read_held_are_taken_at_once() -> None:
    async def pieces() -> AsyncGenerator[bytes, None]:
        for read in (b"abc", b"def"):
            await asyncio.sleep(0.01)
            for number in read:
                yield bytes([number])

    assert take_all(pieces) == [b"abc", b"def"]


def test_a_body_that_comes_thick_and_fast_is_taken_in_few_goes_and_whole() -> None:
    async def pieces() -> AsyncGenerator[bytes, None]:
        sent: asyncio.Queue[bytes] = asyncio.Queue()

        async def server() -> None:
            for number in range(1000):
                await asyncio.sleep(0.0005)
                sent.put_nowait(b"%04d" % number)
            sent.put_nowait(b"")

        sending = asyncio.create_task(server())
        while piece := await sent.get():
            yield piece
        await sending

    taken = take_all(pieces)
    assert b"".join(taken) == b"".join(b"%04d" % number for number in range(1000))
    # Each piece was there at a moment of its own: taken one by one they would be a thousand.
    assert len(taken) < 500


def test_a_body_that_comes_slowly_is_taken_piece_by_piece() -> None:
    async def pieces() -> AsyncGenerator[bytes, None]:
        for number in range(20):
            await asyncio.sleep(0.01)
            yield b"%02d" % number

    assert take_all(pieces) == [b"%02d" % number for number in range(20)]


def test_what_came_before_a_failure_is_taken_before_it_is_raised() -> None:
    async def pieces() -> AsyncGenerator[bytes, None]:
        yield b"some"
        raise ConnectionResetError("cut")

    async def run() -> None:
        async with aclosing(Intake(pieces())) as intake:
            assert await intake.take(5) == b"some"
            with pytest.raises(ConnectionResetError):
                await intake.take(5)

    asyncio.run(run())


def test_silence_is_a_timeout_and_the_body_can_still_go_on() -> None:
    more = asyncio.Event()

    async def pieces() -> AsyncGenerator[bytes, None]:
        await more.wait()
        yield b"late"

    async def run() -> None:
        async with aclosing(Intake(pieces())) as intake:
            with pytest.raises(TimeoutError):
                await intake.take(0.01)
            more.set()
            assert await intake.take(5) == b"late"

    asyncio.run(run())


def test_who_takes_nothing_is_not_flooded() -> None:
    made = 0

    async def pieces() -> AsyncGenerator[bytes, None]:
        nonlocal made
        while True:
            await asyncio.sleep(0)
            made += 1
            yield bytes(1024)

    async def run() -> None:
        async with aclosing(Intake(pieces())) as intake:
            for _ in range(1000):
                await asyncio.sleep(0)
            assert made * 1024 <= MOST + 2048
            assert len(await intake.take(5)) == made * 1024

    asyncio.run(run())


async def _at_once(intake: Intake) -> None:
    await intake.take(5)


async def _while_it_waits(intake: Intake) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(intake.take(None), 0.01)


@pytest.mark.parametrize("leave", [_at_once, _while_it_waits])
def test_closing_closes_the_body_however_far_it_was(leave: Callable[[Intake], Awaitable[None]]) -> None:
    closed = []

    async def pieces() -> AsyncGenerator[bytes, None]:
        try:
            if leave is _at_once:
                for _ in range(200):
                    yield bytes(1024)
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    async def run() -> None:
        async with aclosing(Intake(pieces())) as intake:
            await leave(intake)
        assert closed == [True]
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())
