"""What people do with a stream that nobody planned for: it ends, says why, and shows no key."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import subprocess
import sys
import textwrap
import threading
import time

import pytest

import nbstream
from nbstream.chat.session import Session
from nbstream.credentials import Secret
from tests.environment import ROOT
from tests.fakes.openai_server import OpenAIServer

KEY = "sk-canary-7f3a9c0e5d1b2a48"


@pytest.fixture(scope="module")
def server():
    with OpenAIServer() as server:
        yield server


def error_of(function, *args, **kwargs) -> nbstream.NbstreamError:
    with pytest.raises(nbstream.NbstreamError) as caught:
        function(*args, **kwargs)
    return caught.value


@pytest.mark.parametrize("key", ["sk-SECRETsecret01234\nabcdef", "sk-SECRETsecret01234\x00ab"])
def test_a_key_with_a_line_break_is_refused_and_not_shown(server: OpenAIServer, key: str) -> None:
    error = error_of(
        nbstream.ask, "hi", model="openai:words:3", base_url=server.url, credentials={"api_key": key}
    )
    assert error.kind == "config" and "SECRET" not in str(error) and not error.retryable


def test_blocking_the_loop_that_carries_the_stream_says_so(server: OpenAIServer) -> None:
    async def mix() -> None:
        stream = nbstream.stream("hi", model="openai:words:500@100", base_url=server.url)
        task = asyncio.create_task(anext(aiter(stream)))
        await task
        assert "await" in error_of(list, stream).fix
        stream.cancel()

    asyncio.run(mix())


def test_waiting_while_an_iterator_is_held_does_not_block(server: OpenAIServer) -> None:
    stream = nbstream.stream("hi", model="openai:words:2000", base_url=server.url)
    held = iter(stream)
    next(held)
    assert stream.wait(timeout=20).finish_reason == "stop"


def test_a_loop_that_is_closed_under_a_stream_ends_it(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies() -> None:
        stream = nbstream.stream("hi", model="openai:endless", base_url=server.url)

        async def first() -> str:
            async for text in stream:
                return text
            return ""

        loop = asyncio.new_event_loop()
        assert loop.run_until_complete(first())
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        assert stream.wait(timeout=20).finish_reason == "cancelled"

    dies()
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)  # Python complains of what died with the loop
    gc.collect()


def test_an_iterator_dropped_on_the_io_thread_stalls_nobody(server: OpenAIServer) -> None:
    from nbstream.chat.background import io_loop

    stream = nbstream.stream("hi", model="openai:endless", base_url=server.url)
    held = [iter(stream)]
    next(held[0])
    done = threading.Event()
    begun = time.monotonic()
    io_loop().call_soon_threadsafe(lambda: (held.clear(), done.set()))
    assert done.wait(5) and time.monotonic() - begun < 1.5
    assert stream.wait(timeout=5).finish_reason == "cancelled"


@pytest.mark.parametrize(
    "given",
    [
        {"temperature": float("nan")},
        {"temperature": "warm"},
        {"retries": "x"},
        {"retries": -1},
        {"max_tokens": 1.5},
        {"max_tokens": True},
        {"max_tokens": 0},
        {"timeout": float("nan")},
        {"timeout": {"idle": -1}},
        {"options": {"x": object()}},
    ],
)
def test_values_that_make_no_sense_are_refused_at_the_call(given: dict) -> None:
    assert error_of(nbstream.stream, "hi", model="demo", **given).kind == "config"


def test_a_conversation_takes_text_and_stays_whole() -> None:
    talk = Session().conversation()
    assert error_of(talk.ask, [{"role": "user", "content": "hi"}], model="demo").kind == "config"
    assert talk.ask("hello", model="demo", options={"delay": 0}).finish_reason == "stop"


def test_a_proxy_that_cannot_be_used_is_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("all_proxy", "ALL_PROXY", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    ask = ("hi",)
    given = {"model": "openai:x", "base_url": "https://h.invalid/v1", "retries": 0}
    monkeypatch.setenv("ALL_PROXY", "ftp://user:passw0rd@127.0.0.1:9")
    error = error_of(nbstream.ask, *ask, **given)
    assert error.kind == "config" and "proxy" in error.what and "passw0rd" not in str(error)
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    error = error_of(nbstream.ask, *ask, **given)
    assert error.kind == "connection" and "127.0.0.1:9" in str(error), "it names the proxy"


def test_addresses_with_passwords_reach_no_log(
    server: OpenAIServer, caplog: pytest.LogCaptureFixture
) -> None:
    url = server.url.replace("//", "//user:passw0rd@") + "?api-version=QUERYSECRET"
    with caplog.at_level(logging.DEBUG):
        error_of(nbstream.ask, "hi", model="openai:status:400", base_url=url, retries=0)
        error = error_of(nbstream.ask, "hi", model="openai:x", base_url="ftp://user:passw0rd@h/v1")
    assert "passw0rd" not in caplog.text and "QUERYSECRET" not in caplog.text
    assert "passw0rd" not in str(error)


@pytest.mark.parametrize("text", ["bad key {key}", "x" * 470 + " {key}", "{quoted}"])
def test_a_key_that_a_server_echoes_is_masked(text: str) -> None:
    from urllib.parse import quote

    from nbstream.chat.masking import masked, masked_response
    from nbstream.errors import fail
    from nbstream.providers.registry import get
    from nbstream.wire.request import WireResponse

    key = KEY + "/+="
    told = text.format(key=key, quoted=quote(key, safe=""))
    body = json.dumps({"error": {"message": told, "code": key}})
    secrets = [Secret(key)]
    response = masked_response(WireResponse(401, {"x-request-id": key}, body.encode()), secrets)
    error = masked(get("openai").refused(response), "openai", secrets)
    shown = f"{error} {error.code} {error.request_id}"
    assert "canary" not in shown
    cut = masked(fail("config.base_url", given="y" * 20 + key[:20]), "openai", secrets)
    assert "canary" not in str(cut)


def test_a_process_that_ends_in_mid_stream_ends_quietly(server: OpenAIServer) -> None:
    program = f"""
        import nbstream
        held = iter(nbstream.stream("hi", model="openai:endless", base_url={server.url!r}))
        print(len(next(held)) > 0)
    """
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", textwrap.dedent(program)],
        capture_output=True, text=True, timeout=30, cwd=ROOT,
    )  # fmt: skip
    assert (done.stdout, done.stderr, done.returncode) == ("True\n", "", 0)
