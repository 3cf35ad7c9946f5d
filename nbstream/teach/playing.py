"""Playing: who stands in for the services, with the frames of a tape at the pace at which they came.

The decoders are the real ones, and so is all that follows them. Nothing is sent, so no key is needed.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from ..chat.call import Call
from ..chat.session import session
from ..chat.tap import TAPE, Player, TapMaker
from ..credentials import hidden
from ..errors import NbstreamError, fail, pasted
from ..i18n import magic, t
from ..messages import ChatRequest, Note
from ..providers.base import Provider
from ..wire.request import WireRequest
from ..wire.transport import Opening
from . import asked
from .asked import Ask
from .missing import missing
from .played import Played
from .recording import Recorder
from .tape import LISTED, Take, also, read

SPEED = "NBSTREAM_TAPE_SPEED"
"""The variable that says how fast a tape is played: ``1``, ``4``, ``max``."""
AT_ONCE = math.inf
MOST_PROMPT, LISTED_PROMPT = 160, 40
"""Characters of a prompt that are shown: of the one that comes nearest, and of each where none does."""


def player(path: str) -> Tapes:
    """The player of the tape at `path`, at the speed that the environment says."""
    try:
        return Tapes(path, usual_speed())
    except NbstreamError as error:
        if error.case == "tape_missing":
            raise missing(path, f"%env {TAPE}=") from None
        raise


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
        self.damaged: dict[int, str] = {}
        """What is wrong with lines that are passed over, by number."""
        self.takes = read(path, damaged=self.damaged)
        if self.damaged and not self.takes and not records:
            read(path)  # nothing is left to play: this says what is wrong
        self._told = False
        """Whether a footer has said that lines are passed over."""
        self.model = self.takes[0].model if self.takes else None
        self._played: dict[str, int] = {}
        self._runs: WeakKeyDictionary[asyncio.Task[Any], Take] = WeakKeyDictionary()

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(take.model for take in self.takes))

    @property
    def taps(self) -> tuple[TapMaker, ...]:
        """Who records what this player does not play."""
        return (self._recorder,) if self._recorder is not None else ()

    @property
    def brief(self) -> str:
        key = "tape.playing" if self._recorder is None else "tape.playing_auto"
        return also(t(key, file=str(self.path)), self.damaged)

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
        error = self._missing(ask, chat, records=records)
        error.why = also(error.why, self.damaged)  # it may stand on such a line
        raise error

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
        parts = t("list.joint").join(t(f"tape.part_{name}") for name in differs)
        said = t("tape.played_other" if differs else "tape.played", file=self.path.name, parts=parts)
        told, self._told = self._told, True
        return said if told else also(said, self.damaged)


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
