"""The last exception of this kernel, told to a model: traceback and cells, short, and without keys."""

from __future__ import annotations

import linecache
import os
import platform
import re
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import IPython

from ..chat.session import session
from ..i18n import t

FRAMES = 12
"""Frames that are told: the first and the last of them."""
CELLS = 3
CHARACTERS = 6_000
"""Of one cell, and of the message of one exception."""
CHAIN = 3
"""Exceptions that led to one another."""

_ABROAD = tuple(f"{folder}{os.sep}" for folder in (Path(IPython.__file__).parent, Path(__file__).parents[1]))
"""What ran the cell, and is not what was wrong in it."""
_RUNNERS = re.compile(r"[\\/](ipykernel|traitlets|tornado)[\\/]|[\\/]runpy\.py$|^<frozen")
_PACKAGES = re.compile(r"^.*[\\/](?:site|dist)-packages[\\/]")


class Frame(NamedTuple):
    """One line of a traceback."""

    place: str
    line: int
    function: str
    code: str


def last_exception() -> BaseException | None:
    """What ended the last cell that failed; None where none did."""
    found = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    return found if isinstance(found, Exception) else None  # an interrupt is nothing to mend


def brief(error: BaseException) -> str:
    """`error` on one line.

    >>> brief(KeyError("name"))
    "KeyError: 'name'"
    """
    said = traceback.format_exception_only(type(error), error)[-1].strip()
    return said.splitlines()[0][:200] if said else type(error).__name__


def question(error: BaseException, shell: Any, words: str = "") -> tuple[str, str]:
    """What is asked about `error`: on one line, for a person; and whole, for the model. Both redacted."""
    asked = f"{words}\n\n{t('fix.also')}" if words else t("fix.ask")
    facts = {"version": platform.python_version(), "report": _safe(report(error, shell), shell)}
    return one_line(error, shell), t("fix.report", question=asked, **facts)


def one_line(error: BaseException, shell: Any) -> str:
    """`error` on one line, for a person; redacted."""
    return _safe(brief(error), shell)


def _safe(text: str, shell: Any) -> str:
    known = secrets_in([*os.environ.items(), *shell.user_ns.items()])
    return redacted(session().keys.hide_in(text), known)


def report(error: BaseException, shell: Any) -> str:
    """`error` and the cells that it went through, as Markdown. Not redacted.

    The innermost of a chain stands first, as in Python's own tracebacks.
    """
    chain, links = [error], []
    while len(chain) < CHAIN and (link := _before(chain[-1])) is not None:
        chain.append(link[0])
        links.append(link[1])
    texts, cells = [], dict[str, tuple[str, int]]()
    for position, one in enumerate(reversed(chain)):
        texts.append(_told(one, shell, cells))
        if position < len(links):
            texts.append(list(reversed(links))[position])
    sources = [
        f"{place}:\n\n{fenced(excerpt(source, line), 'python')}"
        for place, (source, line) in list(cells.items())[:CELLS]
    ]
    return "\n\n".join([*sources, fenced("\n\n".join(texts), "text")])


def _before(error: BaseException) -> tuple[BaseException, str] | None:
    if error.__cause__ is not None:
        return error.__cause__, "This exception was the direct cause of the next:"
    if error.__context__ is not None and not error.__suppress_context__:
        return error.__context__, "While this exception was handled, the next one came:"
    return None


def _told(error: BaseException, shell: Any, cells: dict[str, tuple[str, int]]) -> str:
    frames = _frames(error.__traceback__, shell, cells)
    if isinstance(error, SyntaxError) and error.filename:
        place = _cell(error.filename, shell)
        if place:
            cells.setdefault(place, (_source(error.filename), error.lineno or 1))
            error = _at(error, place)
    if len(frames) > FRAMES:
        left_out = Frame("", len(frames) - FRAMES, "", "")
        frames = [*frames[: FRAMES // 3], left_out, *frames[-(FRAMES - FRAMES // 3) :]]
    lines = ["Traceback (most recent call last):"] if frames else []
    for frame in frames:
        if not frame.place:
            lines.append(f"  ... {frame.line} frames left out ...")
            continue
        lines.append(f"  {frame.place}, line {frame.line}, in {frame.function}")
        if frame.code:
            lines.append(f"    {frame.code}")
    said = "".join(traceback.format_exception_only(type(error), error)).rstrip()
    return "\n".join([*lines, _short(said, CHARACTERS)])


def _at(error: SyntaxError, place: str) -> SyntaxError:
    """The same error, in the cell as a person calls it."""
    where = (place, error.lineno, error.offset, error.text, error.end_lineno, error.end_offset)
    return type(error)(error.msg, where)


def _frames(tb: TracebackType | None, shell: Any, cells: dict[str, tuple[str, int]]) -> list[Frame]:
    found = []
    for frame, line in traceback.walk_tb(tb):
        name, function = frame.f_code.co_filename, frame.f_code.co_name
        if name.startswith(_ABROAD) or _RUNNERS.search(name):
            continue
        if cell := _cell(name, shell):
            cells[cell] = (_source(name), line)
        place = cell or _PACKAGES.sub("…/", name)
        function = "the cell" if function == "<module>" else function
        found.append(Frame(place, line, function, linecache.getline(name, line).strip()[:300]))
    return found


def _cell(name: str, shell: Any) -> str:
    """``Cell In[3]`` for the file that a cell was compiled as; "" for any other."""
    named = getattr(shell.compile, "format_code_name", lambda name: None)(name)
    return " ".join(named) if named else ""


def _source(name: str) -> str:
    return "".join(linecache.getlines(name)).strip("\n")


def excerpt(text: str, line: int) -> str:
    """`text`, or as much of it around line number `line` as is told.

    >>> print(excerpt("\\n".join(f"line {n} of a long cell" for n in range(1, 900)), 700)[:37])
    # ...
    line 575 of a long cell
    line 57
    """
    if len(text) <= CHARACTERS:
        return text
    lines = text.splitlines()
    here = min(max(line, 1), len(lines)) - 1
    first = last = here
    size = len(lines[here])
    while size < CHARACTERS and (first > 0 or last < len(lines) - 1):
        if first > 0:
            first -= 1
            size += len(lines[first]) + 1
        if last < len(lines) - 1:
            last += 1
            size += len(lines[last]) + 1
    kept = "\n".join(lines[first : last + 1])
    if len(kept) > 2 * CHARACTERS:  # a line that is a page
        kept = _short(lines[here], CHARACTERS)
    return ("# ...\n" if first else "") + kept + ("\n# ..." if last < len(lines) - 1 else "")


def _short(text: str, most: int) -> str:
    half = most // 2
    return text if len(text) <= most else f"{text[:half]}\n...\n{text[-half:]}"


def fenced(text: str, language: str = "") -> str:
    """`text` in a fence that nothing in it can end."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


# --- without keys ---------------------------------------------------------------------------------------

_WORDS = (
    r"(?:(?:api|app|access|secret|private|auth|client|signing|subscription|account|master)[-_ ]?keys?"
    r"|(?-i:[A-Z0-9]+_KEY)|secret|token|passw(?:or)?d|passphrase|pwd|credentials?|authorization|cookie)"
)
"""What a name says that means a secret. A mere key may be that of a table or a sort."""
_SECRET_NAME = re.compile(rf"(?:\b|_|(?<=[a-z])(?=[A-Z])){_WORDS}(?:\b|_|\d)", re.I)
_NAME = rf"\b(?:[\w-]{{0,40}}[_-]|[a-z0-9]{{0,20}}){_WORDS}(?:[_-]\w{{1,20}})?"
_ASSIGNED = re.compile(rf"""({_NAME}["']?\]?\s*(?:=|:|,)\s*[rbuf]{{0,2}})(["'])((?:\\.|(?!\2).)+)\2""", re.I)
_BARE = re.compile(
    rf"({_NAME}\s*[=:]\s*)(?=\S*\d)(?=\S*[A-Za-z])([A-Za-z0-9+/_.~%-]{{12,}})(?![\w(\[])", re.I
)
_SCHEME = re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{8,}", re.I)
_LOGIN = re.compile(r"(://)[^/\s@\"']+@")
_MASK = "…"


def redacted(text: str, known: Iterable[str] = ()) -> str:
    """`text` without keys and without the way to a person's home.

    `known` are values that must not be seen, wherever they stand; what looks like a key, is assigned to a
    name that means one, or stands before the @ of an address is masked as well.

    >>> redacted("api_key = 'abc' # see https://me:pw@host/x")
    "api_key = '…' # see https://…@host/x"
    """
    from ..credentials import Secret
    from .args import _KEY

    for value in sorted({one for one in known if len(one) >= 6}, key=len, reverse=True):
        text = Secret(value, parts=(value,)).hide_in(text) if len(value) >= 8 else text.replace(value, _MASK)
    text = _KEY.sub(_MASK, text)
    text = _SCHEME.sub(rf"\1 {_MASK}", text)
    text = _ASSIGNED.sub(rf"\1\2{_MASK}\2", text)
    text = _BARE.sub(rf"\1{_MASK}", text)
    text = _LOGIN.sub(rf"\1{_MASK}@", text)
    home = os.path.expanduser("~")
    return text.replace(home, "~") if len(home) > 3 else text


def secrets_in(names: Iterable[tuple[str, Any]]) -> list[str]:
    """The values among these variables whose names say that they are secret.

    >>> secrets_in([("OPENAI_API_KEY", "k1"), ("sort_key", "k2"), ("hf_token", 7), ("dbPassword", "k3")])
    ['k1', 'k3']
    """
    # By type(), not isinstance: that would ask an object what it takes itself for, which runs its code.
    return [value for name, value in names if issubclass(type(value), str) and _SECRET_NAME.search(name)]
