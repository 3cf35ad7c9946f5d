"""OpenAI's, Anthropic's, Google's and Ollama's own clients take our fakes for their services.

They are given every transcript that our own dialects are tested with, over the same fake, and must read
what we read. Where a client is the weaker one, that is named here: our own test has the stricter rule.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

import pytest

from tests.clients.outside import Said, speak
from tests.fakes import vectors

KEY = "the-key-0123456789abcdef"
QUESTION = "one two three"


class Client(NamedTuple):
    """What is particular about one client."""

    base: str
    """What its base URL has after the port."""
    stop: str
    refused: str
    """The class of its error for a wrong key."""
    weaker: dict[str, str] = {}  # noqa: RUF012
    """Vectors that it gets wrong, and how."""
    tools: tuple[dict[str, Any], ...] = ()
    """`FUNCTION` as it wants to be told of it."""


SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTION = {"name": "get_weather", "description": "the weather of a city"}


CLIENTS = {
    "openai": Client(
        "/v1",
        "stop",
        "AuthenticationError",
        {
            "openai-cut-no-finish": "the end of the body is a good end to it",
            "openai-reasoning-openrouter": "it knows one name of the reasoning",
        },
    ),
    "anthropic": Client(
        "",
        "end_turn",
        "AuthenticationError",
        {"anthropic-cut": "the end of the body is a good end to it"},
        ({**FUNCTION, "input_schema": SCHEMA},),
    ),
    "gemini": Client(
        "",
        "STOP",
        "ClientError",
        {
            "gemini-cut": "the end of the body is a good end to it",
            "gemini-prompt-blocked": "a refused prompt raises nothing",
        },
        ({"function_declarations": [{**FUNCTION, "parameters": SCHEMA}]},),
    ),
    "ollama": Client(
        "",
        "stop",
        "ResponseError",
        {
            "ollama-cut": "the end of the body is a good end to it",
            "ollama-raw-u0085": "it breaks lines inside JSON",
        },
        ({"type": "function", "function": {**FUNCTION, "parameters": SCHEMA}},),
    ),
}
PAIRS = [(client, name) for client in CLIENTS for name in vectors.names(client)]


@cache
def said(client: str, home: Any) -> dict[str, Said]:
    module = import_module(f"tests.fakes.{client}_server")
    (server,) = (one for name, one in vars(module).items() if name.lower() == f"{client}server")
    asked = {f"vector:{name}": QUESTION for name in vectors.names(client)}
    asked |= dict.fromkeys(("words:50", "think:20", "drip:5", "cut:3", "status:429:3", "words:5"), QUESTION)
    asked["echo"] = "你好 😀"
    tools = {"tools": CLIENTS[client].tools} if CLIENTS[client].tools else {}
    asked |= dict.fromkeys(["tool"] if tools else [], QUESTION)
    with server(KEY) as running:
        url = running.origin + CLIENTS[client].base
        return speak(client, home, url, asked, key=KEY, strangers=["words:5"], **tools)


@pytest.mark.parametrize(("client", "name"), PAIRS)
def test_it_reads_what_we_read(client: str, name: str, home: Any) -> None:
    expected, got = vectors.load(name)["expect"], said(client, home)[f"vector:{name}"]
    if name in CLIENTS[client].weaker:
        assert as_expected(got) != as_expected(told(expected)), "it has become better: strike it off the list"
        return
    assert as_expected(got) == as_expected(told(expected))
    if expected["usage"]:
        assert got["usage"] == [expected["usage"]["input"], expected["usage"]["output"]]
    if got["error"] is not None:
        assert expected["error"]["message_contains"] in got["error"]["message"]
        status = got["error"].get("status_code", got["error"].get("code"))
        assert expected["error"]["status"] in (status, None)


def told(expected: dict[str, Any]) -> Said:
    """What a vector expects, as a client says it."""
    tools = [[call["name"], call["arguments"]] for call in expected["tool_calls"]]
    return Said(
        text=expected["text"],
        reasoning=expected["reasoning"],
        finish=expected["finish"],
        usage=[],
        tools=tools,
        error=expected["error"],
    )


def as_expected(one: Said) -> tuple[Any, ...]:
    return one["text"], one["reasoning"], one["finish"], json.dumps(one["tools"]), one["error"] is not None


@pytest.mark.parametrize("client", CLIENTS)
def test_words_thoughts_and_counts_come_through(client: str, home: Any) -> None:
    got = said(client, home)
    for model in ("words:50", "drip:5" if client != "openai" else "words:50", "think:20", "echo"):
        assert got[model]["error"] is None, model
        assert got[model]["text"] and got[model]["finish"] == CLIENTS[client].stop
    assert "你好 😀" in got["echo"]["text"]
    assert got["words:50"]["usage"] == [3, 50]
    assert got["think:20"]["reasoning"]
    assert got["think:20"]["usage"] == [3, 40]


@pytest.mark.parametrize("client", CLIENTS)
def test_faults_are_errors_to_it_too(client: str, home: Any) -> None:
    got = said(client, home)
    assert got["cut:3"]["text"] and got["cut:3"]["error"] is not None
    limited = got["status:429:3"]["error"]
    assert limited is not None and "refused with 429, as asked" in limited["message"]
    stranger = got["words:5"]["error"]
    assert stranger is not None and stranger["class"] == CLIENTS[client].refused


@pytest.mark.parametrize("client", [client for client, one in CLIENTS.items() if one.tools])
def test_a_call_of_its_own_function_comes_through(client: str, home: Any) -> None:
    got = said(client, home)["tool"]
    assert got["error"] is None and got["tools"] == [["get_weather", {"city": "成都"}]]
