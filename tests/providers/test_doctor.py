"""``%llm doctor`` against services that are well, slow, gone, refuse the key, or live at another time."""

from __future__ import annotations

import asyncio
import getpass
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from nbstream.chat import doctor
from nbstream.chat.doctor import Finding
from nbstream.chat.session import Session
from nbstream.i18n import set_language
from nbstream.magics import surroundings
from nbstream.magics.verbs.finding import report
from nbstream.providers import registry
from tests.fakes import ernie_v1_server, spark_server
from tests.fakes.ernie_v1_server import ErnieV1Server
from tests.fakes.loopback import Exchange
from tests.fakes.openai_server import OpenAIServer
from tests.fakes.spark_http_server import SparkHTTPServer
from tests.fakes.spark_server import SparkServer

KEY, WRONG = "sk-good-0123456789abcdef", "sk-wrong-fedcba9876543210"
KEPT = ("SSL_CERT_FILE", "SSL_CERT_DIR")


class Late(OpenAIServer):
    """Never answers."""

    async def respond(self, exchange: Exchange) -> None:
        await asyncio.Event().wait()


class Elsewhen(OpenAIServer):
    """Lives seven minutes and twelve seconds ago."""

    async def respond(self, exchange: Exchange) -> None:
        date = formatdate(time.time() - 432, usegmt=True)
        await exchange.json(200, {"object": "list", "data": []}, {"Date": date})


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Nobody's keys, proxies or certificates, in English; nothing listens at the usual ports."""
    for name in list(os.environ):
        if name.endswith(("_KEY", "_BASE_URL", "_SECRET", "_PROXY", "_proxy")) or name in KEPT:
            monkeypatch.delenv(name)
    closed = closed_port()
    for name in ("OLLAMA", "LLAMACPP", "LMSTUDIO", "VLLM"):
        monkeypatch.setenv(f"{name}_BASE_URL", f"http://127.0.0.1:{closed}/v1")
    set_language("en")
    yield monkeypatch
    set_language(None)


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def by_name(found: list[Finding]) -> dict[str, Finding]:
    return {one.what: one for one in found}


def test_each_service_with_a_key_is_asked_and_no_other(bare: pytest.MonkeyPatch) -> None:
    with ExitStack() as stack:
        good, strict = (stack.enter_context(OpenAIServer(key)) for key in (None, KEY))
        late, past = stack.enter_context(Late()), stack.enter_context(Elsewhen())
        spark, v1 = stack.enter_context(SparkServer()), stack.enter_context(ErnieV1Server())
        spark.clock = lambda: time.time() - 3
        gone = closed_port()
        here = Session()
        here.login("openai", api_key=KEY, base_url=good.url)
        here.login("deepseek", api_key=WRONG, base_url=strict.url)
        here.login("groq", api_key=KEY, base_url=f"http://127.0.0.1:{gone}/v1")
        here.login("moonshot", api_key=KEY, base_url=late.url)
        here.login("zhipu", api_key=KEY, base_url=past.url)
        here.login("spark", **spark_server.CREDENTIALS, base_url=spark.url)
        here.login("ernie-v1", **ernie_v1_server.CREDENTIALS, base_url=v1.url)
        here.login(
            "qwen", [{"api_key": KEY, "base_url": good.url}, {"api_key": WRONG, "base_url": strict.url}]
        )
        connected: list[Any] = []
        listening = [True]
        sys.addaudithook(
            lambda event, args: (
                connected.append(args[1]) if event == "socket.connect" and listening[0] else None
            )
        )
        found, clocks = doctor.examine(here, patience=2.0)
        listening[0] = False
        told = by_name(found)

        assert told["openai"].level == "good" and "key accepted" in told["openai"].said
        assert "models: 7" in told["openai"].said
        assert told["deepseek"].level == "bad" and told["deepseek"].fix == "%llm login deepseek"
        assert told["groq"].level == "bad" and f"127.0.0.1:{gone}" in told["groq"].said
        assert told["moonshot"].level == "bad" and "2 s" in told["moonshot"].said and told["moonshot"].fix
        assert told["spark"].level == "good" and "key accepted" in told["spark"].said
        assert told["ernie-v1"].level == "good"
        assert (told["qwen, key 1 of 2"].level, told["qwen, key 2 of 2"].level) == ("good", "bad")
        assert told.keys() == {
            "openai", "deepseek", "groq", "moonshot", "zhipu", "spark", "ernie-v1",
            "qwen, key 1 of 2", "qwen, key 2 of 2",
        }  # fmt: skip

        assert all(record.method == "GET" for record in good.log + strict.log), "nothing is asked that costs"
        assert all(record.body is None for record in spark.log), "a handshake, and no question"
        assert len(v1.chats()) == 0
        ports = {int(one.origin.rpartition(":")[2]) for one in (good, strict, late, past, v1)}
        ports |= {int(spark.url.split(":")[2].split("/")[0]), gone}
        local = {int(place.url.split(":")[2].split("/")[0]) for place in registry.places(os.environ)}
        assert {address[1] for address in connected} <= ports | local

        off = doctor.clock(clocks)
        assert off.level == "bad" and "7 min 1" in off.said and "ahead" in off.said and off.fix

        for language in ("en", "zh"):
            set_language(language)
            text = report([*surroundings.findings(), *doctor.examine(here, patience=0.5)[0]])
            for secret in (KEY, WRONG, *spark_server.CREDENTIALS.values(), KEY[-4:], WRONG[-4:]):
                assert secret not in text


def test_a_server_that_needs_no_key_is_asked_where_somebody_has_logged_in(bare: pytest.MonkeyPatch) -> None:
    with Late() as late:
        here = Session()
        here.login("vllm", api_key="any-key-will-do-here", base_url=f"{late.url}/v1")
        [row] = [one for one in doctor.examine(here, patience=1.0)[0] if one.what == "vllm"]
    assert row.level == "bad" and "proxy" in row.fix and "Run the cell" not in row.fix


def test_where_no_check_is_free_the_key_stays_at_home() -> None:
    with ErnieV1Server() as v1, SparkHTTPServer() as gateway:
        here = Session()
        signing = {"access_key": "ALTAK" + KEY, "secret_key": WRONG}
        here.login("ernie-v1", **signing, base_url=v1.url)
        here.login("spark-http", api_password=KEY, base_url=gateway.url)
        for name in ("ernie-v1", "spark-http"):
            [found], _ = doctor.examine(here, name)
            assert found.level == "good" and "key not checked" in found.said, name
        [record] = v1.log
        assert record.method == "GET" and record.path == "/" and "authorization" not in record.headers


def test_of_several_clocks_the_one_in_the_middle_is_believed() -> None:
    assert doctor.clock([0.0, 0.4, 90_000.0]).level == "good"
    assert doctor.clock([-60.0, -61.0, 0.0]).level == "doubt"
    assert "25 h" in doctor.clock([90_000.0]).said


def test_spark_with_a_wrong_secret_and_at_a_wrong_time() -> None:
    with SparkServer() as server:
        here = Session()
        here.login("spark", **{**spark_server.CREDENTIALS, "api_secret": "wrong" * 6}, base_url=server.url)
        [found], _ = doctor.examine(here, "spark")
        assert found.level == "bad" and found.fix == "%llm login spark"
        here.login("spark", **spark_server.CREDENTIALS, base_url=server.url)
        server.clock = lambda: time.time() + 900
        [found], clocks = doctor.examine(here, "spark")
        assert found.level == "bad" and "behind" in found.said
        assert doctor.clock(clocks).level == "bad" and "behind" in doctor.clock(clocks).said


def test_one_that_has_no_key_is_told_so_and_not_asked(bare: pytest.MonkeyPatch) -> None:
    connected: list[Any] = []
    listening = [True]
    sys.addaudithook(
        lambda event, args: connected.append(args) if event == "socket.connect" and listening[0] else None
    )
    [found], _ = doctor.examine(Session(), "deepseek")
    [demo], _ = doctor.examine(Session(), "demo")
    listening[0] = False
    assert found.level == "bad" and found.fix == "%llm login deepseek"
    assert demo.level == "good"
    assert not connected


def test_a_certificate_that_nobody_knows_is_told_with_its_remedy() -> None:
    with OpenAIServer(tls=True) as server:
        here = Session()
        here.login("openai", api_key=KEY, base_url=server.url)
        [found], _ = doctor.examine(here, "openai")
    assert found.level == "bad" and "(connection)" in found.said and "SSL_CERT_FILE" in found.fix


def test_ctrl_c_ends_the_waiting_and_what_is_known_is_told() -> None:
    with OpenAIServer() as good, Late() as late:
        here = Session()
        here.login("openai", api_key=KEY, base_url=good.url)
        here.login("moonshot", api_key=KEY, base_url=late.url)

        def press() -> None:
            late.wait_for(lambda log: bool(log))
            good.wait_for(lambda log: bool(log) and log[-1].closed is not None)
            os.kill(os.getpid(), signal.SIGINT)

        finger = threading.Thread(target=press)
        finger.start()
        found, _ = doctor.examine(here, patience=30)
        finger.join()
    told = by_name(found)
    assert told["moonshot"].level == "doubt" and "stopped" in told["moonshot"].said
    assert told["openai"].level in ("good", "doubt")


def test_proxies_are_shown_without_their_passwords_and_bad_ones_with_a_remedy(
    bare: pytest.MonkeyPatch,
) -> None:
    bare.setenv("HTTPS_PROXY", "http://mallory:hunter2@proxy.example:3128")
    bare.setenv("NO_PROXY", "localhost,10.0.0.0/8")
    row = by_name(list(surroundings.findings()))["proxy"]
    assert row.level == "good" and "https http://proxy.example:3128" in row.said and "2" in row.said
    assert "hunter2" not in row.said and "mallory" not in row.said
    bare.setenv("HTTPS_PROXY", "carrier-pigeon://mallory:hunter2@proxy.example")
    row = by_name(list(surroundings.findings()))["proxy"]
    assert row.level == "bad" and row.fix and "hunter2" not in row.said + row.fix


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_certificates_that_cannot_be_read_are_told(
    bare: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    bare.setenv("SSL_CERT_FILE", str(file))
    row = by_name(list(surroundings.findings()))["certificates"]
    assert row.level == "bad" and "SSL_CERT_FILE" in row.said and "SSL_CERT_FILE" in row.fix


def test_the_report_can_be_pasted_anywhere(bare: pytest.MonkeyPatch) -> None:
    home, user, machine = os.path.expanduser("~"), getpass.getuser(), socket.gethostname()
    said = f"{home}/ca.pem and C:\\Users\\{user}\\x on {machine}"
    text = report([Finding("bad", "certificates", said, f"rm {home}/ca.pem")])
    assert home not in text and f"Users\\{user}" not in text
    if len(machine) > 2 and machine != "localhost":
        assert machine not in text
    assert "ca.pem" in text and text.count("✗") == 2 and "1" in text.splitlines()[-1]
