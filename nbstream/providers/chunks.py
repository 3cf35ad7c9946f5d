"""Chat-completions chunks to events: the dialect that OpenAI began and everybody speaks with an accent.

Nothing about a chunk is certain but that it is JSON: `choices` may be empty or null, `delta` may be
missing, the reasoning has two names, usage comes anywhere and more than once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..messages import Event, Finish, FinishReason, ReasoningDelta, TextDelta, ToolCallDelta, Usage
from ..wire.lines import Surrogates
from ..wire.request import BARE, BODY, Frame
from .host import Host
from .refusals import no_answer, refusal, told, unparsable

FINISHES: dict[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",  # Mistral
    "model_context_window_exceeded": "length",  # Zhipu
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "sensitive": "content_filter",  # Zhipu
}
"""Words for the end; any other is ``other`` and shown as it came."""

_CUT = re.compile(r"[\w.+\-\\]{0,6}")
"""What may stand after the last good character of JSON that was cut: half a literal, number or escape."""


def chat_events(host: Host, frames: Iterator[Frame]) -> Iterator[Event | None]:
    """The events of one stream of chunks."""
    calls = _Calls()
    ended = shown = False
    cut: str | None = None
    for frame in frames:
        if cut is not None:  # something follows, so it was not the connection that ended there
            raise unparsable(host, cut)
        text = frame.data.strip()
        if text == "[DONE]":
            break
        if text:
            data = parsed(host, text)
            if data is None:
                cut = text
            elif plain := _plain(data):
                shown = True
                yield TextDelta(plain)
            else:
                for event in _events(host, frame, data, calls, shown):
                    shown = shown or isinstance(event, (TextDelta, ReasoningDelta))
                    ended = ended or isinstance(event, Finish)
                    yield event
        yield None
    else:
        yield from calls.rest()
        return  # with or without a Finish: one that has not come makes the stream a broken one
    yield from calls.rest()
    if not ended:
        yield Finish("tool_calls" if calls else "stop")


def parsed(host: Host, text: str) -> Any:
    """`text` as JSON; None where it merely stops too early, as the last line of a cut stream does."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        if text[0] in "{[" and (error.msg.startswith("Unterminated") or _CUT.fullmatch(text, error.pos)):
            return None
    except (ValueError, RecursionError):
        pass
    raise unparsable(host, text)


def _plain(data: Any) -> str | None:
    """The text of a chunk that holds a piece of text and nothing else, as nearly all do; else None.

    A short cut through `_events`, which would yield the same and takes three times as long.
    """
    try:
        (choice,) = data["choices"]
        delta = choice["delta"]
        content = delta["content"]
    except (KeyError, TypeError, ValueError):
        return None
    if type(content) is not str or any(map(data.get, _MORE)) or any(map(choice.get, _MORE_OF_CHOICE)):
        return None
    if any(value and name not in ("content", "role") for name, value in delta.items()):
        return None
    return content


_MORE = ("error", "usage", "x_groq")
_MORE_OF_CHOICE = ("index", "finish_reason", "usage", "error")


def _events(host: Host, frame: Frame, data: Any, calls: _Calls, shown: bool) -> Iterator[Event]:
    whole = frame.event in (BODY, BARE)
    choices = data.get("choices") if isinstance(data, Mapping) else None
    if not isinstance(data, Mapping) or data.get("error") or not choices:
        # Unnamed objects without choices are usage, prompt_filter_results and things yet to be invented.
        error = told(data, strict=not whole and frame.event != "error")
        if error is not None:
            raise refusal(host, error)
        if not isinstance(data, Mapping) or (whole and not usage_in(data)):
            raise no_answer(host, frame.data)
    choice = _first(choices)
    if choice.get("error") and (error := told({"error": choice["error"]})) is not None:
        raise refusal(host, error)
    delta = choice.get("delta")
    message = choice.get("message")
    if not isinstance(delta, Mapping) and isinstance(message, Mapping) and not shown:
        delta = message  # a whole answer where a stream was asked for
    if isinstance(delta, Mapping):
        yield from _delta(delta, calls)
    extra = data.get("x_groq")
    usage = usage_in(data) or usage_in(choice) or (usage_in(extra) if isinstance(extra, Mapping) else None)
    if usage is not None:
        yield usage
    word = choice.get("finish_reason")
    if isinstance(word, str) and word:
        reason = FINISHES.get(word, "other")
        yield Finish("tool_calls" if reason == "stop" and calls else reason, word)
    elif whole and delta is message and delta is not None:
        yield Finish("tool_calls" if calls else "stop")


def _first(choices: Any) -> Mapping[str, Any]:
    """The choice with index 0 (a missing index is 0), or nothing."""
    if isinstance(choices, list):
        for choice in choices:
            if isinstance(choice, Mapping) and not choice.get("index"):
                return choice
    return {}


def _delta(delta: Mapping[str, Any], calls: _Calls) -> Iterator[Event]:
    # One or the other, never both: some gateways send the same words under two names.
    reasoning = delta.get("reasoning_content") or delta.get("reasoning") or _details(delta)
    if isinstance(reasoning, str) and reasoning:
        yield ReasoningDelta(reasoning)
    content = delta.get("content")
    if isinstance(content, str):
        if content:
            yield TextDelta(content)
    elif isinstance(content, list):
        yield from _parts(content)
    refused = delta.get("refusal")
    if isinstance(refused, str) and refused:
        yield TextDelta(refused)
    if isinstance(fragments := delta.get("tool_calls"), list):
        for fragment in fragments:
            if isinstance(fragment, Mapping) and fragment:
                yield calls.delta(fragment)
    elif isinstance(old := delta.get("function_call"), Mapping) and old:
        yield calls.delta({"index": 0, "function": old})


def _details(delta: Mapping[str, Any]) -> str:
    """OpenRouter's ``reasoning_details``: the same text once more, or the only one."""
    details = delta.get("reasoning_details")
    if not isinstance(details, list):
        return ""
    texts = [part.get("text") or part.get("summary") for part in details if isinstance(part, Mapping)]
    return "".join(text for text in texts if isinstance(text, str))


def _parts(parts: list[Any]) -> Iterator[Event]:
    """A list as content: Mistral's reasoning models."""
    for part in parts:
        if isinstance(part, str) and part:
            yield TextDelta(part)
        elif isinstance(part, Mapping):
            thinking = part.get("thinking")
            if isinstance(thinking, list):
                thinking = "".join(
                    str(piece.get("text") or "") for piece in thinking if isinstance(piece, Mapping)
                )
            if isinstance(thinking, str) and thinking:
                yield ReasoningDelta(thinking)
            text = part.get("text")
            if isinstance(text, str) and text:
                yield TextDelta(text)


def usage_in(holder: Mapping[str, Any]) -> Usage | None:
    usage = holder.get("usage")
    if not isinstance(usage, Mapping):
        return None
    got = Usage(
        _count(usage, "prompt_tokens"),
        _count(usage, "completion_tokens"),
        _count(usage.get("completion_tokens_details"), "reasoning_tokens"),
        _count(usage.get("prompt_tokens_details"), "cached_tokens", usage.get("prompt_cache_hit_tokens")),
    )
    return None if got == Usage() else got


def _count(holder: Any, name: str, otherwise: Any = None) -> int | None:
    value = holder.get(name) if isinstance(holder, Mapping) else None
    value = otherwise if value is None else value
    return value if type(value) is int and 0 <= value < 1 << 53 else None


class _Calls:
    """Numbers tool calls: by their index, and by their id where a server has no index or repeats one."""

    def __init__(self) -> None:
        self._ids: list[str | None] = []
        self._slots: dict[int, int] = {}
        self._joiners: list[Surrogates] = []

    def __len__(self) -> int:
        return len(self._ids)

    def delta(self, fragment: Mapping[str, Any]) -> ToolCallDelta:
        function = fragment.get("function")
        function = function if isinstance(function, Mapping) else {}
        # Later fragments carry id "" and name null in DashScope's streams.
        id_, name = _word(fragment.get("id")), _word(function.get("name"))
        slot = self._slot(fragment.get("index"), id_, name)
        arguments = function.get("arguments")
        if isinstance(arguments, (Mapping, list)):  # Ollama's way: an object instead of its text
            arguments = json.dumps(arguments, ensure_ascii=False)
        text = self._joiners[slot].feed(arguments) if isinstance(arguments, str) else ""
        return ToolCallDelta(slot, id_, name, text)

    def _slot(self, index: Any, id_: str | None, name: str | None) -> int:
        if type(index) is not int:
            if id_ is not None and id_ in self._ids:
                return self._ids.index(id_)
            return self._new(id_) if id_ or name or not self._ids else len(self._ids) - 1
        slot = self._slots.get(index)
        if slot is None or (id_ and name and self._ids[slot] not in (None, id_)):
            slot = self._slots[index] = self._new(id_)
        elif id_ and self._ids[slot] is None:
            self._ids[slot] = id_
        return slot

    def _new(self, id_: str | None) -> int:
        self._ids.append(id_)
        self._joiners.append(Surrogates())
        return len(self._ids) - 1

    def rest(self) -> Iterator[ToolCallDelta]:
        """Half characters that no fragment completed."""
        for slot, joiner in enumerate(self._joiners):
            if text := joiner.flush():
                yield ToolCallDelta(slot, arguments=text)


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
