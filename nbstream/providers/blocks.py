"""Anthropic's stream to events: a message made of content blocks, each with an index of its own.

``data.type`` says what an event is: some proxies drop the ``event:`` lines. Types of which we know
nothing are skipped, as the service's versioning rule asks of its readers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..i18n import t
from ..messages import (
    Event,
    Finish,
    FinishReason,
    Note,
    Opaque,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from ..wire.lines import Surrogates
from ..wire.request import BARE, BODY, Frame
from .host import Host
from .parsing import compact, count, done, mapping, notes_at_end, objects, sequence, whole, word
from .refusals import clean, no_answer, refusal, told

FINISHES: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
"""Words for the end; any other (``pause_turn``) is ``other`` and shown as it came."""


def message_events(host: Host, frames: Iterator[Frame]) -> Iterator[Event | None]:
    """The events of one stream."""
    message = _Message(host)
    for frame, data in objects(host, frames):
        kind = word(data.get("type")) or frame.event if isinstance(data, Mapping) else ""
        if isinstance(data, Mapping) and (kind == "error" or data.get("error")):
            error = told(data)
            raise no_answer(host, frame.data) if error is None else refusal(host, error)
        if kind == "message" and isinstance(data, Mapping):  # a whole answer where a stream was asked for
            yield from message.whole(data)
        elif isinstance(data, Mapping):
            yield from message.event(kind, data)
        if (frame.event == BODY and not message.ended and data is not None) or kind == BARE:
            raise no_answer(host, frame.data)
        if done(frame) or kind in ("message", "message_stop"):
            yield from message.end()
            return
        yield None
    # Without a stop_reason the connection was cut; with one only the last word is missing.


@dataclass(slots=True)
class _Block:
    """One content block, as far as it is needed later."""

    type: str
    call: int = -1
    """Its number among the tool calls."""
    given: Any = None
    """The input that its start held already."""
    parts: list[str] = field(default_factory=list)
    signature: str = ""
    joiner: Surrogates = field(default_factory=Surrogates)


class _Message:
    """What is known of the message so far."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._blocks: dict[Any, _Block] = {}
        self._counts: dict[str, int] = {}
        self._calls = 0
        self._shown = False
        self._kept: list[Opaque] = []
        """For the end: an attempt that fails before it showed anything is repeated, and must leave none."""
        self.ended = False

    def event(self, kind: str, data: Mapping[str, Any]) -> Iterator[Event]:
        """The events of one event of theirs."""
        index = data.get("index")
        index = index if isinstance(index, int) else None
        if kind == "content_block_delta":
            yield from self._delta(index, mapping(data.get("delta")))
        elif kind == "content_block_start":
            yield from self._start(index, mapping(data.get("content_block")))
        elif kind == "content_block_stop":
            yield from self._stop(index)
        elif kind == "message_start":
            yield from self._usage(mapping(data.get("message")).get("usage"))
        elif kind == "message_delta":
            yield from self._usage(data.get("usage"))
            yield from self._finish(mapping(data.get("delta")))

    def whole(self, data: Mapping[str, Any]) -> Iterator[Event]:
        """The events of a message that came in one piece."""
        for index, block in enumerate(sequence(data.get("content"))):
            yield from self._start(index, mapping(block))
            yield from self._stop(index)
        yield from self._usage(data.get("usage"))
        yield from self._finish(data)
        self.ended = True

    def end(self) -> Iterator[Event]:
        """What the end mark leaves to say."""
        yield from self._rest()
        if not self.ended:
            self.ended = True
            yield Finish("tool_calls" if self._calls else "stop")

    def _start(self, index: int | None, start: Mapping[str, Any]) -> Iterator[Event]:
        yield from self._stop(index)  # a block that was never stopped
        block = self._blocks[index] = _Block(word(start.get("type")))
        if block.type == "text":
            yield from self._said(word(start.get("text")))
        elif block.type == "thinking":
            block.signature = word(start.get("signature"))
            yield from self._thought(block, word(start.get("thinking")))
        elif block.type == "redacted_thinking":
            block.given = dict(start)
        elif block.type == "tool_use":
            block.call, block.given = self._calls, start.get("input")
            self._calls += 1
            yield ToolCallDelta(block.call, word(start.get("id")) or None, word(start.get("name")) or None)

    def _delta(self, index: int | None, delta: Mapping[str, Any]) -> Iterator[Event]:
        kind = delta.get("type")
        if kind == "text_delta":
            yield from self._said(word(delta.get("text")))
            return
        block = self._blocks.get(index)
        if kind == "thinking_delta":
            if block is None:  # its start went missing: without one there is no signature to keep either
                block = self._blocks[index] = _Block("")
            yield from self._thought(block, word(delta.get("thinking")))
        elif kind == "signature_delta" and block is not None:
            block.signature += word(delta.get("signature"))
        elif (
            kind == "input_json_delta"
            and block is not None
            and block.call >= 0
            and (text := block.joiner.feed(word(delta.get("partial_json"))))
        ):
            block.parts.append(text)
            yield ToolCallDelta(block.call, arguments=text)

    def _stop(self, index: int | None) -> Iterator[Event]:
        block = self._blocks.pop(index, None)
        if block is None:
            return
        if block.call >= 0:
            rest = block.joiner.flush()
            if not block.parts and not rest:  # nothing at all means no arguments
                rest = compact(mapping(block.given))
            if rest:
                yield ToolCallDelta(block.call, arguments=rest)
        elif block.type == "thinking" and block.signature:
            thought = {"thinking": whole("".join(block.parts)), "signature": block.signature}
            self._kept.append(Opaque(self._host.name, {"type": "thinking", **thought}))
        elif block.type == "redacted_thinking":
            self._kept.append(Opaque(self._host.name, block.given))

    def _rest(self) -> Iterator[Event]:
        for index in list(self._blocks):
            yield from self._stop(index)
        yield from self._kept
        self._kept.clear()

    def _said(self, text: str) -> Iterator[Event]:
        if text:
            self._shown = True
            yield TextDelta(text)

    def _thought(self, block: _Block, text: str) -> Iterator[Event]:
        if text:
            block.parts.append(text)
            yield ReasoningDelta(text)

    def _usage(self, usage: Any) -> Iterator[Usage]:
        """Counts are cumulative, and not all of them come each time: the newest of each holds."""
        new = {name: n for name in mapping(usage) if (n := count(usage, name)) is not None}
        if not new:
            return
        self._counts |= new
        get = self._counts.get
        given, written, read = (
            get(name) for name in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        )
        total = None if given is None else given + (written or 0) + (read or 0)
        got = Usage(total, get("output_tokens"), None, read)
        if got != Usage():
            yield got

    def _finish(self, delta: Mapping[str, Any]) -> Iterator[Event]:
        raw = word(delta.get("stop_reason"))
        if not raw:
            return
        yield from self._rest()
        reason = FINISHES.get(raw, "other")
        if raw == "refusal":
            details = mapping(delta.get("stop_details"))
            said = word(details.get("explanation")) or word(details.get("category"))
            key = "note.refusal_because" if said else "note.refusal"
            yield Note(t(key, label=self._host.label, said=clean(said, 200)))
        yield from notes_at_end(reason, shown=self._shown or self._calls > 0)
        self.ended = True
        yield Finish(reason, raw)
