"""What the layer above adds to a cell: a tape, an x-ray, several models. Imported when it is asked for."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from ..chat.several import keep_line
from ..errors import NbstreamError
from ..i18n import t
from ..messages import Answer
from .surface import Surface
from .template import Prepared

if TYPE_CHECKING:
    from ..chat.conversation import Conversation
    from ..chat.engine import Run
    from ..chat.history import Turn
    from ..show.sinks import Sink


class Beside(Protocol):
    """Something that stands beside the answer of a cell."""

    def open(self, run: Run, turn: Turn, sink: Sink) -> None:
        """The answer's view stands, which is `sink`; the run begins next."""

    def settle(self, answer: Answer) -> None:
        """The answer is settled."""


def looked_at(options: Namespace, where: Surface) -> None:
    """Set what looks on at this cell's wire: ``options.taps .player .beside``. Raises `NbstreamError`."""
    options.taps, options.player, options.beside = (), None, None
    if options.tape:
        import_module("nbstream.teach.cells").tape(options)
    if options.xray:
        import_module("nbstream.teach.xray").beside(options, where)


def troubles(options: Namespace | None) -> Iterator[NbstreamError]:
    """What went wrong with who writes beside the cell: the audit log, a tape. Each is told once."""
    from ..chat.session import session

    player = getattr(options, "player", None)
    for one in (*session().taps, *(player.taps if player is not None else ())):
        if isinstance(trouble := getattr(one, "trouble", None), NbstreamError):
            one.trouble = None
            yield trouble
    if (logged := session().audit.trouble()) is not None:
        yield logged


def several(options: Namespace) -> bool:
    """Whether more than one model is to answer."""
    return "," in (options.model or "") or "，" in (options.model or "")


def compare(
    prepared: Prepared, options: Namespace, where: Surface, at: Turn | None = None
) -> NbstreamError | None:
    """Ask all of them, in the place of the turn `at` if there is one; gives an error if none answered."""
    ask = import_module("nbstream.teach.compare").ask
    return cast("NbstreamError | None", ask(prepared, options, where, at))


def undecided(talk: Conversation, turn: Turn) -> Iterator[str]:
    """What to say where several models answered right before `turn`, and nobody said which is to be kept."""
    before = turn.parent
    if before is not None and before.undecided and not turn.fresh and (line := keep_line(before, talk.name)):
        yield t("compare.not_sent", number=before.number, line=line)
