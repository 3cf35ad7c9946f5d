"""A file that goes along with a message."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes along with a message, such as a picture for a model that sees.

    Parameters
    ----------
    media_type : str
        As in a Content-Type: ``image/png``.
    data : bytes
    name : str
        What a person calls it.
    """

    media_type: str
    data: bytes = field(repr=False)
    name: str = ""

    @classmethod
    def of(cls, value: Any, name: str = "image") -> Attachment:
        """A picture as models take it, scaled down where it is large and without metadata.

        `value` is a ``Path``, bytes, a picture of Pillow's or IPython's, or a figure of matplotlib's.
        """
        from .images import made

        return made(value, name)
