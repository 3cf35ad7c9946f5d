"""What is sent to Spark: the address for a version, and the envelope, checked before it leaves."""

from __future__ import annotations

import base64
import json
import re
import time
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from nbstream.credentials import Secret
from nbstream.errors import ConfigError
from nbstream.i18n import set_language
from nbstream.magics.verbs import using
from nbstream.messages import ChatRequest, Message, ToolCall
from nbstream.providers import registry
from nbstream.providers.spark_models import VERSIONS, known
from nbstream.wire.request import WireRequest
from tests.fakes.spark_gate import DOMAINS, objection, verify

APP, KEY, SECRET = "5f1e2d3c", "0f1e2d3c4b5a69788796a5b4c3d2e1f0", "TjRzdHJlYW1UZXN0U2VjcmV0MDEyMzQ1"
KEYS = {"app_id": Secret(APP), "api_key": Secret(KEY), "api_secret": Secret(SECRET)}
MAAS = "wss://maas-api.cn-huabei-1.xf-yun.com/v1.1/chat"
WEATHER = {"name": "get_weather", "description": "…", "parameters": {"type": "object", "properties": {}}}


@pytest.fixture(autouse=True)
def english():
    set_language("en")
    yield
    set_language(None)


def asked(model: str = "4.0Ultra", messages: Any = "hi", **what: Any) -> WireRequest:
    return registry.get("spark").request(ChatRequest(Message.many(messages), model, **what), KEYS)


def address(model: str = "4.0Ultra", **what: Any) -> str:
    url = asked(model, **what).url
    assert isinstance(url, Secret)
    return url.reveal().partition("?authorization")[0]


def body(model: str = "4.0Ultra", messages: Any = "hi", **what: Any) -> dict[str, Any]:
    sent = json.loads(asked(model, messages, **what).body or b"")
    path = urlsplit(address(model, messages=messages, **what)).path
    if what.get("base_url") == MAAS:  # whose rules are its own
        return dict(sent)
    assert objection(sent, path, APP, scripted=False) is None, "the service would not take this"
    return dict(sent)


def chat(model: str = "4.0Ultra", **what: Any) -> dict[str, Any]:
    return dict(body(model, **what)["parameter"]["chat"])


def texts(model: str, messages: Any, **what: Any) -> list[tuple[str, str]]:
    said = body(model, messages, **what)["payload"]["message"]["text"]
    return [(one["role"], one["content"]) for one in said]


def refusal(model: str = "4.0Ultra", **what: Any) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        asked(model, **what)
    assert caught.value.provider == "spark"
    return caught.value


class TestTheAddress:
    @pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
    def test_each_version_has_its_own_and_a_word_that_goes_with_it(self, version: Any) -> None:
        assert address(version.name) == f"wss://{version.host}{version.path}"
        assert chat(version.name)["domain"] in DOMAINS[version.path]
        assert set(version.domains) == DOMAINS[version.path]

    @pytest.mark.parametrize(
        ("word", "path", "domain"),
        [
            ("pro", "/v3.1/chat", "generalv3"),
            ("MAX", "/v3.5/chat", "generalv3.5"),
            ("Ultra", "/v4.0/chat", "4.0Ultra"),
            ("4.0ultra", "/v4.0/chat", "4.0Ultra"),
            ("Lite", "/v1.1/chat", "lite"),
            ("general", "/v1.1/chat", "general"),
            ("generalv2", "/v2.1/chat", "generalv2"),
            ("spark-x", "/x2", "spark-x"),
            ("X1", "/v1/x1", "spark-x"),
            ("kjwx", "/v1.1/chat_kjwx", "kjwx"),
        ],
    )
    def test_aliases_and_old_words_lead_there_in_any_case(self, word: str, path: str, domain: str) -> None:
        assert urlsplit(address(word)).path == path
        assert chat(word)["domain"] == domain

    def test_with_no_model_it_is_ultra(self) -> None:
        assert registry.split("spark")[1] == "4.0Ultra"
        assert registry.get("xinghuo") is registry.get("spark")

    def test_a_host_of_ones_own_gets_the_path_of_the_model(self) -> None:
        assert address("max", base_url="ws://127.0.0.1:8765") == "ws://127.0.0.1:8765/v3.5/chat"
        assert address("x2", base_url="wss://gateway.example/") == "wss://gateway.example/x2"

    def test_an_address_with_a_path_is_used_as_it_is_and_takes_any_word(self) -> None:
        assert address("xdeepseekv3", base_url=MAAS) == MAAS
        assert chat("xdeepseekv3", base_url=MAAS)["domain"] == "xdeepseekv3"
        assert address("lite", base_url="ws://127.0.0.1:9/v4.0/chat/") == "ws://127.0.0.1:9/v4.0/chat"
        with_query = asked("max", base_url="ws://127.0.0.1:9/a?tenant=7").url
        assert isinstance(with_query, Secret)
        assert with_query.reveal().startswith("ws://127.0.0.1:9/a?tenant=7&authorization=")

    def test_a_version_that_is_none_names_the_nearest_and_where_one_of_ones_own_goes(self) -> None:
        error = refusal("generalv35")
        assert "generalv35" in error.what and "base_url" in error.why
        assert error.fix == "%llm use spark:generalv3.5"

    def test_a_word_that_does_not_go_with_the_address_is_refused_where_we_chose_it(self) -> None:
        for base_url in (None, "ws://127.0.0.1:9"):
            error = refusal("max", base_url=base_url, options={"domain": "generalv3"})
            assert "generalv3" in error.what and "generalv3.5" in error.why
        assert chat("x1", options={"domain": "x1"})["domain"] == "x1"

    def test_only_websocket_addresses_and_open_ones_only_here_or_when_allowed(self) -> None:
        assert "spark-http" in refusal(base_url="https://spark-api.xf-yun.com/v4.0/chat").why
        assert "unencrypted" in refusal(base_url="ws://192.0.2.1/v4.0/chat").what
        request = asked(base_url="ws://192.0.2.1/v4.0/chat", allow_insecure=True)
        assert request.allow_insecure
        for broken in ("wss://", "wss://h.example:99999/v1", "wss://h .example/v1"):
            assert refusal(base_url=broken).kind == "config"

    def test_it_is_signed_anew_for_now_and_the_service_takes_it(self) -> None:
        request = asked(base_url="ws://127.0.0.1:8765")
        parts = urlsplit(request.url.reveal())  # type: ignore[union-attr]
        target = f"{parts.path}?{parts.query}"
        assert verify(target, parts.netloc, time.time(), {KEY: SECRET}) == (101, "")
        date = parsedate_to_datetime(parse_qs(parts.query)["date"][0]).timestamp()
        assert abs(date - time.time()) < 5

    def test_nothing_of_the_keys_is_to_be_seen(self) -> None:
        request = asked()
        url = request.url
        assert isinstance(url, Secret)
        signature = re.findall(r"authorization=([^&]+)", url.reveal())[0]
        told = f"{request!r} {url} {url!r} {dict(request.headers)}"
        for secret in (KEY, SECRET, signature, signature[:20]):
            assert secret not in told
        claim = base64.b64decode(parse_qs(urlsplit(url.reveal()).query)["authorization"][0]).decode()
        assert KEY in claim
        assert KEY not in url.hide_in(f"GET {url.reveal()} and {claim}") and signature not in url.hide_in(
            signature
        )

    def test_without_a_key_it_says_which_and_where_it_would_be(self) -> None:
        with pytest.raises(ConfigError) as caught:
            registry.get("spark").request(ChatRequest(Message.many("hi"), "max"), {"app_id": Secret(APP)})
        assert "api_secret, api_key" in caught.value.why
        assert "SPARK_API_SECRET, SPARK_API_KEY" in caught.value.why

    def test_the_models_that_think_may_be_silent_for_long(self) -> None:
        assert asked("x1").slow_start and asked("spark-x").slow_start
        assert not asked("lite").slow_start


class TestTheEnvelope:
    def test_it_has_three_parts(self) -> None:
        assert body("max", temperature=0.5, max_tokens=2048) == {
            "header": {"app_id": APP},
            "parameter": {"chat": {"domain": "generalv3.5", "temperature": 0.5, "max_tokens": 2048}},
            "payload": {"message": {"text": [{"role": "user", "content": "hi"}]}},
        }

    def test_options_go_where_they_belong(self) -> None:
        options = {
            "uid": "student-7", "patch_id": "lora-1", "top_k": 6, "chat_id": "c1", "auditing": "default",
            "show_ref_label": True, "of_tomorrow": {"a": 1},
        }  # fmt: skip
        sent = body(options=options)
        assert sent["header"] == {"app_id": APP, "uid": "student-7", "patch_id": ["lora-1"]}
        assert sent["parameter"]["chat"] == {
            "domain": "4.0Ultra", "top_k": 6, "chat_id": "c1", "auditing": "default",
            "show_ref_label": True, "of_tomorrow": {"a": 1},
        }  # fmt: skip

    def test_thinking_and_the_warmth_of_x(self) -> None:
        options = {"thinking": {"type": "auto"}, "top_p": 0.9, "presence_penalty": 0.5}
        sent = chat("x1", temperature=1.2, options=options)
        assert sent == {"domain": "spark-x", "temperature": 1.2} | options

    def test_functions_lose_their_wrapper_and_searches_are_parameters(self) -> None:
        search = {"type": "web_search", "web_search": {"enable": True, "search_mode": "deep"}}
        wrapped = {"type": "function", "function": WEATHER}
        sent = body(tools=(WEATHER, wrapped, search))
        assert sent["payload"]["functions"] == {"text": [WEATHER, WEATHER]}
        assert sent["parameter"]["chat"]["tools"] == [search]
        assert body(options={"functions": [WEATHER]})["payload"]["functions"] == {"text": [WEATHER]}
        assert chat(options={"tools": [search]})["tools"] == [search]
        assert "functions" not in body()["payload"]

    def test_the_system_speaks_first_and_once(self) -> None:
        messages = [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "b"},
            {"role": "system", "content": "Now in English."},
            {"role": "user", "content": "c"},
        ]
        assert texts("max", messages, system="You teach.") == [
            ("system", "You teach.\n\nBe brief."),
            ("user", "a"),
            ("assistant", "b"),
            ("user", "Now in English."),
            ("user", "c"),
        ]

    @pytest.mark.parametrize("model", ["lite", "pro", "pro-128k"])
    def test_where_there_is_no_system_its_words_stand_before_the_first_question(self, model: str) -> None:
        assert texts(model, "hi", system="Be brief.") == [("user", "Be brief.\n\nhi")]

    def test_empty_messages_are_left_out(self) -> None:
        messages = [Message("user", "a"), Message("assistant", " \n"), Message("user", "b")]
        assert texts("max", messages, system="  ") == [("user", "a"), ("user", "b")]

    def test_what_a_function_gave_back_is_told_as_text(self) -> None:
        call = ToolCall("c1", "get_weather", '{"city": "合肥"}')
        messages = [
            Message("user", "Rain?"),
            Message("assistant", "", tool_calls=(call,)),
            Message("tool", '{"rain": true}', tool_call_id="c1"),
        ]
        assert texts("max", messages) == [
            ("user", "Rain?"),
            ("assistant", 'get_weather({"city": "合肥"})'),
            ("user", 'get_weather: {"rain": true}'),
        ]

    def test_half_a_character_does_not_stop_it(self) -> None:
        assert texts("max", "a\ud83d") == [("user", "a\ud83d")]


class TestRanges:
    @pytest.mark.parametrize(
        ("model", "given", "range_"),
        [
            ("max", 0, "at most 1"),
            ("max", 1.01, "at most 1"),
            ("x1", 0, "at most 2"),
            ("x1", 2.1, "at most 2"),
        ],
    )
    def test_a_temperature_out_of_range_is_refused_with_the_range(
        self, model: str, given: float, range_: str
    ) -> None:
        error = refusal(model, temperature=given)
        assert str(given) in error.what
        assert "greater than 0" in error.why and range_ in error.why
        assert error.fix.startswith("%%llm -t")
        set_language("zh")
        assert "大于 0" in refusal(model, temperature=given).why

    def test_what_is_in_range_goes(self) -> None:
        assert chat("max", temperature=1)["temperature"] == 1
        assert chat("x1", temperature=2.0)["temperature"] == 2.0
        assert chat("lite", max_tokens=4096, options={"top_k": 1})["max_tokens"] == 4096

    @pytest.mark.parametrize(
        ("model", "what", "words"),
        [
            ("lite", {"max_tokens": 4097}, "from 1 to 4096"),
            ("lite", {"max_tokens": 0}, "from 1 to 4096"),
            ("kjwx", {"max_tokens": 0}, "above 0"),
            ("max", {"options": {"top_k": 7}}, "from 1 to 6"),
            ("max", {"options": {"top_k": 0}}, "from 1 to 6"),
            ("max", {"options": {"top_k": True}}, "from 1 to 6"),
            ("max", {"options": {"top_k": "4"}}, "from 1 to 6"),
            ("max", {"options": {"temperature": "hot"}}, "greater than 0"),
            ("max", {"options": {"uid": "u" * 33}}, "at most 32 characters"),
            ("max", {"options": {"uid": 7}}, "at most 32 characters"),
            ("max", {"options": {"top_p": 0.5}}, "x1 and x2"),
            ("max", {"options": {"frequency_penalty": 0.5}}, "x1 and x2"),
            ("x2", {"options": {"presence_penalty": -0.5}}, "0 or more"),
        ],
    )
    def test_other_values_out_of_range_are_refused_with_the_range(
        self, model: str, what: dict[str, Any], words: str
    ) -> None:
        assert words in refusal(model, **what).why

    def test_a_service_of_ones_own_has_ranges_that_nobody_knows(self) -> None:
        sent = chat("my-service", base_url=MAAS, temperature=1.5, max_tokens=90_000, options={"top_p": 0.5})
        assert (sent["temperature"], sent["max_tokens"], sent["top_p"]) == (1.5, 90_000, 0.5)

    def test_limits_are_known_where_the_service_tells_them(self) -> None:
        told = {version.name: (version.context, version.longest) for version in VERSIONS}
        assert told["lite"] == (8192, 4096)
        assert told["pro-128k"] == (131_072, 4096)
        assert told["max-32k"] == (32_768, 8192)
        assert told["kjwx"] == (None, None)
        assert known("pro-128k") is not None

    def test_the_versions_can_be_listed_though_the_service_has_no_list(self) -> None:
        for name, some in (("spark", {"lite", "4.0Ultra", "x2"}), ("spark-http", {"lite", "x2-flash"})):
            provider = registry.get(name)
            assert provider.models_request(KEYS) is None
            assert some <= {model.name for model in provider.listed}
            shown = using.models(name)
            assert all(f"{name}:{model.name}" in shown and model.label in shown for model in provider.listed)
