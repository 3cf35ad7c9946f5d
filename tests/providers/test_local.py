"""What runs on this machine is found by what it says of itself, quickly, and never used unasked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbstream.chat import fetch
from nbstream.chat.session import session
from nbstream.magics.verbs import using
from nbstream.providers import local, registry
from nbstream.providers.local import Place, Running, places, running
from nbstream.show.cards import connect_markdown, running_markdown
from nbstream.wire.request import WireResponse
from tests.fakes.loopback import Exchange, Loopback

OLLAMA = {
    "models": [{"name": "qwen3:4b", "size": 1}, {"name": "nomic-embed-text:latest"}, {"name": "glm:9b"}]
}
PLENTY = 20.0
"""A budget for busy machines, where the budget itself is not what is tested."""


def listing(*names: str, owner: str = "llamacpp") -> dict[str, Any]:
    data = [{"id": name, "object": "model", "owned_by": owner} for name in names]
    return {"object": "list", "data": data}


class Machine(Loopback):
    """Something that listens: gives `answer` to whoever asks for `knows`, or never says a word."""

    def __init__(self, answer: Any, knows: tuple[str, ...] = ("/api/tags", "/v1/models")) -> None:
        super().__init__()
        self.answer, self.knows = answer, knows

    async def respond(self, exchange: Exchange) -> None:
        if self.answer is None:
            await asyncio.Event().wait()
        elif isinstance(self.answer, str):
            await exchange.whole(200, self.answer.encode(), {"Content-Type": "text/html"})
        elif exchange.record.path in self.knows:
            await exchange.json(200, self.answer)
        else:
            await exchange.json(404, {"detail": "Not Found"})


@pytest.fixture
def machines() -> Iterator[Any]:
    with ExitStack() as stack:
        yield lambda *args: stack.enter_context(Machine(*args))


def ollama_answer() -> Any:
    """Ollama's list as the provider `ollama` asks for it, in its own dialect or the compatible one."""
    native = "/api/tags" in str(registry.get("ollama").models_request({}, "http://127.0.0.1:1").url)  # type: ignore[union-attr]
    return OLLAMA if native else listing("qwen3:4b", "nomic-embed-text:latest", "glm:9b", owner="library")


def found(*where: Place, budget: float = PLENTY) -> list[Running]:
    return asyncio.run(registry.discover(where, budget))


# --- asking ---------------------------------------------------------------------------------------------


def test_each_server_is_found_with_the_models_that_one_can_talk_to(machines: Any) -> None:
    ollama = machines(ollama_answer())
    cpp, studio, vllm = (
        machines(listing("gemma.gguf")),
        machines(listing("qwen/qwen3-8b", "text-embedding-nomic", owner="organization_owner")),
        machines(listing("Qwen/Qwen3-8B", owner="vllm")),
    )
    got = found(
        Place("ollama", ollama.origin),
        Place("llamacpp", cpp.origin + "/v1"),
        Place("lmstudio", studio.origin + "/v1"),
        Place("vllm", vllm.origin + "/v1"),
    )
    assert [(one.label, one.models) for one in got] == [
        ("Ollama", ("qwen3:4b", "glm:9b")),
        ("llama.cpp", ("gemma.gguf",)),
        ("LM Studio", ("qwen/qwen3-8b",)),
        ("vLLM", ("Qwen/Qwen3-8B",)),
    ]
    sent = [record.headers for server in (ollama, cpp, studio, vllm) for record in server.log]
    assert len(sent) == 4 and not any("authorization" in headers for headers in sent)


def test_a_server_that_says_nothing_costs_the_budget_and_nobody_else(machines: Any) -> None:
    silent, good = machines(None), machines(listing("gemma.gguf"))
    where = [Place("vllm", silent.origin + "/v1"), Place("llamacpp", good.origin + "/v1")]
    assert [one.provider for one in found(*where, budget=1.0)] == ["llamacpp"]
    assert silent.wait_for(lambda log: log[0].closed_by == "client")
    assert registry.BUDGET == 0.2


def test_nothing_is_found_where_nothing_listens() -> None:
    with Machine(None) as gone:
        url = gone.origin
    assert found(Place("ollama", url), Place("vllm", url + "/v1")) == []


@pytest.mark.parametrize(
    "answer",
    [
        "<!doctype html><title>Directory listing</title>",
        {"detail": "Not Found"},
        {"object": "list", "data": []},
        {"data": [{"id": "no model at all"}]},
        {"object": "list", "data": [{"id": "a"}, {"id": "b", "object": "file"}]},
        {"object": "list", "data": "none"},
        {"models": "many"},
        {"models": [{"title": "Model T"}]},
        ["a", "b"],
        17,
    ],
)
@pytest.mark.parametrize("provider", local.PLACES)
def test_whatever_else_listens_there_is_not_taken_for_a_model_server(answer: Any, provider: str) -> None:
    raw = answer if isinstance(answer, str) else json.dumps(answer)
    for status in (200, 401, 500):
        response = WireResponse(status, {}, raw.encode())
        assert running(Place(provider, "http://127.0.0.1:8080/v1"), response, {}) is None


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["list", "model", "vllm"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["object", "data", "models", "id", "name", "owned_by", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(ANYTHING, st.sampled_from(list(local.PLACES)))
def test_no_answer_is_an_exception_and_what_is_offered_can_be_pasted(answer: Any, provider: str) -> None:
    place = Place(provider, local.PLACES[provider])
    one = running(place, WireResponse(200, {}, json.dumps(answer).encode()), {})
    for line in one.lines if one else []:
        assert line.isprintable() and len(line.split()) in (2, 3)


def test_garbage_is_no_model_server() -> None:
    for raw in (b"", b"\xff\xfe\x00", b"[" * 100_000, b'{"object": "list", "data": [{"id": "a b"}]}'):
        assert running(Place("vllm", local.PLACES["vllm"]), WireResponse(200, {}, raw), {}) is None


# --- where to look --------------------------------------------------------------------------------------


def test_the_usual_ports_are_looked_at() -> None:
    assert [place.url.split(":")[2].split("/")[0] for place in places({})] == [
        "11434",
        "8080",
        "1234",
        "8000",
    ]


@pytest.mark.parametrize(
    ("variable", "value", "url"),
    [
        ("OLLAMA_HOST", "127.0.0.1:9999", "http://127.0.0.1:9999"),
        ("OLLAMA_HOST", "0.0.0.0", "http://127.0.0.1:11434"),
        ("OLLAMA_HOST", "http://localhost:5000/", "http://localhost:5000"),
        ("OLLAMA_HOST", "[::]:7000", "http://127.0.0.1:7000"),
        ("OLLAMA_HOST", "https://[::1]", "https://[::1]:443"),
        ("OLLAMA_BASE_URL", "http://127.0.0.1:7777", "http://127.0.0.1:7777"),
        ("OLLAMA_HOST", "gpu.example:11434", None),
        ("OLLAMA_BASE_URL", "https://ollama.example", None),
        ("OLLAMA_HOST", "http://127.0.0.1:no", "http://127.0.0.1:11434"),
    ],
)
def test_the_users_own_address_is_looked_at_where_it_is_this_machine(
    variable: str, value: str, url: str | None
) -> None:
    asked = {place.provider: place.url for place in places({variable: value})}
    assert asked.get("ollama") == url


# --- what a person gets ---------------------------------------------------------------------------------


def test_what_listens_elsewhere_than_usual_is_offered_with_the_line_that_says_where() -> None:
    body = json.dumps(listing("m", owner="vllm")).encode()
    at = Place("llamacpp", "http://127.0.0.1:8080/v1")
    (one,) = filter(None, [running(at, WireResponse(200, {}, body), {})])
    assert one.lines == ["%env VLLM_BASE_URL=http://127.0.0.1:8080/v1", "%llm use vllm:m"]
    assert running_markdown([one]).count("| vLLM |") == 1
    nameless = json.dumps({"object": "list", "data": [{"id": "m", "object": "model"}]}).encode()
    (other,) = filter(None, [running(at, WireResponse(200, {}, nameless), {})])
    assert other.lines == ["%llm use llamacpp:m"]
    assert "llama.cpp, or a server like it" in running_markdown([other])
    mine = {"LLAMACPP_BASE_URL": at.url}  # the user said what it is
    (one,) = filter(None, [running(at, WireResponse(200, {}, body), mine)])
    assert one.lines == ["%llm use llamacpp:m"]


def test_models_lists_what_runs_here_and_a_line_to_use_it(
    machines: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = machines(listing("gemma_2b.gguf"))
    monkeypatch.setattr(registry, "BUDGET", PLENTY)
    monkeypatch.setattr(registry, "places", lambda environ: [Place("llamacpp", server.url + "/v1")])
    monkeypatch.setenv("LLAMACPP_BASE_URL", server.url + "/v1")
    before = session().default_model()
    shown = using.models()
    assert f"llama.cpp | {server.url}/v1 | gemma_2b.gguf | %llm use llamacpp:gemma_2b.gguf" in shown.replace(
        "&#58;", ":"
    )
    assert session().default_model() == before


def test_demo_offers_what_runs_here_and_a_key_comes_first() -> None:
    here = [Running("vllm", "vLLM", "u", ()), Running("ollama", "Ollama", "u", ("qwen3:4b", "glm"))]
    assert "`%llm use ollama:qwen3:4b`" in connect_markdown([], here)
    assert "Ollama" in connect_markdown([], here)
    assert "%llm use deepseek" in connect_markdown(["deepseek"], here)
    assert "%llm login" in connect_markdown([], here[:1])


def test_a_search_that_fails_finds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "places", lambda environ: [Place("no-such", "http://127.0.0.1:1")])
    assert fetch.found_by(fetch.nearby()) == []
