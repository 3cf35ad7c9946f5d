"""What the verbs of ``%llm`` do: each takes its words and gives Markdown to show."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from ..chat.session import session
from ..chat.stats import SeatStats
from ..errors import NbstreamError, fail
from ..i18n import t
from ..providers import registry
from ..show.cards import literal, running_markdown, table
from ..show.console import put
from .surface import surface


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
    from ..chat.fetch import found_by, nearby
    from ..chat.fetch import models as ask

    here = session()
    if name is None:
        looking = nearby()
        ready = here.ready()
        rows = []
        # Who reads Chinese finds the services with a Chinese name first.
        for provider in sorted(registry.loaded(), key=lambda one: one.label.isascii()):
            one = provider.name
            keyless = not (provider.needs or any(field.required for field in provider.fields))
            mark = t("line.no_key_needed") if keyless else "✓" if one in ready else f"%llm login {one}"
            if provider.package:
                here_too = find_spec(provider.package) is not None
                mark = t("line.own_keys") if here_too else f'pip install "nbstream[{provider.package}]"'
            rows.append([one, provider.label, provider.default_model, mark])
        known = table([t("line.provider"), "", t("line.default_model"), t("line.key")], rows)
        return "\n\n".join(filter(None, [known, running_markdown(found_by(looking))]))
    provider = registry.get(name)
    found = ask(provider, here.credentials(provider), here.base_url(provider))
    if found is None and not (found := list(provider.listed)):
        return table([t("line.model")], [[f"{provider.name}:{provider.default_model}".rstrip(":")]])
    return table([t("line.model"), ""], [[f"{provider.name}:{one.name}", one.label] for one in found])


def login(name: str) -> str:
    from ..chat.fetch import models as ask

    provider = registry.get(name)
    if not provider.fields:
        raise fail("config.no_login", provider=provider.name, label=provider.label)
    if surface() == "headless":
        raise fail("config.no_prompt", provider=provider.name, label=provider.label)
    if provider.key_page:
        put(t("login.where", page=provider.key_page))
    here = session()
    _, found = here.login(name)
    shown = ", ".join(
        f"{field.shown} {found[field.name] if field.hidden else literal(found[field.name].reveal())}"
        for field in provider.fields
        if field.name in found
    )
    try:
        checked = ask(provider, found, here.base_url(provider)) is not None
        mark = "✓" if checked else t("login.unchecked")
    except NbstreamError as error:
        if error.kind in ("auth", "permission"):
            here.logout(name)
            raise
        mark = t("login.unreached", reason=literal(error.what))
    lines = [t("login.done", provider=provider.label, shown=shown, mark=mark)]
    if (using := here.default_model()).partition(":")[0] != provider.name:
        lines.append(t("login.next", model=literal(using), provider=provider.name))
    return "\n\n".join(lines)


def logout(name: str | None = None) -> str:
    gone = session().logout(name)
    said = [t("line.logged_out", names=", ".join(gone)) if gone else t("line.nothing_kept")]
    only = registry.get(name).name if name else None
    for provider in registry.keyed():
        held = [one for field in provider.fields for one in field.env if os.environ.get(one, "").strip()]
        if held and only in (None, provider.name):
            said.append(t("line.in_environment", name=provider.name, names=literal(", ".join(held))))
    return "\n\n".join(said)


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
    """The beginning of `text` on one line, without marks of Markdown; a Chinese character counts twice."""
    text = " ".join(
        re.sub(r"^\s{0,3}(#+|>|[-*+])\s+|\*\*|`+|^\s*\|", " ", text[: 4 * most], flags=re.M).split()
    )
    for place, character in enumerate(text):
        most -= 1 + (character > "\u2e7f")
        if most < 0:
            return text[:place] + "…"
    return text


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
    found = session().statistics().values()
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
        for one in found
    ]
    if not rows:
        return t("line.no_stats")
    heads = ("provider", "turn_count", "tokens", "cost", "first_token", "token_gap", "errors")
    shown = table([t(f"line.{name}") for name in heads], rows)
    seats = [
        [one.provider, seat.name, seat.busy, seat.turns, seat.errors, _resting(seat)]
        for one in found
        for seat in one.seats
    ]
    if not seats:
        return shown
    names = ("provider", "seat", "busy", "turn_count", "failed", "resting")
    return f"{shown}\n\n{table([t(f'line.{name}') for name in names], seats)}"


def _resting(seat: SeatStats) -> str:
    if seat.resting_till is None:
        return t("line.awake")
    till = time.strftime("%H:%M:%S", time.localtime(seat.resting_till))
    return t("line.resting_till", time=till, reason=t(f"kind.{seat.error}"))


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
