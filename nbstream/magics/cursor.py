"""What stands at the cursor of a cell that is being written. Pure: `complete` says what may follow.

The first line of ``%%llm`` and a line of ``%llm`` are words as in a shell; in the cell's body there is
something to complete only behind ``{{``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

LONGEST = 500
"""Characters of an expression in ``{{ }}`` that are looked at."""

Where = Literal["cell", "line", "expression"]


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where somebody is writing, and what stands there already.

    Parameters
    ----------
    where : {"cell", "line", "expression"}
        The options of ``%%llm``, a line of ``%llm``, or ``{{`` in a cell's body.
    words : tuple of str
        The finished words before the one at the cursor.
    fragment : str
        The beginning of that word, quotation mark and all; of an expression its last dotted name.
    rest : str
        What stands behind the cursor on this line.
    """

    where: Where
    words: tuple[str, ...]
    fragment: str
    rest: str = ""


def at(text: str, row: int, column: int, name: str = "llm") -> Cursor | None:
    """What is being written in the cell `text`, where the magics are called `name`; None: nothing of ours.

    >>> at("%%llm -m op", 0, 11)
    Cursor(where='cell', words=('-m',), fragment='op', rest='')
    >>> at("x = 1\\n%llm use ", 1, 9)
    Cursor(where='line', words=('use',), fragment='', rest='')
    >>> at("%%llm\\nAbout {{frame.col}}", 1, 17).fragment
    'frame.col'
    >>> at("%%llm\\nAbout frames", 1, 12) is None
    True
    """
    lines = text.split("\n")
    if not 0 <= row < len(lines):
        return None
    line, rest = lines[row][:column], lines[row][column:]
    first = next((number for number, one in enumerate(lines) if one.strip()), 0)
    if re.match(rf"%%{name}(?![\w%])", lines[first]):
        if row > first:
            return _expression("\n".join([*lines[first + 1 : row], line]), rest)
        if line.startswith(f"%%{name} "):
            return Cursor("cell", *cut(line[len(name) + 3 :]), rest)
        return None
    if lines[first].startswith("%%"):  # another magic's cell: whatever it holds, it is not ours
        return None
    if found := re.match(rf"\s*(?:\w+\s*=\s*)?%{name}\s+(.*)\Z", line):
        return Cursor("line", *cut(found[1]), rest)
    return None


def _expression(before: str, rest: str) -> Cursor | None:
    before = before[-LONGEST:]
    start = before.rfind("{{")
    if start < 0 or before.find("}}", start) >= 0:
        return None
    found = re.search(r"(?:[^\W\d]\w*\.)*(?:[^\W\d]\w*)?\Z", before[start + 2 :])
    fragment = found[0] if found else ""
    behind = before[: len(before) - len(fragment)]
    if behind.endswith("."):  # behind a call or an index: its attributes are not looked up, by nobody
        return Cursor("expression", (), f".{fragment}", rest)
    # Behind a number, a quotation mark, a call or an index there is nothing that we could look up.
    return None if re.search(r"[\w.\"')\]]\Z", behind) else Cursor("expression", (), fragment, rest)


def cut(line: str) -> tuple[tuple[str, ...], str]:
    """The finished words of `line`, and the one that still grows, as it is written.

    >>> cut('-s "be brief" -a "my fi')
    (('-s', 'be brief', '-a'), '"my fi')
    >>> cut("use ")
    (('use',), '')
    """
    words: list[str] = []
    word, written, quote, begun = "", "", "", False
    escaped = False
    for character in line:
        if not (quote or escaped) and character.isspace():
            if begun:
                words.append(word)
            word, written, begun = "", "", False
            continue
        written, begun = written + character, True
        if escaped:
            word, escaped = word + character, False
        elif character == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote, word = ("", word) if character == quote else (quote, word + character)
        elif character in "\"'":
            quote = character
        else:
            word += character
    return tuple(words), written


@dataclass(frozen=True, slots=True)
class Wanted:
    """What may stand at the cursor: a kind of thing, and how much of it is there.

    `option` is what it is the value of, or the verb whose `position`-th word it is.
    """

    kind: Literal["option", "value", "verb", "word"]
    fragment: str
    of: str = ""
    position: int = 0


def wanted(
    cursor: Cursor,
    options: Callable[[str], Mapping[str, bool]],
) -> Wanted:
    """What a word at the cursor may be; `options` gives those of a verb ("" for ``%%llm``).

    It maps each option as it is written to whether a value follows it.
    """
    words, verb, position = cursor.words, "", 0
    if cursor.where == "line":
        if not words:
            return Wanted("verb", cursor.fragment)
        verb, words = words[0], words[1:]
    known = options(verb)
    awaited = ""  # the option whose value comes next
    for word in words:
        if awaited:
            awaited = ""
        elif word in known:
            awaited = word if known[word] else ""
        elif not word.startswith("-"):
            position += 1
    if awaited:
        return Wanted("value", cursor.fragment, awaited)
    name, equals, value = cursor.fragment.partition("=")
    if equals and known.get(name):
        return Wanted("value", value, name)
    if cursor.fragment.startswith("-") or not verb:
        return Wanted("option", cursor.fragment, verb)
    return Wanted("word", cursor.fragment, verb, position)
