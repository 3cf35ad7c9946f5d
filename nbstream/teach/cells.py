"""``%%llm --tape FILE``: plays what is on the tape; asks and records what is not."""

from __future__ import annotations

from argparse import Namespace

from ..chat.session import session
from .playing import Tapes, usual_speed


def tape(options: Namespace) -> None:
    """Have the cell answered from its tape. Raises `NbstreamError` for a file that is none.

    While a tape is played for all no service is asked, so this one does not ask any, either.
    """
    whole = session().player
    asks = whole is None or bool(whole.taps)
    options.player = player = Tapes(options.tape, usual_speed(), records=True, asks=asks)
    if not options.model and player.model and session().default_model() == "demo":
        options.model = player.model  # nobody said whom to ask: whoever answered on the tape
