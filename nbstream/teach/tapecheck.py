"""What proves that a tape is clean, and what tells what is on it: ``nbstream tape check``, ``tape show``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from ..chat.session import session
from ..credentials import hidden
from ..errors import NbstreamError
from ..i18n import t
from ..providers import registry
from ..providers.base import Provider
from ..wire.request import Frame, Transport
from .requestshapes import OPTIONS
from .scrub import noting, scrubbed_frames, shaped
from .scrubrefusal import IDS, host_only
from .scrubtext import GONE, as_it_is, placeholder, scrubbed_text
from .tape import Take, lines, parsed, read
from .tapeshapes import ANY, JSON, NUMBER, TEXT, WORD, Shape, numbers, shape_of

COMMAND = "nbstream tape "
SHORTEST = 8
"""Characters of a credential of this environment that is looked for."""
TRANSPORTS = get_args(Transport)
_MESSAGE: Shape = {
    "role": WORD,
    "content": TEXT,
    "tool_calls": [{"id": WORD, "name": WORD, "arguments": JSON}],
    "tool_call_id": WORD,
    "attachments": [{"type": WORD, "size": NUMBER, "sha256": WORD}],
}
_ASK: Shape = {
    **dict.fromkeys(("provider", "model"), WORD),
    "system": TEXT,
    "messages": [_MESSAGE],
    **numbers("temperature max_tokens stream"),
    "tools": ANY,
    "options": dict.fromkeys(OPTIONS, ANY),
    "schema": ANY,
}
_HEADERS: Shape = dict.fromkeys(
    (
        *("content-type", "retry-after", "x-should-retry", "date", "location"),
        *("x-bce-error-code", "x-bce-error-message", *IDS),
    ),
    TEXT,
)
_RECEIPT: Shape = {
    **dict.fromkeys(("recorded", "finish_reason", "error"), WORD),
    "usage": numbers("input_tokens output_tokens reasoning_tokens cached_tokens"),
    **numbers("first_token seconds"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something on a tape that should not be there. What it says holds nothing of it."""

    line: int
    """0: the whole file."""
    what: str
    fix: str = ""


def check(path: str) -> list[Finding]:
    """What is wrong with a tape; nothing, if it is clean.

    Each line must read, hold nothing beyond the fields that are allowed, and nothing that looks like a key;
    and no credential that this kernel or its environment knows, in any spelling.
    """
    found: list[Finding] = []
    marks: list[int] = []
    seen: dict[str, int] = {}
    number = 0
    try:
        for number, line in lines(path, marks, f"{COMMAND}check"):
            try:
                take = parsed(line, number)
            except ValueError as error:
                found.append(Finding(number, t("tapecheck.damaged", reason=str(error)), t("tapecheck.mend")))
                continue
            if take is None:
                found += [Finding(number, what, t("tapecheck.header")) for what in _wrong_header(line)]
                continue
            if line.strip() in seen:
                what = t("tapecheck.twice", other=seen[line.strip()])
                found.append(Finding(number, what, t("tapecheck.delete")))
                continue
            seen[line.strip()] = number
            found += [
                Finding(number, what, t("tapecheck.again")) for what in dict.fromkeys(_wrong(take, line))
            ]
        if not number:
            found.append(Finding(0, t("tapecheck.empty")))
    except NbstreamError as error:
        between = "" if error.what.endswith("。") else " "
        found.append(Finding(0, f"{error.what}{between}{error.why}", error.fix))
    found += [Finding(number, t("tapecheck.conflict"), t("tapecheck.delete")) for number in marks]
    return sorted(found, key=lambda one: one.line)


def _wrong_header(line: str) -> Iterator[str]:
    doubled: list[str] = []
    head = json.loads(line, object_pairs_hook=noting(doubled))
    yield from _credential(line)
    if doubled:
        yield t("tapecheck.doubled")
    yield from _compared(head, {"nbstream": WORD, "version": NUMBER})


def _credential(line: str) -> Iterator[str]:
    known = [secret for _, secret in session().keys.known(SHORTEST, every=True)]
    if hidden(line, known) != line:
        yield t("tapecheck.credential")


def _wrong(take: Take, line: str) -> Iterator[str]:
    yield from _credential(line)
    if take.transport not in TRANSPORTS:
        yield t("tapecheck.transport", names=", ".join(TRANSPORTS))
    try:
        provider = registry.get(str(take.ask["provider"]))
    except NbstreamError:  # its name may be what should not be told
        yield t("tapecheck.stranger")
        return
    shape = shape_of(provider)
    if shape is None:
        yield t("tapecheck.provider", name=provider.name)
        return
    attempt: Shape = {
        **numbers("waited connect after stopped"),
        "headers": _HEADERS,
        "frames": [ANY],  # looked at below
        "refused": {"status": NUMBER, "headers": _HEADERS, "body": (TEXT, shape, [shape])},
        "broke": {
            **dict.fromkeys(("error", "code"), WORD),
            **dict.fromkeys(("what", "why", "fix"), TEXT),
            **numbers("status retry_after"),
            "facts": ANY,
        },
    }
    allowed: Shape = {"ask": _ASK, "transport": WORD, "attempts": [attempt], "receipt": _RECEIPT}
    doubled: list[str] = []
    data = json.loads(line, object_pairs_hook=noting(doubled))
    if doubled:
        yield t("tapecheck.doubled")
    bare = [one | {"frames": []} if "frames" in one else one for one in data["attempts"]]
    yield from _compared(data | {"attempts": bare}, allowed)
    for number, one in enumerate(take.attempts, 1):
        yield from _frames(provider, one, number)
        for headers in (one.get("headers", {}), one.get("refused", {}).get("headers", {})):
            if isinstance(headers, Mapping):
                if str(headers.get("location", "")) not in ("", host_only(str(headers.get("location")))):
                    yield t("tapecheck.secret", field="location")
                for name in IDS:
                    if placeholder(str(headers.get(name, ""))) != str(headers.get(name, "")):
                        yield t("tapecheck.secret", field=name)


def _compared(data: Any, shape: Shape) -> Iterator[str]:
    """In which fields `data` holds more than it may."""
    for path, unknown in _differences(data, shaped(data, shape, _strict)):
        yield t("tapecheck.unknown" if unknown else "tapecheck.secret", field=path)


def _strict(text: str) -> str:
    return scrubbed_text(text, as_it_is)


def _differences(data: Any, kept: Any, path: str = "") -> Iterator[tuple[str, bool]]:
    """Paths at which `kept` lacks something of `data`, and whether it is the field that is unknown."""
    if isinstance(data, Mapping) and isinstance(kept, Mapping):
        for name, one in data.items():
            if name not in kept:  # its name may be what should not be told
                said = name if re.fullmatch(r"[A-Za-z_][\w-]{,30}", name) else GONE
                yield f"{path}.{said}".lstrip("."), True
            else:
                yield from _differences(one, kept[name], f"{path}.{name}")
    elif isinstance(data, list) and isinstance(kept, list) and len(data) == len(kept):
        for one, other in zip(data, kept, strict=True):
            yield from _differences(one, other, path)
    elif data != kept:
        yield path.lstrip("."), False


def _frames(provider: Provider, attempt: Mapping[str, Any], number: int) -> Iterator[str]:
    given = [
        Frame(one[1] if isinstance(one[1], str) else json.dumps(one[1]), one[2] if len(one) > 2 else "")
        for one in attempt.get("frames", ())
    ]
    kept = scrubbed_frames(provider, given, _strict)
    for place, (one, other) in enumerate(zip(given, kept, strict=True), 1):
        if one.event != other.event:
            yield t("tapecheck.unknown", field=f"attempts[{number}].frames[{place}][3]")
        if (before := _read(one.data)) != (after := _read(other.data)):
            for path, unknown in _differences(before, after):
                field = f"attempts[{number}].frames[{place}].{path}".rstrip(".")
                yield t("tapecheck.unknown" if unknown else "tapecheck.secret", field=field)


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def show(path: str) -> str:
    """What is on a tape, as a Markdown table. Raises `NbstreamError` for what is none."""
    from ..show.cards import table

    damaged: dict[int, str] = {}
    takes = read(path, f"{COMMAND}show", damaged)
    rows = [
        (
            take.line,
            take.model,
            _short(take.prompt),
            _attempts(take),
            _outcome(take),
        )
        for take in takes
    ]
    rows += [(number, "—", t("tapeshow.damaged", reason=why), "—", "—") for number, why in damaged.items()]
    heads = [t(f"tapeshow.{name}") for name in ("line", "model", "prompt", "wire", "outcome")]
    return table(heads, [(str(number), *rest) for number, *rest in sorted(rows)])


def _short(text: str, most: int = 60) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"


def _attempts(take: Take) -> str:
    """What went over the wire, attempt by attempt: ``429 · 4 s · 212 frames``."""
    parts = []
    for one in take.attempts:
        if one.get("waited"):
            parts.append(t("tapeshow.waited", seconds=f"{one['waited']:g}"))
        if isinstance(refused := one.get("refused"), Mapping):
            parts.append(str(refused.get("status", "?")))
        elif isinstance(broke := one.get("broke"), Mapping):
            parts.append(str(broke.get("error", "?"))[:40])
        if one.get("frames"):
            parts.append(t("tapeshow.frames", count=len(one["frames"])))
    return " · ".join(parts)


def _outcome(take: Take) -> str:
    receipt = take.receipt
    said = str(receipt.get("error") or receipt.get("finish_reason") or "—")[:40]
    seconds = receipt.get("seconds")
    return f"{said} · {seconds:g} s" if isinstance(seconds, int | float) else said
