"""A stream of the V1 interface to events: `result` in pieces, `is_end` as the end, errors anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..i18n import t
from ..messages import Event, Finish, FinishReason, Retract, TextDelta, ToolCallDelta
from ..wire.request import BARE, BODY, Frame
from .chunks import parsed, usage_in
from .ernie_asides import Asides
from .host import Host
from .refusals import Told, clean, no_answer, refusal, told, unparsable

ENDS: dict[str, FinishReason] = {
    "normal": "stop",
    "stop": "stop",
    "length": "length",
    "content_filter": "content_filter",
    "function_call": "tool_calls",
}


class Reading:
    """One stream as it is read, frame by frame."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._frame = Frame("")
        self._cut: str | None = None
        self._id: str | None = None
        self._said = Asides()
        self._truncated = self._called = False
        self.ended = False

    def reads(self, frame: Frame) -> None:
        if self._cut is not None:  # something follows, so it was not the connection that ended there
            raise unparsable(self._host, self._cut)
        self._frame = frame

    def events(self) -> Iterator[Event]:
        text = self._frame.data.strip()
        if text == "[DONE]":  # not Baidu's, but gateways speak many tongues
            yield from self._finish(None)
        elif text:
            data = parsed(self._host, text)
            if data is None:
                self._cut = text
            else:
                yield from self._read(data)

    def _read(self, data: Any) -> Iterator[Event]:
        whole = self._frame.event in (BODY, BARE)
        if not isinstance(data, Mapping):
            raise no_answer(self._host, self._frame.data)
        found = data.get("id")
        self._id = clean(found, 100) if isinstance(found, str) and found else self._id
        if (error := told_v1(data, whole=whole or self._frame.event == "error")) is not None:
            raise refusal(self._host, error._replace(request_id=error.request_id or self._id))
        text = data.get("result")
        if whole and not isinstance(text, str):
            raise no_answer(self._host, self._frame.data)
        if self._said.judged(data):
            yield Retract(t("note.withdrawn"))
            # A canned sentence takes the place of what may not be shown.
            text = text if data.get("need_clear_history") is True else ""
        if isinstance(text, str) and text:
            yield TextDelta(text)
        if isinstance(call := data.get("function_call"), Mapping) and call:
            self._called = True
            yield _call(call)
        self._said.found(data.get("search_info"))
        self._said.found(data.get("tools_info"))
        self._truncated = self._truncated or data.get("is_truncated") is True
        if data.get("is_end") is True or whole:
            if (usage := usage_in(data)) is not None:
                yield usage
            yield from self._finish(data.get("finish_reason"))

    def _finish(self, word: Any) -> Iterator[Event]:
        self.ended = True
        yield from self._said.notes()
        raw = word if isinstance(word, str) and word else None
        reason: FinishReason = ENDS.get(raw, "other") if raw else "stop"
        if self._said.filtered:
            reason = "content_filter"
        elif reason == "stop" and self._called:
            reason = "tool_calls"
        elif reason == "stop" and self._truncated:
            reason = "length"
        yield Finish(reason, raw)


def _call(call: Mapping[str, Any]) -> ToolCallDelta:
    name, arguments = call.get("name"), call.get("arguments")
    if isinstance(arguments, (Mapping, list)):
        arguments = json.dumps(arguments, ensure_ascii=False)
    return ToolCallDelta(
        0, None, name if isinstance(name, str) else None, arguments if isinstance(arguments, str) else ""
    )


def told_v1(data: Any, *, whole: bool) -> Told | None:
    """The error in `data`: ``{"error_code", "error_msg"}``, in one document also ``{"code", "msg"}``."""
    if not isinstance(data, Mapping):
        return None
    if data.get("error_code") not in (None, 0, "0", ""):
        return told_as(data["error_code"], data.get("error_msg"), data.get("id"))
    if "result" in data:
        return None
    return told(data, strict=not whole)


def told_as(code: Any, message: Any, id_: Any = None) -> Told:
    """An error from its parts, as far as they are what they should be."""
    shown_code = clean(str(code), 100) if isinstance(code, (str, int)) else None
    return Told(
        clean(message) if isinstance(message, str) else "",
        shown_code,
        (shown_code.lower(),) if shown_code else (),
        clean(id_, 100) if isinstance(id_, str) and id_ else None,
    )
