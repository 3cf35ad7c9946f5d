"""What a server says, as text that may stand in a sentence of ours."""

from __future__ import annotations

import re

LONGEST = 500
"""Characters of a provider's message that are shown."""
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


def clean(text: str, limit: int = LONGEST) -> str:
    """`text` on one line, without control characters, cut at `limit`.

    >>> clean("no\\x1b[31m such\\n model ")
    'no [31m such model'
    """
    text = " ".join(_CONTROL.sub(" ", text[: 4 * limit]).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
