"""Spark over HTTP: its addresses, its keys, and what its chunks have of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import nbstream
from nbstream.chat.session import Session
from nbstream.errors import NbstreamError
from nbstream.i18n import set_language
from nbstream.messages import Answer
from tests.fakes import spark_http_server

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
def http() -> Iterator[spark_http_server.SparkHTTPServer]:
    with spark_http_server.SparkHTTPServer(spark_http_server.CREDENTIALS["api_password"]) as running:
        yield running


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
        assert caught.value.kind == "auth" and "APIPassword" in caught.value.what

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
