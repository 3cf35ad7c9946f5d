"""Several keys or addresses share the load: the least busy is asked, one that fails rests."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

import nbstream
from nbstream.chat.call import State
from nbstream.chat.engine import Run
from nbstream.chat.pool import FIRST, Pool, Seat
from nbstream.chat.session import Session
from nbstream.chat.stats import SeatStats
from nbstream.chat.stream import Stream
from nbstream.errors import KINDS
from nbstream.messages import Answer, Event
from tests.fakes.loopback import Exchange
from tests.fakes.openai_server import OpenAIServer

KEYS = {name: f"sk-share-0123456789-{name}" for name in ("aaaa", "bbbb", "cccc")}


class Moody(OpenAIServer):
    """Refuses some keys with what `moods` says: a status, and seconds for Retry-After."""

    def __init__(self) -> None:
        super().__init__()
        self.moods: dict[str, list[tuple[int, float]]] = {}

    async def respond(self, exchange: Exchange) -> None:
        if not (mood := self.moods.get(tail(exchange.record.headers))):
            await super().respond(exchange)
            return
        status, wait = mood.pop(0)
        if status == 0:
            await exchange.reset()
        else:
            await exchange.json(status, {"error": {"message": "not now"}}, {"Retry-After": str(wait)})

    def asked(self) -> list[str]:
        """The tails of the keys that came, in order."""
        return [tail(record.headers) for record in self.log]


def tail(headers: dict[str, str]) -> str:
    return headers.get("authorization", "")[-4:]


@pytest.fixture
def server() -> Iterator[Moody]:
    with Moody() as running:
        yield running


def logged_in(server: Moody, *tails: str) -> Session:
    session = Session()
    session.login("openai", [{"api_key": KEYS[one], "base_url": server.url} for one in tails])
    return session


def asked(session: Session, model: str = "words:3", **options: Any) -> Stream:
    return Stream(session.run(session.call("hi", model=f"openai:{model}", **options)))


def seats(session: Session) -> dict[str, SeatStats]:
    return {one.name[1:5]: one for one in session.statistics()["openai"].seats}


class Watching:
    """What the turn says of itself."""

    def __init__(self) -> None:
        self.states: list[State] = []

    def state(self, state: State) -> None:
        self.states.append(state)

    def batch(self, events: list[Event]) -> None: ...
    def done(self, answer: Answer) -> None: ...


def watched(session: Session, **options: Any) -> tuple[Run, list[State]]:
    watching = Watching()
    run = session.run(session.call("hi", model="openai:words:3", **options), watching)
    run.start()
    assert run.wait(10)
    return run, watching.states


def test_two_hundred_streams_at_once_are_shared_fairly_and_every_seat_is_free_after(server: Moody) -> None:
    session = logged_in(server, "aaaa", "bbbb")

    async def all_() -> None:
        streams = [asked(session, "hold") for _ in range(200)]
        answers = asyncio.gather(*streams)
        await asyncio.to_thread(server.wait_for, lambda log: len(log) >= 200, 30)
        assert sum(one.busy for one in seats(session).values()) == 200
        while not all(stream.done for stream in streams):
            server.release()  # who comes to the gate a moment later has missed it
            await asyncio.sleep(0.02)
        assert {answer.finish_reason for answer in await answers} == {"stop"}

    asyncio.run(all_())
    assert Counter(server.asked()) == {"aaaa": 100, "bbbb": 100}
    assert [(one.busy, one.turns, one.errors) for one in seats(session).values()] == [(0, 100, 0)] * 2


def test_a_new_stream_goes_to_the_least_busy(server: Moody) -> None:
    session = logged_in(server, "aaaa", "bbbb")
    held = iter(asked(session, "endless"))
    next(held)
    for _ in range(3):
        asked(session).wait()
    assert server.asked() == ["aaaa", "bbbb", "bbbb", "bbbb"]
    held.close()


@pytest.mark.parametrize(
    ("status", "kind"), [(429, "rate_limit"), (503, "overloaded"), (500, "server_error")]
)
def test_one_that_refuses_rests_and_the_turn_goes_to_another_at_once(
    server: Moody, status: int, kind: str
) -> None:
    session = logged_in(server, "aaaa", "bbbb")
    server.moods["aaaa"] = [(status, 100)]
    _, states = watched(session)
    assert "retrying" not in [state.phase for state in states], "nobody waited"
    for _ in range(3):
        asked(session).wait()
    assert server.asked() == ["aaaa"] + 4 * ["bbbb"]
    resting = seats(session)["aaaa"]
    assert (resting.turns, resting.errors, resting.error) == (1, 1, kind)
    assert resting.resting_till is not None and 90 < resting.resting_till - time.time() <= 100
    assert seats(session)["bbbb"].resting_till is None


def test_a_key_that_is_refused_costs_no_turn_and_draws_no_others(server: Moody) -> None:
    session = logged_in(server, "aaaa", "bbbb")
    server.moods["aaaa"] = [(401, 0)] * 9
    for _ in range(4):
        assert asked(session).wait().finish_reason == "stop"
    assert server.asked().count("aaaa") == 1


def nobody() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


@pytest.mark.parametrize("how", ["refused", "reset", "silent"])
def test_one_that_answers_nothing_rests_too(server: Moody, how: str) -> None:
    session, model, options = Session(), "words:3", {}
    first = {"api_key": KEYS["aaaa"], "base_url": server.url}
    second = {"api_key": KEYS["bbbb"], "base_url": server.url}
    if how == "refused":
        first["base_url"] = nobody()
    elif how == "reset":
        server.moods["aaaa"] = [(0, 0)]
    else:
        server.moods["aaaa"] = []
        options = {"timeout": 0.2}
        listening = socket.create_server(("127.0.0.1", 0))  # connects, and says nothing
        first["base_url"] = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    session.login("openai", [first, second])
    assert asked(session, model, **options).wait().finish_reason == "stop"
    assert seats(session)["aaaa"].resting_till is not None
    assert seats(session)["aaaa"].errors == 1 and seats(session)["bbbb"].turns == 1


def test_where_all_rest_the_turn_waits_for_the_first_to_wake_and_says_so(server: Moody) -> None:
    session = logged_in(server, "aaaa", "bbbb", "cccc")
    server.moods = {"aaaa": [(429, 50)], "bbbb": [(429, 0.2)], "cccc": [(503, 60)]}
    run, states = watched(session)
    [waited] = [state for state in states if state.phase == "retrying"]
    assert 0 < waited.seconds < 0.3 and waited.attempt == 1 and waited.error is not None
    assert waited.error.kind == "rate_limit"
    assert server.asked() == ["aaaa", "bbbb", "cccc", "bbbb"]
    assert run.progress.answer().finish_reason == "stop"


def test_a_new_stream_waits_too_where_all_rest(server: Moody) -> None:
    session = logged_in(server, "aaaa", "bbbb")
    server.moods = {"aaaa": [(429, 0.5)], "bbbb": [(429, 90)]}
    with pytest.raises(nbstream.NbstreamError):
        asked(session, retries=0).wait()
    with pytest.raises(nbstream.NbstreamError):
        asked(session, retries=0).wait()
    run, states = watched(session)
    assert states[0].phase == "retrying" and states[0].seconds < 0.7
    assert server.asked() == ["aaaa", "bbbb", "aaaa"] and run.progress.error is None


def test_where_all_have_failed_the_last_error_is_raised(server: Moody) -> None:
    session = logged_in(server, "aaaa", "bbbb")
    server.moods = {"aaaa": [(401, 0)], "bbbb": [(401, 0)]}
    with pytest.raises(nbstream.NbstreamError) as caught:
        asked(session).wait()
    assert caught.value.kind == "auth" and server.asked() == ["aaaa", "bbbb"]
    assert not any(key in str(caught.value) for key in KEYS.values())


def test_what_is_wrong_with_the_question_is_asked_nowhere_else(server: Moody) -> None:
    session = logged_in(server, "aaaa", "bbbb")
    server.moods["aaaa"] = [(400, 0)]
    with pytest.raises(nbstream.NbstreamError) as caught:
        asked(session).wait()
    assert caught.value.kind == "invalid_request" and server.asked() == ["aaaa"]
    assert seats(session)["aaaa"].errors == 1 and seats(session)["aaaa"].resting_till is None


def test_once_text_was_shown_nothing_is_repeated_and_nobody_rests(server: Moody) -> None:
    session = logged_in(server, "aaaa", "bbbb")
    with pytest.raises(nbstream.NbstreamError) as caught:
        asked(session, "cut:5").wait()
    assert caught.value.kind == "interrupted" and caught.value.answer.text
    assert server.asked() == ["aaaa"] and seats(session)["aaaa"].resting_till is None


def test_a_key_or_address_of_the_call_alone_goes_past_the_seats(
    server: Moody, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = logged_in(server, "aaaa", "bbbb")
    for _ in range(2):
        asked(session, base_url=server.url).wait()
    assert server.asked() == ["aaaa", "aaaa"]
    monkeypatch.setenv("OPENAI_BASE_URL", server.url + "/")
    asked(session, credentials={"api_key": KEYS["cccc"]}).wait()
    assert server.asked()[2:] == ["cccc"]
    assert sum(one.turns for one in seats(session).values()) == 0


@pytest.mark.parametrize("first", [0, 1])
def test_each_key_goes_to_its_own_address_and_to_no_other(
    server: Moody, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Moody() as corporate:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        given = [{"api_key": KEYS["aaaa"], "base_url": corporate.url}, {"api_key": KEYS["bbbb"]}]
        session = Session()
        session.login("openai", [given[first], given[1 - first]])
        for _ in range(4):
            asked(session).wait()
        assert corporate.asked() == ["aaaa"] * 2 and server.asked() == ["bbbb"] * 2


def test_a_key_of_the_call_alone_is_not_sent_to_another_keys_address(
    server: Moody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    session = logged_in(server, "aaaa", "bbbb")
    assert session.call("hi", model="openai:x", credentials={"api_key": "k"}).chat.base_url is None


def free(session: Session) -> bool:
    return all(one.busy == 0 for one in seats(session).values())


def test_a_seat_is_free_again_however_a_stream_ends(server: Moody) -> None:
    session = logged_in(server, "aaaa", "bbbb")

    async def ways() -> None:
        left = aiter(asked(session, "endless"))
        await anext(left)
        assert not free(session)
        await left.aclose()
        assert free(session)

        waiting = asyncio.ensure_future(asked(session, "silent")._finish())
        await asyncio.to_thread(server.wait_for, lambda log: len(log) == 2)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert free(session)

        with pytest.raises(nbstream.NbstreamError):
            await asked(session, "status:400")
        assert free(session)

    asyncio.run(ways())


def test_a_loop_that_is_closed_under_a_stream_takes_no_seat_with_it(
    server: Moody, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = logged_in(server, "aaaa", "bbbb")

    def dies() -> None:
        stream = asked(session, "endless")

        async def first() -> str:
            async for text in stream:
                return text
            return ""

        loop = asyncio.new_event_loop()
        assert loop.run_until_complete(first())
        assert not free(session)
        loop.close()
        assert free(session)
        assert stream.wait(timeout=20).finish_reason == "cancelled"

    dies()
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)  # Python complains of what died with the loop
    gc.collect()


def test_a_seat_that_fails_again_rests_longer_and_those_who_failed_together_count_once() -> None:
    pool = Pool([Seat({}), Seat({})])
    seat, error = pool.seats[0], KINDS["overloaded"]("busy")

    def rests(since: float) -> float:
        pool.failed(seat, error, since=since)
        return seat.resting_till - time.monotonic()

    begun = time.monotonic()
    found = [rests(begun)]
    assert [rests(begun) for _ in range(50)][-1] == pytest.approx(FIRST, abs=0.3)
    for _ in range(8):
        found.append(rests(time.monotonic()))
    assert found == pytest.approx([1, 2, 4, 8, 16, 32, 60, 60, 60], abs=0.3)


def test_logout_forgets_all_of_them(server: Moody) -> None:
    session = logged_in(server, "aaaa", "bbbb")
    assert session.logout("openai") == ["openai"]
    assert "openai" not in session.statistics()
    assert session.keys.pools == {}


@pytest.mark.parametrize(
    "given",
    [
        [],
        [3],
        {},
        "",
        ["sk-0123456789abcdef", ""],
        [{"apikey": "x"}],
        [{"api_key": "k", "base_url": "ftp://h"}],
    ],
)
def test_what_is_no_list_of_credentials_is_refused_and_changes_nothing(given: Any) -> None:
    session = Session()
    session.login("openai", api_key=KEYS["aaaa"])
    with pytest.raises(nbstream.NbstreamError) as caught:
        session.login("openai", given)
    assert caught.value.kind == "config" and "ftp://h/" not in str(caught.value)
    assert session.call("hi", model="openai:x").credentials["api_key"].reveal() == KEYS["aaaa"]


def test_the_ways_to_name_several() -> None:
    session = Session()
    session.login("openai", [KEYS["aaaa"], {"api_key": KEYS["bbbb"], "base_url": "https://h.example/v1"}])
    assert [one.name for one in session.statistics()["openai"].seats] == [
        "…aaaa",
        "…bbbb @ https://h.example",
    ]
    session.login("openai", api_key=KEYS["aaaa"], base_url="https://h.example/v1")
    assert session.call("hi", model="openai:x").chat.base_url == "https://h.example/v1"
    assert "openai" not in session.statistics(), "one is not shared"
    session.login("ollama-openai", [{"base_url": f"http://127.0.0.1:{port}"} for port in (9, 10)])
    found = [one.name for one in session.statistics()["ollama-openai"].seats]
    assert found == ["http://127.0.0.1:9", "http://127.0.0.1:10"]


def test_stats_show_each_by_its_masked_tail_and_never_more(
    server: Moody, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nbstream.magics.verbs import numbers

    session = logged_in(server, "aaaa", "bbbb")
    server.moods["aaaa"] = [(429, 100)]
    asked(session).wait()
    monkeypatch.setattr(numbers, "session", lambda: session)
    shown = numbers.stats() + repr(session.statistics()) + repr(session.keys.pools["openai"].seats)
    assert "…aaaa" in shown and "…bbbb" in shown
    assert not any(key[:-4] in shown or key in shown for key in KEYS.values())
    [resting, awake] = [line for line in numbers.stats().splitlines() if "127.0.0.1" in line]
    till = seats(session)["aaaa"].resting_till
    assert till is not None and time.strftime("%H:%M", time.localtime(till)) in resting
    assert "429" not in awake.split("|")[-2] and ":" in awake


def test_max_streams_holds_for_all_seats_together_and_queues_in_order(server: Moody) -> None:
    session = logged_in(server, "aaaa", "bbbb")
    session.settings.max_streams = {"openai": 3}

    async def all_() -> int:
        most, streams = 0, [asked(session, "words:3@100") for _ in range(12)]
        tasks = [asyncio.ensure_future(stream._finish()) for stream in streams]
        done: list[int] = []
        for number, task in enumerate(tasks):
            task.add_done_callback(lambda _, number=number: done.append(number))
        while len(done) < 12:
            most = max(most, sum(one.busy for one in seats(session).values()))
            await asyncio.sleep(0.001)
        assert max(abs(number - place) for place, number in enumerate(done)) < 3, "first come, first served"
        return most

    assert asyncio.run(all_()) == 3
    assert free(session)


@pytest.mark.parametrize(
    ("bound", "most"), [(None, None), (4, 4), ({"spark": 2}, None), ({"通义": 5, "OpenAI": 2}, 2)]
)
def test_max_streams_is_a_number_for_all_or_by_name(bound: Any, most: int | None) -> None:
    session = Session()
    session.settings.max_streams = bound
    assert session.max_streams("openai") == most


def test_max_streams_of_a_provider_that_is_none_is_an_error_and_changes_nothing() -> None:
    session = Session()
    session.settings.max_streams = 3
    with pytest.raises(nbstream.NbstreamError) as caught:
        session.settings.max_streams = {"spark": 2, "opanai": 5}
    assert "opanai" in caught.value.what and caught.value.fix == 'nbstream.config.max_streams = {"openai": 2}'
    assert session.settings.max_streams == 3


def test_a_setting_that_is_none_is_an_error_with_the_nearest_one() -> None:
    with pytest.raises(nbstream.NbstreamError) as caught:
        nbstream.config.max_stream = 2
    assert caught.value.fix == "nbstream.config.max_streams" and "idle_timeout" in caught.value.why


def test_the_settings_show_themselves() -> None:
    shown = repr(nbstream.config).splitlines()
    assert shown[0] == "nbstream.config" and "  max_streams = None" in shown and "  footer = True" in shown


def test_stop_while_it_queues_ends_it_at_once_and_sends_nothing(server: Moody) -> None:
    session = logged_in(server, "aaaa", "bbbb")
    session.settings.max_streams = 1
    held = iter(asked(session, "endless"))
    next(held)
    watching = Watching()
    run = session.run(session.call("hi", model="openai:words:3"), watching)
    run.start()
    asyncio.run(eventually(lambda: bool(watching.states)))
    assert watching.states == [State("queued", place=1)]
    run.cancel()
    assert run.wait(1) and run.progress.answer().finish_reason == "cancelled"
    assert len(server.log) == 1
    held.close()
    assert asked(session).wait().finish_reason == "stop"


async def eventually(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.002)


def test_buffer_bounds_what_waits_for_a_slow_reader(server: Moody) -> None:
    session = logged_in(server, "aaaa")
    session.settings.buffer = 20
    stream = asked(session, "endless")
    reading = iter(stream)
    next(reading)
    asyncio.run(eventually(lambda: stream._run._room is not None))  # it waits for the reader
    # What one read of the socket held is not torn apart; the rest stays where it is.
    assert len(stream._run.progress.events) < 20 + 64 * 1024 / 100
    reading.close()


def test_config_is_this_kernels_settings() -> None:
    assert nbstream.config is nbstream.chat.session.session().settings  # type: ignore[attr-defined]
    assert "queue" in type(nbstream.config).max_streams.help and nbstream.config.max_streams is None
    assert nbstream.config.buffer == 512
