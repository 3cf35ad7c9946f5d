"""What servers really do wrong, over a real socket: a person gets the answer, or a sentence that helps."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import nbstream
from nbstream.i18n import set_language
from nbstream.providers import registry
from nbstream.wire.request import WireResponse
from tests import environment
from tests.fakes.loopback import Exchange, Loopback
from tests.fakes.openai_server import OpenAIServer

SSE = {"Content-Type": "text/event-stream"}
Play = Callable[[Exchange], Awaitable[None]]


def data(value: Any) -> bytes:
    raw = value if isinstance(value, str) else json.dumps(value)
    return f"data: {raw}\n\n".encode()


def said(text: str, finish: str | None = None) -> bytes:
    return data({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]})


class Scene(Loopback):
    """Answers every request with one function."""

    path = "/v1"
    play: Play

    async def respond(self, exchange: Exchange) -> None:
        await self.play(exchange)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    set_language("en")
    yield
    set_language(None)


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with Scene() as running:
        yield running


def ask(scene: Scene, play: Play, **options: Any) -> nbstream.Answer:
    scene.play = play
    options = {"model": "openai:m", "base_url": scene.url, "retries": 0, "timeout": 10} | options
    return nbstream.ask("hi", **options)


def refused(scene: Scene, play: Play, **options: Any) -> nbstream.NbstreamError:
    with pytest.raises(nbstream.NbstreamError) as caught:
        ask(scene, play, **options)
    return caught.value


def body(*pieces: bytes, headers: dict[str, str] = SSE, end: str = "end", chunked: bool = True) -> Play:
    """An answer in `pieces`, then ``end``, ``reset`` or ``incomplete``."""

    async def play(exchange: Exchange) -> None:
        await exchange.start(200, headers, chunked=chunked)
        for piece in pieces:
            await exchange.send(piece)
        await getattr(exchange, end)()

    return play


def whole(status: int, raw: bytes, headers: dict[str, str]) -> Play:
    return lambda exchange: exchange.whole(status, raw, headers)


DONE = data("[DONE]")


class TestTheAnswerComesThrough:
    @pytest.mark.parametrize("end", ["reset", "incomplete"])
    def test_although_the_connection_breaks_after_the_finish_reason(self, scene: Scene, end: str) -> None:
        answer = ask(scene, body(said("hi"), said("", "stop"), end=end))
        assert (answer.text, answer.finish_reason, answer.error) == ("hi", "stop", None)

    def test_although_the_server_keeps_the_socket_open_after_done(self, scene: Scene) -> None:
        async def play(exchange: Exchange) -> None:
            await exchange.start(200, SSE)
            await exchange.send(said("hi", "stop") + DONE)
            await scene.released()  # never: only the client can end this

        assert ask(scene, play, timeout=60).text == "hi"
        assert scene.wait_for(lambda log: log[-1].closed_by == "client")

    @pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream", "application/json"])
    def test_although_the_content_type_is_wrong(self, scene: Scene, kind: str) -> None:
        pings = b": ping\r\n\r\n"
        assert ask(scene, body(pings, said("hi", "stop"), headers={"Content-Type": kind})).text == "hi"

    def test_although_it_is_compressed_unasked(self, scene: Scene) -> None:
        raw = gzip.compress(said("hi", "stop") + DONE)
        assert ask(scene, whole(200, raw, SSE | {"Content-Encoding": "gzip"})).text == "hi"

    def test_although_an_emoji_was_cut_in_half(self, scene: Scene) -> None:
        answer = ask(scene, body(said("a\ud83d"), said("\ude00b"), said("\ud83d", "stop")))
        assert answer.text == "a😀b\ufffd"

    def test_although_stream_options_are_refused(self, scene: Scene) -> None:
        async def play(exchange: Exchange) -> None:
            if "stream_options" in exchange.record.body:
                await exchange.json(400, {"error": {"message": "Unknown parameter: stream_options"}})
            else:
                await body(said("hi", "stop"))(exchange)

        assert ask(scene, play).text == "hi"


class TestTheErrorHelps:
    @pytest.mark.parametrize("pieces", [(), (said("half"),), (said("half"), said("cut off")[:40])])
    def test_where_the_end_mark_is_missing(self, scene: Scene, pieces: tuple[bytes, ...]) -> None:
        error = refused(scene, body(*pieces, chunked=False))
        assert error.kind == "interrupted"
        assert error.answer.text == ("half" if pieces else "")

    def test_where_a_pretty_printed_error_stands_in_the_stream(self, scene: Scene) -> None:
        bare = json.dumps({"error": {"message": "upstream died", "code": 503}}, indent=2).encode()
        error = refused(scene, body(said("half"), bare))
        assert (error.kind, error.answer.text) == ("overloaded", "half")
        assert "upstream died" in error.why

    def test_where_http_200_carries_an_error(self, scene: Scene) -> None:
        raw = json.dumps({"code": 10163, "message": "param error", "sid": "sid1"}).encode()
        error = refused(scene, whole(200, raw, {"Content-Type": "application/json"}))
        assert "param error" in error.why
        assert (error.code, error.request_id) == ("10163", "sid1")

    def test_where_the_address_is_a_web_site(self, scene: Scene) -> None:
        page = whole(200, b"<html><title>Hello</title></html>", {"Content-Type": "text/html"})
        assert "is the base URL right?" in refused(scene, page).what

    def test_where_the_service_has_moved(self, scene: Scene) -> None:
        error = refused(scene, whole(308, b"", {"Location": "https://elsewhere.example/v1"}))
        assert "https://elsewhere.example/v1" in error.why
        assert len(scene.log) and scene.log[-1].path == "/v1/chat/completions"

    def test_where_an_event_never_ends(self, scene: Scene) -> None:
        async def play(exchange: Exchange) -> None:
            await exchange.start(200, SSE)
            while True:
                await exchange.send(b"x" * 100_000)

        assert refused(scene, play).kind == "protocol"
        assert scene.wait_for(lambda log: log[-1].closed_by == "client")

    def test_where_a_refusal_is_ten_megabytes_long(self, scene: Scene) -> None:
        error = refused(scene, whole(500, b"x" * 10_000_000, {"Content-Type": "text/plain"}))
        assert error.kind == "server_error"
        assert len(error.why) < 600

    def test_where_the_key_is_wrong_it_is_not_shown_again(self) -> None:
        with OpenAIServer(key="sk-right-0123456789") as server:
            with pytest.raises(nbstream.NbstreamError) as caught:
                nbstream.ask(
                    "hi",
                    model="openai:words",
                    base_url=server.url,
                    credentials={"api_key": "sk-wrong-abcdefgh"},
                )
            assert caught.value.kind == "auth"
            assert caught.value.fix == "%llm login openai"
            assert "abcdefgh" not in str(caught.value)
            assert not server.log[-1].auth


def test_one_refusal_is_repeated_and_the_answer_comes() -> None:
    with OpenAIServer() as server:
        answer = nbstream.ask("hi", model="openai:flaky:1", base_url=server.url, retries=1)
        assert answer.text and len(server.log) == 2
        with pytest.raises(nbstream.NbstreamError) as caught:
            nbstream.ask("hi", model="openai:flaky:2", base_url=server.url, retries=1)
        assert caught.value.kind == "overloaded"
        assert len(server.log) == 4


def test_the_models_of_a_server_can_be_listed() -> None:
    with OpenAIServer() as server:
        request = registry.get("vllm").models_request({}, server.url)
        assert request is not None
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(str(request.url)) as answer:
            listed = registry.get("vllm").models(WireResponse(answer.status, {}, answer.read()))
    assert "endless" in [model.name for model in listed]


SCRIPT = """
import sys, nbstream
try:
    print(nbstream.ask("hi", model="openai:echo", base_url=sys.argv[1], retries=0).text)
except nbstream.NbstreamError as error:
    print(error.kind)
"""


@pytest.mark.parametrize("trusted", [True, False])
def test_a_certificate_is_checked_against_those_the_machine_trusts(trusted: bool, tmp_path: Path) -> None:
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.openai_server", "--tls"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=environment.ROOT,
        env=environment.clean(tmp_path),
    )
    assert server.stdin and server.stdout
    try:
        ready = json.loads(server.stdout.readline())
        env = environment.clean(tmp_path, SSL_CERT_FILE=ready["certificate"] if trusted else os.devnull)
        run = subprocess.run(
            [sys.executable, "-c", SCRIPT, ready["url"]], env=env, capture_output=True, text=True, timeout=60
        )
    finally:
        server.stdin.close()
        assert server.wait(10) == 0
        server.stdout.close()
    assert run.stdout.strip() == ('[{"role": "user", "content": "hi"}]' if trusted else "connection"), (
        run.stderr
    )
