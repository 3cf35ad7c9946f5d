"""JSON from a service, of which nothing is certain: not its shape, nor that it came whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..i18n import t
from ..messages import FinishReason, Note
from ..wire.lines import Surrogates
from ..wire.request import Frame, WireResponse
from .chunks import parsed
from .host import Host
from .refusals import from_response, no_answer, unparsable


def objects(host: Host, frames: Iterator[Frame]) -> Iterator[tuple[Frame, Any]]:
    """Each frame with its JSON; None for a blank one, for ``[DONE]``, and for a last one that was cut.

    Raises `NbstreamError` (protocol) for what is no JSON; of a cut one only when something follows it,
    since then it was not the connection that ended there.
    """
    cut: str | None = None
    for frame in frames:
        if cut is not None:
            raise unparsable(host, cut)
        text = frame.data.strip()
        data = parsed(host, text) if text and text != "[DONE]" else None
        if data is None and text and text != "[DONE]":
            cut = text
        yield frame, data


def documents(frame: Frame) -> list[Frame]:
    """The frames that `frame` was meant to be: several, where each of its lines is whole by itself.

    By the standard, the ``data:`` lines before one blank line are one event. Some gateways leave the
    blank lines out, and clients that read line by line do not notice.

    >>> [one.data for one in documents(Frame('{"a": 1}\\n{"b": 2}\\n[DONE]'))]
    ['{"a": 1}', '{"b": 2}', '[DONE]']
    >>> len(documents(Frame('{"a":\\n1}')))
    1
    """
    lines = frame.data.split("\n") if "\n" in frame.data else []
    if len(lines) > 1 and all(_document(line) for line in lines if line.strip()):
        return [frame._replace(data=line) for line in lines if line.strip()] or [frame]
    return [frame]


def _document(line: str) -> bool:
    try:
        return line.strip() == "[DONE]" or isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def done(frame: Frame) -> bool:
    """Whether this is the word with which many streams end, and some gateways end all of theirs."""
    return frame.data.strip() == "[DONE]"


def mapping(value: Any) -> Mapping[str, Any]:
    """`value` where it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: Any) -> list[Any]:
    """`value` where it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def word(value: Any) -> str:
    """`value` where it is text, else ""."""
    return value if isinstance(value, str) else ""


def count(holder: Any, name: str) -> int | None:
    """A number of tokens, where it is one.

    >>> count({"a": 3, "b": "many"}, "a"), count({"b": "many"}, "b"), count(None, "a")
    (3, None, None)
    """
    value = holder.get(name) if isinstance(holder, Mapping) else None
    return value if type(value) is int and 0 <= value < 1 << 53 else None


def whole(text: str) -> str:
    """`text` with the characters made whole that a service cut between two deltas."""
    joiner = Surrogates()
    return joiner.feed(text) + joiner.flush()


def compact(value: Any) -> str:
    """`value` as the JSON text of a tool call's arguments."""
    return whole(json.dumps(value, ensure_ascii=False))


def notes_at_end(reason: FinishReason, *, shown: bool) -> Iterator[Note]:
    """What a person must be told about the end: that thinking has used up the tokens of the answer."""
    if reason == "length" and not shown:
        yield Note(t("note.no_room"))


def listed(host: Host, response: WireResponse, name: str) -> list[Mapping[str, Any]]:
    """The objects in the array `name` of an answer. Raises `NbstreamError` for anything else."""
    try:
        data = json.loads(response.text) if response.status < 300 else None
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, Mapping):
        raise from_response(host, response)
    if not isinstance(data.get(name) or [], list):
        raise no_answer(host, response.text, status=response.status)
    return [item for item in data.get(name) or [] if isinstance(item, Mapping)]
