"""Whether an answer can be begun for a model, so that it goes on where it was stopped, as data.

A request whose last message is the assistant's is such a beginning. Services differ in how they are told
so, and some refuse it: what is known of each stands in its row (`Host.prefill`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ..messages import ChatRequest

THINKING_OPTIONS = ("reasoning_effort", "reasoning", "thinking", "enable_thinking", "think")
"""Options that have a model think first: it would think in the middle of its answer."""


@dataclass(frozen=True, slots=True)
class Prefill:
    """How a service is told to go on with the last message.

    Parameters
    ----------
    models : str
        Pattern of the models that can; "" for all.
    message : mapping
        Goes into the last message.
    body : mapping
        Goes into the request.
    address : str
        The base URL for it, where it is another one; then it is known of that service's own host only.
    reasoning : bool
        What was thought before the answer goes along as ``reasoning_content``.
    echoes : bool
        The answer may begin with the text that was given.
    """

    models: str = ""
    message: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    address: str = ""
    reasoning: bool = False
    echoes: bool = False

    def fits(self, chat: ChatRequest, model: str, base_url: str) -> bool:
        """Whether it can be used for `chat`; `base_url` is the service's own address.

        >>> from nbstream.messages import ChatRequest
        >>> Prefill("^old").fits(ChatRequest((), "new"), "new", "https://there/v1")
        False
        """
        if any(chat.options.get(name) for name in THINKING_OPTIONS):
            return False
        elsewhere = self.address and chat.base_url and _host(chat.base_url) != _host(base_url)
        return not elsewhere and bool(re.search(self.models, model, re.I))


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def begun(chat: ChatRequest) -> bool:
    """Whether `chat` ends with the beginning of its answer."""
    last = chat.messages[-1] if chat.messages else None
    return last is not None and last.role == "assistant" and not last.tool_calls
