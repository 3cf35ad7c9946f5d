"""The contract that every provider in the registry keeps, each over a real socket.

A new provider is in without a word here; a new dialect needs a fake (see ``tests/fakes/scripted.py``).
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

import pytest

import nbstream
from nbstream.credentials import Secret
from nbstream.messages import ChatRequest, Message
from nbstream.providers import registry
from nbstream.providers.base import Provider
from tests.fakes.scripted import Scene, Server

TEXTS = ("你好，", "世界 😀é", "\u2028 raw \u0085 separators", " and\nlines\r\n", "  end.")


class Dialect(NamedTuple):
    """One provider, what it is given, and who speaks its dialect."""

    name: str
    credentials: dict[str, str]
    server: Callable[[], Server]


def can_run(provider: Provider) -> bool:
    """Whether it goes over a wire, and what it needs is here (where not, ``tests/clients`` runs this)."""
    return bool(provider.dialect) and (not provider.package or find_spec(provider.package) is not None)


NAMES = [provider.name for provider in registry.loaded() if can_run(provider)]


@pytest.fixture(params=NAMES)
def dialect(request: Any) -> Dialect:
    name: str = request.param
    fake = import_module(f"tests.fakes.{registry.get(name).dialect.replace('-', '_')}_server")
    return Dialect(name, fake.CREDENTIALS, fake.scripted)


@pytest.fixture
def server(dialect: Dialect) -> Iterator[Server]:
    with dialect.server() as running:
        yield running


def asked(dialect: Dialect, server: Server, scene: Scene, prompt: str = "hi") -> nbstream.Stream:
    server.scene = scene
    credentials = dict(dialect.credentials)
    return nbstream.stream(
        prompt, model=f"{dialect.name}:any", base_url=server.url, credentials=credentials, retries=0
    )


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 100_000])
def test_the_text_is_whole_however_the_bytes_are_cut(dialect: Dialect, server: Server, size: int) -> None:
    answer = asked(dialect, server, Scene(TEXTS, size)).wait()
    assert answer.text == "".join(TEXTS)
    assert answer.finish_reason == "stop"
    assert answer.error is None


def test_each_delta_is_given_when_it_comes(dialect: Dialect, server: Server) -> None:
    # The server never ends this answer: whoever waited for more than a delta would wait for ever.
    for got, expected in zip(
        asked(dialect, server, Scene(("a", "b", "c"), ending="endless")), "abcabc", strict=False
    ):
        assert got == expected


@pytest.mark.parametrize("size", [0, 1])
def test_a_broken_connection_is_an_error_that_keeps_the_text(
    dialect: Dialect, server: Server, size: int
) -> None:
    stream = asked(dialect, server, Scene(TEXTS, size, "cut"))
    with pytest.raises(nbstream.NbstreamError) as caught:
        list(stream)
    assert caught.value.kind == "interrupted"
    assert caught.value.answer.text == stream.answer.text == "".join(TEXTS)
    assert stream.answer.finish_reason is None


@pytest.mark.parametrize("size", [0, 1])
def test_an_error_in_mid_stream_shows_the_services_words_and_keeps_the_text(
    dialect: Dialect, server: Server, size: int
) -> None:
    with pytest.raises(nbstream.NbstreamError) as caught:
        asked(dialect, server, Scene(TEXTS, size, "error")).wait()
    assert "the engine has died" in caught.value.why
    assert caught.value.answer.text == "".join(TEXTS)
    assert caught.value.provider == dialect.name


def test_a_key_that_the_service_repeats_is_masked(dialect: Dialect, server: Server) -> None:
    key = max(dialect.credentials.values(), key=len)
    with pytest.raises(nbstream.NbstreamError) as caught:
        asked(dialect, server, Scene(("a",), ending="error", message=f"bad key {key}!")).wait()
    assert key not in str(caught.value) + repr(caught.value)
    assert "bad key …" in caught.value.why


def leave_the_loop(stream: nbstream.Stream) -> float:
    for _ in stream:
        break
    return time.time()


def leave_the_async_loop(stream: nbstream.Stream) -> float:
    async def read() -> float:
        async for _ in stream:
            break
        left = time.time()
        # Python closes a generator that was left when the loop next gets its turn.
        while not stream.done:
            await asyncio.sleep(0.001)
        return left

    return asyncio.run(read())


def cancel_it(stream: nbstream.Stream) -> float:
    reading = iter(stream)
    next(reading)
    stream.cancel()
    left = time.time()
    for _ in reading:
        pass
    return left


@pytest.mark.parametrize("leave", [leave_the_loop, leave_the_async_loop, cancel_it])
def test_leaving_closes_the_connection_within_a_second(dialect: Dialect, server: Server, leave: Any) -> None:
    stream = asked(dialect, server, Scene(TEXTS, ending="endless"))
    left = leave(stream)
    assert server.wait_for(lambda log: log[-1].closed is not None, 2.0)
    record = server.log[-1]
    assert record.closed is not None and record.closed - left < 1.0
    assert record.closed_by == "client"
    assert stream.answer.finish_reason == "cancelled"
    assert stream.answer.text.startswith(TEXTS[0])


def test_two_streams_through_one_provider_do_not_mix(dialect: Dialect, server: Server) -> None:
    texts = tuple(f"{index} " for index in range(200))
    answers: list[str] = []

    def read() -> None:
        answers.append(asked(dialect, server, Scene(texts, 5)).wait().text)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert answers == ["".join(texts)] * 8


def test_a_failed_stream_leaves_nothing_behind_for_the_next(dialect: Dialect, server: Server) -> None:
    for ending in ("cut", "error"):
        with pytest.raises(nbstream.NbstreamError):
            asked(dialect, server, Scene(TEXTS, 1, ending)).wait()
        assert asked(dialect, server, Scene(("fresh",))).wait().text == "fresh"


def test_the_provider_itself_holds_no_state_and_shows_no_key(dialect: Dialect, server: Server) -> None:
    provider = registry.get(dialect.name)
    before = dict(vars(provider))
    asked(dialect, server, Scene(TEXTS)).wait()
    assert vars(provider) == before
    assert registry.get(dialect.name) is provider

    secrets = {name: Secret(value) for name, value in dialect.credentials.items()}
    request = provider.request(ChatRequest(Message.many("hi"), "any", base_url=server.url), secrets)
    shown = repr(request) + repr(provider) + str(dict(request.headers)) + str(request.url)
    assert not any(value in shown for value in dialect.credentials.values() if len(value) > 8)
