"""Gemini's generateContent: the request, the stream, the refusals, and a turn with a function end to end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import nbstream
from nbstream.chat.session import Session
from nbstream.credentials import Secret
from nbstream.errors import NbstreamError
from nbstream.i18n import set_language
from nbstream.messages import (
    Finish,
    Message,
    Note,
    Opaque,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from nbstream.providers import registry
from nbstream.wire.request import BARE, BODY, WireResponse
from tests.fakes.gemini_server import GeminiServer
from tests.fakes.loopback import Exchange, Loopback

from .speaking import KEY, WEATHER, Speaker, talk_with_a_tool

gemini = Speaker("gemini")
HOME = "https://generativelanguage.googleapis.com/v1beta"


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    set_language("en")
    yield
    set_language(None)


@pytest.fixture(scope="module")
def server() -> Iterator[GeminiServer]:
    with GeminiServer("AIza-the-right-key-0123") as running:
        yield running


def chunk(*parts: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}}
    return {"candidates": [candidate | ({"finishReason": finish} if finish else {})]} | more


def refusal(code: int, status: str, message: str = "Nope", *details: dict[str, Any]) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


class TestTheRequest:
    def test_a_plain_question(self) -> None:
        request = gemini.asked("gemini-2.0-flash", system="Be brief.", temperature=0.0, max_tokens=9)
        assert request.url == f"{HOME}/models/gemini-2.0-flash:streamGenerateContent?alt=sse"
        assert (request.transport, request.method) == ("sse", "POST")
        assert json.loads(request.body or b"") == {
            "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "generationConfig": {"temperature": 0.0, "maxOutputTokens": 9},
        }

    def test_the_key_is_in_a_header_and_in_no_address(self) -> None:
        request = gemini.asked()
        key = request.headers["x-goog-api-key"]
        assert isinstance(key, Secret) and key.reveal() == KEY["api_key"].reveal()
        assert "0123456789" not in repr(request) + str(request.headers) + str(request.url)

    def test_of_two_keys_in_the_environment_googles_wins(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GEMINI_API_KEY", "gemini-0123456789")
        assert Session().credentials(gemini.provider)["api_key"].reveal() == "gemini-0123456789"
        monkeypatch.setenv("GOOGLE_API_KEY", "google-0123456789")
        assert Session().credentials(gemini.provider)["api_key"].reveal() == "google-0123456789"

    @pytest.mark.parametrize(
        ("model", "path"),
        [
            ("gemini-2.0-flash", "models/gemini-2.0-flash"),
            ("models/gemini-2.0-flash", "models/gemini-2.0-flash"),
            ("tunedModels/mine", "tunedModels/mine"),
            ("a b?c#d:e", "models/a%20b%3Fc%23d%3Ae"),
        ],
    )
    def test_a_model_with_its_folder_or_without(self, model: str, path: str) -> None:
        assert gemini.asked(model).url == f"{HOME}/{path}:streamGenerateContent?alt=sse"

    @pytest.mark.parametrize(
        ("base_url", "url"),
        [
            ("https://h.example", "https://h.example/v1beta/models"),
            ("https://h.example/v1/", "https://h.example/v1/models"),
            ("https://h.example/google/v1beta", "https://h.example/google/v1beta/models"),
            ("https://h.example/v1beta/models/x:streamGenerateContent", "https://h.example/v1beta/models"),
        ],
    )
    def test_a_path_is_kept_and_a_missing_one_is_the_services_own(self, base_url: str, url: str) -> None:
        assert gemini.asked(base_url=base_url).url == f"{url}/m:streamGenerateContent?alt=sse"
        listing = gemini.provider.models_request(KEY, base_url)
        assert listing is not None and listing.url == f"{url}?pageSize=1000"

    def test_a_query_of_the_users_own_stays(self) -> None:
        assert str(gemini.asked(base_url="https://h.example/v1?a=1").url).endswith("?a=1&alt=sse")

    def test_assistant_is_model_and_neighbours_are_one_content(self) -> None:
        said = [
            Message("system", "Be kind."),
            Message("user", "one"),
            Message("user", "two"),
            Message("assistant", "three"),
            Message("assistant", ""),
            Message("user", "four"),
        ]
        sent = gemini.body(messages=said)
        assert sent["systemInstruction"] == {"parts": [{"text": "Be kind."}]}
        assert sent["contents"] == [
            {"role": "user", "parts": [{"text": "one"}, {"text": "two"}]},
            {"role": "model", "parts": [{"text": "three"}]},
            {"role": "user", "parts": [{"text": "four"}]},
        ]

    def test_options_find_their_place_and_win(self) -> None:
        options = {
            "safetySettings": [{"category": "X"}],
            "top_p": 0.5,
            "seed": 1,
            "generation_config": {"max_output_tokens": 7},
        }
        sent = gemini.body(options=options, max_tokens=99)
        assert sent["safetySettings"] == [{"category": "X"}]
        assert sent["generationConfig"] == {"topP": 0.5, "seed": 1, "maxOutputTokens": 7}

    @pytest.mark.parametrize("model", ["gemini-2.5-pro", "models/gemini-3.8-flash", "gemini-10"])
    def test_thoughts_are_asked_for_where_there_are_any(self, model: str) -> None:
        request = gemini.asked(model)
        config = json.loads(request.body or b"")["generationConfig"]
        assert config == {"thinkingConfig": {"includeThoughts": True}} and request.slow_start
        level = {"thinking_config": {"thinkingLevel": "low", "include_thoughts": False}}
        sent = gemini.body(model, options=level)["generationConfig"]
        assert sent == {"thinkingConfig": {"includeThoughts": False, "thinkingLevel": "low"}}
        assert "generationConfig" not in gemini.body(model, options={"thinkingConfig": None})

    def test_a_model_without_thoughts_is_asked_once_more_without(self) -> None:
        error = gemini.refused(400, refusal(400, "INVALID_ARGUMENT", "Thinking is not enabled for this"))
        again = gemini.provider.again(gemini.asked("gemini-3-x", temperature=1.0), error)
        assert again is not None
        assert json.loads(again.body or b"")["generationConfig"] == {"temperature": 1.0}
        own = {"thinkingConfig": {"thinkingBudget": 5}}
        assert gemini.provider.again(gemini.asked("gemini-3-x", options=own), error) is None

    def test_tools_in_the_common_form_are_declared_and_its_own_stay(self) -> None:
        plain = WEATHER["function"]
        strict = {"name": "f", "parameters": {"properties": {"a": {}}, "additionalProperties": False}}
        search: dict[str, Any] = {"googleSearch": {}}
        declared, own = gemini.body(tools=(WEATHER, strict, {"name": "now"}, search))["tools"]
        assert own == search
        assert declared == {
            "functionDeclarations": [
                plain,
                {"name": "f", "parametersJsonSchema": strict["parameters"]},  # refused as `parameters`
                {"name": "now"},
            ]
        }

    def test_a_call_goes_back_with_its_signature_and_its_result_as_an_object(self) -> None:
        opaque = [
            Opaque("gemini", {"call": 0, "thoughtSignature": "sig=="}),
            Opaque("gemini", {"call": None, "thoughtSignature": "alone=="}),
            Opaque("anthropic", {"type": "thinking"}),
        ]
        sent = gemini.body(messages=talk_with_a_tool("", opaque))["contents"]
        call = {"name": "weather", "args": {"city": "成都"}}
        assert sent[1]["parts"] == [
            {"text": "Looking."},
            {"text": "", "thoughtSignature": "alone=="},
            {"functionCall": call, "thoughtSignature": "sig=="},
        ]
        response = {"name": "weather", "response": {"celsius": 18}}
        assert sent[2] == {"role": "user", "parts": [{"functionResponse": response}]}
        assert "sig==" not in json.dumps(Speaker("anthropic").body(messages=talk_with_a_tool("a", opaque)))

    def test_a_call_that_another_model_made_is_marked_as_unsigned_where_signatures_are_checked(self) -> None:
        def signatures(model: str, *opaque: Opaque) -> list[Any]:
            calls = tuple(ToolCall("", name, "{}") for name in "fg")
            talk = [Message("user", "hi"), Message("assistant", tool_calls=calls, opaque=opaque)]
            parts = gemini.body(model, messages=talk)["contents"][1]["parts"]
            return [part.get("thoughtSignature") for part in parts]

        assert signatures("gemini-3.8-flash") == ["skip_thought_signature_validator", None]
        assert signatures("gemini-flash-latest") == ["skip_thought_signature_validator", None]
        assert signatures("gemini-2.5-flash") == [None, None]
        real = Opaque("gemini", {"call": 0, "thoughtSignature": "sig=="})
        assert signatures("gemini-3.8-flash", real) == ["sig==", None]

    def test_results_of_parallel_calls_are_one_content_matched_by_id_name_or_order(self) -> None:
        calls = (ToolCall("a", "f", ""), ToolCall("", "g", "{}"), ToolCall("", "h", "{}"))
        talk = (
            Message("user", "hi"),
            Message("assistant", tool_calls=calls),
            Message("tool", "three", tool_call_id="h"),
            Message("tool", "[1]", tool_call_id="a"),
            Message("tool", "two"),
        )
        parts = gemini.body(messages=talk)["contents"][2]["parts"]
        assert [part["functionResponse"] for part in parts] == [
            {"name": "h", "response": {"result": "three"}},
            {"id": "a", "name": "f", "response": {"result": [1]}},
            {"name": "g", "response": {"result": "two"}},
        ]

    def test_its_name_among_friends(self) -> None:
        assert registry.get("google") is registry.get("gemini")


class TestTheStream:
    def test_all_parts_of_a_chunk_are_gone_through(self) -> None:
        got = gemini.events(
            chunk({"text": "hm", "thought": True}, {"text": "A"}, {"text": ""}, {"text": "B"}),
            chunk(finish="STOP"),
        )
        assert got == [ReasoningDelta("hm"), TextDelta("A"), TextDelta("B"), Finish("stop", "STOP")]

    @pytest.mark.parametrize(
        "odd", [{}, {"candidates": []}, {"candidates": [{}]}, {"candidates": [{"content": {"parts": None}}]}]
    )
    def test_chunks_without_anything_are_nothing_special(self, odd: dict[str, Any]) -> None:
        assert gemini.events(odd, chunk({"text": "a"}, finish="STOP"), odd) == [
            TextDelta("a"),
            Finish("stop", "STOP"),
        ]

    def test_calls_come_whole_each_with_its_signature(self) -> None:
        got = gemini.events(
            chunk({"functionCall": {"name": "f", "args": {"城": 1}, "id": "x"}, "thoughtSignature": "s1"}),
            chunk({"functionCall": {"name": "f"}}, {"thoughtSignature": "s2"}, finish="STOP"),
            chunk({"text": "", "thoughtSignature": "late"}),
        )
        assert got == [
            ToolCallDelta(0, "x", "f", '{"城": 1}'),
            ToolCallDelta(1, None, "f", "{}"),
            Opaque("gemini", {"call": 0, "thoughtSignature": "s1"}),
            Opaque("gemini", {"call": None, "thoughtSignature": "s2"}),
            Finish("tool_calls", "STOP"),
            Opaque("gemini", {"call": None, "thoughtSignature": "late"}),
        ]

    @pytest.mark.parametrize(
        ("word", "reason"),
        [
            ("STOP", "stop"),
            ("MAX_TOKENS", "length"),
            ("SAFETY", "content_filter"),
            ("RECITATION", "content_filter"),
            ("PROHIBITED_CONTENT", "content_filter"),
            ("IMAGE_SAFETY", "content_filter"),
            ("LANGUAGE", "other"),
            ("MALFORMED_FUNCTION_CALL", "other"),
            ("UNEXPECTED_TOOL_CALL", "other"),
            ("BRAND_NEW", "other"),
        ],
    )
    def test_words_for_the_end_are_kept_as_they_came(self, word: str, reason: Any) -> None:
        assert gemini.events(chunk({"text": "a"}, finish=word))[-1] == Finish(reason, word)

    def test_what_the_service_says_of_its_end_is_told(self) -> None:
        said = {"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": "no brace"}]}
        assert gemini.events(said)[0] == Note("no brace")

    def test_tokens_that_thinking_used_up_are_told(self) -> None:
        got = gemini.events(chunk({"text": "hm", "thought": True}, finish="MAX_TOKENS"))
        assert isinstance(got[1], Note) and "--max-tokens" in got[1].text
        assert len(gemini.events(chunk({"text": "a"}, finish="MAX_TOKENS"))) == 2

    def test_what_is_no_text_is_named(self) -> None:
        image = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
        got = gemini.events(chunk(image, image, {"executableCode": {"code": "1"}}, finish="STOP"))
        assert isinstance(got[0], Note) and "inlineData, executableCode" in got[0].text

    @pytest.mark.parametrize(
        ("counts", "usage"),
        [
            ({"promptTokenCount": 5, "candidatesTokenCount": 4}, Usage(5, 4)),
            (
                {"promptTokenCount": 5, "candidatesTokenCount": 2, "thoughtsTokenCount": 9},
                Usage(5, 11, 9),
            ),
            (
                {"promptTokenCount": 5, "thoughtsTokenCount": 9, "cachedContentTokenCount": 3},
                Usage(5, 9, 9, 3),
            ),
            ({"promptTokenCount": 5, "totalTokenCount": 5}, Usage(5, 0)),
            ({"promptTokenCount": 5}, Usage(5, None)),
        ],
    )
    def test_usage_counts_thoughts_as_output(self, counts: dict[str, int], usage: Usage) -> None:
        assert gemini.events(chunk(usageMetadata=counts))[0] == usage

    def test_a_refused_prompt_is_an_error_with_the_services_word(self) -> None:
        blocked = {"promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "Not this."}}
        with pytest.raises(NbstreamError) as caught:
            gemini.events(blocked)
        assert (caught.value.kind, caught.value.code) == ("content_filter", "SAFETY")
        assert "SAFETY: Not this." in caught.value.why

    def test_an_array_is_read_like_a_stream(self) -> None:
        array = json.dumps([chunk({"text": "a"}), chunk({"text": "b"}, finish="STOP")])
        expected = [TextDelta("a"), TextDelta("b"), Finish("stop", "STOP")]
        assert gemini.events(array, event=BODY) == gemini.events(array, event=BARE) == expected

    @pytest.mark.parametrize("event", ["", BARE, BODY])
    @pytest.mark.parametrize("wrapped", [False, True])
    def test_an_error_in_mid_stream_however_it_comes(self, event: str, wrapped: bool) -> None:
        wait = {"@type": "RetryInfo", "retryDelay": "1.5s"}
        error: Any = refusal(503, "UNAVAILABLE", "Overloaded", wait)
        text = json.dumps([error] if wrapped else error, indent=2)
        with pytest.raises(NbstreamError) as caught:
            gemini.events(text, event=event)
        assert (caught.value.kind, caught.value.status, caught.value.retry_after) == ("overloaded", None, 1.5)

    def test_json_that_is_no_answer_is_told(self) -> None:
        with pytest.raises(NbstreamError) as caught:
            gemini.events({"hello": 1}, event=BODY)
        assert caught.value.kind == "protocol"

    def test_without_a_finish_reason_there_is_no_end_but_a_gateways(self) -> None:
        assert gemini.events(chunk({"text": "a"})) == [TextDelta("a")]
        assert gemini.events(chunk({"text": "a"}), "[DONE]") == [TextDelta("a"), Finish("stop")]


class TestRefusals:
    @pytest.mark.parametrize(
        ("code", "status", "message", "kind"),
        [
            (400, "INVALID_ARGUMENT", "Invalid value at 'contents'", "invalid_request"),
            (400, "INVALID_ARGUMENT", "The input token count (2) exceeds the maximum number of tokens "
             "allowed (1).", "context_length"),
            (400, "FAILED_PRECONDITION", "User location is not supported", "invalid_request"),
            (401, "UNAUTHENTICATED", "Nope", "auth"),
            (403, "PERMISSION_DENIED", "Your API key was reported as leaked.", "permission"),
            (404, "NOT_FOUND", "models/x is not found", "not_found"),
            (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota", "rate_limit"),
            (500, "INTERNAL", "Nope", "server_error"),
            (503, "UNAVAILABLE", "The model is overloaded.", "overloaded"),
            (504, "DEADLINE_EXCEEDED", "Nope", "timeout"),
        ],
    )  # fmt: skip
    def test_each_has_its_kind(self, code: int, status: str, message: str, kind: str) -> None:
        for body in (refusal(code, status, message), [refusal(code, status, message)]):
            error = gemini.refused(code, body)
            assert (error.kind, error.status, error.code) == (kind, code, status)
            assert message in error.why

    @pytest.mark.parametrize("reason", ["API_KEY_INVALID", "API_KEY_EXPIRED"])
    def test_a_wrong_key_is_told_by_its_reason_though_the_status_is_400(self, reason: str) -> None:
        error = gemini.refused(400, refusal(400, "INVALID_ARGUMENT", "API key", {"reason": reason}))
        assert (error.kind, error.fix, error.code) == ("auth", "%llm login gemini", reason)

    def test_the_wait_stands_in_the_details(self) -> None:
        error = gemini.refused(429, refusal(429, "RESOURCE_EXHAUSTED", "Slow", {"retryDelay": "17s"}))
        assert (error.kind, error.retry_after) == ("rate_limit", 17.0)
        header = gemini.refused(429, refusal(429, "RESOURCE_EXHAUSTED"), retry_after="3")
        assert header.retry_after == 3.0
        odd = gemini.refused(429, refusal(429, "RESOURCE_EXHAUSTED", "Slow", {"retryDelay": "soon"}))
        assert odd.retry_after is None

    def test_a_daily_allowance_that_is_spent_is_no_matter_of_waiting(self) -> None:
        violation = {"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}
        error = gemini.refused(429, refusal(429, "RESOURCE_EXHAUSTED", "Quota", {"violations": [violation]}))
        assert error.kind == "quota_exhausted" and not error.retryable

    def test_a_model_that_is_none_is_named_with_what_to_do(self) -> None:
        error = gemini.refused(404, refusal(404, "NOT_FOUND", "models/nope is not found"))
        gemini.provider.again(gemini.asked("nope"), error)
        assert "%llm models gemini" in error.fix and "“nope”" in error.fix
        assert HOME in error.fix

    def test_models_are_those_that_one_can_talk_to(self) -> None:
        listed = {
            "models": [
                {"name": "models/b", "supportedGenerationMethods": ["generateContent"]},
                {"name": "models/a", "displayName": "A"},
                {"name": "models/embed", "supportedGenerationMethods": ["embedContent"]},
            ]
        }
        assert gemini.models(listed) == ["a", "b"]
        assert gemini.models({}) == []
        with pytest.raises(NbstreamError):
            gemini.provider.models(WireResponse(200, {}, b'{"models": 5}'))


class Saying(Loopback):
    """Answers everything with the same body."""

    def __init__(self, body: str, kind: str) -> None:
        super().__init__()
        self.body, self.kind = body.encode(), kind

    async def respond(self, exchange: Exchange) -> None:
        await exchange.whole(200, self.body, {"Content-Type": self.kind})


class TestEndToEnd:
    def ask(self, server: Loopback, model: str, prompt: Any = "hi", **options: Any) -> nbstream.Answer:
        credentials = {"api_key": "AIza-the-right-key-0123"}
        options = {"credentials": credentials, "base_url": server.url, "retries": 0} | options
        return nbstream.ask(prompt, model=f"gemini:{model}", **options)

    def test_a_turn_with_a_function_is_accepted_by_the_service(self, server: GeminiServer) -> None:
        asked = Message("user", "How is the weather?")
        called = self.ask(server, "tool", asked, tools=[WEATHER])
        assert (called.finish_reason, called.tool_calls[0].name) == ("tool_calls", "weather")
        result = Message("tool", "18")
        assert self.ask(server, "words:5", [asked, called, result], tools=[WEATHER]).text
        sent = server.log[-1].body["contents"][1]["parts"][0]
        assert sent["thoughtSignature"] == "c2lnbmF0dXJl"

    def test_a_call_of_another_model_is_marked_when_a_name_did_not_tell_that_it_must_be(
        self, server: GeminiServer
    ) -> None:
        talk = [*talk_with_a_tool("a"), Message("user", "And now?")]
        assert self.ask(server, "words:5", talk, tools=[WEATHER]).text

    def test_a_wrong_key_is_said_and_never_shown(self, server: GeminiServer) -> None:
        with pytest.raises(NbstreamError) as caught:
            self.ask(server, "words:5", credentials={"api_key": "AIza-the-wrong-key-9876"})
        assert (caught.value.kind, caught.value.status) == ("auth", 400)
        assert "wrong-key" not in str(caught.value) + repr(caught.value)

    @pytest.mark.parametrize("kind", ["text/event-stream", "application/json"])
    def test_an_array_comes_through_although_events_were_asked_for(self, kind: str) -> None:
        pieces = [json.dumps(chunk({"text": text})) for text in ("A", "B")]
        pieces.append(json.dumps(chunk({"text": "C"}, finish="STOP")))
        with Saying("[" + "\n,\r\n".join(pieces) + "\n]\n", kind) as saying:
            answer = self.ask(saying, "m")
        assert (answer.text, answer.finish_reason) == ("ABC", "stop")

    def test_a_bare_error_between_the_events_is_read(self) -> None:
        bare = json.dumps(refusal(503, "UNAVAILABLE", "The model is overloaded."), indent=2)
        body = f"data: {json.dumps(chunk({'text': 'A'}))}\r\n\r\n{bare}\r\n"
        with Saying(body, "text/event-stream") as saying, pytest.raises(NbstreamError) as caught:
            self.ask(saying, "m")
        assert (caught.value.kind, caught.value.answer.text) == ("overloaded", "A")

    def test_thoughts_come_where_they_are_asked_for(self, server: GeminiServer) -> None:
        told = self.ask(server, "think:5", options={"thinkingConfig": {"includeThoughts": True}})
        assert told.reasoning and told.text
        silent = self.ask(server, "think:5")
        assert not silent.reasoning and silent.usage is not None and silent.usage.reasoning_tokens == 5
