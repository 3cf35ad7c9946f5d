"""Spark's WebSocket messages to events."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..i18n import t
from ..messages import Event, Finish, Note, Opaque, ReasoningDelta, Retract, TextDelta, ToolCallDelta, Usage
from ..wire.lines import Surrogates
from ..wire.request import Frame
from .host import Host
from .refusals import clean, no_answer, told, unparsable
from .spark_codes import WITHDRAWS
from .spark_refusals import failure

LAST = 2
"""`choices.status` of the last frame: the one end mark. The header's own status only mirrors it."""
MOST_SOURCES = 5
"""Sources of a search that are named below an answer."""


def spark_events(host: Host, frames: Iterator[Frame]) -> Iterator[Event | None]:
    """The events of one answer."""
    calls = 0
    joiner = Surrogates()
    sources: list[str] = []
    for frame in frames:
        data = _parsed(host, frame.data)
        if plain := _plain(data):
            yield TextDelta(plain)
            yield None
            continue
        header, payload = _mapping(data, "header"), _mapping(data, "payload")
        code = header.get("code", 0)
        if code not in (0, "0", None):
            if str(code) == WITHDRAWS:
                yield Retract(t("note.withdrawn"))
            # What may stand beside a code is not part of the answer.
            raise failure(host, code, header.get("message"), header.get("sid"))
        choices = _mapping(payload, "choices")
        if not header and not choices:
            if (error := told(data)) is not None:  # a gateway's own words
                raise failure(host, error.code or "?", error.message, error.request_id)
            raise no_answer(host, frame.data)
        for item in _items(choices):
            if isinstance(reasoning := item.get("reasoning_content"), str) and reasoning:
                yield ReasoningDelta(reasoning)
            if isinstance(content := item.get("content"), str) and content:
                yield TextDelta(content)
            if isinstance(call := item.get("function_call"), Mapping) and call:
                name = call.get("name")
                named = isinstance(name, str) and bool(name)
                calls += named or not calls
                text = joiner.feed(_arguments(call.get("arguments")))
                yield ToolCallDelta(calls - 1, None, str(name) if named else None, text)
        sources += _sources(_mapping(payload, "plugins"))
        if usage := _usage(_mapping(_mapping(payload, "usage"), "text")):
            yield usage
        if choices.get("status") in (LAST, str(LAST)):
            if text := joiner.flush():
                yield ToolCallDelta(max(0, calls - 1), arguments=text)
            if sources:
                yield Note(t("note.sources", sources=" · ".join(sources[:MOST_SOURCES])))
            if isinstance(sid := header.get("sid"), str) and sid:
                yield Opaque(host.name, {"sid": clean(sid, 100)})
            yield Finish("tool_calls" if calls else "stop")
            return
        yield None


def _parsed(host: Host, text: str) -> Mapping[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise unparsable(host, text) from None
    if not isinstance(data, Mapping):
        raise no_answer(host, text)
    return data


def _plain(data: Mapping[str, Any]) -> str | None:
    """The text of a frame that holds a piece of text and nothing else, as nearly all do; else None.

    A short cut: what follows it would yield the same, and takes three times as long.
    """
    try:
        payload = data["payload"]
        choices = payload["choices"]
        (item,) = choices["text"]
        content = item["content"]
        if data["header"]["code"] != 0 or choices["status"] not in (0, 1) or len(payload) > 1:
            return None
    except (KeyError, TypeError, ValueError):
        return None
    if type(content) is not str or item.get("reasoning_content") or item.get("function_call"):
        return None
    return content


def _mapping(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inner = holder.get(name)
    return inner if isinstance(inner, Mapping) else {}


def _items(holder: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The elements of ``text``: nearly always one, sometimes none."""
    items = holder.get("text")
    for item in items if isinstance(items, list) else ():
        if isinstance(item, Mapping):
            yield item


def _arguments(arguments: Any) -> str:
    if isinstance(arguments, (Mapping, list)):
        return json.dumps(arguments, ensure_ascii=False)
    return arguments if isinstance(arguments, str) else ""


def _usage(counts: Mapping[str, Any]) -> Usage | None:
    """``question_tokens`` beside them counts the last question without its history: not used."""
    got = [counts.get(name) for name in ("prompt_tokens", "completion_tokens")]
    given, made = (one if type(one) is int and 0 <= one < 1 << 53 else None for one in got)
    return None if given is None and made is None else Usage(given, made)


def _sources(plugins: Mapping[str, Any]) -> Iterator[str]:
    """What a search found, as ``[1] title url``: the list comes as JSON in a string."""
    for item in _items(plugins):
        try:
            found = json.loads(str(item.get("content")))
        except (ValueError, RecursionError):
            continue
        for source in found if isinstance(found, list) else ():
            if isinstance(source, Mapping) and isinstance(url := source.get("url"), str):
                yield clean(f"[{source.get('index', '?')}] {source.get('title') or ''} {url}")
