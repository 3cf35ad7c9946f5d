"""What a cell says becomes what is sent."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass

from ..messages import Attachment


@dataclass(frozen=True, slots=True)
class Prepared:
    """A cell's prompt: as typed; as it goes out, where that differs; with what it takes along."""

    prompt: str
    sent: str | None = None
    attachments: tuple[Attachment, ...] = ()
    hints: tuple[str, ...] = ()
    """Sentences for the person who asks."""


def prepared(cell: str, options: Namespace) -> Prepared:
    """The prompt in `cell`."""
    return Prepared(cell.strip("\n"))
