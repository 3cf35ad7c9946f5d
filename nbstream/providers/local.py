"""Model servers on this machine: where they may be, and what their answers mean. Pure; `registry` asks.

What answers on a port is not thereby a model server: port 8080 is everybody's favourite. A server counts
only when its list of models has the shape that it should have, and then by the name that it gives itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ..i18n import magic
from ..wire.address import is_loopback
from ..wire.request import WireResponse

PLACES = {
    "ollama": "http://127.0.0.1:11434",
    "llamacpp": "http://127.0.0.1:8080/v1",
    "lmstudio": "http://127.0.0.1:1234/v1",
    "vllm": "http://127.0.0.1:8000/v1",
}
"""Providers whose servers run on one's own machine, and where they listen unless told otherwise."""
LABELS = {"ollama": "Ollama", "llamacpp": "llama.cpp", "lmstudio": "LM Studio", "vllm": "vLLM"}
OWNERS = {"llamacpp": "llamacpp", "vllm": "vllm", "organization_owner": "lmstudio"}
"""What servers write into ``owned_by``, and the provider that speaks with them. [seen, doc]"""
OLLAMA_PORT = 11434


@dataclass(frozen=True, slots=True)
class Place:
    """Where `provider` may have its server."""

    provider: str
    url: str


@dataclass(frozen=True, slots=True)
class Running:
    """A model server that runs here, and its models (those that one can talk to)."""

    provider: str
    label: str
    url: str
    models: tuple[str, ...]
    setup: str = ""
    """A line to run first, where the provider would not look at this address by itself."""
    sure: bool = True
    """Whether it has said its name; without, it is one that speaks the same dialect."""

    @property
    def lines(self) -> list[str]:
        """What to paste to use its first model."""
        use = f"%{magic()} use {self.provider}:{self.models[0]}" if self.models else ""
        return [line for line in (self.setup, use) if line]


def places(environ: Mapping[str, str]) -> list[Place]:
    """Where to look: the usual ports, or what the user set. Other machines are left alone.

    >>> [place.url for place in places({"OLLAMA_HOST": "0.0.0.0:7777", "VLLM_BASE_URL": "https://gpu.example"})]
    ['http://127.0.0.1:7777', 'http://127.0.0.1:8080/v1', 'http://127.0.0.1:1234/v1']
    """
    found = []
    for provider, usual in PLACES.items():
        url = own_address(provider, environ) or usual
        if is_loopback(url):
            found.append(Place(provider, url))
    return found


def from_ollama_host(given: str) -> str:
    """The address in ``OLLAMA_HOST``: a host, host:port or URL; "" where there is none.

    >>> from_ollama_host("localhost"), from_ollama_host(":9000"), from_ollama_host("")
    ('http://localhost:11434', 'http://127.0.0.1:9000', '')
    """
    given = given.strip().strip("\"'")
    if not given:
        return ""
    scheme, mark, rest = given.partition("://")
    scheme, rest = (scheme, rest) if mark else ("http", given)
    try:
        parts = urlsplit(f"//{rest}")
        host, port = parts.hostname or "127.0.0.1", parts.port
    except ValueError:
        return ""
    if host in ("0.0.0.0", "::"):  # where it listens is no place to call
        host = "127.0.0.1"
    host = f"[{host}]" if ":" in host else host
    port = port or {"http": 80, "https": 443}.get(scheme if mark else "", OLLAMA_PORT)
    return f"{scheme}://{host}:{port}{parts.path.rstrip('/')}"


def running(place: Place, response: WireResponse, environ: Mapping[str, str]) -> Running | None:
    """The server that gave this answer at `place`; None for anything else that may listen there."""
    try:
        data = json.loads(response.body) if response.status == 200 else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, Mapping):
        return None
    provider, sure = place.provider, True
    if data.get("object") == "list":
        models = _named(data.get("data"), "id", of={"object": "model"})
        if not models:  # an empty list of anything looks like this
            return None
        if not own_address(provider, environ):  # where the user has said who listens there, it is so
            owner = str(data["data"][0].get("owned_by")).replace("-", "_").lower()
            provider, sure = OWNERS.get(owner, provider), owner in OWNERS
    elif provider == "ollama":
        models = _named(data.get("models"), "name")
    else:
        return None
    if models is None:
        return None
    talking = tuple(name for name in models if "embed" not in name.lower())
    home = own_address(provider, environ) or PLACES[provider]
    setup = "" if _same(home, place.url) else f"%env {_variable(provider)}={place.url}"
    return Running(provider, LABELS[provider], place.url, talking, setup, sure)


def _named(listed: Any, key: str, of: Mapping[str, str] | None = None) -> list[str] | None:
    """The names in a list of models; None where it is not one."""
    if not isinstance(listed, list):
        return None
    names = []
    for item in listed:
        name = item.get(key) if isinstance(item, Mapping) else None
        if not (isinstance(name, str) and name and name.isprintable() and " " not in name):
            return None
        if any(item.get(field) != value for field, value in (of or {}).items()):
            return None
        names.append(name)
    return names


def own_address(provider: str, environ: Mapping[str, str]) -> str:
    """The user's own address for `provider` (any, not only local ones) in the environment, or "".

    >>> own_address("ollama", {"OLLAMA_HOST": "0.0.0.0"}), own_address("spark-http", {})
    ('http://127.0.0.1:11434', '')
    """
    given = environ.get(_variable(provider), "").strip()
    if not given and provider == "ollama":  # what its own client and server read
        given = from_ollama_host(environ.get("OLLAMA_HOST", ""))
    return given


def _variable(provider: str) -> str:
    return f"{provider.upper().replace('-', '_')}_BASE_URL"


def _same(one: str, other: str) -> bool:
    try:
        ours, theirs = urlsplit(one), urlsplit(other)
        if not (is_loopback(one) and is_loopback(other)):
            return ours.netloc == theirs.netloc
        return (ours.port or 80) == (theirs.port or 80)
    except ValueError:
        return False
