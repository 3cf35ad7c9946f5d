"""An answer that was begun goes on where a service can do that, told in the service's own way."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nbstream.chat.session import Session
from nbstream.messages import Message
from nbstream.providers import registry

KEY = {"api_key": "k" * 20}
BEGUN = [Message("user", "Count to ten."), Message("assistant", "One, two,", reasoning="Easy.")]


def request(model: str, **more: Any) -> tuple[str, dict[str, Any]]:
    provider = registry.split(model)[0].name
    keys = KEY if any(field.name == "api_key" for field in registry.get(provider).fields) else {}
    call = Session().call(BEGUN, model=model, credentials=keys, **more)
    made = call.provider.request(call.chat, call.credentials)
    return made.url, json.loads(made.body or b"{}")


def goes_on(model: str, **more: Any) -> bool:
    call = Session().call("hi", model=model, credentials=KEY, **more)
    return call.provider.prefill(call.chat) is not None


@pytest.mark.parametrize(
    ("model", "marks"),
    [
        ("moonshot:kimi-k2.5", {"partial": True}),
        ("qwen:qwen-plus", {"partial": True}),
        ("mistral:mistral-medium-latest", {"prefix": True}),
        ("deepseek:deepseek-v4-flash", {"prefix": True, "reasoning_content": "Easy."}),
        ("llamacpp", {}),
        ("ollama-openai:llama3", {}),
        ("groq:llama-3.3-70b-versatile", {}),
        ("vllm:any", {}),
    ],
)
def test_the_last_message_is_marked_as_the_service_wants_it(model: str, marks: dict[str, Any]) -> None:
    assert goes_on(model)
    said = request(model)[1]["messages"][-1]
    assert said == {"role": "assistant", "content": "One, two,"} | marks


def test_vllm_is_told_in_the_request() -> None:
    body = request("vllm:any")[1]
    assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)


def test_deepseek_is_asked_at_its_beta_address_and_only_at_its_own() -> None:
    assert request("deepseek")[0] == "https://api.deepseek.com/beta/chat/completions"
    assert request("deepseek", base_url="https://api.deepseek.com")[0].startswith(
        "https://api.deepseek.com/beta/"
    )
    url, body = request("deepseek", base_url="https://proxy.example/v1")
    assert url.startswith("https://proxy.example/v1") and "prefix" not in body["messages"][-1]


def test_a_question_is_asked_as_ever() -> None:
    call = Session().call("hi", model="deepseek", credentials=KEY)
    made = call.provider.request(call.chat, call.credentials)
    assert made.url == "https://api.deepseek.com/v1/chat/completions"
    assert json.loads(made.body or b"")["messages"] == [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize(
    ("model", "can"),
    [
        ("claude-3-5-sonnet-20241022", True),
        ("claude-sonnet-4-20250514", True),
        ("claude-opus-4-1", True),
        ("claude-haiku-4-5-20251001", True),
        ("claude-sonnet-4-5", True),
        ("claude-opus-4-6", False),
        ("claude-sonnet-4-7-20260301", False),
        ("claude-sonnet-5-5", False),
        ("claude-fable-5", False),
    ],
)
def test_of_anthropics_models_only_the_older_ones_go_on(model: str, can: bool) -> None:
    assert goes_on(f"anthropic:{model}") is can


@pytest.mark.parametrize(
    ("model", "can"),
    [
        ("qwen:qwen3-max", True),
        ("qwen:qwen3.7-plus", True),
        ("qwen:qwen3-coder-plus", True),
        ("qwen:qwen2.5-7b-instruct", True),
        ("qwen:qwq-plus", False),
        ("qwen:qwen3-235b-a22b-thinking-2507", False),
        ("groq:openai/gpt-oss-120b", False),
        ("openai:gpt-6-luna", False),
        ("zhipu:glm-5.3", False),
        ("openrouter:openrouter/auto", False),
        ("gemini:gemini-3.8-flash", False),
        ("ernie:ernie-5.1", False),
    ],
)
def test_where_it_is_not_known_it_is_not_tried(model: str, can: bool) -> None:
    assert goes_on(model) is can


def test_a_model_that_was_told_to_think_does_not_go_on() -> None:
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 2000}}
    assert not goes_on("anthropic:claude-sonnet-4-5", options=thinking)
    assert not goes_on("qwen:qwen-plus", options={"enable_thinking": True})
    assert goes_on("qwen:qwen-plus", options={"enable_thinking": False})
