"""Spark over real sockets: what comes well, what goes wrong, what is withdrawn, and what nobody may see."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import nbstream
from nbstream.chat.session import Session
from nbstream.errors import NbstreamError
from nbstream.i18n import set_language
from nbstream.messages import Answer, Retract, TextDelta
from nbstream.providers import registry
from nbstream.show.sinks import TerminalSink
from nbstream.wire import certificates
from nbstream.wire.request import Frame
from tests.fakes.proxy import Proxy
from tests.fakes.spark_server import CREDENTIALS, SparkServer, failed, piece
from tests.fakes.websocket_server import PING, TEXT, Peer, WebSocketServer, frame

WEATHER = {
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


@pytest.fixture(autouse=True)
def english():
    set_language("en")
    yield
    set_language(None)


@pytest.fixture(scope="module")
def server() -> Iterator[SparkServer]:
    with SparkServer() as running:
        yield running


def streamed(server: SparkServer, model: str, prompt: Any = "hi", **what: Any) -> nbstream.Stream:
    """A stream whose behaviour is the domain: an address with a path takes any word."""
    what = {"retries": 0, "credentials": CREDENTIALS, "base_url": server.url} | what
    return nbstream.stream(prompt, model=f"spark:{model}", **what)


def failure(server: SparkServer, model: str, **what: Any) -> NbstreamError:
    with pytest.raises(NbstreamError) as caught:
        streamed(server, model, **what).wait()
    return caught.value


class TestWhatComesWell:
    @pytest.mark.parametrize(
        "model", ["lite", "pro", "pro-128k", "max", "max-32k", "ultra", "kjwx", "x1", "x2"]
    )
    def test_each_version_answers_at_its_own_path(self, server: SparkServer, model: str) -> None:
        answer = streamed(server, model, base_url=server.door).wait()
        assert answer.finish_reason == "stop" and len(answer.text) > 20
        assert answer.usage is not None and answer.usage.output_tokens == 20

    def test_we_say_goodbye_as_the_protocol_asks(self, server: SparkServer) -> None:
        # This server never closes: the end mark is ours to act upon.
        streamed(server, "any", base_url=f"{server.door}/do/vector:ws-server-keeps-open").wait()
        assert server.wait_for(lambda log: log[-1].closed is not None)
        assert server.log[-1].closed_by == "client"
        assert server.lines[-1].goodbye == 1000

    def test_reasoning_comes_before_the_text(self, server: SparkServer) -> None:
        answer = streamed(server, "think:5").wait()
        assert answer.reasoning and answer.text and answer.reasoning not in answer.text

    def test_a_function_is_called_and_its_result_taken_along(self, server: SparkServer) -> None:
        answer = streamed(server, "call", tools=[WEATHER]).wait()
        assert answer.finish_reason == "tool_calls"
        assert [(c.name, json.loads(c.arguments)) for c in answer.tool_calls] == [
            ("get_weather", {"city": "合肥"})
        ]

    def test_messages_of_any_size_in_fragments_cut_anywhere(self, server: SparkServer) -> None:
        assert streamed(server, "big:200000").wait().text == "好" * (200_000 // 3)
        assert streamed(server, "fragments").wait().text == "第一句话，second 😀 完。"
        assert server.lines[-1].pongs, "pings between the fragments are answered"
        assert streamed(server, "slow:0.0001").wait().text == "慢慢来"

    def test_the_whole_conversation_goes_along(self, server: SparkServer) -> None:
        talk = Session().conversation()
        options: dict[str, Any] = {"credentials": CREDENTIALS, "base_url": server.url}
        first = talk.ask("一", model="spark:words:3", **options)
        said = json.loads(talk.ask("二", model="spark:echo", system="Be brief.", **options).text)
        assert said["payload"]["message"]["text"] == [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "一"},
            {"role": "assistant", "content": first.text},
            {"role": "user", "content": "二"},
        ]

    def test_forty_at_once_do_not_mix(self, server: SparkServer) -> None:
        streams = [streamed(server, "words:30@300") for _ in range(40)]
        threads = [threading.Thread(target=stream.wait) for stream in streams]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert all(stream.answer.finish_reason == "stop" for stream in streams)
        sent = [record.text for record in server.log[-40:]]
        assert sorted(stream.answer.text for stream in streams) == sorted(sent)


class AtHome(SparkServer):
    """Under Spark's own name, for whoever trusts its certificate."""

    names = ("spark-api.xf-yun.com",)


def test_at_its_own_address_through_a_proxy_with_a_password_over_tls(monkeypatch: Any) -> None:
    with AtHome(tls=True) as server:
        port = int(server.origin.rpartition(":")[2])
        with Proxy(("127.0.0.1", port), "me", "p@ss word") as proxy:
            for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "https_proxy"):
                monkeypatch.delenv(name, raising=False)
            monkeypatch.setenv("HTTPS_PROXY", proxy.url(password="p%40ss%20word"))
            monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
            certificates.store.cache_clear()
            try:
                answer = nbstream.ask("hi", model="spark:max", credentials=CREDENTIALS, retries=0)
            finally:
                certificates.store.cache_clear()
            assert answer.finish_reason == "stop"
            assert proxy.asked == ["CONNECT spark-api.xf-yun.com:443"]
            assert server.log[0].headers["host"] == "spark-api.xf-yun.com"
            assert server.log[0].path.startswith("/v3.5/chat?authorization=")


class TestWhatGoesWrong:
    @pytest.mark.parametrize("model", ["cut:4", "reset:4", "close:4", "close:4:1011"])
    def test_an_end_before_the_end_mark_keeps_the_text(self, server: SparkServer, model: str) -> None:
        error = failure(server, model)
        assert (error.kind, error.retryable) == ("interrupted", True)
        assert server.wait_for(lambda log: log[-1].closed is not None)
        assert error.answer.text == server.log[-1].text != ""
        assert error.answer.finish_reason is None

    def test_garbage_in_mid_stream_keeps_the_text(self, server: SparkServer) -> None:
        error = failure(server, "garbage:4")
        assert error.kind == "protocol" and error.answer.text == server.log[-1].text != ""

    def test_a_code_in_mid_stream_keeps_the_text_and_the_number_for_support(
        self, server: SparkServer
    ) -> None:
        error = failure(server, "error:10012:3")
        assert (error.kind, error.code) == ("server_error", "10012")
        assert error.answer.text and error.request_id is not None

    @pytest.mark.parametrize(
        ("model", "address", "limit"),
        [
            ("silent", "", {"idle": 0.2, "first": 0.2}),
            ("any", "/do/stall", {"connect": 0.2}),
        ],
    )
    def test_silence_ends_in_a_timeout(
        self, server: SparkServer, model: str, address: str, limit: Any
    ) -> None:
        what = {"base_url": server.door + address} if address else {}
        assert failure(server, model, timeout=limit, **what).kind == "timeout"
        assert server.wait_for(lambda log: log[-1].closed is not None)
        assert server.log[-1].closed_by == "client"

    @pytest.mark.parametrize("address", ["/do/stall", "/v4.0/chat"])
    def test_stop_works_while_nothing_has_come(self, server: SparkServer, address: str) -> None:
        before = len(server.log)
        stream = streamed(server, "silent", base_url=server.door + address)
        waiting = threading.Thread(target=lambda: list(stream))
        waiting.start()
        assert server.wait_for(lambda log: len(log) > before)
        stream.cancel()
        waiting.join(2)
        assert not waiting.is_alive() and stream.answer.finish_reason == "cancelled"
        assert server.wait_for(lambda log: log[-1].closed is not None)

    def test_what_was_said_before_a_door_was_shut_is_heard(self) -> None:
        # Neither the rest of a long question nor the answer to a ping can be sent any more.
        async def shut(peer: Peer) -> None:
            await peer.accept()
            await peer.send(frame(PING, b"") * 4)
            await peer.say(failed(10907, "token count exceeds the limit"))

        with WebSocketServer(shut) as server:
            for _ in range(5):
                with pytest.raises(NbstreamError) as caught:
                    nbstream.ask("好" * 1_200_000, model="spark:any", base_url=server.url + "/v1",
                                 credentials=CREDENTIALS, retries=0)  # fmt: skip
                assert (caught.value.kind, caught.value.code) == ("context_length", "10907")

    def test_a_busy_service_is_asked_again_with_a_signature_of_its_own(self, server: SparkServer) -> None:
        before = len(server.log)
        assert failure(server, "error:10110", retries=1).kind == "overloaded"
        assert len(server.log) == before + 2

    def test_what_is_out_of_range_for_the_service_is_told(self, server: SparkServer) -> None:
        error = failure(server, "words:3", temperature=1.5)  # any word: no range is known here
        assert (error.kind, error.code) == ("invalid_request", "10163")
        assert "temperature" in error.why


class TestWhatIsWithdrawn:
    def test_the_text_is_in_no_answer_and_no_history(self, server: SparkServer) -> None:
        talk = Session().conversation()
        options: dict[str, Any] = {"credentials": CREDENTIALS, "base_url": server.url, "retries": 0}
        stream = talk.stream("tell me", model="spark:moderation:5", **options)
        came = []
        with pytest.raises(NbstreamError) as caught:
            for event in stream.events():
                came.append(event)
        assert [type(event) for event in came] == [TextDelta] * 5 + [Retract], "it was shown, then withdrawn"
        error = caught.value
        assert (error.kind, error.code) == ("content_filter", "10014")
        assert error.answer.text == stream.answer.text == ""
        assert "withdrew" in stream.answer.notes[0]
        assert talk.turns[0].status == "failed" and talk.turns[0].messages() == ()
        said = json.loads(talk.ask("go on", model="spark:echo", **options).text)
        assert [one["content"] for one in said["payload"]["message"]["text"]] == ["go on"]

    def test_not_even_half_a_character_stays(self, server: SparkServer) -> None:
        half = json.dumps({"header": {"code": 0}, "payload": {"choices": {"text": [{"content": "a\ud83d"}]}}})
        server.pieces = [frame(TEXT, text.encode()) for text in (half, failed(10014, "m"))]
        assert failure(server, "pieces").answer.text == ""

    def test_what_was_thought_goes_too(self, server: SparkServer) -> None:
        thought = piece("", reasoning="first this")
        server.pieces = [frame(TEXT, text.encode()) for text in (thought, piece("so"), failed(10014, "m"))]
        answer = failure(server, "pieces").answer
        assert (answer.text, answer.reasoning) == ("", "")

    def test_a_terminal_cannot_take_it_back_but_says_so(self, capsys: Any) -> None:
        sink = TerminalSink(footer=True)
        sink.batch([TextDelta("a story"), Retract("the service withdrew its text")])
        sink.done(Answer(error=failed_with("10014")))
        shown = capsys.readouterr().out
        assert shown.startswith(
            "a story\n\n[the service withdrew its text]\n\niFlytek Spark stopped its own answer"
        )


def failed_with(code: str) -> NbstreamError:
    with pytest.raises(NbstreamError) as caught:
        list(registry.get("spark").events(iter([Frame(failed(int(code), "m"))])))
    return caught.value


class TestWhatNobodyMaySee:
    def test_no_log_holds_a_key_or_a_signature(self, server: SparkServer, caplog: Any) -> None:
        places = [
            server.url,
            f"{server.door}/do/refuse:401",
            f"{server.door}/do/hang-up",
            f"{server.door}/do/page",
        ]
        with caplog.at_level(logging.DEBUG):
            for place in places:
                for model in ("words:2", "reset:2", "error:10003"):
                    try:
                        streamed(server, model, base_url=place).wait()
                    except NbstreamError as error:
                        caplog.handler.emit(logging.makeLogRecord({"msg": f"{error!r} {error}", "args": ()}))
                        logging.getLogger("test").debug("failed", exc_info=error)
        for record in server.log:
            signed = record.path.partition("authorization=")[2].partition("&")[0]
            assert signed and signed not in caplog.text and signed[:40] not in caplog.text
        assert not any(CREDENTIALS[name] in caplog.text for name in ("api_key", "api_secret"))
