"""Turns as JSON values, and back. What is read may be damaged or forged: every field is looked at."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from ..errors import KINDS, NbstreamError
from ..messages import Answer, Attachment, Context, Cost, Message, Opaque, Timing, ToolCall, Usage
from .kept import Turn

Read = Callable[[Any], Any]
_KNOWN: dict[type, dict[str, Read]] = {}
"""The fields of each kind of object that are written, and how they are read."""
DEEPEST = 60
"""Lists within lists in a value that is kept as it is: far fewer than Python can follow."""
MOST = 10**15
"""Of a number: counts and times are far smaller."""
MOST_ATTACHED = 64_000_000
"""Bytes of attachments that one file keeps; what is beyond is left out."""


class Damaged(ValueError):
    """A value is not what it should be."""


# --- writing ----------------------------------------------------------------------------------------


class Writer:
    """Makes JSON values of turns, and counts what it had to leave out."""

    def __init__(self) -> None:
        self.attached = 0
        self.left_out: list[str] = []
        """The names of attachments that would have made the file too large."""

    def turn(self, turn: Turn) -> dict[str, Any]:
        """A turn, without those around it."""
        return dict(self._fields(turn))

    def value(self, value: Any) -> Any:
        if isinstance(value, bytes):
            return base64.b64encode(value).decode("ascii")
        if isinstance(value, NbstreamError):
            facts = {name: getattr(value, name) for name in _ERROR if getattr(value, name) not in (None, "")}
            kept = {name: fact for name, fact in facts.items() if _reads(_ERROR[name], fact)}
            return {"kind": value.kind if value.kind in KINDS else "protocol", **kept}
        if is_dataclass(value) and not isinstance(value, type):
            return dict(self._fields(value))
        if isinstance(value, list | tuple):
            return [self.value(one) for one in value if self._fits(one)]
        if isinstance(value, Mapping):
            return {str(name): self.value(one) for name, one in value.items() if _is_json(one)}
        return value

    def _fields(self, value: Any) -> Iterator[tuple[str, Any]]:
        """The fields that hold anything else than their default, and can be read again.

        One odd value, of a service or of a program that made the turn itself, must not cost the whole file.
        """
        known = _KNOWN[type(value)]
        for one in fields(value):
            if one.name not in known:
                continue
            found = getattr(value, one.name)
            usual = one.default if one.default_factory is MISSING else one.default_factory()
            if type(found) is not type(usual) or found != usual:
                written = self.value(found)
                if one.default is MISSING or _reads(known[one.name], written):
                    yield one.name, written

    def _fits(self, value: Any) -> bool:
        """Whether one of a list can be kept."""
        if isinstance(value, Opaque):
            return _is_json(value.data)
        if isinstance(value, Attachment):
            self.attached += len(value.data)
            if self.attached > MOST_ATTACHED:
                self.attached -= len(value.data)
                self.left_out.append(value.name or value.media_type)
                return False
        return True


def _is_json(data: Any) -> bool:
    try:
        json.dumps(data, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    level, depth = [data], 0
    while level and depth <= DEEPEST:
        inner = [one.values() if isinstance(one, Mapping) else one for one in level if _holds(one)]
        level, depth = [one for held in inner for one in held], depth + 1
    return not level


def _holds(value: Any) -> bool:
    return isinstance(value, list | tuple | Mapping)


def _reads(read: Read, written: Any) -> bool:
    """Whether a value will be taken when the file is read."""
    try:
        read(written)
    except _REFUSALS:
        return False
    return True


_REFUSALS = (ValueError, TypeError, KeyError, OverflowError, RecursionError)


# --- reading ----------------------------------------------------------------------------------------


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise Damaged
    return value


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Damaged
    return value


def whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > MOST:
        raise Damaged
    return value


def number(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= MOST:
        raise Damaged
    return value


def anything(value: Any) -> Any:
    return value


def data(value: Any) -> bytes:
    return base64.b64decode(text(value), validate=True)


def mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Damaged
    return value


def maybe(read: Read) -> Read:
    return lambda value: None if value is None else read(value)


def each(read: Read, kind: type = tuple) -> Read:
    def reading(value: Any) -> Any:
        if not isinstance(value, list):
            raise Damaged
        return kind(read(one) for one in value)

    return reading


def one_of(*words: str) -> Read:
    def reading(value: Any) -> str:
        if value not in words:
            raise Damaged
        return str(value)

    return reading


def record(kind: type, **readers: Read) -> Read:
    """An object of `kind`; fields that it does not have are not an error, for those who come later."""
    _KNOWN[kind] = readers
    needed = {
        one.name for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING
    } & readers.keys()

    def reading(value: Any) -> Any:
        found = mapping(value)
        if needed - found.keys():
            raise Damaged
        return kind(**{name: read(found[name]) for name, read in readers.items() if name in found})

    return reading


def error(value: Any) -> NbstreamError:
    found = mapping(value)
    kind = KINDS.get(found.get("kind", ""))
    if kind is None:
        raise Damaged
    facts = {name: read(found[name]) for name, read in _ERROR.items() if name in found}
    case, retryable = facts.pop("case", ""), facts.pop("retryable", None)
    made = kind(facts.pop("what", ""), facts.pop("why", ""), facts.pop("fix", ""), **facts)
    made.case = case
    made.retryable = made.retryable if retryable is None else retryable
    return made


def turn(value: Any) -> Turn:
    """A turn, without those around it. Raises `Damaged`."""
    try:
        made: Turn = _read_turn(value)
    except _REFUSALS:
        raise Damaged from None
    if made.answer is not None and made.answer.error is not None:
        made.answer.error.answer = made.answer
    return made


_ERROR: dict[str, Read] = {
    "what": text, "why": text, "fix": text, "provider": text, "status": whole, "code": text,
    "retry_after": number, "request_id": text, "case": text, "retryable": flag,
}  # fmt: skip
_opaque = record(Opaque, provider=text, data=anything)
_call = record(ToolCall, id=text, name=text, arguments=text)
_attachment = record(Attachment, media_type=text, data=data, name=text)
_message = record(
    Message,
    role=one_of("system", "user", "assistant", "tool"), content=text, reasoning=text,
    tool_calls=each(_call), tool_call_id=maybe(text), opaque=each(_opaque), attachments=each(_attachment),
)  # fmt: skip
_usage = record(Usage, **dict.fromkeys([one.name for one in fields(Usage)], maybe(whole)))
_timing = record(
    Timing, started=number, first_token=maybe(number), duration=maybe(number), pieces=whole,
)  # fmt: skip
_context = record(
    Context, sent=whole, turns=whole, tokens=maybe(whole), window=maybe(whole), cut=flag
)  # fmt: skip
_cost = record(Cost, amount=number, currency=text)
_answer = record(
    Answer,
    text=text, reasoning=text, tool_calls=each(_call, list),
    finish_reason=maybe(one_of("stop", "length", "tool_calls", "content_filter", "cancelled", "other")),
    raw_finish_reason=maybe(text), usage=maybe(_usage), notes=each(text), model=text, timing=_timing,
    tape=maybe(text),
    error=maybe(error), cost=maybe(_cost), context=maybe(_context),
    opaque=each(_opaque),
)  # fmt: skip
_TURN: dict[str, Read] = {
    "id": text, "created": number, "prompt": text, "model": text, "system": maybe(text), "options": mapping,
    "cell": maybe(text), "fresh": flag, "sent": maybe(text), "attachments": each(_attachment),
    "rounds": each(_message), "pinned": flag, "line": text, "opening": maybe(number),
    "answer": maybe(_answer), "context": maybe(_context), "kept": maybe(whole),
    "candidates": each(turn),
}  # fmt: skip
_read_turn = record(Turn, **_TURN)
