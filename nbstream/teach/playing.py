"""Playing: who stands in for the services, with the frames of a tape at the pace at which they came.

The decoders are the real ones, and so is all that follows them. Nothing is sent, so no key is needed.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from email.utils import formatdate
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from ..chat.call import Call
from ..chat.session import session
from ..chat.tap import Player, TapMaker
from ..credentials import hidden
from ..errors import KINDS, NbstreamError, fail, pasted
from ..i18n import magic, t
from ..messages import ChatRequest, Note
from ..providers.base import Provider
from ..wire.limits import Limits
from ..wire.request import Frame, Refused, WireRequest, WireResponse
from ..wire.transport import Opening
from . import asked
from .asked import Ask
from .recording import Recorder
from .tape import LISTED, Take, read

SPEED = "NBSTREAM_TAPE_SPEED"
"""The variable that says how fast a tape is played: ``1``, ``4``, ``max``."""
AT_ONCE = math.inf
MOST_PROMPT, LISTED_PROMPT = 160, 40
"""Characters of a prompt that are shown: of the one that comes nearest, and of each where none does."""


def player(path: str) -> Tapes:
    """The player of the tape at `path`, at the speed that the environment says."""
    return Tapes(path, usual_speed())


def usual_speed() -> float:
    """The speed that the environment says. Raises `NbstreamError`, whose line mends the variable."""
    try:
        return speed_of(os.environ.get(SPEED) or None)
    except NbstreamError as error:
        error.fix = f"%env {SPEED}=4"
        raise


def speed_of(given: str | float | None) -> float:
    """How many times as fast as it was recorded; "max": at once. Raises `NbstreamError` for no number.

    >>> speed_of("4"), speed_of("max"), speed_of(None)
    (4.0, inf, 1.0)
    """
    if given is None:
        return 1.0
    text = str(given).strip().lower()
    if text == "max":
        return AT_ONCE
    try:
        speed = float(text.rstrip("x×"))
    except ValueError:
        speed = 0.0
    if not speed > 0:
        raise fail("config.tape_speed", given=str(given)[:40])
    return speed


class Tapes(Player):
    """Plays a tape.

    Parameters
    ----------
    path : str or path
    speed : float
        How many times as fast as it was recorded; infinity: at once.
    records : bool
        What the tape does not have is asked, and recorded there, where there is a key.
    asks : bool
        Whether a service may be asked at all; else only what needs none is recorded.
    """

    def __init__(self, path: str, speed: float = 1.0, *, records: bool = False, asks: bool = True) -> None:
        self.speed, self._asks = speed, asks
        self.path = Path(path)
        self._recorder = Recorder(path, good=True, kept=self._keep) if records else None
        self.takes = read(path)
        self.model = self.takes[0].model if self.takes else None
        self._played: dict[str, int] = {}
        self._runs: WeakKeyDictionary[asyncio.Task[Any], Take] = WeakKeyDictionary()

    @property
    def taps(self) -> tuple[TapMaker, ...]:
        """Who records what this player does not play."""
        return (self._recorder,) if self._recorder is not None else ()

    @property
    def brief(self) -> str:
        return t("tape.playing" if self._recorder is None else "tape.playing_auto", file=str(self.path))

    @property
    def trouble(self) -> NbstreamError | None:
        return self._recorder.trouble if self._recorder is not None else None

    def _keep(self, take: Take) -> None:
        self.takes.append(take)

    def plays(self, provider: Provider, chat: ChatRequest) -> bool:
        ask = self._asked(provider, chat)
        if not provider.fields and not self._any(ask):  # demo, which needs no stand-in
            return False
        if self._recorder is None or not self._asks:
            return True
        # Better to be told what is on the tape than that there is no key.
        return self._known(ask) or (bool(self.takes) and not _can_ask(provider, chat))

    def opening(
        self, call: Call, request: WireRequest, accepted: Callable[[], None], attempt: int
    ) -> Opening | None:
        task = asyncio.current_task()
        assert task is not None
        take = self._runs.get(task)
        notes: tuple[Note, ...] = ()
        if take is None or attempt == 0:
            if not self.plays(call.provider, call.chat):
                return None
            ask = self._asked(call.provider, call.chat)
            take, differs = self._find(ask, call.chat, records=_can_ask(call.provider, call.chat))
            self._runs[task] = take
            notes = (Note(self._said(differs), tape=self.path.name),)
        return Played(request, call.limits, accepted, take, attempt, self.speed, notes)

    def pause(self, seconds: float) -> float:
        return seconds / self.speed

    # --- finding --------------------------------------------------------------------------------------

    def _asked(self, provider: Provider, chat: ChatRequest) -> Ask:
        known = [secret for _, secret in session().keys.known()]
        return asked.asked(provider.name, chat, lambda text: hidden(text, known))

    def _any(self, ask: Ask) -> bool:
        wanted = asked.last(ask)
        return any(take.last == wanted and take.model == asked.model(ask) for take in self.takes)

    def _known(self, ask: Ask) -> bool:
        """Whether the tape has this question, whatever was said before it."""
        whole, alike = asked.exact(ask), asked.alike(ask)
        return any(whole == take.exact or alike == take.alike for take in self.takes)

    def _find(self, ask: Ask, chat: ChatRequest, *, records: bool) -> tuple[Take, list[str]]:
        """The take to play, and in what it differs. Raises `NbstreamError` where there is none."""
        if not self.takes:
            raise fail("not_found.tape_empty", path=str(self.path))
        model = asked.model(ask)
        for name in ("exact", "alike", "last"):
            wanted = getattr(asked, name)(ask)
            if found := [one for one in self.takes if getattr(one, name) == wanted and one.model == model]:
                turn = self._played.get(
                    wanted, 0
                )  # the first time the first, and the last one again and again
                self._played[wanted] = turn + 1
                take = found[min(turn, len(found) - 1)]
                return take, asked.different(take.ask, ask)
        raise self._missing(ask, chat, records=records)

    def _missing(self, ask: Ask, chat: ChatRequest, *, records: bool) -> NbstreamError:
        """The error for a question that is not there; `records`: there is a key to record it with."""
        said, model, file = asked.prompt(ask), asked.model(ask), self.path.name
        last = asked.last(ask)
        if others := sorted({one.model for one in self.takes if one.last == last}):
            return fail(
                "not_found.tape_model", path=file, model=model, models=", ".join(others),
                line=f"%%{magic()} -m {pasted(others[0])}",
            )  # fmt: skip
        record = f"%{magic()} record {pasted(str(self.path))}" if records else ""
        prompts = [one.prompt for one in self.takes]
        if said in prompts:
            same = [asked.attachments(one.ask) for one in self.takes if one.prompt == said]
            if asked.attachments(ask) not in same:
                line = record or t("tape.attach_that")
                return fail("not_found.tape_attachment", path=file, names=_attached(chat), line=line)
            # the first round of a turn stands there, and not this one
            return fail("not_found.tape_round", path=file, prompt=_short(said))
        near = asked.nearest(said, prompts) or prompts[0]
        if changed := asked.changed(near, said):
            line = record or t("tape.ask_that")
            return fail("not_found.tape_prompt", path=file, changed=changed, prompt=_short(near), line=line)
        names = [t("tape.quoted", text=_short(one, LISTED_PROMPT)) for one in dict.fromkeys(prompts)]
        listed = t("list.joint").join(names[:LISTED]) + " …" * (len(names) > LISTED)
        return fail("not_found.tape_prompts", path=file, prompts=listed, line=record or t("tape.ask_one"))

    def _said(self, differs: list[str]) -> str:
        if not differs:
            return t("tape.played", file=self.path.name)
        parts = t("list.joint").join(t(f"tape.part_{name}") for name in differs)
        return t("tape.played_other", file=self.path.name, parts=parts)


def _attached(chat: ChatRequest) -> str:
    """What the last prompt brings along, by name."""
    last = next((one for one in reversed(chat.messages) if one.role == "user"), None)
    names = [one.name or one.media_type for one in last.attachments] if last is not None else []
    return _short(t("list.joint").join(names)) or t("tape.no_attachment")


def _short(text: str, most: int = MOST_PROMPT) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"


def _can_ask(provider: Provider, chat: ChatRequest) -> bool:
    """Whether there is what it takes to ask `provider` itself."""
    keys = session().keys
    if not keys.missing(provider, keys.credentials(provider)):
        return True
    return bool((chat.base_url or keys.base_url(provider)) and provider.key_optional_elsewhere)


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
