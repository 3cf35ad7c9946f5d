"""The line magic ``%llm``: see and set what the cells use."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from typing import Any

from IPython.core.magic import no_var_expand

from ..chat.session import session
from ..errors import NbstreamError, fail
from ..i18n import t
from ..show.cards import literal, table
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
        verb, *rest = arguments.words(line, comments=True) or ["status"]
        if verb in ("help", "--help", "-h"):
            put(llm_line.__doc__ or "")
            return
        if verb not in VERBS:
            close = difflib.get_close_matches(verb, [*VERBS, "help"], n=1, cutoff=0.5)
            raise fail("config.unknown_verb", name=verb[:40], nearest=close[0] if close else "help")
        say(VERBS[verb](*_fitting(verb, rest)))
    except NbstreamError as error:
        show_error(error, where)
        if where == "headless":
            raise


def _fitting(verb: str, rest: list[str]) -> list[str]:
    least, most = ARITY.get(verb, (0, 0))
    if verb == "login" and len(rest) > 1:  # whatever it looks like: what else would one write here?
        raise fail("config.key_on_line")
    if not least <= len(rest) <= most:
        raise fail("config.verb_words", name=verb, count=len(rest), least=least, most=most)
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

    plain = html.unescape(re.sub(r"</?span>|\\(?=[\\*_\[\]~|])", "", markdown))
    return {"text/markdown": markdown, "text/plain": plain}


# --- verbs --------------------------------------------------------------------------------------------


def status() -> str:
    here = session()
    talk = here.conversation()
    ready = ", ".join(here.ready()) or t("line.none")
    return table(
        [t("line.what"), ""],
        [
            [t("line.model"), here.default_model()],
            [t("line.conversation"), t("line.turns", name=talk.name, count=len(talk.turns))],
            [t("line.ready"), ready],
            [t("line.help"), "%llm help"],
        ],
    )


def use(model: str) -> str:
    return t("line.using", model=literal(session().use(model)))


def models(name: str | None = None) -> str:
    from ..providers import registry

    here = session()
    if name is None:
        ready = here.ready()
        rows = []
        for provider in registry.loaded():
            one = provider.name
            keyless = not any(field.required for field in provider.fields)
            mark = t("line.no_key_needed") if keyless else "✓" if one in ready else f"%llm login {one}"
            rows.append([one, provider.label, provider.default_model, mark])
        return table([t("line.provider"), "", t("line.default_model"), t("line.key")], rows)
    from ..chat.fetch import models as ask

    provider = registry.get(name)
    found = ask(provider, here.credentials(provider), here.base_url(provider))
    if found is None:
        return table([t("line.model")], [[f"{provider.name}:{provider.default_model}".rstrip(":")]])
    return table([t("line.model"), ""], [[f"{provider.name}:{one.name}", one.label] for one in found])


def login(name: str) -> str:
    from ..chat.fetch import models as ask
    from ..providers import registry

    provider = registry.get(name)
    if surface() == "headless":
        raise fail("config.no_prompt", provider=provider.name)
    if provider.key_page:
        put(t("login.where", page=provider.key_page))
    here = session()
    _, found = here.login(name)
    shown = ", ".join(f"{field} {secret}" for field, secret in found.items())
    try:
        checked = ask(provider, found, here.base_url(provider)) is not None
    except NbstreamError as error:
        if error.kind in ("auth", "permission"):
            here.logout(name)
            raise
        checked = False
    mark = "✓" if checked else t("login.unchecked")
    return t("login.done", provider=provider.label, shown=shown, mark=mark)


def logout(name: str | None = None) -> str:
    gone = session().logout(name)
    return t("line.logged_out", names=", ".join(gone)) if gone else t("line.nothing_kept")


def history(name: str = "main") -> str:
    turns = session().conversation(name).turns
    if not turns:
        return t("line.no_turns", name=literal(name))
    rows = []
    for number, turn in enumerate(turns, 1):
        text = turn.answer.text if turn.answer else ""
        text = re.sub(r"\A\*[^*\n]+\*\n", "", text)  # the label of demo, alike in all of them
        rows.append([number, turn.model, _short(turn.prompt), _short(text), t(f"turn.{turn.status}")])
    return table(["#", t("line.model"), t("line.prompt"), t("line.answer"), t("line.status")], rows)


def _short(text: str, most: int = 60) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"


def reset(name: str = "main") -> str:
    talk = session().conversation(name)
    count = len(talk.turns)
    talk.reset()
    return t("line.reset", name=literal(name), count=count)


def show(number: str | None = None) -> tuple[dict[str, str], dict[str, Any]]:
    from ..show.settled import bundle

    talk = session().conversation()
    turns = talk.turns
    if number is not None and not (number.isdecimal() and len(number) < 10):
        raise fail("config.turn_number", given=number[:20], count=len(turns))
    position = int(number) if number else len(turns)
    if not 1 <= position <= len(turns):
        raise fail("config.turn_number", given=position, count=len(turns))
    turn = turns[position - 1]
    if turn.answer is None:
        raise fail("config.turn_running", given=position)
    return bundle(turn, turn.answer, talk.name, footer=session().settings.footer)


def stats() -> str:
    rows = [
        [
            one.provider,
            one.turns,
            f"{one.input_tokens:,} → {one.output_tokens:,}",
            t("line.unknown") if one.cost is None else f"{one.cost:.4f}",
            f"{_ms(one.first_token_p50)} / {_ms(one.first_token_p99)}",
            f"{_ms(one.token_p50)} / {_ms(one.token_p99)}",
            f"{one.error_rate:.0%}",
        ]
        for one in session().stats.values()
    ]
    if not rows:
        return t("line.no_stats")
    heads = ("provider", "turn_count", "tokens", "cost", "first_token", "token_gap", "errors")
    return table([t(f"line.{name}") for name in heads], rows)


def _ms(seconds: float | None) -> str:
    return "?" if seconds is None else f"{1000 * seconds:.0f} ms"


def why() -> str:
    error = session().last_error
    if error is None:
        return t("line.no_error")
    facts = [
        ("kind", error.kind),
        ("provider", error.provider),
        ("status", error.status),
        ("code", error.code),
        ("retry_after", error.retry_after),
        ("request_id", error.request_id),
        ("text", f"{len(error.answer.text)}"),
    ]
    rows = [[t("line.what_happened"), error.what], [t("line.why"), error.why], [t("line.fix"), error.fix]]
    return table(
        ["", ""], rows + [[t(f"why.{name}"), value] for name, value in facts if value not in (None, "")]
    )


VERBS: dict[str, Callable[..., Any]] = {
    "status": status,
    "use": use,
    "models": models,
    "login": login,
    "logout": logout,
    "history": history,
    "reset": reset,
    "show": show,
    "stats": stats,
    "why": why,
}
ARITY = {
    "use": (1, 1),
    "models": (0, 1),
    "login": (1, 1),
    "logout": (0, 1),
    "history": (0, 1),
    "reset": (0, 1),
    "show": (0, 1),
}
"""How few and how many words a verb takes; the others take none."""
