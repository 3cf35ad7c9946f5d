"""What any service does right and wrong, in each of the HTTP dialects that have a fake for it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

import nbstream
from nbstream.i18n import set_language
from tests.fakes.behaviours import Behaving

from .speaking import WEATHER

KEY = "key-of-this-test-0123456789"


@pytest.fixture(scope="module", params=["openai", "anthropic", "gemini", "ollama", "spark-http"])
def dialect(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def server(dialect: str) -> Iterator[Behaving]:
    made: Behaving = import_module(f"tests.fakes.{dialect.replace('-', '_')}_server").SERVER(KEY)
    with made as running:
        yield running


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    set_language("en")
    yield
    set_language(None)


def keys(dialect: str, key: str) -> dict[str, str]:
    return {"api_password" if dialect == "spark-http" else "api_key": key}


def asked(dialect: str, server: Behaving, model: str, **options: Any) -> nbstream.Stream:
    options = {"credentials": keys(dialect, KEY), "retries": 0, "timeout": 20} | options
    return nbstream.stream("hi", model=f"{dialect}:{model}", base_url=server.url, **options)


def refused(stream: nbstream.Stream) -> nbstream.NbstreamError:
    with pytest.raises(nbstream.NbstreamError) as caught:
        stream.wait()
    return caught.value


@pytest.mark.parametrize("model", ["words:30", "drip:3", "think:5", "rich:100", "json"])
def test_the_answer_is_what_was_sent(dialect: str, server: Behaving, model: str) -> None:
    answer = asked(dialect, server, model).wait()
    assert answer.text == server.log[-1].text != ""
    assert answer.finish_reason == "stop" and answer.usage is not None and answer.usage.output_tokens


def test_a_tool_is_given_called_and_read(dialect: str, server: Behaving) -> None:
    answer = asked(dialect, server, "tool", tools=[WEATHER]).wait()
    (call,) = answer.tool_calls
    assert (call.name, call.arguments, answer.finish_reason) == ("weather", '{"city": "成都"}', "tool_calls")


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("cut:5", ("interrupted",)),
        ("garbage:5", ("protocol", "interrupted")),
        ("broken:5", ("server_error", "overloaded")),
    ],
)
def test_what_came_before_a_fault_is_kept(
    dialect: str, server: Behaving, model: str, kind: tuple[str, ...]
) -> None:
    error = refused(asked(dialect, server, model))
    assert error.kind in kind and error.answer.text == server.log[-1].text != ""
    assert error.answer.finish_reason is None


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("html", ("protocol",)),
        ("no-such-model", ("not_found",)),
        ("status:400", ("invalid_request",)),
        ("status:401", ("auth",)),
        ("status:403", ("permission",)),
        ("status:429:7", ("rate_limit",)),
        ("status:500", ("server_error",)),
        ("status:503", ("overloaded", "server_error")),
        ("status:504", ("timeout", "server_error")),
    ],
)
def test_a_refusal_has_its_kind_and_the_services_words(
    dialect: str, server: Behaving, model: str, kind: tuple[str, ...]
) -> None:
    error = refused(asked(dialect, server, model))
    assert error.kind in kind and error.provider == dialect
    assert error.retry_after == (7.0 if model.endswith(":7") else None)
    if model.startswith("status"):
        assert "as asked" in error.why


def test_a_wrong_key_is_known_as_one_and_not_shown(dialect: str, server: Behaving) -> None:
    error = refused(asked(dialect, server, "words:5", credentials=keys(dialect, "wrong-key-9876543210")))
    assert (error.kind, error.fix) == ("auth", f"%llm login {dialect}")
    assert "wrong-key" not in str(error) + repr(error)


def test_a_service_that_is_busy_is_asked_again(dialect: str, server: Behaving) -> None:
    answer = asked(dialect, server, f"flaky:2:{dialect}", retries=2).wait()
    assert answer.text and [record.text for record in server.log[-3:]] == ["", "", answer.text]


def test_silence_ends(dialect: str, server: Behaving) -> None:
    assert refused(asked(dialect, server, "silent", timeout=0.2)).kind == "timeout"


def test_leaving_closes_the_connection(dialect: str, server: Behaving) -> None:
    for _ in asked(dialect, server, "endless"):
        break
    assert server.wait_for(lambda log: log[-1].closed_by == "client")
