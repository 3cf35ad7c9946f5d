"""What went wrong, and what may: ``%llm why``, ``%llm doctor``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...chat.session import session
from ...chat.tap import at_work
from ...errors import NbstreamError
from ...i18n import magic, t
from ...show.cards import table
from .registry import verb

if TYPE_CHECKING:
    from ...chat.doctor import Finding
    from ...chat.failure import Failure

MARKS = {"good": "✓", "fact": "·", "doubt": "⚠", "bad": "✗"}
LOOK_AT = {
    "auth",
    "permission",
    "connection",
    "timeout",
    "server_error",
    "protocol",
    "interrupted",
    "not_found",
}
"""Kinds of errors whose cause may lie around us, so that `doctor` is worth a look."""


@verb("doctor")
def doctor(provider: str | None = None) -> str:
    return report(examined(provider))


def examined(provider: str | None = None) -> list[Finding]:
    """Look at everything that may stand between a question and its answer."""
    from ...chat import doctor as services
    from ..surroundings import findings, holdings

    if provider is None and _played():
        aside = services.Finding("fact", t("doctor.services"), t("doctor.played"), f"%{magic()} doctor NAME")
        return [*findings(), *_policy(), *_tapes(), aside, *holdings()]
    asked, clocks = services.examine(session(), provider)
    clock = services.clock(clocks)
    if provider is not None:
        return asked + ([clock] if clock.level in ("doubt", "bad") else [])
    return [*findings(), *_policy(), *_tapes(), clock, *asked, *holdings()]


def _played() -> bool:
    """Whether a tape answers for all services, or was to."""
    try:
        return session().player is not None
    except NbstreamError:
        return True


def _policy() -> list[Finding]:
    """What a teacher allows here, if anything is said of that."""
    from ...chat import doctor as services

    held = session().policy
    if (brief := held.in_brief()) is None:
        return []
    for one in held.rules():
        if one.broken:
            return [services.Finding("bad", t("policy.name"), f"{one.path}: {one.broken}", t("policy.mend"))]
    return [services.Finding("fact", t("policy.name"), brief, f"%{magic()} policy")]


def _tapes() -> Iterator[Finding]:
    """That a tape is played or recorded, or that the one to be played cannot be."""
    from ...chat.doctor import Finding

    for one in at_work(session()):
        if isinstance(one, str):
            yield Finding("fact", t("turn.tape"), one)
        else:
            yield Finding("bad", t("turn.tape"), one.what, one.fix)


def report(found: list[Finding]) -> str:
    """The findings as one table that can be pasted into a bug report, and a line that sums them up."""
    from ..surroundings import scrubbed

    rows = [[MARKS[one.level], *map(scrubbed, (one.what, one.said, one.fix))] for one in found]
    if not any(one.fix for one in found):
        rows = [row[:3] for row in rows]
    heads = ["", "", t("doctor.found"), t("doctor.mend")][: len(rows[0])]
    troubled = sum(one.level in ("bad", "doubt") for one in found)
    last = t("doctor.troubles", count=troubled) if troubled else t("doctor.well")
    return f"{table(heads, rows)}\n\n{last}"


@verb("why")
def why() -> str:
    """Tell what is known of the last error, so that it can be pasted anywhere."""
    from ..surroundings import scrubbed

    here = session()
    error = here.last_error
    if error is None:
        return t("line.no_error")
    rows: list[tuple[str, object]] = [
        (t("line.what_happened"), error.what),
        (t("line.why"), error.why),
        (t("line.fix"), error.fix),
        (t("why.kind"), f"{error.kind} · {t(f'kind.{error.kind}')}"),
        (t("why.provider"), error.provider),
        (t("why.status"), error.status),
        (t("why.code"), error.code),
        (t("why.retry_after"), error.retry_after),
    ]
    failure = here.last_failure
    if failure is not None and failure.error is error:
        rows += _circumstances(failure)
    else:
        rows += [(t("why.request_id"), error.request_id), (t("why.sent"), t("why.nothing_sent"))]
    shown = [(name, scrubbed(str(value))) for name, value in rows if value not in (None, "")]
    said = table(["", ""], shown)
    if error.kind not in LOOK_AT:
        return said
    doctor = f"%{magic()} doctor {error.provider or ''}".rstrip()
    return f"{said}\n\n{t('why.doctor', line=doctor)}"


def _circumstances(failure: Failure) -> list[tuple[str, object]]:
    """What was sent where, and how far the answer came."""
    sent = t("why.messages", messages=failure.messages, characters=f"{failure.characters:,}")
    if failure.options:
        sent += " · " + ", ".join(failure.options)
    far = [t("why.characters", count=f"{failure.arrived:,}")]
    if failure.first_token is not None:
        far.append(t("why.first", seconds=f"{failure.first_token:.1f}"))
    if failure.duration is not None:
        far.append(t("why.ended", seconds=f"{failure.duration:.1f}"))
    return [
        (t("line.model"), failure.model),
        (t("why.request_id"), failure.request_id),
        (t("why.when"), time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(failure.started))),
        (t("why.host"), failure.host),
        (t("turn.tape"), failure.tape),
        (t("why.sent"), sent if failure.tape is None else t("why.played")),
        (t("why.retries"), failure.retries or None),
        (t("why.text"), " · ".join(far)),
    ]
