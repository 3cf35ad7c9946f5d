"""What a value of the notebook looks like in a prompt: whole where it is short, else its beginning.

What is left out is said in the text itself, so that the model knows that there is more. Nothing is
imported to find out whose a value is: whoever has a frame of pandas has imported pandas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

LONGEST = 100_000
"""Characters of one value, unless the setting `longest_value` says otherwise."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A value as text.

    Attributes
    ----------
    text : str
    block : bool
        It is a table, a listing or the like, which has lines of its own.
    code : str
        The language where it is code, for a fence around it.
    """

    text: str
    block: bool = False
    code: str = ""


def preview(value: Any, name: str = "", most: int = LONGEST) -> Preview:
    """`value` as it stands in a prompt; `name` is what the user calls it.

    Whatever the value's own methods raise is raised here.

    >>> preview("as it is").text, preview(0.5).text
    ('as it is', '0.5')
    >>> preview(list(range(1000))).text.splitlines()[-2]
    '  … 900 more'
    """
    from . import arrays, nested, source, tables
    from .bounds import beginning, middle_out

    if isinstance(value, str):
        return Preview(middle_out(str(value), most))
    if value is None or isinstance(value, bool | int | float | complex):
        return Preview(beginning(str(value), most))
    if (table := tables.table(value, name)) is not None:
        return Preview(table, block=True)
    if (array := arrays.array(value, name)) is not None:
        return Preview(array, block="\n" in array)
    if (text := _answer(value)) is not None:
        return Preview(middle_out(text, most))
    if (listing := source.source(value, most)) is not None:
        return listing
    text = nested.shown(value, min(most, nested.MOST))
    return Preview(text, block="\n" in text)


def _answer(value: Any) -> str | None:
    """The text of an `Answer`, or of a stream as far as it has come."""
    from ...messages import Answer

    if isinstance(value, Answer):
        return value.text
    if type(value).__module__ == "nbstream.chat.stream":
        return str(value.answer.text)
    return None
