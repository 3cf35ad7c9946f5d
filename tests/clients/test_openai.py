"""OpenAI's client takes our fake for OpenAI."""

from __future__ import annotations

import pytest

from tests.clients.outside import Said, speak
from tests.fakes import vectors
from tests.fakes.openai_server import OpenAIServer

KEY = "sk-clients-0123456789"
VECTORS = (
    "openai-plain",
    "openai-crlf-byte-by-byte",
    "openai-length",
    "openai-no-done",
    "openai-reasoning_content",
    "openai-tool-calls-parallel",
    "openai-usage-last-empty-choices",
)
FAULTS = ("openai-401", "openai-429", "openai-error-in-stream")


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Said]:
    asked = {f"vector:{name}": "hi" for name in (*VECTORS, *FAULTS)}
    asked |= {
        "echo": "你好 😀",
        "words:50": "one two three",
        "think:20": "hi",
        "cut:3": "hi",
        "words:5": "hi",
    }
    with OpenAIServer(KEY) as server:
        return speak(
            "openai", tmp_path_factory.mktemp("home"), server.url, asked, key=KEY, strangers=["words:5"]
        )


@pytest.mark.parametrize("name", VECTORS)
def test_it_reads_what_we_read(said: dict[str, Said], name: str) -> None:
    expected, got = vectors.load(name)["expect"], said[f"vector:{name}"]
    assert got["error"] is None
    assert (got["text"], got["reasoning"], got["finish"]) == (
        expected["text"],
        expected["reasoning"],
        expected["finish"],
    )
    assert got["tools"] == [[call["name"], call["arguments"]] for call in expected["tool_calls"]]
    if expected["usage"]:
        assert got["usage"] == [expected["usage"]["input"], expected["usage"]["output"]]


@pytest.mark.parametrize("name", FAULTS)
def test_it_is_refused_as_by_the_service(said: dict[str, Said], name: str) -> None:
    expected, got = vectors.load(name)["expect"], said[f"vector:{name}"]
    assert got["error"] is not None and got["text"] == expected["text"]
    assert expected["error"]["message_contains"] in got["error"]["message"]
    assert got["error"].get("status_code") == expected["error"]["status"]


def test_words_usage_and_thoughts_come_through(said: dict[str, Said]) -> None:
    assert "你好 😀" in said["echo"]["text"] and said["echo"]["finish"] == "stop"
    assert said["words:50"]["usage"] == [3, 50]
    assert said["think:20"]["reasoning"] and said["think:20"]["text"]


def test_a_connection_that_breaks_is_an_error_for_it_too(said: dict[str, Said]) -> None:
    assert said["cut:3"]["error"] is not None and said["cut:3"]["text"]


def test_a_wrong_key_is_refused(said: dict[str, Said]) -> None:
    got = said["words:5"]["error"]
    assert got is not None and got["class"] == "AuthenticationError"
