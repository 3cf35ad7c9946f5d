"""tiktoken, where it is installed, for the models that it knows.

It fetches its vocabularies from the network when they are first used. We fetch nothing that nobody asked
for: it is used when somebody has loaded a vocabulary in this kernel, or when one lies on the disk; and
then it is loaded in the background, since that takes a while.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..messages import ChatRequest

_loading: dict[str, Any] = {}
EACH = 4
"""Tokens that a message has beside its text. [doc: OpenAI's cookbook has 3 or 4]"""
MOST = 400_000
"""Characters above which an estimate will do: to count so many takes longer than a person should wait."""


def count(provider: str, chat: ChatRequest) -> int | None:
    """The tokens of `chat`, or None: no tiktoken, another provider's model, or not ready yet."""
    if provider != "openai" or (encoding := _encoding(chat.model)) is None:
        return None
    texts = [chat.system or "", *(message.content for message in chat.messages)]
    if any(message.attachments or message.tool_calls for message in chat.messages):
        return None
    texts += [json.dumps(dict(tool), ensure_ascii=False, default=str) for tool in chat.tools]
    texts = [text for text in texts if text]
    if sum(map(len, texts)) > MOST:
        return None
    try:
        return sum(len(encoding.encode(text, disallowed_special=())) + EACH for text in texts)
    except Exception:  # somebody else's code, on any text
        return None


def _encoding(model: str) -> Any:
    """The vocabulary of `model`, if it is there already; else it is fetched from the disk meanwhile."""
    if model not in _loading:
        _loading[model] = None
        if _available():
            threading.Thread(target=_load, args=(model,), daemon=True, name="nbstream-tiktoken").start()
    return _loading[model]


def _load(model: str) -> None:
    try:
        tiktoken = import_module("tiktoken")

        _loading[model] = tiktoken.encoding_for_model(model)
    except Exception:  # a model that it does not know, a file that is broken
        _loading[model] = None


@cache
def _installed() -> bool:
    return find_spec("tiktoken") is not None


def _available() -> bool:
    """Whether it can be used without a download."""
    if not _installed():
        return False
    registry = sys.modules.get("tiktoken.registry")
    if registry is not None and getattr(registry, "ENCODINGS", None):
        return True
    own = os.environ.get("TIKTOKEN_CACHE_DIR") or os.environ.get("DATA_GYM_CACHE_DIR")
    folder = Path(own or Path(tempfile.gettempdir()) / "data-gym-cache")
    try:
        return any(folder.iterdir())
    except OSError:
        return False
