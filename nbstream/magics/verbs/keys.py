"""Keys: ``%llm login``, ``logout``."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping

from IPython.core.getipython import get_ipython

from ...chat.session import session
from ...chat.signin import SignedIn, sign_in
from ...credentials import Secret
from ...errors import NbstreamError, fail
from ...i18n import t
from ...keysources import dotenv, vault
from ...providers import registry
from ...providers.base import Provider
from ...show.cards import literal
from ...show.console import put
from ..args import key_on_line
from ..surface import surface
from .registry import VERBS, verb


@verb("login")
def login(*names: str, env: bool = False, keyring: bool = False, clear: bool = False) -> str:
    if clear:
        return _cleared()
    if env:
        return _from_file(list(names), keyring)
    if len(names) != 1:
        if names:  # whatever it looks like: what else would one write here?
            raise key_on_line(*names)
        raise VERBS["login"].incomplete(t("words.one"))
    provider = registry.get(names[0])
    if not provider.fields:
        raise fail("config.no_login", provider=provider.name, label=provider.label)
    if surface() == "headless":
        raise fail("config.no_prompt", provider=provider.name, label=provider.label)
    if keyring:
        vault.usable()  # said before somebody has typed anything
    if provider.key_page:
        put(t("login.where", page=provider.key_page))
    try:
        return _kept(provider, {}, keyring)
    except KeyboardInterrupt:
        raise fail("config.login_stopped", provider=provider.name) from None


def _kept(provider: Provider, given: dict[str, Secret], keyring: bool) -> str:
    """Keep what was `given`, or is asked for, unless the provider refuses it; in the `keyring`, too."""
    here = session()
    try:
        signed = sign_in(here, provider, given)
    except NbstreamError as error:
        if error.case == "no_key" and not given:  # Enter, and no key before it
            raise fail("config.login_empty", provider=provider.name, label=provider.label) from None
        raise
    lines = [entered(provider, signed)]
    if signed.before is not None and signed.before != signed.found:
        lines.append(t("login.rotated", before=_shown(provider, signed.before)))
    if keyring:
        vault.write(provider.name, signed.found)
        lines.append(t("login.in_keyring", provider=provider.name))
    if (using := here.default_model()).partition(":")[0] != provider.name:
        lines.append(t("login.next", model=literal(using), provider=provider.name))
    return "\n\n".join(lines)


def entered(provider: Provider, signed: SignedIn, written: Callable[[str], str] = literal) -> str:
    """Whose keys were taken in, how they end, and whether they were checked; foreign text `written` so."""
    mark = "✓" if signed.checked else t("login.unchecked")
    if signed.unreached is not None:
        mark = t("login.unreached", reason=written(signed.unreached.what))
    return t("login.done", provider=provider.label, shown=_shown(provider, signed.found, written), mark=mark)


def _shown(provider: Provider, found: Mapping[str, Secret], written: Callable[[str], str] = literal) -> str:
    return ", ".join(
        f"{field.shown} {found[field.name] if field.hidden else written(found[field.name].reveal())}"
        for field in provider.fields
        if field.name in found
    )


def _from_file(names: list[str], keyring: bool) -> str:
    """The keys of one provider, or of all, that stand in a file of variables."""
    only = None
    if names and not os.path.exists(os.path.expanduser(names[0])):
        only = registry.get(names[0])
    rest = names[1:] if only else names
    if len(rest) > 1:
        raise key_on_line(*names)
    path = rest[0] if rest else dotenv.USUAL
    variables = dotenv.read(path)
    warning = [t("login.env_open", path=literal(path))] if dotenv.open_to_others(path) else []
    here, said = session(), []
    for provider in [only] if only else registry.loaded():
        found = {}
        for field in provider.fields:
            if name := next((name for name in field.env if name in variables), ""):
                found[field.name] = variables[name]
        if here.keys.missing(provider, found) or not found:
            continue
        if only:
            return "\n\n".join([_kept(provider, found, keyring), *warning])
        here.login(provider.name, **found)
        said.append(t("login.done", provider=provider.label, shown=_shown(provider, found), mark=""))
        if keyring:
            vault.write(provider.name, found)
            said.append(t("login.in_keyring", provider=provider.name))
    if said:
        return "\n\n".join([*said, t("login.from_file", path=literal(path)), *warning])
    if only:
        looked = ", ".join(name for field in only.fields for name in field.env) or "—"
        raise fail("config.env_names", path=path, provider=only.name, label=only.label, names=looked)
    raise fail("config.env_nothing", path=path, first="OPENAI_API_KEY")


def _cleared() -> str:
    """Take the keys that are known here out of IPython's history."""
    from ..cleansing import cleanse

    keys = session().keys
    secrets = [secret for _, secret in keys.known(least=8)] + keys.refused
    try:
        count = cleanse(get_ipython(), secrets)
    except sqlite3.Error as error:
        return t("login.clear_failed", reason=literal(str(error)))
    keys.refused.clear()
    return t("login.cleared", count=count) if count else t("login.nothing_to_clear")


@verb("logout")
def logout(name: str | None = None, *, keyring: bool = False) -> str:
    here = session()
    only = registry.get(name).name if name else None
    gone = here.logout(name)
    said = [t("line.logged_out", names=", ".join(gone))] if gone else []
    if keyring:
        out = [one for one in registry.names() if only in (None, one) and vault.remove(one)]
        said += [t("line.out_of_keyring", names=", ".join(out))] if out else []
    said = said or [t("line.nothing_kept")]
    for provider in registry.keyed():
        if only not in (None, provider.name):
            continue
        held = [one for field in provider.fields for one in field.env if os.environ.get(one, "").strip()]
        if held:
            said.append(t("line.in_environment", name=provider.name, names=literal(", ".join(held))))
        if vault.stored(provider.name):
            said.append(t("line.in_keyring", name=provider.name))
    return "\n\n".join(said)
