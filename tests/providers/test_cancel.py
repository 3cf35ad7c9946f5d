"""Stopping: whichever way, fifty times, the server sees it within a second and nothing is left over."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

import nbstream
from nbstream.chat import engine
from tests.fakes.openai_server import OpenAIServer

ROUNDS = 50
MOST_HELD = 48 * 1024 * 1024
"""Bytes that a server may have written to a reader who reads nothing more: the system's buffers of one
connection hold up to some 40 MB where it is set up generously; how much of that is the system's choice."""


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as running:
        assert nbstream.ask("warm up", model="openai:words:3", base_url=running.url).text
        yield running


@pytest.fixture(autouse=True)
def nothing_is_left_over(server: OpenAIServer) -> Iterator[None]:
    threads, tasks = set(threading.enumerate()), tasks_of_the_io_thread()
    server.log.clear()
    yield
    port = int(server.origin.rpartition(":")[2])
    assert eventually(lambda: not open_connections(port))
    assert set(threading.enumerate()) <= threads
    assert eventually(lambda: tasks_of_the_io_thread() <= tasks)


def eventually(condition: Callable[[], bool], timeout: float = 2.0) -> bool:
    """For what nobody announces: look again until it holds."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def open_connections(port: int) -> list[object]:
    """Our ends of connections to the server; at most the one that the pool keeps idle is fine."""
    found = [
        one
        for one in psutil.Process().net_connections("tcp")
        if one.raddr and one.raddr.port == port and one.status == psutil.CONN_ESTABLISHED
    ]
    return found[1:]


def tasks_of_the_io_thread() -> set[asyncio.Task[object]]:
    """Those that live; a turn of another test may wait there for its next attempt."""

    async def living() -> set[asyncio.Task[object]]:
        return asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]

    return asyncio.run_coroutine_threadsafe(living(), engine.io_loop()).result(2)


def asked(server: OpenAIServer, model: str = "words:100000@500") -> nbstream.Stream:
    return nbstream.stream("hi", model=f"openai:{model}", base_url=server.url, retries=0)


def check(server: OpenAIServer, stream: nbstream.Stream, left: float, begun: str) -> None:
    """What a person may rely on after `left`, the moment of stopping."""
    assert server.wait_for(lambda log: bool(log) and log[-1].closed is not None, 2.0)
    record = server.log[-1]
    assert record.closed is not None and record.closed - left < 1.0
    assert record.closed_by == "client"
    assert eventually(lambda: stream.done)
    answer = stream.answer
    assert answer.finish_reason == "cancelled"
    assert answer.error is None
    assert answer.text.startswith(begun)
    assert record.text.startswith(answer.text)


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_cancel_from_another_thread(server: OpenAIServer, round_: int) -> None:
    stream = asked(server)
    got: list[str] = []
    left: list[float] = []

    def stop() -> None:
        left.append(time.time())
        stream.cancel()

    for text in stream:
        got.append(text)
        if len(got) == 3:
            thread = threading.Thread(target=stop)
            thread.start()
    thread.join()
    check(server, stream, left[0], "".join(got))


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_break_out_of_a_for_loop_while_the_stream_is_still_held(server: OpenAIServer, round_: int) -> None:
    stream = asked(server)
    got: list[str] = []
    for text in stream:
        got.append(text)
        break
    check(server, stream, time.time(), got[0])


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_break_out_of_an_async_for_loop(server: OpenAIServer, round_: int) -> None:
    async def read() -> tuple[nbstream.Stream, float, str]:
        stream = asked(server)
        got: list[str] = []
        async for text in stream:
            got.append(text)
            break
        left = time.time()
        async with asyncio.timeout(1):  # the loop closes a generator that was left on its next turns
            while asyncio.all_tasks() != {asyncio.current_task()}:
                await asyncio.sleep(0.001)
        assert stream.done
        return stream, left, got[0]

    check(server, *asyncio.run(read()))


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_cancel_the_task_that_reads(server: OpenAIServer, round_: int) -> None:
    async def read() -> tuple[nbstream.Stream, float, str]:
        stream = asked(server)
        got: list[str] = []
        third = asyncio.Event()

        async def reader() -> None:
            async for text in stream:
                got.append(text)
                if len(got) == 3:
                    third.set()

        task = asyncio.create_task(reader())
        await third.wait()
        left = time.time()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert stream.done  # the socket is closed when the task has ended, not some time later
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return stream, left, "".join(got)

    check(server, *asyncio.run(read()))


@pytest.mark.parametrize("model", ["silent", "slow-first:30", "endless"])
def test_cancel_in_every_state_of_the_answer(server: OpenAIServer, model: str) -> None:
    stream = asked(server, model)
    thread = threading.Thread(target=lambda: list(stream))
    thread.start()
    assert server.wait_for(lambda log: bool(log))
    stream.cancel()
    left = time.time()
    thread.join(2)
    assert not thread.is_alive()
    assert server.wait_for(lambda log: log[-1].closed is not None)
    assert (server.log[-1].closed or 0) - left < 1.0
    assert stream.answer.finish_reason == "cancelled"


def test_a_stream_that_was_never_begun_sends_nothing(server: OpenAIServer) -> None:
    stream = asked(server)
    stream.cancel()
    assert list(stream) == []
    assert stream.answer.finish_reason == "cancelled"
    assert server.log == []


def test_a_stream_that_is_stopped_as_it_begins_ends(server: OpenAIServer) -> None:
    for _ in range(ROUNDS):  # the stop comes before, while or after the loop takes the turn up
        run = asked(server)._run
        run.start()
        run.cancel()
        assert run.wait(5), "whoever waits for it would wait for ever"
        assert run.progress.answer().finish_reason == "cancelled"


def test_cancel_is_harmless_when_repeated_and_after_the_end(server: OpenAIServer) -> None:
    stream = asked(server, "words:3")
    assert stream.wait().finish_reason == "stop"
    stream.cancel()
    stream.cancel()
    assert stream.answer.finish_reason == "stop"
    assert "".join(stream) == stream.answer.text


def settled(server: OpenAIServer) -> int:
    """What the server has written once it is held up: for a third of a second, with more to say."""
    written, since, end = -1, time.monotonic(), time.monotonic() + 10
    while time.monotonic() - since < 0.33:
        assert time.monotonic() < end, "the server writes on and on"
        if server.log[-1].written != written or not server.log[-1].unsent():
            written, since = server.log[-1].written, time.monotonic()
        time.sleep(0.01)
    return written


def test_a_slow_reader_slows_the_server_down(server: OpenAIServer) -> None:
    stream = asked(server, "endless")
    reading = iter(stream)
    got = [next(reading) for _ in range(5)]
    first = settled(server)
    assert first < MOST_HELD
    # It goes on where it stopped, and stops again; only the kernel's buffers have grown with the speed.
    got += [next(reading) for _ in range(20_000)]
    assert first < settled(server) < 2 * MOST_HELD
    ahead = len(stream.answer.text) - len("".join(got))
    assert 0 <= ahead < 100_000
    reading.close()
    assert server.wait_for(lambda log: log[-1].closed is not None, 1.0)


def test_a_slow_async_reader_slows_the_server_down(server: OpenAIServer) -> None:
    async def read() -> None:
        stream = asked(server, "endless")
        reading = aiter(stream)
        for _ in range(5):
            await anext(reading)
        assert await asyncio.to_thread(settled, server) < MOST_HELD
        assert len(stream.answer.text) < 100_000
        await reading.aclose()

    asyncio.run(read())
    assert server.wait_for(lambda log: log[-1].closed is not None, 1.0)


def test_ctrl_c_while_waiting_for_an_answer_stops_it(server: OpenAIServer) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:

        def press() -> None:
            server.wait_for(lambda log: bool(log) and log[-1].written > 1000)
            signal.raise_signal(signal.SIGINT)

        pressing = threading.Thread(target=press)
        pressing.start()
        with pytest.raises(KeyboardInterrupt):
            nbstream.ask("hi", model="openai:endless", base_url=server.url)
        pressing.join()
    finally:
        signal.signal(signal.SIGINT, before)
    assert server.wait_for(lambda log: log[-1].closed_by == "client")
