"""Every provider with a fake that speaks its dialect, and one that refuses and repeats what it was sent."""

from __future__ import annotations

from contextlib import ExitStack
from importlib import import_module
from typing import Any
from urllib.parse import quote, urlsplit

from nbstream.providers import registry
from tests.canary.canaries import canary, environment
from tests.fakes import ernie_server, ernie_v1_server, spark_server
from tests.fakes.echo_server import EchoServer

CLASSES = {
    "ernie": ernie_server.ErnieServer,
    "ernie-v1": ernie_v1_server.ErnieV1Server,
    "spark": spark_server.SparkServer,
}
TYPED = {
    "openai": {"api_key": canary("typed", "openai")},
    "anthropic": {"api_key": canary("typed", "anthropic")},
    "spark": {
        "app_id": "app0id",
        "api_secret": canary("typed", "spark", "secret"),
        "api_key": canary("typed", "spark", "key"),
    },
    "ernie-v1": {
        "api_key": canary("typed", "ernie-v1", "key"),
        "secret_key": canary("typed", "ernie-v1", "secret"),
    },
}
"""What is typed into hidden prompts, by provider and in the order of the prompts."""


class Services:
    """``with Services(monkeypatch) as services``: the fakes, each in a thread of this process."""

    def __init__(self, patch: Any) -> None:
        self._patch = patch
        self._stack = ExitStack()
        self.echo = EchoServer()
        self.names = [one.name for one in registry.loaded() if one.fields and not one.package]
        self.running: dict[str, Any] = {}
        """The fakes, by dialect."""
        self.good: dict[str, str] = {}
        """Base URLs, by provider."""

    def __enter__(self) -> Services:
        self._stack.enter_context(self.echo)
        for name in self.names:
            dialect = registry.get(name).dialect
            if dialect not in self.running:
                module = f"tests.fakes.{dialect.replace('-', '_')}_server"
                server = CLASSES.get(dialect) or import_module(module).SERVER
                self.running[dialect] = self._stack.enter_context(server())
            self.good[name] = self.running[dialect].url
        # A password in an address is a secret, too.
        self.good["vllm"] = self.good["vllm"].replace("//", f"//me:{quote(canary('vllm', 'url'), safe='')}@")
        self.keys_are(environment())
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def keys_are(self, environ: dict[str, str]) -> None:
        """The keys that Spark's and Baidu's fakes check signatures with: those in these variables."""
        for target, names in (
            (spark_server.CREDENTIALS, ("SPARK_APP_ID", "SPARK_API_KEY", "SPARK_API_SECRET")),
            (ernie_v1_server.CREDENTIALS, ("QIANFAN_AK", "QIANFAN_SK")),
        ):
            for field, name in zip(target, names, strict=True):
                self._patch.setitem(target, field, environ[name])

    def typed_keys(self) -> None:
        """From now on what was typed is right."""
        for target, provider in (
            (spark_server.CREDENTIALS, "spark"),
            (ernie_v1_server.CREDENTIALS, "ernie-v1"),
        ):
            for field in target:
                self._patch.setitem(target, field, TYPED[provider][field])

    def typed(self, name: str) -> list[str]:
        """What is typed into the prompts of the provider `name`."""
        return list(TYPED[name].values())

    def addresses(self, *, echo: bool = False) -> dict[str, str]:
        """Variables that lead each provider to its fake, or all of them to the one that repeats."""
        found = {}
        for name, good in self.good.items():
            address = good
            if echo:
                scheme = "ws" if good.startswith("ws") or name == "spark" else "http"
                path = urlsplit(good).path
                address = f"{scheme}://{urlsplit(self.echo.origin).netloc}{path}"
            found[f"{name.upper().replace('-', '_')}_BASE_URL"] = address
        return found
