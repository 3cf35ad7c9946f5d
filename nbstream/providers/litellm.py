"""Any model that LiteLLM knows, as ``litellm:bedrock/…``: its services speak through its own code.

LiteLLM's chunks are chat-completions chunks, so `events` is the same as everywhere. What goes over the
wire is LiteLLM's business, though: its keys come from the environment by its own names, and a request is
a call of its `acompletion`, which the transport ``library`` iterates. The package is large and optional;
it is imported when it is first asked something, in a thread, since that takes seconds.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ..credentials import Credentials, Secret
from ..errors import NbstreamError, fail
from ..i18n import t
from ..messages import ChatRequest
from ..wire.address import shown as public
from ..wire.request import Frame, WireRequest
from .addresses import checked
from .host import Host
from .openai import OpenAICompatible, as_tool
from .prefill import THINKING_OPTIONS
from .refusals import clean, refusal, told

BREAKS = {
    "ClientPayloadError",
    "ServerDisconnectedError",
    "RemoteProtocolError",
    "ReadError",
    "IncompleteRead",
}
"""What the HTTP clients under LiteLLM call a connection that broke."""
SAY_THE_END = {"anthropic", "azure", "bedrock", "gemini", "ollama", "ollama_chat", "openai", "vertex_ai"}
"""Its services that send a finish reason, beside the OpenAI-compatible ones: none means a broken stream."""
_KEYS = re.compile("KEY|SECRET|TOKEN|PASSWORD|CREDENTIAL")
_PREFIX = re.compile(r"^(?:litellm\.)?(?:\w+: )*(?:litellm\.\w+: )?(?:\w+: )*(?:\w+Exception - )?")


class LiteLLM(OpenAICompatible):
    """Everything behind LiteLLM; the model is LiteLLM's name for it."""

    whole = False

    def check_installed(self) -> None:
        if find_spec("litellm") is None:
            raise fail("config.no_package", provider=self.name, package="litellm")

    def request(self, chat: ChatRequest, credentials: Credentials) -> WireRequest:
        if not chat.model:
            raise fail("config.no_litellm_model", provider=self.name)
        asked: dict[str, Any] = {
            "model": chat.model,
            "messages": self._messages(chat),
            "stream": True,
            "stream_options": {"include_usage": True},
            # Repeating is ours, and visible.
            "num_retries": 0,
            "max_retries": 0,
        }
        if chat.temperature is not None:
            asked["temperature"] = chat.temperature
        if chat.max_tokens is not None:
            asked["max_tokens"] = chat.max_tokens
        if chat.tools:
            asked["tools"] = [as_tool(tool) for tool in chat.tools]
        if chat.base_url:
            checked(chat.base_url, self.host, insecure=chat.allow_insecure)
            asked["api_base"] = chat.base_url.strip()
        asked |= chat.options
        slow = re.search(self.host.slow, chat.model, re.I) or any(name in asked for name in THINKING_OPTIONS)
        return WireRequest(
            "library",
            url=chat.base_url or "",
            slow_start=bool(slow),
            source=Chunks(self.host, asked, credentials.get("api_key")),
        )

    def again(self, request: WireRequest, error: NbstreamError) -> WireRequest | None:
        return None

    def models_request(self, credentials: Credentials, base_url: str | None = None) -> WireRequest | None:
        return None


@dataclass(frozen=True, slots=True)
class Chunks:
    """One call of LiteLLM: calling this gives its chunks as frames, and closing those closes its stream."""

    host: Host
    asked: Mapping[str, Any] = field(repr=False)
    key: Secret | None = field(default=None, repr=False)

    async def __call__(self) -> AsyncGenerator[Frame, None]:
        litellm = await asyncio.to_thread(_library)
        asked = dict(self.asked)
        known = str(asked["model"]).partition("/")[0] in {
            str(getattr(one, "value", one)) for one in litellm.provider_list
        }
        if "api_base" in asked and not known:
            asked.setdefault("custom_llm_provider", "openai")  # a server of one's own
        failure: NbstreamError | None = None
        begun = False
        try:
            stream = await self._called(litellm, asked)
            says = SAY_THE_END | set(map(str, litellm.openai_compatible_providers))
            says_the_end = str(getattr(stream, "custom_llm_provider", "")) in says
            async with aclosing(stream):
                async for chunk in stream:
                    # Where a stream just ends, LiteLLM makes up that it ended well.
                    if says_the_end and getattr(stream, "received_finish_reason", "") is None:
                        for choice in chunk.choices:
                            choice.finish_reason = None
                    # Where none was sent, LiteLLM guesses the usage; unknown is better than wrong.
                    counted = not getattr(chunk, "usage", None) or any(
                        getattr(one, "usage", None) for one in getattr(stream, "chunks", (chunk,))
                    )
                    guessed = None if counted else {"usage"}
                    yield Frame(chunk.model_dump_json(exclude_none=True, exclude=guessed))
                    begun = True
        except Exception as error:
            failure = failed(self.host, error, str(asked.get("api_base") or ""), begun=begun)
        if failure is not None:
            raise failure  # without LiteLLM's own attached: that holds the request, and the key

    async def _called(self, litellm: Any, asked: Mapping[str, Any]) -> Any:
        """The stream of one call. The plain key stands in this frame only, which is gone when we raise."""
        key = {"api_key": self.key.reveal()} if self.key else {}
        return await litellm.acompletion(**key | dict(asked))


@cache
def _library() -> Any:
    # It would ask the network for a list of prices while it is imported.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    library: Any = import_module("litellm")
    library.suppress_debug_info = True  # else it prints advice into the notebook
    library.telemetry = False
    # aiohttp, its default, throws away what it has read when the connection is reset; httpx hands it over.
    library.disable_aiohttp_transport = True
    return library


def failed(host: Host, error: Exception, url: str, *, begun: bool) -> NbstreamError:
    """What LiteLLM raised, as one of our errors."""
    causes = list(_causes(error))
    inner = next((one for one in causes if type(one).__name__ != "MidStreamFallbackError"), error)
    if any(isinstance(one, OSError) or type(one).__name__ in BREAKS for one in causes):
        address = public(url) if url else host.label
        if begun:
            return fail("interrupted.cut", provider=host.name, address=address)
        return fail("connection.failed", provider=host.name, address=address, reason=_said(inner))
    body = getattr(inner, "body", None)
    found = told({"error": body}) if isinstance(body, Mapping) and body else None
    found = found or told({"error": {"message": _said(inner)}})
    assert found is not None
    # What the class says is worth more than the words: LiteLLM has read them, and knows their services.
    words = (type(inner).__name__.lower(), *found.words)
    status = getattr(inner, "status_code", None)
    if begun or type(inner).__name__ == "APIConnectionError" or type(status) is not int or status < 400:
        status = None  # made up by LiteLLM
    headers = {
        str(name).lower(): str(value)
        for name, value in dict(getattr(inner, "litellm_response_headers", None) or {}).items()
    }
    masked = found._replace(message=_hidden(found.message), words=words)
    failure = refusal(host, masked, status=status, headers=headers)
    if failure.kind == "not_found":  # there is no list of models to look at
        failure.fix = t("error.config.no_litellm_model.fix")
    return failure


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = getattr(error, "original_exception", None) or error.__cause__ or error.__context__


def _said(error: BaseException) -> str:
    return _hidden(clean(_PREFIX.sub("", str(error), count=1))) or type(error).__name__


def _hidden(text: str) -> str:
    """`text` without any key that stands in the environment: LiteLLM took it from there, not we."""
    for name, value in os.environ.items():
        if _KEYS.search(name.upper()) and len(value) >= 8:
            text = Secret(value).hide_in(text)
    return text
