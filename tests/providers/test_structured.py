"""JSON by a schema, in each dialect: what the service is asked, what happens where it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any, Literal
from urllib.parse import quote

import pydantic
import pytest

import nbstream
from nbstream.messages import ChatRequest, Message
from nbstream.providers import registry
from tests.fakes.behaviours import Behaving
from tests.providers.asking import body

KEY = "key-of-this-test-0123456789"
DIALECTS = ["openai", "anthropic", "gemini", "ollama", "spark-http"]
GOOD, BAD = '{"name": "成都", "people": 21}', '{"name": "成都"}'


class City(pydantic.BaseModel):
    name: str
    people: int


@pytest.fixture(scope="module", params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def server(dialect: str) -> Iterator[Behaving]:
    made: Behaving = import_module(f"tests.fakes.{dialect.replace('-', '_')}_server").SERVER(KEY)
    with made as running:
        yield running


def ask(dialect: str, server: Behaving, model: str, *said: str, **options: Any) -> nbstream.Answer:
    key = {"api_password" if dialect == "spark-http" else "api_key": KEY}
    model = f"{dialect}:{model}:{'|'.join(quote(text, safe='') for text in said)}"
    server.log.clear()
    given = {"schema": City, "credentials": key, "retries": 0, "timeout": 20} | options
    return nbstream.ask("A city", model=model, base_url=server.url, **given)


def form(asked: dict[str, Any]) -> Any:
    """What of a body asks for JSON."""
    config = asked.get("generationConfig") or {}
    found = [asked.get(name) for name in ("response_format", "output_config", "format")]
    return next(filter(None, found), None) or (config.get("responseMimeType") and config)


def schema_in(asked: dict[str, Any]) -> Any:
    found = form(asked)
    for name in ("json_schema", "format", "schema", "responseJsonSchema"):
        found = found.get(name, found)
    return found


def test_the_service_is_given_the_schema_and_the_object_comes_back(dialect: str, server: Behaving) -> None:
    answer = ask(dialect, server, "recite", GOOD)
    assert answer.object == City(name="成都", people=21) and answer.text == GOOD
    [record] = server.log
    if dialect == "spark-http":  # JSON, but none by a schema
        assert form(record.body) == {"type": "json_object"}
    else:
        assert schema_in(record.body)["properties"].keys() == {"name", "people"}
    assert "JSON" in json.dumps(record.body), "some services insist on the word"


def test_what_does_not_fit_is_asked_for_once_more_with_what_was_wrong(dialect: str, server: Behaving) -> None:
    assert ask(dialect, server, "recite", BAD, GOOD).object.people == 21
    first, second = (json.dumps(record.body, ensure_ascii=False) for record in server.log)
    assert "$.people" not in first and "$.people" in second
    assert form(server.log[1].body) == form(server.log[0].body)
    with pytest.raises(nbstream.NbstreamError) as caught:
        ask(dialect, server, "recite", BAD)
    assert (caught.value.kind, caught.value.answer.text) == ("protocol", BAD)
    assert len(server.log) == 2


def test_where_the_service_has_no_such_thing_words_do(dialect: str, server: Behaving) -> None:
    assert ask(dialect, server, "plain", GOOD).object.name == "成都"
    refused, answered = (record.body for record in server.log)
    assert form(refused) and not form(answered)
    assert {name for name in refused if name not in answered} <= {
        "response_format",
        "output_config",
        "format",
        "generationConfig",
    }


def test_any_json_will_do_where_none_is_described(dialect: str, server: Behaving) -> None:
    assert ask(dialect, server, "recite", "Here: [1, 2]", schema={}).object == [1, 2]


def test_spark_and_demo_are_asked_in_words() -> None:
    for name in ("spark", "ernie-v1"):
        provider = registry.get(name)
        keys = {field.name: nbstream.api.guard("k" * 20) for field in provider.fields}
        asked = ChatRequest((Message("user", "x"),), provider.default_model, schema=City.model_json_schema())
        plain = ChatRequest((Message("user", "x"),), provider.default_model)
        assert provider.request(asked, keys).body == provider.request(plain, keys).body


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ("ernie", "json_object"),
        ("deepseek", "json_object"),
        ("qwen", "json_object"),
        ("vllm", "json_schema"),
        ("groq", "json_schema"),
    ],
)
def test_each_service_is_asked_for_what_it_knows(host: str, kind: str) -> None:
    assert body(host, schema=City.model_json_schema())["response_format"]["type"] == kind


def test_somebodys_own_response_format_stays_as_it_is() -> None:
    own = {"response_format": {"type": "text"}}
    assert body(schema={}, options=own)["response_format"] == {"type": "text"}


class Tree(pydantic.BaseModel):
    label: str = pydantic.Field(min_length=7)
    size: float = pydantic.Field(gt=3)
    kind: Literal["leaf", "branch"]
    parent: Tree | None
    children: list[Tree]


@pytest.mark.parametrize("wanted", [City, list[City], Tree, {"type": "array", "items": {"enum": [7]}}, {}])
def test_demo_shows_without_a_key_what_such_an_answer_is_like(wanted: Any) -> None:
    answer = nbstream.ask("A city", model="demo", options={"delay": 0}, schema=wanted)
    assert answer.object is not None and answer.text.startswith("*demo: an embedded script")


def test_a_conversation_keeps_the_object_and_not_what_did_not_fit() -> None:
    from tests.fakes.openai_server import OpenAIServer

    talk = nbstream.conversation("structured")
    with OpenAIServer(KEY) as server:
        model = f"openai:recite:{quote(BAD)}|{quote(GOOD)}"
        given: dict[str, Any] = dict(base_url=server.url, credentials={"api_key": KEY}, retries=0)
        answer = talk.ask("A city", model=model, schema=City, **given)
        talk.ask("And?", model="openai:echo", **given)
    assert answer.object.people == 21 and talk.turns[0].answer is not None
    assert talk.turns[0].answer.object.people == 21
    said = [message["content"] for message in server.log[-1].body["messages"]]
    assert said == ["A city", GOOD, "And?"]
