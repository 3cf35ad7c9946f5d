"""What a take gives when it is played: its frames at their pace, its refusals, its breaks."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from email.utils import formatdate
from typing import Any

from ..errors import KINDS, NbstreamError, fail
from ..i18n import language, sentences, t
from ..messages import Note
from ..providers import registry
from ..wire.limits import Limits
from ..wire.request import Frame, Refused, WireRequest, WireResponse
from ..wire.transport import Opening
from .tape import Take


class Played(Opening):
    """One attempt of a take: its frames, refusal or break, each after its pause."""

    def __init__(
        self,
        request: WireRequest,
        limits: Limits,
        accepted: Callable[[], None],
        take: Take,
        attempt: int,
        speed: float,
        notes: tuple[Note, ...],
    ) -> None:
        super().__init__(request, limits, accepted)
        self._attempt = take.attempts[min(attempt, len(take.attempts) - 1)]
        self._speed = speed
        self.notes = notes
        self._clock = 0.0

    @property
    def headers(self) -> Mapping[str, str]:
        return played_headers(self._attempt.get("headers", {}))

    async def frames(self) -> AsyncGenerator[list[Frame], None]:
        self._clock = time.monotonic()
        one = self._attempt
        if "connect" in one:
            await self._pause(one["connect"])
            if self._accepted is not None:
                self._accepted()
        for pause, data, *event in one.get("frames", ()):
            await self._pause(pause)
            yield [Frame(data if isinstance(data, str) else json.dumps(data), event[0] if event else "")]
        await self._pause(one.get("after", 0.0))
        if "refused" in one:
            raise Refused(played_refusal(one["refused"]))
        if "broke" in one:
            raise played_error(one["broke"])
        if one.get("stopped"):
            raise asyncio.CancelledError

    async def _pause(self, seconds: float) -> None:
        """Wait until the time that `seconds` more make: what one pause overshoots, the next lacks."""
        self._clock += seconds / self._speed
        await asyncio.sleep(max(0.0, self._clock - time.monotonic()))


def played_headers(given: Mapping[str, Any]) -> dict[str, str]:
    """Headers as they would come now."""
    found = {str(name): str(value) for name, value in given.items()}
    try:
        found["date"] = formatdate(round(time.time() + float(found["date"])), usegmt=True)
    except (KeyError, ValueError, OverflowError):
        found.pop("date", None)
    return found


def played_refusal(given: Mapping[str, Any]) -> WireResponse:
    """A refusal as a take has it."""
    status, body = given.get("status"), given.get("body", "")
    text = body if isinstance(body, str) else json.dumps(body)
    headers = given.get("headers", {})
    return WireResponse(
        status if type(status) is int else 500,
        played_headers(headers if isinstance(headers, Mapping) else {}),
        text.encode("utf-8", "replace"),
    )


def played_error(given: Mapping[str, Any]) -> NbstreamError:
    """A break of the connection as a take has it, in the language in use.

    A tape may be anybody's: what we do not say ourselves is told as its words, and the line that mends it,
    which people paste, is never one of these.
    """
    kind, _, case = str(given.get("error")).partition(".")
    facts = given.get("facts")
    error: NbstreamError
    try:
        facts = {str(name): value for name, value in (facts or {}).items()}
        error = fail(f"{kind}.{case}", **facts)
    except (KeyError, TypeError, AttributeError):
        words = " ".join(str(given[name]) for name in ("what", "why") if given.get(name))
        why = t("tape.broke_said", said=words) if words else t("tape.broke_unsaid")
        error = KINDS.get(kind, KINDS["interrupted"])(t("tape.broke"), why, t("tape.broke_fix"))
        error.case = case
    else:
        fix = sentences(language()).get(f"error.{kind}.{case}.fix", "")
        if not all(_is_word(facts.get(name, "")) for name in re.findall(r"\{(\w+)\}", fix)):
            error.fix = t("tape.broke_fix")
    status, wait, code = (given.get(name) for name in ("status", "retry_after", "code"))
    error.status = status if type(status) is int else None
    error.retry_after = float(wait) if isinstance(wait, int | float) and wait >= 0 else None
    error.code = None if code is None else str(code)
    return error


def _is_word(fact: Any) -> bool:
    """Whether `fact` may stand in a line that is pasted: one word, or a page that we know."""
    text = str(fact)
    return re.fullmatch(r"[\w.:-]*", text) is not None or text in {one.key_page for one in registry.loaded()}
