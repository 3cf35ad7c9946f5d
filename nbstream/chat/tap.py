"""Who looks at the wire of a call, and who stands in for it: tapes, x-ray. Nothing here knows them.

A `Tap` is told what a turn sends and gets, frame by frame; a `Player` gives the frames itself, so that
nothing is sent. Both come from above: given with a call, or for the whole session (`Session.taps`,
`Session.player`). All methods are called on the turn's loop and must not block.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..credentials import Secret
from ..errors import NbstreamError
from ..messages import Answer, ChatRequest, Event
from ..providers.base import Provider
from ..wire.request import Frame, WireRequest, WireResponse

if TYPE_CHECKING:
    from ..wire.transport import Opening  # not at load: it brings the HTTP client
    from .call import Call
    from .session import Session

log = logging.getLogger("nbstream")
TAPE = "NBSTREAM_TAPE"
"""The variable that names a tape for a whole run."""
STAND_IN = "n/a"
"""What stands in a field of credentials where nothing is sent; too short to be hidden wherever it stands."""


class Tap:
    """Who looks on at one run of a call. What it raises is logged, and it hears no more."""

    note: str = ""
    """A sentence that stands with the answer, as it is when the run is done: that it was recorded."""

    def attempt(self, call: Call, request: WireRequest) -> None:
        """An attempt begins: `request` is what will be sent. It holds secrets (``Secret``) and may repeat
        keys in its body: whatever is kept or shown of it must be scrubbed."""

    def played(self) -> None:
        """A player gives the frames of this attempt: nothing is sent."""

    def reached(self) -> None:
        """A connection stands: TCP, and with TLS once more. Not told where one that stood is used again."""

    def accepted(self, headers: Mapping[str, str]) -> None:
        """The service has accepted the request: a stream is open. Header names are in lower case."""

    def frame(self, frame: Frame, events: list[Event]) -> None:
        """A frame came and became these events (often one, or none)."""

    def ended(self, outcome: NbstreamError | WireResponse | None) -> None:
        """The attempt is over: well (None), refused with this response, or broken by this error.

        Keys are masked in both. The events that the end itself released came with an empty frame."""

    def paused(self, seconds: float) -> None:
        """The run waits so long before it asks again."""

    def done(self, answer: Answer) -> None:
        """The run is over, whichever way."""

    def failed(self) -> None:
        """It has raised something, which is in the log, and hears no more."""


class Player:
    """Who may stand in for the services. It keeps its place over many runs."""

    model: str | None = None
    """Who is asked where nobody says: ``provider:model``."""

    @property
    def models(self) -> tuple[str, ...]:
        """Whose answers it has, each ``provider:model``; none: it does not say."""
        return ()

    @property
    def taps(self) -> tuple[TapMaker, ...]:
        """Who looks on at what it does not answer."""
        return ()

    @property
    def brief(self) -> str:
        """That it stands in, for whoever asks how things stand. A maker of taps may have such words, too."""
        return ""

    def plays(self, provider: Provider, chat: ChatRequest) -> bool:
        """Whether it answers this, so that no key and no token is needed. `chat` may lack the history."""
        return True

    def opening(
        self, call: Call, request: WireRequest, accepted: Callable[[], None], attempt: int
    ) -> Opening | None:
        """What gives the frames of attempt number `attempt` (from 0) of this run; None: ask the service.

        Raises `NbstreamError` where it should have had them and has not."""
        raise NotImplementedError

    def pause(self, seconds: float) -> float:
        """How long a wait before a repeat is to take."""
        return seconds


TapMaker = Callable[["Call"], Tap | None]
"""Called at the beginning of each run; the rounds of a turn that calls tools are runs of their own."""


class Taps:
    """The taps of one run, told together."""

    def __init__(self, call: Call) -> None:
        self._all: list[Tap] = []
        for make in call.taps:
            try:
                one = make(call)
            except Exception:  # whoever looks on must not cost the answer
                log.exception("a tap failed")
            else:
                self._all += [one] if one is not None else []

    def __bool__(self) -> bool:
        return bool(self._all)

    def notes(self) -> list[str]:
        """What they have to say of the answer."""
        return [one.note for one in self._all if one.note]

    def tell(self, what: str, *facts: Any) -> None:
        for one in tuple(self._all):
            try:
                getattr(one, what)(*facts)
            except Exception:
                log.exception("a tap failed")
                self._all.remove(one)
                one.failed()


def playable(
    provider: Provider, chat: ChatRequest, found: Mapping[str, Secret]
) -> tuple[ChatRequest, dict[str, Secret]]:
    """`chat` and `found` where nothing will be sent: with something for each field that is missing.

    What is played may have been recorded at a gateway, with names and an address that nobody has here: where
    the address in use is none, or does not take the model, one stands in that does.
    """
    whole = {field.name: Secret(STAND_IN) for field in provider.fields} | dict(found)
    try:
        provider.request(chat, whole)
    except NbstreamError:
        chat = replace(chat, base_url=provider.anywhere)
    return chat, whole


def at_work(here: Session) -> Iterator[str | NbstreamError]:
    """What those say of themselves who stand in or look on; or why the tape of the environment does not."""
    player = None
    try:
        player = here.player
    except NbstreamError as error:
        yield error
    for one in (player, *here.taps):
        if said := getattr(one, "brief", ""):
            yield said


def from_environment() -> Player | None:
    """The player of the tape that ``NBSTREAM_TAPE`` names. Raises `NbstreamError` if it cannot be read."""
    path = os.environ.get(TAPE)
    if not path:
        return None
    player: Player = import_module("nbstream.teach.playing").player(path)  # of a layer above
    return player
