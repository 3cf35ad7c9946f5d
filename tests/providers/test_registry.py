"""What is known of providers before they are used, and those that do not load."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import pytest

from nbstream.chat.session import Session
from nbstream.errors import NbstreamError
from nbstream.providers import registry
from nbstream.providers.demo import Demo


@pytest.mark.parametrize("name", registry.names())
def test_what_it_needs_is_known_without_importing_it(name: str) -> None:
    known = {one.name: one for one in registry.keyed()}[name]
    provider = registry.get(name)
    assert known.name == provider.name == name
    assert known.fields == provider.fields
    assert known.key_optional_elsewhere == provider.key_optional_elsewhere


class Entry:
    """An entry point whose package does this when it is loaded."""

    def __init__(self, load: Callable[[], object]) -> None:
        self.load = load


def exits() -> NoReturn:
    raise SystemExit(3)


@pytest.mark.parametrize(
    "load",
    [
        lambda: 1 / 0,
        lambda: exits,
        lambda: lambda: 1 / 0,
        lambda: "no provider",
        lambda: type("Odd", (Demo,), {"fields": None}),
        lambda: type("Odd", (Demo,), {"fields": ("api_key",)}),
    ],
)
def test_a_package_that_is_broken_costs_nobody_else(
    load: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_others", lambda: {"odd": Entry(load)})
    registry._made.cache_clear()
    assert Session().default_model()
    assert "demo" in [one.name for one in registry.loaded()]
    with pytest.raises(NbstreamError) as caught:
        registry.get("odd")
    assert caught.value.kind == "config" and "odd" in caught.value.what
    registry._made.cache_clear()


def test_a_key_in_the_environment_that_is_none_is_said_when_it_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DEEPSEEK_API_KEY", "sk-0123456789abcdef\ndef")
    here = Session()
    assert "deepseek" not in here.ready()
    with pytest.raises(NbstreamError) as caught:
        here.call("hi", model="deepseek")
    assert "DEEPSEEK_API_KEY" in caught.value.fix and "0123456789" not in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("4.0Ultra", "%llm use spark:4.0Ultra"),
        ("max", "%llm use spark:max"),
        ("ernie-4.0-8k", "%llm use ernie:ernie-4.0-8k"),
        ("claude-sonnet-5-5", "%llm use anthropic:claude-sonnet-5-5"),
        ("gpt-6-luna", "%llm use openai:gpt-6-luna"),
        ("kimi-k2.5", "%llm use moonshot:kimi-k2.5"),
        ("sparc", "%llm use spark"),
        ("zzz", "%llm models"),
    ],
)
def test_the_name_of_a_model_alone_leads_to_its_provider(typed: str, line: str) -> None:
    with pytest.raises(NbstreamError) as caught:
        registry.split(typed)
    assert caught.value.fix == line


def test_a_chinese_colon_is_a_colon() -> None:
    provider, model = registry.split("spark：lite")
    assert (provider.name, model) == ("spark", "lite")


def test_one_that_is_being_written_is_known_at_once_and_takes_no_name_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry, "_ADDED", {})
    first, second = (type("Mine", (Demo,), {"name": "mine"})() for _ in range(2))
    registry.add(first)
    assert registry.split("mine:any") == (first, "any") and "mine" in registry.names()
    registry.add(second)  # its cell is run again
    assert registry.get("Mine") is second
    for name in ("demo", "spark", "星火", ""):
        with pytest.raises(ValueError, match="taken"):
            registry.add(type("Mine", (Demo,), {"name": name})())
