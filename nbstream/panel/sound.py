"""Text that can be sent: a page's strings may hold half of a character, which Jupyter cannot encode."""

from __future__ import annotations

from typing import Any

from ..show.clean import encodable


def sound(value: Any) -> Any:
    r"""`value` as it is, with every string in it made fit to be sent.

    >>> sound({"draft": ["half \ud83d", 1, b"as it is"]})
    {'draft': ['half \ufffd', 1, b'as it is']}
    """
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, dict):
        return {sound(key): sound(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [sound(one) for one in value]
    return value
