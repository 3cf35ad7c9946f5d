"""What a take gives when it is played: its frames at their pace, its refusals, its breaks."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from email.utils import formatdate
from typing import Any

from ..errors import KINDS, NbstreamError, fail
from ..i18n import t
from ..messages import Note
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
    """A break of the connection as a take has it, in the language in use."""
    kind, _, case = str(given.get("error")).partition(".")
    facts = given.get("facts")
    error: NbstreamError
    try:
        error = fail(f"{kind}.{case}", **{str(name): value for name, value in (facts or {}).items()})
    except (KeyError, TypeError, AttributeError):
        sentences = [str(given.get(name, "")) for name in ("what", "why", "fix")]
        sentences[0] = sentences[0] or t("tape.broke")
        error = KINDS.get(kind, KINDS["interrupted"])(*sentences)
        error.case = case
    status, wait, code = (given.get(name) for name in ("status", "retry_after", "code"))
    error.status = status if type(status) is int else None
    error.retry_after = float(wait) if isinstance(wait, int | float) and wait >= 0 else None
    error.code = None if code is None else str(code)
    return error
