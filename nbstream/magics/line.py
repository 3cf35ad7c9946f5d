"""The line magic ``%llm``: see and set what the cells use."""

from __future__ import annotations

from typing import Any

from IPython.core.magic import no_var_expand

from ..chat.session import session
from ..errors import NbstreamError, fail
from ..i18n import t
from ..show.console import put
from . import args as arguments
from .cell import show_error
from .surface import surface


@no_var_expand
def llm_line(line: str) -> None:
    """See and set what ``%%llm`` uses.

    %llm                    the model in use, the conversation, what is ready
    %llm use MODEL          make MODEL this notebook's default
    %llm models [PROVIDER]  the providers, or the models of one
    %llm login PROVIDER     give a key, in a hidden prompt
    %llm logout [PROVIDER]  forget it
    %llm history [NAME]     the turns of a conversation
    %llm reset [NAME]       begin a conversation anew
    %llm show [N]           show the answer of turn N again (default: the last)
    %llm stats              turns, tokens and times per provider
    %llm why                the details of the last error
    """
    where = surface()
    try:
        arguments.refuse_keys(line)
        from .verbs import VERBS  # not before somebody asks: loading must cost nothing

        verb, *rest = arguments.words(line, comments=True) or ["status"]
        if verb in ("help", "--help", "-h"):
            put(t("line.verbs"))
            return
        if verb not in VERBS:
            import difflib

            close = difflib.get_close_matches(verb, [*VERBS, "help"], n=1, cutoff=0.5)
            raise fail("config.unknown_verb", name=verb[:40], nearest=close[0] if close else "help")
        say(VERBS[verb](*fitting(verb, rest)))
    except NbstreamError as error:
        if error.case == "unknown_provider":  # the nearest one, for what was wanted of it
            error.fix = error.fix.replace("%llm use", f"%llm {verb}")
        session().last_error = error
        show_error(error, where)
        if where == "headless":
            raise


def fitting(verb: str, rest: list[str]) -> list[str]:
    """`rest`, if `verb` takes as many words. Raises `NbstreamError` (config) otherwise."""
    from .verbs import ARITY

    least, most = ARITY.get(verb, (0, 0))
    if verb == "login" and len(rest) > 1:  # whatever it looks like: what else would one write here?
        raise arguments.key_on_line(rest[0])
    if not least <= len(rest) <= most:
        wanted = "none" if most == 0 else "one" if least == most else "at_most_one"
        lines = (line.partition("  ")[0] for line in t("line.verbs").splitlines())
        usage = next((line for line in lines if line.startswith(f"%llm {verb}")), "%llm help")
        raise fail("config.verb_words", name=verb, count=len(rest), wanted=t(f"words.{wanted}"), usage=usage)
    return rest


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
    import html
    import re

    plain = html.unescape(re.sub(r"</?span>|\\(?=[\\*_\[\]~|])", "", markdown))
    return {"text/markdown": markdown, "text/plain": plain}
