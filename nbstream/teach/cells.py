"""``%%llm --tape FILE``: plays what is on the tape; asks and records what is not."""

from __future__ import annotations

import os
from argparse import Namespace

from ..chat.session import session
from .playing import SPEED, Tapes, speed_of


def tape(options: Namespace) -> None:
    """Have the cell answered from its tape. Raises `NbstreamError` for a file that is none."""
    options.player = player = Tapes(options.tape, speed_of(os.environ.get(SPEED)), records=True)
    if not options.model and player.model and session().default_model() == "demo":
        options.model = player.model  # nobody said whom to ask: whoever answered on the tape
