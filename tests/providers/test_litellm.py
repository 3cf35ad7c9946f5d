"""``litellm:…`` where LiteLLM is not installed; over the real one it is tested in ``tests/clients``."""

from __future__ import annotations

import json
from typing import Any

import pytest

import nbstream
from nbstream.chat.session import Session
from nbstream.magics.verbs import using
from nbstream.providers import litellm


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (litellm, using):
        monkeypatch.setattr(module, "find_spec", lambda name: None)


def test_without_the_package_the_error_holds_the_line_that_installs_it(absent: None) -> None:
    with pytest.raises(nbstream.NbstreamError) as caught:
        nbstream.ask("hi", model="litellm:bedrock/some-model")
    assert caught.value.kind == "config"
    assert caught.value.fix == '%pip install "nbstream[litellm]"'


def test_models_says_that_it_must_be_installed(absent: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbstream.providers.registry.places", lambda environ: [])
    (row,) = [line for line in using.models().splitlines() if line.startswith("| litellm")]
    assert 'pip install "nbstream[litellm]"' in row.replace("\\", "").replace("&quot;", '"')


def test_it_is_never_the_default_and_needs_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litellm, "find_spec", lambda name: object())
    assert "litellm" not in Session().ready()
    with pytest.raises(nbstream.NbstreamError) as caught:
        Session().call("hi", model="litellm")
    assert caught.value.kind == "config" and "litellm:" in caught.value.fix


class Exploding(Exception):
    status_code = 429
    litellm_response_headers = {"Retry-After": "7"}  # noqa: RUF012
    body: Any = None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ContextWindowExceededError", "context_length"),
        ("ContentPolicyViolationError", "content_filter"),
        ("RateLimitError", "rate_limit"),
        ("BudgetExceededError", "quota_exhausted"),
        ("ServiceUnavailableError", "overloaded"),
        ("Timeout", "timeout"),
    ],
)
def test_the_class_of_its_exception_says_what_it_was(name: str, kind: str) -> None:
    from nbstream.providers import registry

    raised = type(name, (Exploding,), {})(
        f"litellm.{name}: {name}: BedrockException - {json.dumps('it is so')}"
    )
    host = registry.get("litellm").host  # type: ignore[attr-defined]
    error = litellm.failed(host, raised, "", begun=False)
    assert (error.kind, error.retry_after) == (kind, 7.0)
    assert '"it is so"' in error.why and "Bedrock" not in error.why
