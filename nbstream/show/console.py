"""Text on a terminal: no control characters from anybody, and no error whatever the encoding."""

from __future__ import annotations

import codecs
import sys
from contextlib import suppress
from typing import TextIO

from .clean import clean

PLAIN = str.maketrans("✓✗⚠·→–…“”‘’", "+x!->-.\"\"''")
"""What stands for a mark of ours where the encoding does not have it: rows of ``?`` would say nothing."""


def _plainer(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end].translate(PLAIN)
    return "".join(one if one.isascii() else "?" for one in lacking), error.end


codecs.register_error("nbstream.plainer", _plainer)


def put(text: str, end: str = "\n", file: TextIO | None = None) -> None:
    """Print `text`, with a plain mark or ``?`` for what the encoding does not have.

    A Windows console in GBK has no emoji and a terminal in ASCII no Chinese: neither must end an answer,
    or keep the extension from loading.
    """
    file = file or sys.stdout
    encoding = getattr(file, "encoding", None) or "utf-8"
    if file is None:  # pythonw has none
        return
    text = clean(text + end)
    with suppress(LookupError, UnicodeError):  # an encoding that nobody knows: as it is
        text = text.encode(encoding, "nbstream.plainer").decode(encoding)
    file.write(text)
    file.flush()
