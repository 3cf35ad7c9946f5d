"""What is known of models: each with its source, nothing guessed, and no amount that may be wrong."""

from __future__ import annotations

import re
from datetime import date

import pytest

from nbstream.chat.session import Session
from nbstream.messages import Cost, Usage
from nbstream.providers import facts as known
from nbstream.providers import registry
from nbstream.providers.facts import cost, facts, larger, named
from nbstream.providers.known import ROWS, Price, Row
from nbstream.providers.spark_models import VERSIONS

ROW = pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.provider}-{row.pattern}")


@ROW
def test_each_row_says_where_it_is_from_and_when_that_was_true(row: Row) -> None:
    assert row.source
    assert re.fullmatch(r"20\d\d(-\d\d(-\d\d)?)?", row.date)
    assert registry.get(row.provider).name == row.provider


@ROW
def test_each_row_makes_sense(row: Row) -> None:
    sizes = [row.window, row.max_input, row.max_output]
    assert all(size is None or 1_000 <= size <= 10_000_000 for size in sizes)
    assert any(sizes) or row.price, "a row that says nothing"
    if row.window and row.max_input:
        assert row.max_input <= row.window
    price = row.price
    while price is not None:
        assert 0 <= price.input <= price.output
        assert price.cached is None or price.cached <= price.input
        assert price.currency in ("USD", "CNY")
        assert not price.until or date.fromisoformat(price.until)
        assert price.long is None or price.above
        price = price.long


def test_the_default_model_of_each_service_with_a_price_list_is_known() -> None:
    for name in ("openai", "anthropic", "gemini", "mistral", "groq", "qwen", "zhipu", "moonshot", "deepseek"):
        found = facts(name, registry.get(name).default_model)
        assert found.reads, name
        assert found.source, name


def test_sparks_limits_are_those_of_its_table() -> None:
    for version in VERSIONS:
        found = facts("spark", version.name)
        assert (found.max_input, found.max_output) == (version.context, version.longest)
        assert found.window is None, "the answer is counted apart"
    assert facts("spark-http", "Max").reads == 8_192


def test_what_nobody_told_is_not_known() -> None:
    for provider, model in [("ollama", "qwen3"), ("vllm", "x"), ("openai", "gpt-99"), ("openrouter", "a/b")]:
        found = facts(provider, model)
        assert (found.window, found.sees, found.price, found.reads) == (None, None, None, None)


def test_an_ernie_model_that_names_its_window_has_it() -> None:
    assert facts("ernie", "ernie-4.5-turbo-128k").window == 128_000
    assert facts("ernie", "ernie-speed-pro-128k").window == 128_000
    assert facts("ernie", "ernie-unheard-of").window is None


def test_a_price_that_has_run_out_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "_today", lambda: "2026-12-31")
    assert facts("gemini", "gemini-3.8-flash").price is not None
    monkeypatch.setattr(known, "_today", lambda: "2027-01-01")
    found = facts("gemini", "gemini-3.8-flash")
    assert found.price is None
    assert found.window == 1_000_000


@pytest.mark.parametrize(
    ("usage", "amount"),
    [
        (Usage(1_000, 100), 0.0015),
        (Usage(1_000, 100, 50), 0.0015),  # thinking is part of the output
        (Usage(1_000, 100, None, 400), 0.00114),
        (Usage(0, 0), 0.0),
        (Usage(200_001, 100), 0.400752),  # a long request costs double
        (Usage(None, 100), None),
        (Usage(1_000, None), None),
        (None, None),
    ],
)
def test_a_cost_is_exact_or_unknown(usage: Usage | None, amount: float | None) -> None:
    long = Price(2, 7.5, 0.2)
    found = cost(Price(1, 5, 0.1, above=200_000, long=long), usage)
    assert found == (None if amount is None else Cost(pytest.approx(amount), "USD"))  # type: ignore[arg-type]


def test_what_only_a_part_of_is_priced_is_unknown() -> None:
    assert cost(Price(1, 5), Usage(1_000, 10, None, 400)) is None
    assert cost(Price(1, 5, above=100), Usage(1_000, 10)) is None


def test_another_address_may_have_other_prices() -> None:
    key = {"api_key": "sk-0123456789"}
    asked = Session().call("hi", model="groq", credentials=key)
    assert asked.price is not None
    there = Session().call("hi", model="groq", credentials=key, base_url="https://api.groq.com/openai/v1")
    assert there.price == asked.price
    elsewhere = Session().call("hi", model="groq", credentials=key, base_url="https://gateway.example/v1")
    assert elsewhere.price is None


def test_several_keys_have_the_list_price_and_several_addresses_have_none() -> None:
    session = Session()
    session.login("groq", ["gsk-0123456789", "gsk-9876543210"])
    assert session.call("hi", model="groq").price is not None
    other = {"api_key": "gsk-9876543210", "base_url": "https://gateway.example/v1"}
    session.login("groq", ["gsk-0123456789", other])
    assert session.call("hi", model="groq").price is None


def test_the_names_that_are_offered_are_those_of_models() -> None:
    for provider in dict.fromkeys(row.provider for row in ROWS if row.provider != "demo"):
        names = list(named(provider))
        assert names
        assert all(facts(provider, name).source for name in names), names
    assert "kimi-k2.5" in named("moonshot")
    assert "deepseek-v4-flash" in named("deepseek")


def test_a_larger_model_is_one_that_can_be_asked() -> None:
    for row in ROWS:
        name = larger(row.provider, "", 1_000)
        assert not name or facts(row.provider, name).reads
    assert larger("ernie-v1", "completions", 10_000) == ""
