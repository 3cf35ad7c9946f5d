"""Spark over real sockets: what comes well, what goes wrong, what is withdrawn, and what nobody may see."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nbstream
from nbstream.chat.session import Session
from nbstream.errors import NbstreamError
from nbstream.i18n import set_language
from nbstream.messages import Answer, Retract, TextDelta
from nbstream.providers import registry, spark_frames
from nbstream.show.sinks import TerminalSink
from nbstream.wire import certificates
from nbstream.wire.request import Frame
from nbstream.wire.sse import SSE
from tests.fakes import spark_http_server
from tests.fakes.proxy import Proxy
from tests.fakes.spark_server import CREDENTIALS, SparkServer, encoded, failed, piece, transcripts
from tests.fakes.websocket_server import PING, TEXT, Peer, WebSocketServer, frame
from tests.fakes.ws import fragments

SLOWLY = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
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


@pytest.fixture(scope="module")
def http() -> Iterator[spark_http_server.SparkHTTPServer]:
    with spark_http_server.SparkHTTPServer(spark_http_server.CREDENTIALS["api_password"]) as running:
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
        assert shown.startswith("a story\n\n[the service withdrew its text]\n\nSpark stopped its own answer")


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


# --- any cut, any garbage ---------------------------------------------------------------------------------

SOCKETS = [one for one in transcripts().values() if one["transport"] == "spark-ws" and one["frames"]]
OVER_HTTP = [one for one in transcripts().values() if one["transport"] == "spark-http"]


def outcome(name: str, frames: Iterator[Frame]) -> list[str]:
    """All events, and how it ended, in words that can be compared."""
    got: list[str] = []
    try:
        got += [repr(event) for event in registry.get(name).events(frames) if event is not None]
    except NbstreamError as error:
        got.append(f"{error.kind} {error.code}")
    return got


@given(st.data())
@settings(SLOWLY, max_examples=40)
def test_any_cut_of_a_transcript_gives_the_same(server: SparkServer, data: st.DataObject) -> None:
    transcript = data.draw(st.sampled_from(SOCKETS))
    raw = b""
    for one in transcript["frames"]:
        if "text" in one:  # each message in frames of its own, with pings in between
            message = one["text"].encode()
            cuts = sorted(data.draw(st.sets(st.integers(0, len(message)), max_size=4)))
            edges = [0, *cuts, len(message)]
            parts = [message[a:b] for a, b in pairwise(edges)]
            raw += b"".join(fragments(parts, between=frame(PING, b"")))
        elif "abort" not in one:
            raw += encoded(one)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(raw)), max_size=12)))
    server.pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    stream = streamed(server, "pieces")
    expect = transcript["expect"]
    try:
        stream.wait()
        assert expect["error"] is None
    except NbstreamError as error:
        assert error.kind in expect["error"].get("class_any", [expect["error"]["class"]])
    came = [event.text for event in stream._run.progress.events if isinstance(event, TextDelta)]
    assert "".join(came) == expect["text"]
    assert stream.answer.reasoning == expect["reasoning"]


@given(st.data())
@settings(SLOWLY, max_examples=40)
def test_any_cut_of_a_transcript_over_http_gives_the_same(data: st.DataObject) -> None:
    transcript = data.draw(st.sampled_from(OVER_HTTP))
    raw = "".join(one["text"] for one in transcript["frames"]).encode()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(raw)), max_size=12)))

    def frames(edges: list[int]) -> Iterator[Frame]:
        decoder = SSE()
        for a, b in zip([0, *edges], [*edges, len(raw)], strict=True):
            yield from decoder.feed(raw[a:b])
        yield from decoder.flush()

    assert outcome("spark-http", frames(cuts)) == outcome("spark-http", frames([]))


NAMES = (
    "header code message sid status payload choices text content reasoning_content function_call name"
    " arguments usage plugins prompt_tokens error delta tool_calls index Sid msg"
)
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from([0, 2, 10014]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES.split()), inner, max_size=5)
    ),
    max_leaves=15,
)


ODD = st.sampled_from([0, 1, 2, "2", 10014, "", "好", None, True, {}, [], {"text": {"prompt_tokens": 3}}])
ITEMS = st.dictionaries(st.sampled_from(["content", "reasoning_content", "function_call", "role"]), ODD)
NEARLY = st.fixed_dictionaries(
    {
        "header": st.dictionaries(st.sampled_from(["code", "message", "sid"]), ODD) | ODD,
        "payload": st.fixed_dictionaries(
            {"choices": st.fixed_dictionaries({"status": ODD, "text": st.lists(ITEMS, max_size=2) | ODD})},
            optional={"usage": ODD, "plugins": ODD},
        ),
    }
)


@given(st.lists(NEARLY | ANYTHING, max_size=4))
@settings(SLOWLY, max_examples=200)
def test_no_json_whatever_breaks_the_reader(messages: list[Any]) -> None:
    frames = [Frame(json.dumps(message)) for message in messages]
    outcome("spark-http", iter(frames))
    found = outcome("spark", iter(frames))
    with pytest.MonkeyPatch.context() as patch:  # nor does the short cut for plain text change anything
        patch.setattr(spark_frames, "_plain", lambda data: None)
        assert outcome("spark", iter(frames)) == found


@given(
    st.binary(max_size=200)
    | st.text(max_size=50).map(lambda text: frame(TEXT, text.encode("utf-8", "replace")))
)
@settings(SLOWLY, max_examples=40)
def test_any_garbage_on_the_wire_ends_in_one_clear_error(server: SparkServer, garbage: bytes) -> None:
    server.pieces = [frame(TEXT, piece("before").encode()), garbage]
    error = failure(server, "pieces", timeout=5)
    assert error.kind in ("interrupted", "protocol", "server_error")
    assert error.answer.text == "before" and error.what and error.fix


# --- over HTTP --------------------------------------------------------------------------------------------


class TestOverHTTP:
    def ask(self, http: Any, model: str, **what: Any) -> Answer:
        what = {"retries": 0, "credentials": spark_http_server.CREDENTIALS, "base_url": http.url} | what
        return nbstream.ask("hi", model=f"spark-http:{model}", **what)

    @pytest.mark.parametrize(
        ("model", "path", "word"),
        [
            ("ultra", "/v1/chat/completions", "4.0Ultra"),
            ("lite", "/v1/chat/completions", "lite"),
            ("x1", "/v2/chat/completions", "spark-x"),
            ("x2", "/x2/chat/completions", "spark-x"),
            ("spark-x", "/x2/chat/completions", "spark-x"),
            ("x2-flash", "/agent/v1/chat/completions", "spark-x"),
            ("x1-preview", "/v2/chat/completions", "x1-preview"),
        ],
    )
    def test_the_path_decides_which_model_a_word_means(
        self, http: Any, model: str, path: str, word: str
    ) -> None:
        self.ask(http, model, base_url=http.origin)
        assert http.log[-1].path == path
        assert http.log[-1].body["model"] == word

    def test_an_address_with_a_path_is_used_as_it_is(self, http: Any) -> None:
        for base_url in (f"{http.origin}/my/v9", f"{http.origin}/my/v9/chat/completions/"):
            self.ask(http, "x1", base_url=base_url)
            assert http.log[-1].path == "/my/v9/chat/completions"

    def test_the_default_addresses(self) -> None:
        for model, url in (
            ("ultra", "https://spark-api-open.xf-yun.com/v1/chat/completions"),
            ("x1", "https://spark-api-open.xf-yun.com/v2/chat/completions"),
            ("x1-preview", "https://spark-api-open-preview.xf-yun.com/v2/chat/completions"),
        ):
            call = Session().call(
                "hi", model=f"spark-http:{model}", credentials=spark_http_server.CREDENTIALS
            )
            assert call.provider.request(call.chat, call.credentials).url == url

    def test_key_and_secret_do_as_well_as_a_password_and_a_wrong_one_is_told(self, http: Any) -> None:
        password, _, rest = spark_http_server.CREDENTIALS["api_password"].partition(":")
        pair = {"api_key": password, "api_secret": rest}
        assert self.ask(http, "words:5", credentials=pair).text
        with pytest.raises(NbstreamError) as caught:
            self.ask(http, "words:5", credentials={"api_password": "wrong-password-01234"})
        assert caught.value.kind == "auth" and "does not know" in caught.value.what

    def test_usage_is_not_asked_for_and_calls_come_as_a_list(self, http: Any) -> None:
        sent = json.loads(self.ask(http, "echo", tools=[WEATHER]).text)
        assert "stream_options" not in sent
        assert sent["tool_calls_switch"] is True
        assert sent["tools"][0]["function"]["name"] == "get_weather"

    def test_ranges_are_the_same(self, http: Any) -> None:
        with pytest.raises(NbstreamError) as caught:
            self.ask(http, "ultra", temperature=0)
        assert caught.value.kind == "config" and "at most 1" in caught.value.why

    def test_moderation_withdraws_here_too(self, http: Any) -> None:
        with pytest.raises(NbstreamError) as caught:
            self.ask(http, "error:10014:5")
        assert caught.value.kind == "content_filter" and caught.value.answer.text == ""

    def test_one_set_of_keys_makes_one_provider_ready(self, monkeypatch: Any) -> None:
        for name in ("app_id", "api_key", "api_secret"):
            monkeypatch.setenv(f"SPARK_{name.upper()}", "0123456789abcdef")
        assert [name for name in Session().ready() if "spark" in name] == ["spark"]
        monkeypatch.setenv("SPARK_API_PASSWORD", "0123456789abcdef")
        monkeypatch.delenv("SPARK_APP_ID")
        assert [name for name in Session().ready() if "spark" in name] == ["spark-http"]
