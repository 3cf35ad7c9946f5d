"""Text on a terminal: no control characters from anybody, and no error whatever the encoding."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TextIO

from .clean import clean


def put(text: str, end: str = "\n", file: TextIO | None = None) -> None:
    """Print `text`, with ``?`` for what the encoding does not have.

    A Windows console in GBK has no emoji and a terminal in ASCII no Chinese: neither must end an answer,
    or keep the extension from loading.
    """
    file = file or sys.stdout
    encoding = getattr(file, "encoding", None) or "utf-8"
    if file is None:  # pythonw has none
        return
    text = clean(text + end)
    with suppress(LookupError, UnicodeError):  # an encoding that nobody knows: as it is
        text = text.encode(encoding, "replace").decode(encoding)
    file.write(text)
    file.flush()
