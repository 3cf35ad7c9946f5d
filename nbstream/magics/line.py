"""The line magic ``%llm``: see and set what the cells use."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from IPython.core.magic import no_var_expand

from ..chat.session import session
from ..errors import NbstreamError, fail
from ..i18n import magic
from ..show.console import put
from . import args as arguments
from .asking import show_error
from .surface import surface

if TYPE_CHECKING:
    from .verbs.registry import Shown

OPTION = re.compile(r"--?[A-Za-z]")


@no_var_expand
def llm_line(line: str) -> None:
    """See and set what ``%%llm`` uses.

    %llm help shows all verbs.
    """
    where = surface()
    try:
        arguments.refuse_keys(line)
        from .verbs import VERBS, help_text  # not before somebody asks: loading must cost nothing

        verb, *rest = arguments.words(line, comments=True) or ["status"]
        if verb in ("help", "--help", "-h"):
            put(help_text())
            return
        if verb not in VERBS:
            import difflib

            close = difflib.get_close_matches(verb, [*VERBS, "help"], n=1, cutoff=0.5)
            raise fail("config.unknown_verb", name=verb[:40], nearest=close[0] if close else "help")
        if verb == "login" and not {*filter(OPTION.match, rest)} <= VERBS["login"].written.keys():
            raise arguments.key_on_line(rest[0], *rest)  # what else would one write here?
        say(VERBS[verb](rest))
    except NbstreamError as error:
        if error.case == "unknown_provider":  # the nearest one, for what was wanted of it
            error.fix = error.fix.replace(f"%{magic()} use", f"%{magic()} {verb}")
        session().last_error = error
        show_error(error, where)
        if where == "headless":
            raise


def say(markdown: Shown) -> None:
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
    import html
    import re

    plain = html.unescape(re.sub(r"</?span>|\\(?=[\\*_\[\]~|])", "", markdown))
    return {"text/markdown": markdown, "text/plain": plain}
