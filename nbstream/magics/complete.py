"""TAB in a cell of ``%%llm`` and behind ``%llm``: options, models, verbs, files, names after ``{{``.

One matcher for IPython's completer, which asks it first. It is handed the whole cell, so it sees what the
words of a line mean, and says itself how much of the line a match replaces: a colon or a dot in a model's
name cuts no word. It never raises, and what it cannot know at once it looks up for the next TAB.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..i18n import magic as magic_name
from .cursor import Cursor, Wanted, at, wanted

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext, SimpleMatcherResult
    from IPython.core.interactiveshell import InteractiveShell

MOST = 400
"""Matches that are offered; IPython takes 500."""
log = logging.getLogger("nbstream")

VALUES = {
    "model": "model",
    "conversation": "conversation",
    "out": "variable",
    "attach": "file",
    "tape": "file",
    "schema": "schema",
}
"""What the value of an option is, by the option's long name."""
WORDS: dict[str, tuple[str, ...]] = {
    "use": ("model",),
    "models": ("provider",),
    "login": ("provider",),
    "logout": ("provider",),
    "doctor": ("provider",),
    "branch": ("conversation", "turn"),
    "save": ("file",),
    "load": ("file",),
    "export": ("file",),
    "restore": ("file",),
    "record": ("file",),
    "replay": ("file",),
    "log": ("file",),
    "lang": ("language",),
    "help": ("verb",),
    "tools": ("tools", "function"),
    **dict.fromkeys(("show", "undo", "edit", "retry", "version", "pin", "unpin"), ("turn",)),
    "code": ("code",),
    "keep": ("candidate",),
}
"""What the words behind a verb are; the last one stands for all that follow."""
USUAL = {"temperature": ("0", "0.2", "0.7", "1"), "max_tokens": ("256", "1024", "4096")}
"""Values to begin with, of options that take any."""


class Matcher:
    """What IPython's completer calls; ``matcher_…`` is how it knows such a thing."""

    matcher_api_version = 2
    matcher_priority = 1000.0
    matcher_identifier = "nbstream"

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self.__qualname__ = self.matcher_identifier

    def __call__(self, context: CompletionContext) -> SimpleMatcherResult:
        try:
            return self._matches(context)
        except Exception:  # somebody is typing: an error would be printed over it
            log.debug("completion failed", exc_info=True)
            return {"completions": [], "suppress": False}

    def _matches(self, context: CompletionContext) -> SimpleMatcherResult:
        from IPython.core.completer import SimpleCompletion

        cursor = at(context.full_text, context.cursor_line, context.cursor_position, magic_name())
        if cursor is None:
            return {"completions": [], "suppress": False}
        fragment, kind, found = candidates(cursor, self._shell)
        if not found and fragment and (cursor.where != "expression" or "." in fragment):
            # Else Python's keywords would be offered for a word that is none of Python's; and behind a dot
            # jedi would run the user's properties to see what they give.
            found = [fragment]
        return {
            "completions": [SimpleCompletion(text, type=kind) for text in found[:MOST]],
            "matched_fragment": fragment,
            "ordered": True,
            "suppress": bool(found),
        }


def candidates(cursor: Cursor, shell: Any) -> tuple[str, str, list[str]]:
    """What may stand at `cursor`: how much of the line it replaces, of what kind it is, and the matches."""
    from . import sources  # not at load

    if cursor.where == "expression":
        return cursor.fragment, "variable", sources.names(cursor.fragment, shell)
    want = wanted(cursor, options)
    kind, known = _kind(want)
    before, comma, last = want.fragment.rpartition(",")
    if kind == "model" and comma and cursor.where == "cell":  # several models at once
        return want.fragment, kind, [f"{before},{name}" for name in sources.matching(kind, last, shell)]
    if kind == "file":
        return want.fragment, kind, sources.files(want.fragment, cursor.rest)
    return want.fragment, kind, sources.matching(kind, want.fragment, shell, known)


def options(verb: str) -> Mapping[str, bool]:
    """The options of `verb` ("" is ``%%llm``) as they are written, and whether a value follows them."""
    if not verb:
        from .cell import llm

        actions = llm.parser._actions
        return {name: action.nargs != 0 for action in actions for name in action.option_strings}
    from .verbs import VERBS

    if verb not in VERBS:
        return {}
    return {name: not VERBS[verb].options[parameter] for name, parameter in VERBS[verb].written.items()}


def _kind(want: Wanted) -> tuple[str, Iterable[str]]:
    """What `want` is, and the choices where there are only so many."""
    if want.kind == "verb":
        return "verb", ()
    if want.kind == "option":
        written = options(want.of)
        long = [name for name in written if name.startswith("--")]
        short = [name for name in written if not name.startswith("--")]
        return "option", long + short
    if want.kind == "value":
        return _value(want.of)
    if kinds := WORDS.get(want.of, ()):
        return kinds[min(want.position, len(kinds) - 1)], ()
    return _kind(replace(want, kind="option"))  # it takes no words that we know


def _value(option: str) -> tuple[str, Iterable[str]]:
    from .cell import llm

    for action in llm.parser._actions:  # those of the verbs are called alike
        if option in action.option_strings:
            return VALUES.get(action.dest, "choice"), action.choices or USUAL.get(action.dest, ())
    return VALUES.get(option.lstrip("-").replace("-", "_"), ""), ()


def install(shell: InteractiveShell) -> None:
    """Have `shell` ask us first when TAB is pressed."""
    matchers = _matchers(shell)
    if not any(isinstance(one, Matcher) for one in matchers):
        matchers.append(Matcher(shell))


def uninstall(shell: InteractiveShell) -> None:
    """Take out what `install` put in."""
    matchers = _matchers(shell)
    matchers[:] = [one for one in matchers if not isinstance(one, Matcher)]


def _matchers(shell: InteractiveShell) -> list[Any]:
    found: list[Any] = getattr(getattr(shell, "Completer", None), "custom_matchers", [])
    return found
