"""What of the wire may be seen: requests, frames and events as text, with no secret in it. Pure.

It stays in the notebook, so everything is masked here and cut to a size that one reads.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from ..credentials import Secret, hidden
from ..i18n import t
from ..messages import (
    Event,
    Finish,
    Note,
    Opaque,
    ReasoningDelta,
    Retract,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from ..show.clean import clean, clean_inline
from ..wire.request import WireRequest
from .requestshapes import REQUEST
from .scrub import scrubbed_frame, scrubbed_text
from .scrubtext import GONE
from .xray_record import Attempt, Seen

LONGEST_BODY, LONGEST_FRAME, LONGEST_STRING = 6_000, 2_000, 300
HARMLESS = frozenset({"date", "host", "alt", "limit"})
"""What may be seen of an address behind its question mark."""
MOST = 200_000
"""Characters of a body that are looked at: pictures go along as megabytes of letters."""
_TOKEN = re.compile(r"(?<=/)(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{20,}(?=/|$)")


def request_text(attempt: Attempt, secrets: Sequence[Secret]) -> str:
    """A request as it goes out, or would if no tape were playing: its line, headers and body."""
    request = attempt.request
    if request.transport == "local":
        return t("xray.local", name=attempt.call.provider.name)
    if request.transport == "library":
        return t("xray.library", name=attempt.call.provider.name)
    method = "GET" if request.transport == "websocket" else request.method
    lines = [f"{method} {address(request, secrets)}"]
    if attempt.played:
        lines = [t("xray.tape"), "", *lines]
    lines += [f"{name}: {header(value, secrets)}" for name, value in request.headers.items()]
    if request.transport == "websocket":
        lines += ["", t("xray.message")]
    return clean("\n".join([*lines, "", _body(request, secrets)])).rstrip()


def _body(request: WireRequest, secrets: Sequence[Secret]) -> str:
    """What is sent: of what says who asks, and of fields that we do not know, only that it is there."""
    text = (request.body or b"").decode("utf-8", "replace")
    with suppress(ValueError, RecursionError):
        text = json.dumps(_anonymous(json.loads(text), REQUEST), ensure_ascii=False)
    return json_text(text[:MOST], secrets, LONGEST_BODY)


def _anonymous(value: Any, shape: Any) -> Any:
    """`value` with a mark for what stands not in `shape`; the names stay: a student compares them.

    >>> _anonymous({"model": "m", "user": "me", "stop": None}, {"model": 1})
    {'model': 'm', 'user': '…', 'stop': None}
    """
    if isinstance(value, dict) and isinstance(shape, dict | None):
        return {name: _anonymous(one, shape.get(name) if shape else None) for name, one in value.items()}
    if isinstance(value, list) and shape is None:
        return [_anonymous(one, None) for one in value]
    return GONE if shape is None and value is not None and not isinstance(value, bool) else value


def header(value: str | Secret, secrets: Sequence[Secret]) -> str:
    """A header; of one with a key in it only how it begins, if that is a scheme, and the key's end."""
    if not isinstance(value, Secret):
        return masked(value, secrets)
    scheme = re.match(r"(?:Bearer|Basic) ", value.reveal())
    return (scheme[0] if scheme else "") + str(value)


def address(request: WireRequest, secrets: Sequence[Secret]) -> str:
    """Where it goes: of what stands behind the question mark, only what is known to be harmless is shown."""
    url = request.url.reveal() if isinstance(request.url, Secret) else request.url
    parts = urlsplit(url)
    query = []
    for pair in filter(None, parts.query.split("&")):
        name, _, value = pair.partition("=")
        query.append(f"{name}={value if name in HARMLESS else tail(unquote(value))}")
    kept = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="&".join(query), fragment="")
    path = _TOKEN.sub(GONE, kept.path)  # of a gateway that has a key there
    return masked(urlunsplit(kept._replace(path=path)), secrets)


def tail(text: str) -> str:
    """The end of something secret: enough to compare with one's own."""
    return f"…{text[-4:]}" if len(text) >= 16 else "…"


def masked(text: str, secrets: Sequence[Secret]) -> str:
    """`text` with none of `secrets` in it, nor what looks like one."""
    return scrubbed_text(text, lambda given: hidden(given, [one for one in secrets if one]))


def json_text(text: str, secrets: Sequence[Secret], longest: int) -> str:
    """JSON as one reads it, its long strings and lists cut; anything else as it is."""
    text = masked(text, secrets)
    try:
        shown = json.dumps(_cut(json.loads(text)), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        shown = text
    return _ended(clean(shown), longest)


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return _ended(value, LONGEST_STRING)
    if isinstance(value, dict):
        return {name: _cut(one) for name, one in value.items()}
    if isinstance(value, list):
        shown = value if len(value) <= 12 else [*value[:4], t("xray.more", count=len(value) - 8), *value[-4:]]
        return [_cut(one) for one in shown]
    return value


def _ended(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    return f"{text[:longest]}… {t('xray.more_characters', count=f'{len(text) - longest:,}')}"


def frame_text(seen: Seen, secrets: Sequence[Secret]) -> str:
    """The data of a frame: the fields that its decoder reads, and no others."""
    shown = scrubbed_frame(seen.provider, seen.frame, lambda text: masked(text, secrets))
    return json_text(shown.data, (), LONGEST_FRAME)


def became(seen: Seen, secrets: Sequence[Secret]) -> str:
    """The events that a frame became, in a line."""
    told = [event_text(one, secrets) for one in seen.events]
    return t("timeline.joint").join(told) if told else t("xray.nothing")


def event_text(event: Event, secrets: Sequence[Secret] = ()) -> str:
    """An event in a few words.

    >>> event_text(TextDelta("hi")), event_text(Finish("stop", "stop"))
    ('text “hi”', 'finish: stop')
    """
    if isinstance(event, TextDelta):
        return t("xray.event.text", text=_quoted(event.text, secrets))
    if isinstance(event, ReasoningDelta):
        return t("xray.event.reasoning", text=_quoted(event.text, secrets))
    if isinstance(event, ToolCallDelta):
        return t("xray.event.call", text=_quoted(f"{event.name or ''} {event.arguments}".strip(), secrets))
    if isinstance(event, Usage):
        counts = (event.input_tokens, event.output_tokens)
        given, got = ("?" if count is None else f"{count:,}" for count in counts)
        return t("xray.event.usage", input=given, output=got)
    if isinstance(event, Retract):
        return t("xray.event.retract")
    if isinstance(event, Note):
        return t("xray.event.note", text=_quoted(event.text, secrets))
    if isinstance(event, Finish):
        return t("xray.event.finish", reason=event.reason)
    assert isinstance(event, Opaque)
    # Which fields, not what stands in them: signatures, numbers of requests.
    names = event.data if isinstance(event.data, dict) else ()
    return t("xray.event.opaque", names=_quoted(", ".join(map(str, names)), secrets) or "…")


def _quoted(text: str, secrets: Sequence[Secret], longest: int = 60) -> str:
    text = masked(text[:LONGEST_FRAME], secrets).replace("\n", "⏎")
    text = clean_inline(text) if text.strip() else text
    return text if len(text) <= longest else text[:longest] + "…"
