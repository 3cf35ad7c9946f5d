"""Gemini's stream to events: candidates made of parts. And its errors, which say much in ``details``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import NbstreamError, fail
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
from ..wire.request import BARE, BODY, Frame, WireResponse
from .host import Host
from .parsing import compact, count, done, mapping, notes_at_end, objects, sequence, word
from .refusals import Told, clean, from_response, no_answer, refusal

FINISHES: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
}
"""Words for the end; any other (``MALFORMED_FUNCTION_CALL``) is ``other`` and shown as it came."""


def candidate_events(host: Host, frames: Iterator[Frame]) -> Iterator[Event | None]:
    """The events of one stream. There is no end mark but the ``finishReason``."""
    stream = _Stream(host)
    for frame, data in objects(host, frames):
        if done(frame):  # a gateway's; Gemini itself just ends
            yield from stream.end()
            return
        # Without ``alt=sse`` the body is an array; gateways forget it.
        for chunk in data if isinstance(data, list) else [data]:
            if isinstance(chunk, Mapping):
                yield from stream.chunk(chunk, frame)
        if data is not None and frame.event in (BODY, BARE) and not stream.known:
            raise no_answer(host, frame.data)
        yield None


class _Stream:
    """What is known of the answer so far."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._calls = 0
        self._shown = self._ended = False
        self._left_out: list[str] = []
        self._kept: list[Opaque] = []
        """For the end: an attempt that fails before it showed anything is repeated, and must leave none."""
        self.known = False
        """Whether anything came that belongs to the dialect."""

    def chunk(self, data: Mapping[str, Any], frame: Frame) -> Iterator[Event]:
        """The events of one object."""
        if data.get("error"):
            error = told(data) or Told(clean(frame.data), None, (), None)
            failure = refusal(self._host, error)
            failure.retry_after = _delay(data)
            raise failure
        candidate = _first(data.get("candidates"))
        for part in sequence(mapping(candidate.get("content")).get("parts")):
            yield from self._part(mapping(part))
        usage = _usage(data.get("usageMetadata"))
        if usage is not None:
            yield usage
        self.known = self.known or bool(candidate) or usage is not None
        blocked = mapping(data.get("promptFeedback"))
        if (reason := word(blocked.get("blockReason"))) and not candidate:
            said = word(blocked.get("blockReasonMessage"))
            raise fail(
                "content_filter.prompt",
                provider=self._host.name,
                code=clean(reason, 100),
                label=self._host.label,
                message=clean(f"{reason}: {said}" if said else reason),
            )
        if raw := word(candidate.get("finishReason")):
            yield from self._finish(raw, word(candidate.get("finishMessage")))
        elif self._ended:
            yield from self._rest()

    def end(self) -> Iterator[Event]:
        yield from self._rest()
        if not self._ended:
            yield Finish("tool_calls" if self._calls else "stop")

    def _part(self, part: Mapping[str, Any]) -> Iterator[Event]:
        text, call = part.get("text"), part.get("functionCall")
        number: int | None = None
        if isinstance(call, Mapping):
            number, self._calls = self._calls, self._calls + 1
            # Whole at once; without arguments there is no `args` at all.
            written = compact(mapping(call.get("args")))
            yield ToolCallDelta(number, word(call.get("id")) or None, word(call.get("name")) or None, written)
        elif isinstance(text, str):
            if text and part.get("thought") is True:
                yield ReasoningDelta(text)
            elif text:
                self._shown = True
                yield TextDelta(text)
        else:
            self._left_out += [
                name for name in part if name not in (*self._left_out, "thoughtSignature", "thought")
            ]
        if signature := word(part.get("thoughtSignature")):
            self._kept.append(Opaque(self._host.name, {"call": number, "thoughtSignature": signature}))

    def _rest(self) -> Iterator[Event]:
        yield from self._kept
        self._kept.clear()

    def _finish(self, raw: str, message: str) -> Iterator[Event]:
        reason = FINISHES.get(raw, "other")
        if reason == "stop" and self._calls:
            reason = "tool_calls"
        if not self._ended:
            if reason in ("other", "content_filter") and message:
                yield Note(clean(message, 200))
            if self._left_out:
                names = clean(", ".join(self._left_out), 100)
                yield Note(t("note.left_out", names=names))
            yield from notes_at_end(reason, shown=self._shown or self._calls > 0)
        yield from self._rest()
        self._ended = True
        yield Finish(reason, raw)


def _first(candidates: Any) -> Mapping[str, Any]:
    """The candidate with index 0 (a missing index is 0), or nothing."""
    for candidate in sequence(candidates):
        if isinstance(candidate, Mapping) and not candidate.get("index"):
            return candidate
    return {}


def _usage(metadata: Any) -> Usage | None:
    """Cumulative counts. A count of zero is left out, as in all JSON that is made from protocol buffers."""
    given, thought = count(metadata, "promptTokenCount"), count(metadata, "thoughtsTokenCount")
    said, total = count(metadata, "candidatesTokenCount"), count(metadata, "totalTokenCount")
    output: int | None = None
    if said is not None or thought is not None:
        output = (said or 0) + (thought or 0)
    elif given is not None and total is not None:
        output = max(0, total - given - (count(metadata, "toolUsePromptTokenCount") or 0))
    got = Usage(given, output, thought, count(metadata, "cachedContentTokenCount"))
    return None if got == Usage() else got


# --- errors -------------------------------------------------------------------------------------------


def gemini_refused(host: Host, response: WireResponse) -> NbstreamError:
    """The error for a response that is not the stream that was asked for."""
    waits: list[float | None] = []

    def read(data: Any) -> Told | None:
        waits.append(_delay(data))
        return told(data)

    failure = from_response(host, response, read)
    if failure.retry_after is None and waits:
        failure.retry_after = waits[0]
    return failure


def told(data: Any) -> Told | None:
    """The error in a body, which is an object or an array with one: its reasons tell more than its code."""
    error = _error(data)
    if not error:
        return None
    status, code = word(error.get("status")), error.get("code")
    reasons = [word(detail.get("reason")) for detail in _details(error)]
    # A daily allowance is used up: waiting for as long as it says does not help.
    spent = any(
        "PerDay" in word(mapping(violation).get("quotaId"))
        for detail in _details(error)
        for violation in sequence(detail.get("violations"))
    )
    words = ["per_day"] if spent else []
    words += [one.lower() for one in (*reasons, status) if one]
    words += [str(code)] if type(code) is int else []
    shown = next((one for one in (*reasons, status) if one), str(code or ""))
    message = word(error.get("message")) or shown or compact(dict(error))
    return Told(clean(message), clean(shown, 100) or None, tuple(words), None)


def _error(data: Any) -> Mapping[str, Any]:
    if isinstance(data, list):
        data = data[0] if data else None
    error = mapping(data).get("error")
    return {"message": error} if isinstance(error, str) else mapping(error)


def _details(error: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [detail for detail in sequence(error.get("details")) if isinstance(detail, Mapping)]


def _delay(data: Any) -> float | None:
    """The seconds in ``RetryInfo.retryDelay``, which is text: "17s", "0.5s"."""
    for detail in _details(_error(data)):
        if found := re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)s", word(detail.get("retryDelay"))):
            return float(found.group(1))
    return None
