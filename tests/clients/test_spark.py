"""iFlytek's own client takes our Spark for Spark, and OpenAI's its HTTP endpoints.

The transcripts say themselves where those clients read less than we do (``official_sdk``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.clients.outside import Said, same, speak
from tests.fakes.spark_http_server import CREDENTIALS as HTTP
from tests.fakes.spark_http_server import SparkHTTPServer
from tests.fakes.spark_server import CREDENTIALS, SparkServer, transcripts

WEBSOCKET = {name: one for name, one in transcripts().items() if one["transport"] == "spark-ws"}
OVER_HTTP = {name: one for name, one in transcripts().items() if one["transport"] == "spark-http"}
HANGS = "ws-handshake-502"  # the SDK waits for ever on a gateway's page


@pytest.fixture(scope="module")
def said(home: Path) -> dict[str, Said]:
    names = [name for name in WEBSOCKET if name != HANGS]
    asked: dict[str, str] = {f"vector:{name}": "hi" for name in names}
    asked |= dict.fromkeys(
        ("words:20", "fragments", "cut:3", "moderation:2", "4.0Ultra", "late", "generalv3"), "a b"
    )
    asked |= {"echo": "你好 😀", "call": "hi"}
    functions = [{"name": "get_weather", "description": "weather", "parameters": {"type": "object"}}]
    with SparkServer() as server:
        # What goes wrong at the handshake is asked for by the address, before any domain is told.
        doors = {f"vector:{name}": f"/do/vector:{name}" for name in names if "handshake" in name}
        doors |= {"late": "/do/clock:400", "generalv3": "/v3.1/chat", "4.0Ultra": "/v4.0/chat"}
        return speak(
            "spark",
            home,
            server.url,
            asked,
            key=CREDENTIALS["api_key"],
            app_id=CREDENTIALS["app_id"],
            api_secret=CREDENTIALS["api_secret"],
            urls={name: server.url.removesuffix(server.path) + path for name, path in doors.items()},
            functions=functions,
            calling=["call"],
            strangers=["4.0Ultra"],
        )


@pytest.mark.parametrize("name", [name for name in WEBSOCKET if name != HANGS])
def test_it_reads_the_transcripts_that_we_read(said: dict[str, Said], name: str) -> None:
    got, one = said[f"vector:{name}"], WEBSOCKET[name]
    assert same(got, one["expect"]) == (one["official_sdk"] == "same"), got
    if got["error"] is not None and one["expect"]["error"] is not None:
        code = one["expect"]["error"]["code"]
        assert code is None or str(code) in got["error"]["message"]


def test_its_signature_is_accepted_and_its_question_understood(said: dict[str, Said]) -> None:
    for model in ("words:20", "fragments", "generalv3"):
        assert said[model]["error"] is None and said[model]["text"], model
    assert said["words:20"]["usage"] == [2, 20]
    assert "你好 😀" in said["echo"]["text"]
    assert said["call"]["tools"] == [["get_weather", {"city": "合肥"}]]


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("4.0Ultra", "fail to retrieve credential"),
        ("late", "a valid date or x-date header is required"),
        ("moderation:2", "10014"),
        ("cut:3", ""),
    ],
)
def test_faults_are_errors_to_it_too(said: dict[str, Said], model: str, words: str) -> None:
    error = said[model]["error"]
    assert error is not None and words in error["message"]
    assert bool(said[model]["text"]) == (model in ("cut:3", "moderation:2"))


@pytest.fixture(scope="module")
def over_http(home: Path) -> dict[str, Said]:
    asked: dict[str, Any] = {f"vector:{name}": "hi" for name in OVER_HTTP}
    asked |= {"words:20": "a b", "echo": "你好 😀", "words:3": "hi"}
    with SparkHTTPServer(HTTP["api_password"]) as server:
        return speak("openai", home, server.url, asked, key=HTTP["api_password"], strangers=["words:3"])


@pytest.mark.parametrize("name", OVER_HTTP)
def test_openais_client_reads_its_http_endpoints(over_http: dict[str, Said], name: str) -> None:
    got, one = over_http[f"vector:{name}"], OVER_HTTP[name]
    if name == "http-tool-object":  # one object where a list should be: it gives no error, and no call
        assert got["error"] is None and not got["tools"]
    else:
        assert same(got, one["expect"]) == (one["openai_client"] == "same"), got


def test_openais_client_talks_with_it(over_http: dict[str, Said]) -> None:
    assert over_http["words:20"]["error"] is None and over_http["words:20"]["text"]
    assert "你好 😀" in over_http["echo"]["text"]
    stranger = over_http["words:3"]["error"]
    assert stranger is not None and stranger["class"] == "AuthenticationError"
