"""The transport ``library``: somebody else's code gives the frames, our patience and our Stop hold."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import pytest

from nbstream.errors import NbstreamError, fail
from nbstream.wire.limits import Limits
from nbstream.wire.request import Frame, WireRequest
from nbstream.wire.transport import Opening

Source = Callable[[], AsyncGenerator[Frame, None]]


class Library:
    """Gives `texts`, then ends, fails or falls silent; knows whether it was closed."""

    def __init__(self, *texts: str, then: str = "end") -> None:
        self.texts, self.then, self.closed = texts, then, False

    async def __call__(self) -> AsyncGenerator[Frame, None]:
        try:
            for text in self.texts:
                yield Frame(text)
            if self.then == "fails":
                raise fail("overloaded.service", label="L", message="m", key_page="k")
            if self.then == "silent":
                await asyncio.Event().wait()
            while self.then == "endless":
                yield Frame("more")
        finally:
            self.closed = True


def opening(source: Source, accepted: list[int] | None = None, **limits: float) -> Opening:
    request = WireRequest("library", "http://127.0.0.1:9/v1?key=hidden", source=source)
    marks = accepted if accepted is not None else []
    return Opening(request, Limits(**limits), lambda: marks.append(1))


def read(one: Opening, most: int = 100, begun: bool = False) -> list[str]:
    async def all_of_it() -> list[str]:
        found: list[str] = []
        async with aclosing(one.frames()) as batches:
            async for batch in batches:
                found += [frame.data for frame in batch]
                if begun:
                    one.begun()
                if len(found) >= most:
                    break
        return found

    return asyncio.run(all_of_it())


def test_its_frames_come_one_by_one_and_the_stream_is_open_with_the_first() -> None:
    accepted: list[int] = []
    assert read(opening(Library("a", "b", "c"), accepted)) == ["a", "b", "c"]
    assert accepted == [1]
    assert read(opening(Library(), accepted)) == []
    assert accepted == [1], "nothing came"


def test_leaving_closes_it() -> None:
    library = Library(then="endless")
    assert read(opening(library), most=3) == ["more"] * 3
    assert library.closed


@pytest.mark.parametrize("begun", [False, True])
def test_its_silence_has_a_bound_and_the_error_shows_no_key(begun: bool) -> None:
    library = Library("a", then="silent")
    with pytest.raises(NbstreamError) as caught:
        read(opening(library, first=0.05, idle=0.05), begun=begun)
    assert caught.value.kind == "timeout" and "http://127.0.0.1:9" in str(caught.value)
    assert "hidden" not in str(caught.value)
    assert library.closed


def test_its_errors_are_errors_of_the_turn() -> None:
    with pytest.raises(NbstreamError) as caught:
        read(opening(Library("a", then="fails")))
    assert caught.value.kind == "overloaded"


def test_one_that_never_pauses_lets_others_have_their_turn() -> None:
    async def beside() -> bool:
        one = opening(Library(then="endless"))
        reading = asyncio.create_task(drain(one))
        await asyncio.sleep(0)
        reading.cancel()  # would never come through to a task that does not wait for anything
        with pytest.raises(asyncio.CancelledError):
            await reading
        return True

    async def drain(one: Opening) -> None:
        async with aclosing(one.frames()) as batches:
            async for _ in batches:
                pass

    assert asyncio.run(asyncio.wait_for(beside(), 10))
