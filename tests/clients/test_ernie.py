"""Baidu's own client takes our Qianfan for Qianfan, V2 and V1, and so does OpenAI's for V2.

The transcripts say themselves where those clients read less than we do (``official_sdk``).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.outside import Said, same, speak
from tests.fakes import ernie_server, ernie_v1_server
from tests.fakes.baidu import transcripts
from tests.fakes.ernie_server import CREDENTIALS, ErnieServer
from tests.fakes.ernie_v1_server import CREDENTIALS as V1
from tests.fakes.ernie_v1_server import IAM, TOKEN_PATH, ErnieV1Server
from tests.fakes.loopback import Exchange

SECOND, FIRST = transcripts("ernie-v2"), transcripts("ernie-v1")
KEY = CREDENTIALS["api_key"]
MORE = {
    "words:20": "one two",
    "echo": "你好 😀",
    "call": "hi",
    "cut:3": "hi",
    "slow:3": "hi",
    "words:3": "hi",
}


def asked(names: dict[str, object]) -> dict[str, str]:
    return {f"transcript:{name}": "hi" for name in names} | MORE


@pytest.fixture(scope="module", autouse=True)
def generous() -> Iterator[None]:
    """Baidu's client keeps to the sixty requests a minute that our fake's headers allow: here, to more."""
    with pytest.MonkeyPatch.context() as patch:
        for limits in (ernie_server.LIMITS, ernie_v1_server.LIMITS):
            patch.setitem(limits, "X-Ratelimit-Limit-Requests", "60000")
        yield


@pytest.fixture(scope="module")
def second(home: Path) -> dict[str, Said]:
    with ErnieServer(KEY) as server:
        return speak("qianfan", home, server.origin, asked(SECOND), key=KEY, version=2, strangers=["words:3"])


@pytest.fixture(scope="module")
def by_openai(home: Path) -> dict[str, Said]:
    with ErnieServer(KEY) as server:
        return speak("openai", home, server.url, asked(SECOND), key=KEY, strangers=["words:3"])


@pytest.fixture(scope="module")
def first(home: Path) -> dict[str, Said]:
    with ErnieV1Server() as server:
        secret = V1["secret_key"]
        said = speak(
            "qianfan", home, server.origin, asked(FIRST),
            key=V1["api_key"], secret_key=secret, version=1, strangers=["words:3"],
        )  # fmt: skip
        assert any(record.path.startswith(TOKEN_PATH) for record in server.log)
        return said


@pytest.mark.parametrize("name", SECOND)
def test_baidus_client_reads_the_transcripts_of_v2(second: dict[str, Said], name: str) -> None:
    got, one = second[f"transcript:{name}"], SECOND[name]
    assert same(got, one["expect"]) == (one["official_sdk"] == "same"), got
    if one["official_sdk"] == "same" and got["error"] is not None and one["expect"]["error"]["code"]:
        assert got["error"]["error_code"] == one["expect"]["error"]["code"]


@pytest.mark.parametrize("name", SECOND)
def test_openais_client_reads_the_transcripts_of_v2(by_openai: dict[str, Said], name: str) -> None:
    got, one = by_openai[f"transcript:{name}"], SECOND[name]
    assert same(got, one["expect"]) == (one["openai_client"] == "same"), got


@pytest.mark.parametrize("name", FIRST)
def test_baidus_client_reads_the_transcripts_of_v1(first: dict[str, Said], name: str) -> None:
    got, one = first[f"transcript:{name}"], FIRST[name]
    assert same(got, one["expect"]) == (one["official_sdk"] == "same"), got


@pytest.mark.parametrize("which", ["second", "by_openai", "first"])
def test_words_calls_and_faults_come_through(which: str, request: pytest.FixtureRequest) -> None:
    said: dict[str, Said] = request.getfixturevalue(which)
    for model in ("words:20", "slow:3", "echo"):
        assert said[model]["error"] is None and said[model]["text"], model
    assert "你好 😀" in said["echo"]["text"]
    assert said["call"]["tools"] == [["get_weather", {"city": "上海"}]]
    assert said["cut:3"]["error"] is not None and said["cut:3"]["text"]
    assert said["words:3"]["error"] is not None and not said["words:3"]["text"]


def test_the_signature_of_baidus_client_is_accepted(home: Path) -> None:
    with ErnieV1Server() as server:
        said = speak("qianfan", home, server.origin, {"echo": "你好", "call": "hi"}, key="", version=1, **IAM)
        assert all("authorization" in record.headers for record in server.log)
    assert "你好" in said["echo"]["text"] and said["call"]["tools"]


class Forgetful(ErnieV1Server):
    """Its tokens die with each answer."""

    async def respond(self, exchange: Exchange) -> None:
        await super().respond(exchange)
        if not exchange.record.path.startswith(TOKEN_PATH):
            self.expire()


def test_baidus_client_renews_a_token_that_has_expired(home: Path) -> None:
    with Forgetful() as server:
        secret = V1["secret_key"]
        asked = {"echo": "一", "words:3": "二", "words:4": "三"}
        said = speak("qianfan", home, server.origin, asked, key=V1["api_key"], secret_key=secret, version=1)
        assert all(one["error"] is None and one["text"] for one in said.values()), said
        assert (len(server.chats()), server.fetches()) == (5, 3), "refused twice, with a new token each"
