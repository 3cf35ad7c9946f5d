"""What can be wrong with the values of a call, said before anything is sent."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from typing import Any

from ..credentials import Credentials
from ..errors import NbstreamError, fail
from ..i18n import t
from ..messages import Message
from ..providers.base import Provider

MAX_PROMPT = 4_000_000
"""Bytes of one prompt, unless NBSTREAM_MAX_PROMPT says otherwise: about a million tokens."""
MAX_NAME = 100
"""Characters of a conversation's name."""


def is_name(name: Any) -> bool:
    """Whether a conversation may be called `name`: one that files and receipts can hold, too.

    >>> is_name("数据 2"), is_name(""), is_name("two\\nlines")
    (True, False, False)
    """
    return isinstance(name, str) and len(name) <= MAX_NAME and name.isprintable() and bool(name.strip())


def conversation(name: Any) -> None:
    """Refuse a name under which a conversation could be saved, but never found again."""
    if not is_name(name):
        shown = repr(name)
        given = shown if len(shown) <= 40 else f"{shown[:40]}…"
        raise fail("config.conversation_name", given=given, most=MAX_NAME)


def size(messages: tuple[Message, ...]) -> None:
    """Refuse a prompt that no model reads: a file pasted by mistake costs money before it is refused."""
    wanted = os.environ.get("NBSTREAM_MAX_PROMPT", "")
    limit = int(wanted) if wanted.isdecimal() and len(wanted) < 16 else MAX_PROMPT
    found = sum(len(message.content.encode("utf-8", "replace")) for message in messages)
    if found > limit:
        mega, most, tokens = (f"{number / 1e6:.1f}" for number in (found, limit, found / 4))
        raise fail("config.prompt_size", size=mega, limit=most, tokens=tokens)


def values(
    *,
    temperature: Any,
    retries: Any,
    max_tokens: Any = None,
    options: Mapping[str, Any] | None,
    system: Any = None,
    base_url: Any = None,
    tools: tuple[Any, ...] = (),
) -> None:
    """Refuse what is no number, no text, no schema of a tool, or no JSON."""
    for name, given in (("system", system), ("base_url", base_url)):
        if given is not None and not isinstance(given, str):
            raise fail("config.text", name=name, given=type(given).__name__)
    for tool in tools:
        if not isinstance(tool, Mapping):
            raise fail("config.tool", given=getattr(tool, "__name__", None) or type(tool).__name__)
    if temperature is not None and not _finite(temperature):
        raise _no_number("temperature", temperature, "finite", "temperature=0.5")
    if retries is not None and not (type(retries) is int and retries >= 0):
        raise _no_number("retries", retries, "whole", "retries=2")
    if max_tokens is not None and not (type(max_tokens) is int and max_tokens > 0):
        raise _no_number("max_tokens", max_tokens, "positive", "max_tokens=500")
    try:
        json.dumps([dict(options or {}), *map(dict, tools)], allow_nan=False)
        if not all(isinstance(name, str) for name in options or ()):
            raise TypeError("the names of options are strings")
    except (TypeError, ValueError) as error:
        raise fail("config.options", reason=str(error)[:200]) from None


def _no_number(name: str, value: Any, wanted: str, line: str) -> NbstreamError:
    given = repr(value) if isinstance(value, str) else str(value)
    why = t("number.text" if isinstance(value, str) else "number.must", wanted=t(f"number.{wanted}"))
    return fail("config.number", name=name, given=given[:40], reason=why, line=line)


def _finite(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and value >= 0


def unkeyed(error: NbstreamError, provider: Provider, credentials: Credentials) -> NbstreamError:
    """`error`, said better where a service wants a key and none was given (at an address of one's own)."""
    if error.kind != "auth" or credentials:
        return error
    return fail("auth.none_given", provider=provider.name, status=error.status, code=error.code,
                request_id=error.request_id, label=provider.label, said=error.why)  # fmt: skip
