"""What may be kept of the wire: by allow-list, and so that the decoders make the same of it."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nbstream
from nbstream.chat.call import Call
from nbstream.credentials import Secret, hidden
from nbstream.errors import fail
from nbstream.messages import Answer, ChatRequest, Message, ToolCall
from nbstream.providers import registry
from nbstream.teach.asked import asked
from nbstream.teach.played import played_refusal
from nbstream.teach.recording import Recorder
from nbstream.teach.scrub import scrubbed_frame, scrubbed_frames
from nbstream.teach.scrubrefusal import scrubbed_headers, scrubbed_refusal
from nbstream.teach.scrubtext import as_it_is, scrubbed_text
from nbstream.teach.tape import read
from nbstream.teach.tapecheck import check
from nbstream.teach.tapeshapes import SHAPES, shape_of
from nbstream.teach.xray_record import Attempt
from nbstream.teach.xray_shown import request_text
from nbstream.wire.request import Frame, WireRequest, WireResponse
from tests.canary.canaries import canary, hits
from tests.fakes.echo_server import EchoServer
from tests.teach.frames import MADE, every, made, poisoned, told, with_canaries

TRANSCRIPTS = every()
STREAMS = [name for name, one in TRANSCRIPTS.items() if one.refused is None]
REFUSALS = [name for name, one in TRANSCRIPTS.items() if one.refused is not None]


def test_every_dialect_has_a_shape_and_so_has_every_provider_of_ours() -> None:
    for provider in registry.loaded():
        assert shape_of(provider) is not None or provider.name == "parrot", provider.name
    assert {TRANSCRIPTS[name].provider for name in STREAMS} == set(SHAPES) - {"demo"}


@pytest.mark.parametrize("name", STREAMS)
def test_the_decoder_makes_the_same_of_a_stream_whose_frames_were_scrubbed(name: str) -> None:
    one = TRANSCRIPTS[name]
    wanted = made(one.provider, one.frames)
    assert made(one.provider, scrubbed_frames(one.provider, one.frames)) == wanted
    dirty = [poisoned(frame) for frame in one.frames]
    cleaned = scrubbed_frames(one.provider, dirty)
    assert made(one.provider, cleaned) == wanted, "what was unknown had made a difference"
    assert scrubbed_frames(one.provider, cleaned) == cleaned, "what is clean is left alone"
    assert hits("\n".join(f"{frame.event} {frame.data}" for frame in cleaned)) == []


@pytest.mark.parametrize("name", REFUSALS)
def test_the_error_of_a_refusal_that_was_scrubbed_is_the_same(name: str) -> None:
    one = TRANSCRIPTS[name]
    assert one.refused is not None
    provider = registry.get(one.provider)
    try:
        body = json.dumps(with_canaries(json.loads(one.refused.body))).encode()
    except ValueError:
        body = one.refused.body
    dirty = type(one.refused)(
        one.refused.status,
        {**one.refused.headers, "set-cookie": canary("tape", "cookie"), "x-user": canary("tape", "header")},
        body,
    )
    kept = scrubbed_refusal(shape_of(provider), dirty, as_it_is)
    assert hits(json.dumps(kept)) == []
    assert told(provider.refused(played_refusal(kept))) == told(provider.refused(one.refused))


def test_a_credential_that_a_model_repeats_goes_also_when_it_comes_in_pieces() -> None:
    key = "9f8e7d6c5b4a39281706abcdef012345"
    pieces = ["Your key is ", *re.findall("...?", key), ", I think."]
    frames = [Frame(json.dumps({"choices": [{"delta": {"content": piece}}]})) for piece in pieces]
    kept = scrubbed_frames("openai", frames, lambda text: hidden(text, [Secret(key)]))
    said = "".join(json.loads(frame.data)["choices"][0]["delta"]["content"] for frame in kept)
    assert said.startswith("Your key is ") and said.endswith(", I think.")
    assert not any(key[at : at + 8] in said for at in range(len(key) - 8))
    assert len(kept) == len(frames), "each frame keeps its place in time"


@pytest.mark.parametrize(
    "text",
    [
        "see wss://h.example/v1?host=h&date=Sat&authorization=YXBpX2tleT0iMTIzNDU2Nzg5MCI",
        "https://bucket.example/a.png?X-Amz-Signature=0a1b2c3d4e5f60718293&X-Amz-Expires=60",
        "https://u5er:pa55word@h.example/path",
        "curl -H 'Authorization: Bearer 0123456789abcdef0123'",
        'api_key="0123456789abcdef0123456789"',
        "it is sk-proj-0123456789abcdef, keep it",
        "bce-v3/ALTAK-0123456789/abcdef0123",
        "24.0123456789abcdef0123456789abcdef.2592000.1700000000.282335-0123456789",
        "AK ALTAK-0123456789abcdefgh, AKIDz8krbsJ5yKBZQpn74WFkmLPx30123456789",
        "github_pat_0123456789abcdefghij, glpat-0123456789abcdef, xoxb-0123456789-0123456789",
        "https://b.example/?AWSAccessKeyId=0123456789&Expires=1&AccessKeyId=0123456789ab",
        "https://h.example/cb?code=0123456789ab",
        "Authorization: Token 0123456789abcdef0123",
        "-----BEGIN PRIVATE KEY-----\nMIIE0123456789\n-----END PRIVATE KEY-----",
        "sk-0123456789",
        "Authorization: Bearer aYrerYJUcpekrkcyMZxD:aykpOpRUHcprEAfqMnfi",
        r'{"key": "\u0073k-\u0070roj-0123456789abcdef"}',
    ],
)
def test_what_looks_like_a_secret_in_a_text_goes(text: str) -> None:
    kept = scrubbed_text(text)
    assert not re.search("YXBpX2|0a1b2c3d|pa55word|0123456789|kpOpRUH", kept)
    assert scrubbed_text(kept) == kept


@pytest.mark.parametrize(
    "text",
    [
        'client = OpenAI(api_key=os.environ["OPENAI_API_KEY"])',
        "https://example.org/search?q=streaming&page=2",
        "Set SPARK_API_SECRET=… first; a token is about 4 characters.",
        "签名写在 authorization 参数里",
        "authorization = base64.b64encode(authorization_origin.encode()).decode()",
        "signature = base64.b64encode(digest)\nsignature = hmac_sha256_base64(key, text)",
        "signature: hmac_sha256_base64, authorization = request.headers_2.get_header",
        "api_key = settings2.get_api_key_from_env",
        'authorization = headers2021["Authorization"]',
        "hf_transformer_pipeline(x), sk-learn-contrib, sk-toggleable__label-arrow, xapp-settings-page",
        "Basic principles2024andmore; a token base64.b64encode",
        "sid: hello",
    ],
)
def test_a_text_that_only_speaks_of_keys_stays(text: str) -> None:
    assert scrubbed_text(text) == text


@pytest.mark.parametrize(
    "name", ["spark", "spark-http", "ernie", "ernie-v1", "anthropic", "gemini", "openai"]
)
def test_of_a_request_one_sees_what_was_asked_and_not_who_asked(name: str) -> None:
    provider = registry.get(name)
    keys = {field.name: Secret(canary("tape", field.name)) for field in provider.fields}
    keys["token"] = Secret(canary("tape", "token"))
    chat = ChatRequest(
        Message.many("Why is the sky blue?"), provider.default_model, "Be brief.",
        base_url="https://h.example/t/4f3a0123456789abcdef?ak=" + "0123456789ab",
        options={"uid" if name == "spark" else "user": "who-asked", "metadata": {"who": ["who-asked"]}},
    )  # fmt: skip
    try:
        request = provider.request(chat, keys)
    except Exception:
        chat = ChatRequest(chat.messages, chat.model, chat.system, options=chat.options)
        request = provider.request(chat, keys)
    text = request_text(Attempt(Call(provider, chat, keys), request, 0.0), [*keys.values()])
    assert "Why is the sky blue?" in text and "Be brief." in text
    assert hits(text) == [] and "0123456789ab" not in text and "who-asked" not in text
    assert '"…"' in text, "that there is something one may see"


def test_nothing_is_kept_of_a_provider_of_which_nobody_said_what_is_safe() -> None:
    class Other:
        name, dialect = "other", ""

    other: Any = Other()
    assert scrubbed_frame(other, Frame('{"text": "hi"}')).data == "…"
    for wrong in ({"text": "frob"}, {"text": "TEXT"}, [], (), lambda: {}, {"a": [{}, []], "b": {1}}):
        other.frame_shape = wrong
        assert shape_of(other) is None, wrong
    other.frame_shape = {"text": "text"}
    assert scrubbed_frame(other, Frame('{"text": "hi", "user": "me"}')).data == '{"text": "hi"}'


def test_a_name_that_stands_twice_hides_nothing() -> None:
    first, last = canary("tape", "first"), canary("tape", "last")
    sources = (
        f'[{{"title": {{"x": "{first}"}}, "title": "t", "url": "https://h/?k={last}", "url": "https://h/"}}]'
    )
    text = [{"name": "ifly_search", "content": sources}]
    kept = scrubbed_frame("spark", Frame(json.dumps({"payload": {"plugins": {"text": text}}})))
    assert hits(kept.data) == [] and "https://h/" in kept.data
    call = {"name": "f", "arguments": '{"a": "sk-0123\\u0034567890abcdef", "a": "b"}'}
    piece = {"choices": [{"delta": {"function_call": call}}]}
    assert "567890" not in scrubbed_frame("openai", Frame(json.dumps(piece))).data


def test_of_a_page_of_a_proxy_only_the_title_is_kept() -> None:
    host = registry.get("openai")
    secret = canary("tape", "page")
    page = f"<html><head><title>Bad Gateway</title></head><body>{secret}</body></html>"
    for body in (page, "\ufeff  <!-- c -->" + page, "oops " + page, f"\x00\x01{secret}", f"\ufffd{secret}"):
        given = WireResponse(502, {"content-type": "text/plain"}, body.encode())
        kept = scrubbed_refusal(shape_of(host), given, as_it_is)
        assert hits(json.dumps(kept)) == [] and kept["body"], body[:9]
        if "title" in body:
            assert told(host.refused(played_refusal(kept))) == told(host.refused(given))
            assert secret not in host.refused(given).what + host.refused(given).why
    plain = WireResponse(502, {}, b"upstream is busy")
    assert scrubbed_refusal(shape_of(host), plain, as_it_is)["body"] == "upstream is busy"


def test_of_where_a_redirect_leads_only_the_host_is_kept() -> None:
    secret = canary("tape", "location")
    kept = scrubbed_headers({"location": f"http://u:pa55@h.example/{secret}/x?sig={secret}"}, as_it_is)
    assert kept == {"location": "http://h.example/…"}
    assert scrubbed_headers(kept, as_it_is) == kept
    odd = scrubbed_headers({"location": f"http://u:{secret}@h.example/"}, as_it_is)
    assert hits(str(odd)) == [] and "cAn" not in str(odd)


def test_a_key_in_the_id_of_a_tool_call_is_not_in_the_question_of_the_next_round() -> None:
    key = canary("tape", "id")
    call = ToolCall(f"call_{key}", f"f{key}", json.dumps({"a": key}))
    said = (Message("assistant", "", tool_calls=(call,)), Message("tool", "42", tool_call_id=call.id))
    ask = asked("openai", ChatRequest(said, "m"), lambda text: hidden(text, [Secret(key)]))
    assert hits(json.dumps(ask)) == []
    first, second = ask["messages"]
    assert first["tool_calls"][0]["id"] == second["tool_call_id"]
    again = (
        Message("assistant", "", tool_calls=(ToolCall(**first["tool_calls"][0]),)),
        Message("tool", "42", tool_call_id=second["tool_call_id"]),
    )
    assert asked("openai", ChatRequest(again, "m")) == ask, "so the tape is found again when it is played"


def test_a_check_sees_what_a_name_that_stands_twice_hides(tmp_path: Path) -> None:
    path = tmp_path / "a.tape"
    ask = '{"provider": "openai", "messages": []}'
    take = f'{{"ask": "sk-1", "ask": {ask}, "transport": "sse", "attempts": [{{}}]}}'
    path.write_text(f'{{"nbstream": "tape", "version": 1}}\n{take}\n')
    assert [one.line for one in check(str(path))] == [2]


def test_of_headers_only_those_are_kept_that_an_answer_is_made_of() -> None:
    given = {
        "content-type": "text/event-stream",
        "set-cookie": "a=1",
        "x-request-id": "req-7f",
        "server": "x",
    }
    assert scrubbed_headers(given, as_it_is) == {
        "content-type": "text/event-stream",
        "x-request-id": "xxx-0x",
    }


def test_no_canary_reaches_the_disk_by_any_dialect(tmp_path: Path) -> None:
    """Every transcript, with canaries in unknown fields, headers and credentials, through the recorder."""
    recorder = Recorder(str(tmp_path / "a.tape"))
    signed = Secret(f"https://h.example/?k={canary('tape', 'url')}", parts=(canary("tape", "url"),))
    for name, one in TRANSCRIPTS.items():
        provider = registry.get(one.provider)
        keys = {field.name: Secret(canary("tape", field.name)) for field in provider.fields}
        headers = {"content-type": "text/event-stream", "x-request-id": canary("i"), "via": canary("v")}
        prompt = f"{name}, not {canary('tape', provider.fields[-1].name)}"
        call = Call(provider, ChatRequest(Message.many(prompt), "m"), keys)
        tap = recorder(call)
        assert tap is not None
        tap.attempt(call, WireRequest("sse", url=signed))
        tap.ended(fail("connection.refused", address=f"h.example/{canary('tape', 'url')}"))
        tap.paused(1.0)
        tap.attempt(call, WireRequest("sse", headers={"authorization": Secret(canary("tape", "header"))}))
        if one.refused is not None:
            body = with_canaries({"error": {"message": f"no {canary('tape', 'header')}"}})
            tap.ended(WireResponse(one.refused.status, headers, json.dumps(body).encode()))
        else:
            tap.accepted(headers)
            for frame in one.frames:
                tap.frame(poisoned(frame), [])
            tap.ended(None)
        tap.done(Answer("x", finish_reason="stop"))
    assert recorder.trouble is None and recorder.takes == len(TRANSCRIPTS)
    assert hits(recorder.path.read_bytes()) == []
    assert check(str(recorder.path)) == []
    assert [len(one.attempts) for one in read(recorder.path)] == [2] * len(TRANSCRIPTS)


@pytest.mark.parametrize("streams", [False, True], ids=["refused", "in the stream"])
def test_a_service_that_repeats_every_secret_puts_none_on_a_tape(streams: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.tape"
    with EchoServer() as echo, nbstream.tape(str(path), "record"):
        echo.streams = streams
        for provider in registry.loaded():
            if provider.fields and not provider.package:
                scheme = "ws" if provider.name == "spark" else "http"
                keys = {one.name: canary(provider.name, one.name) for one in provider.fields if one.hidden}
                keys |= {one.name: "app0id" for one in provider.fields if not one.hidden}
                with suppress(nbstream.NbstreamError):
                    nbstream.ask(
                        "hi", model=f"{provider.name}:lite" if scheme == "ws" else f"{provider.name}:m",
                        base_url=f"{scheme}://{echo.origin.partition('//')[2]}/v1.1/chat",
                        credentials=keys, retries=0,
                    )  # fmt: skip
    assert {"spark", "spark-http", "ernie", "ernie-v1", "gemini"} <= {
        one.ask["provider"] for one in read(path)
    }
    assert hits(path.read_bytes()) == [] and "app0id" not in path.read_text("utf-8")


NAMES = st.sampled_from(
    [
        *("choices", "delta", "content", "text", "error", "message", "header", "payload", "candidates"),
        *("usage", "tool_calls", "function", "arguments", "id", "type", "code", "result", "sid", "detail"),
        *("functionCall", "args", "search_results", "url", "plugins", "x_new", "api_key", "user", "parts"),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)


@given(JSON, st.sampled_from(sorted(SHAPES)))
@settings(max_examples=300, deadline=None)
def test_whatever_comes_nothing_unknown_is_kept_and_what_is_kept_stays(value: Any, dialect: str) -> None:
    kept = scrubbed_frame(dialect, poisoned(Frame(json.dumps(value))))
    assert not (isinstance(value, dict | list) and hits(kept.data))
    if not any(name in kept.data for name in MADE):
        assert not any(f'"{name}":' in kept.data for name in ("x_new", "x_debug", "user", "api_key"))
    assert scrubbed_frame(dialect, kept) == kept
    kept.data.encode()
