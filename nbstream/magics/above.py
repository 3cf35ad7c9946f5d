"""What the layer above adds to a cell: a tape, an x-ray, several models. Imported when it is asked for."""

from __future__ import annotations

from argparse import Namespace
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from ..errors import NbstreamError
from ..messages import Answer
from .surface import Surface
from .template import Prepared

if TYPE_CHECKING:
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


def several(options: Namespace) -> bool:
    """Whether more than one model is to answer."""
    return "," in (options.model or "") or "，" in (options.model or "")


def compare(prepared: Prepared, options: Namespace, where: Surface) -> NbstreamError | None:
    """Ask all of them; gives an error if none answered."""
    return cast("NbstreamError | None", import_module("nbstream.teach.compare").ask(prepared, options, where))
