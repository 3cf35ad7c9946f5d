"""Keys: ``%llm login``, ``logout``."""

from __future__ import annotations

import os

from ...chat.session import session
from ...errors import NbstreamError, fail
from ...i18n import t
from ...providers import registry
from ...show.cards import literal
from ...show.console import put
from ..surface import surface
from .registry import verb


@verb("login")
def login(name: str) -> str:
    from ...chat.fetch import models as ask

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


@verb("logout")
def logout(name: str | None = None) -> str:
    gone = session().logout(name)
    said = [t("line.logged_out", names=", ".join(gone)) if gone else t("line.nothing_kept")]
    only = registry.get(name).name if name else None
    for provider in registry.keyed():
        held = [one for field in provider.fields for one in field.env if os.environ.get(one, "").strip()]
        if held and only in (None, provider.name):
            said.append(t("line.in_environment", name=provider.name, names=literal(", ".join(held))))
    return "\n\n".join(said)
