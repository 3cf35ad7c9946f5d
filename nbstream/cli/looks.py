"""``nbstream doctor`` and ``nbstream providers``: what there is, and whether it works."""

from __future__ import annotations

import argparse
import shutil
import sys
from importlib.util import find_spec

from ..chat.session import session
from ..errors import fail
from ..i18n import language, t
from ..providers import registry
from ..providers.base import Provider
from ..show.cards import table
from ..show.console import put
from ..show.plaintext import plain, width
from . import BROKEN, GOOD


def doctor(options: argparse.Namespace) -> int:
    """What ``%llm doctor`` finds; with 1 where a row is red."""
    from ..magics.verbs.finding import examined, report

    found = examined(_named(options.provider, "doctor"))
    # Its lines are for cells; a shell has no %.
    put(plain(report(found)).replace("%pip install", f"{sys.executable} -m pip install"))
    return BROKEN if any(one.level == "bad" for one in found) else GOOD


def providers(options: argparse.Namespace) -> int:
    """All providers, a row for each; or all that is known of one."""
    if (name := _named(options.provider, "providers")) is not None:
        put(plain(_one(registry.get(name))))
        return GOOD
    ready = session().ready()
    # Who reads Chinese finds the services with a Chinese name first.
    every = sorted(registry.loaded(), key=lambda one: (language() == "zh" and one.label.isascii(), one.name))
    heads = ["provider", "label", "default_model", "ready", "environment", "key_page"]
    rows = [
        [one.name, one.label, one.default_model, _ready(one, ready), " ".join(_variables(one)), one.key_page]
        for one in every
    ]
    shown = plain(table([t(f"command.column.{head}") for head in heads], rows))
    last = t("command.providers.last")
    # A pipe takes it all; a screen only what does not break its lines.
    seen = sys.stdout is not None and sys.stdout.isatty()
    if seen and max(map(width, shown.splitlines())) > shutil.get_terminal_size().columns:
        shown = plain(table([t(f"command.column.{head}") for head in heads[:4]], [row[:4] for row in rows]))
    put(f"{shown}\n\n{last}")
    return GOOD


def _named(name: str | None, command: str) -> str | None:
    """`name`, if it is a provider's or none is given."""
    if name is None or (wrong := registry.unknown([name])) is None:
        return name
    known = t("list.joint").join(registry.names())
    raise fail("config.usage_provider", name=name[:40], known=known, line=f"nbstream {command} {wrong[1]}")


def _ready(provider: Provider, ready: list[str]) -> str:
    if provider.package:
        return t("line.own_keys" if find_spec(provider.package) else "doctor.absent")
    if not (provider.needs or any(field.required for field in provider.fields)):
        return t("line.no_key_needed")
    return "✓" if provider.name in ready else "–"


def _variables(provider: Provider) -> list[str]:
    """The variables of the environment that hold all it needs: one way, where there are several."""
    needed = provider.needs[0] if provider.needs else [one.name for one in provider.fields if one.required]
    return [field.env[0] for field in provider.fields if field.name in needed and field.env]


def _one(provider: Provider) -> str:
    names = [alias for alias, one in registry.aliases().items() if one == provider.name]
    variables = [f"{field.shown}: {' / '.join(field.env)}" for field in provider.fields if field.env]
    facts = {
        "provider": provider.name,
        "label": provider.label,
        "aliases": ", ".join(names),
        "default_model": provider.default_model,
        "ready": _ready(provider, session().ready()),
        "environment": "; ".join(variables),
        "key_page": provider.key_page,
        "address": provider.base_url,
    }
    rows = [[t(f"command.column.{name}"), said] for name, said in facts.items() if said]
    lines = [] if provider.name == "demo" else [t("command.providers.connect", name=provider.name)]
    return "\n\n".join([table(["", ""], rows), *lines])
