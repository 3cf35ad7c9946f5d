"""What may be kept or shown of what went over the wire. Pure.

By allow-list: of a frame only the fields that its decoder reads (`tapeshapes`). Texts that are kept lose keys
that are known, whatever looks like one, and the signatures in addresses. What the decoder makes of a scrubbed
frame is what it made of the whole one, but for ids and signatures, which become stand-ins.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..wire.request import Frame
from .scrubtext import GONE, LONGEST_WORD, Hide, as_it_is, placeholder
from .scrubtext import scrubbed_text as scrubbed_text
from .tapeshapes import EVENTS, SHAPES, Leaf, Shape, shape_of

if TYPE_CHECKING:
    from ..providers.base import Provider

STAND_IN = "tape"
CUT = "{"
"""Stands for JSON that was cut."""
_WORD = re.compile(r"[\w .:/@+-]*")


# --- JSON by its shape ----------------------------------------------------------------------------------


def shaped(value: Any, shape: Shape, hide: Hide = as_it_is) -> Any:
    """What of `value` stands in `shape`. What is of another kind than it should be keeps its kind, emptied.

    >>> shaped({"text": "hi", "secret": 1, "n": [2]}, {"text": Leaf.TEXT, "n": Leaf.NUMBER})
    {'text': 'hi', 'n': []}
    """
    if isinstance(shape, tuple):
        if shape and shape[0] == "json":
            return _embedded(value, shape[1], hide)
        for one in shape:
            if _fits(value, one):
                return shaped(value, one, hide)
        return shaped(value, shape[0], hide)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(shape, Mapping) and isinstance(value, Mapping):
        return {name: shaped(one, shape[name], hide) for name, one in value.items() if name in shape}
    if isinstance(shape, list) and isinstance(value, list):
        return [shaped(one, shape[0], hide) for one in value]
    if isinstance(shape, Leaf):
        return _leaf(value, shape, hide)
    return _emptied(value)


def _fits(value: Any, shape: Shape) -> bool:
    if isinstance(shape, tuple):
        return (
            isinstance(value, str)
            if shape and shape[0] == "json"
            else any(_fits(value, one) for one in shape)
        )
    if isinstance(shape, Mapping):
        return isinstance(value, Mapping)
    if isinstance(shape, list):
        return isinstance(value, list)
    return shape is Leaf.ANY or isinstance(value, str)


def _leaf(value: Any, leaf: Leaf, hide: Hide) -> Any:
    if leaf is Leaf.ANY:
        return _any(value, hide)
    if leaf is Leaf.EMPTY:
        return _emptied(value)
    if isinstance(value, int | float):
        return value if leaf in (Leaf.NUMBER, Leaf.WORD) else _emptied(value)
    if not isinstance(value, str):
        return _emptied(value)
    if leaf is Leaf.TEXT:
        return scrubbed_text(value, hide)
    if leaf is Leaf.JSON:
        return _embedded(value, Leaf.ANY, hide, otherwise=lambda text: scrubbed_text(text, hide))
    if leaf is Leaf.WORD:
        word = scrubbed_text(value, hide)
        return word if _WORD.fullmatch(word.replace(GONE, "")) and len(word) <= LONGEST_WORD else GONE
    if leaf is Leaf.ID:
        return placeholder(value)
    if leaf is Leaf.SEALED:
        return value and STAND_IN
    if leaf is Leaf.URL:
        return _address(value, hide)
    return value and GONE  # text where a number should be


def _any(value: Any, hide: Hide) -> Any:
    if isinstance(value, Mapping):
        return {scrubbed_text(str(name), hide): _any(one, hide) for name, one in value.items()}
    if isinstance(value, list):
        return [_any(one, hide) for one in value]
    return scrubbed_text(value, hide) if isinstance(value, str) else value


def _embedded(value: Any, shape: Shape, hide: Hide, otherwise: Hide = lambda text: "") -> Any:
    """JSON inside a text. A piece of what a model made is left as it was written where nothing had to go."""
    if not isinstance(value, str):
        return _emptied(value)
    doubled: list[str] = []
    try:
        data = json.loads(value, object_pairs_hook=noting(doubled))
    except (ValueError, RecursionError):
        return otherwise(value)
    kept = shaped(data, shape, hide)
    same = shape is Leaf.ANY and not doubled and kept == data and scrubbed_text(value, hide) == value
    return value if same else dumped(kept)


def noting(doubled: list[str]) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    """An ``object_pairs_hook`` that adds names to `doubled` that stand twice: the second hides the first."""

    def made(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                doubled.append(name)
            found[name] = value
        return found

    return made


def _emptied(value: Any) -> Any:
    if isinstance(value, str):
        return value and GONE
    if isinstance(value, int | float) and not isinstance(value, bool):
        return 1 if value else 0
    return value if isinstance(value, bool) or value is None else type(value)()


def _address(text: str, hide: Hide) -> str:
    try:
        parts = urlsplit(scrubbed_text(text, hide))
        return parts._replace(query="", fragment="", netloc=parts.netloc.rpartition("@")[2]).geturl()
    except ValueError:
        return GONE


def dumped(value: Any) -> str:
    """`value` as JSON that can be written as UTF-8: half a character stays an escape."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value)
    return text


# --- frames -------------------------------------------------------------------------------------------


def scrubbed_frame(provider: Provider | str, frame: Frame, hide: Hide = as_it_is) -> Frame:
    """What of `frame` may be kept or shown. `provider` is one, or the name of a dialect.

    Of a provider of which nobody has said what is safe, nothing remains.
    """
    shape = SHAPES.get(provider) if isinstance(provider, str) else shape_of(provider)
    event = frame.event if frame.event in EVENTS else ""
    if shape is None:
        return Frame(GONE, event)
    return Frame(_data(frame.data, shape, hide), event)


def _data(text: str, shape: Shape, hide: Hide) -> str:
    bare = text.strip()
    if not bare or bare == "[DONE]":
        return bare
    try:
        data = json.loads(bare)
    except (ValueError, RecursionError):
        lines = [line for line in text.split("\n") if line.strip()]
        if len(lines) > 1:  # several documents in one frame, as some gateways send them
            return "\n".join(_data(line, shape, hide) for line in lines)
        return CUT if _is_cut(bare) else GONE
    return dumped(shaped(data, shape, hide))  # also of what stays: a name that stands twice hides the first


def _is_cut(text: str) -> bool:
    """Whether `text` is JSON that merely stops too early: decoders forgive that at the end of a stream."""
    from ..errors import NbstreamError
    from ..providers import hosts
    from ..providers.chunks import parsed

    try:
        return parsed(hosts.HOSTS[0], text) is None
    except NbstreamError:
        return False


def scrubbed_frames(provider: Provider | str, frames: Iterable[Frame], hide: Hide = as_it_is) -> list[Frame]:
    """The same for all frames of a stream; a key that came in pieces, one to a frame, goes, too."""
    kept = [scrubbed_frame(provider, frame, hide) for frame in frames]
    return without_pieces(kept, hide)


def without_pieces(frames: list[Frame], hide: Hide) -> list[Frame]:
    """`frames` without a key that stands in several of them: each piece of it becomes a mark."""
    places: dict[str, list[tuple[int, str]]] = {}
    for number, frame in enumerate(frames):
        try:
            data = json.loads(frame.data)
        except (ValueError, RecursionError):
            continue
        for path, text in _texts(data):
            places.setdefault(path, []).append((number, text))
    wrong: dict[int, set[str]] = {}
    for found in places.values():
        joined = "".join(text for _, text in found)
        if scrubbed_text(joined, hide) == joined:
            continue
        spans = _spans(joined, hide)
        at = 0
        for number, text in found:
            if text and any(start < at + len(text) and at < end for start, end in spans):
                wrong.setdefault(number, set()).add(text)
            at += len(text)
    return [
        frame._replace(data=_without(frame.data, wrong[number])) if number in wrong else frame
        for number, frame in enumerate(frames)
    ]


def _spans(text: str, hide: Hide) -> list[tuple[int, int]]:
    """Where in `text` something must go: what differs once it has."""
    import difflib

    scrubbed = scrubbed_text(text, hide)
    if len(text) > 20_000:  # too long to compare: what stands between the first and the last difference
        start = next((at for at, (a, b) in enumerate(zip(text, scrubbed, strict=False)) if a != b), 0)
        back = zip(reversed(text), reversed(scrubbed), strict=False)
        end = len(text) - next((at for at, (a, b) in enumerate(back) if a != b), 0)
        return [(start, max(start + 1, end))]
    matcher = difflib.SequenceMatcher(None, text, scrubbed, autojunk=False)
    return [(a, b) for kind, a, b, _, _ in matcher.get_opcodes() if kind != "equal"]


def _texts(value: Any, path: str = "") -> Iterable[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _texts(one, f"{path}.{name}")
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one, path)
    elif isinstance(value, str):
        yield path, value


def _without(text: str, pieces: set[str]) -> str:
    def gone(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: gone(one) for name, one in value.items()}
        if isinstance(value, list):
            return [gone(one) for one in value]
        return GONE if isinstance(value, str) and value in pieces else value

    return dumped(gone(json.loads(text)))
