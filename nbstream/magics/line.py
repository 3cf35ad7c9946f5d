"""The line magic ``%llm``: see and set what the cells use."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from IPython.core.magic import no_var_expand

from ..chat.session import session
from ..errors import NbstreamError, fail
from ..i18n import magic
from ..show.console import put
from . import args as arguments
from .asking import show_error
from .surface import surface

if TYPE_CHECKING:
    from .verbs.registry import Verb

OPTION = re.compile(r"--?[A-Za-z]")
HELP = frozenset({"--help", "-h"})
OF_A_CELL = {
    "xray": "--xray",
    "x-ray": "--xray",
    "tape": "--tape lesson.tape",
    "compare": "-m demo,demo",
    "no-stream": "--no-stream",
    "background": "--background",
    "attach": "--attach notes.txt",
}
"""What one looks for among the verbs, and is an option of ``%%llm``."""


@no_var_expand
def llm_line(line: str) -> None:
    """See and set what ``%%llm`` uses.

    %llm help shows all verbs.
    """
    where = surface()
    try:
        arguments.refuse_keys(line)
        verb, *rest = arguments.words(line, comments=True) or ["status"]
        if verb in HELP:
            verb = "help"
        elif not HELP.isdisjoint(rest):
            verb, rest = "help", [verb]
        called = found(verb, rest)
        if verb == "login" and not {*filter(OPTION.match, rest)} <= called.written.keys():
            raise arguments.key_on_line(rest[0], *rest)  # what else would one write here?
        outcome = called(rest)
        if not isinstance(outcome, NbstreamError):
            say(outcome)
            return
    except NbstreamError as error:
        if error.case == "unknown_provider":  # the nearest one, for what was wanted of it
            error.fix = error.fix.replace(f"%{magic()} use", f"%{magic()} {verb}")
        session().last_error = error
        show_error(error, where)
        if where == "headless":
            raise
        return
    if where == "headless":  # a turn that failed: its card stands already
        raise outcome


def found(name: str, more: Sequence[str] = ()) -> Verb:
    """The verb `name`. Raises `NbstreamError` (config) with the nearest where there is none.

    What reads as a sentence together with the words that follow is a question in the wrong place.
    """
    from .verbs import VERBS  # not before somebody asks: loading must cost nothing

    if name not in VERBS:
        import difflib

        if (option := OF_A_CELL.get(name.lstrip("-"))) is not None:
            raise fail("config.cell_option", name=name[:40], line=f"%%{magic()} {option}")
        close = difflib.get_close_matches(name, VERBS, n=1, cutoff=0.65)
        question = len([word for word in more if not word.startswith("-")]) > 2
        if question or not close:
            raise fail("config.no_verb", name=name[:40])
        raise fail("config.unknown_verb", name=name[:40], nearest=close[0])
    return VERBS[name]


def say(markdown: str | tuple[dict[str, str], dict[str, Any]] | None) -> None:
    """Show Markdown, or a whole output with its metadata."""
    from IPython.display import display

    if markdown is None:
        return
    data, metadata = markdown if isinstance(markdown, tuple) else (_both(markdown), {})
    if surface() == "terminal":
        put(data["text/plain"])
    else:
        display(data, raw=True, metadata=metadata)


def _both(markdown: str) -> dict[str, str]:
    from ..show.plaintext import plain

    return {"text/markdown": markdown, "text/plain": plain(markdown)}
