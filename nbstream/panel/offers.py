"""Which models a panel offers: those of a tape, those that can be asked, then those that need a key."""

from __future__ import annotations

from contextlib import suppress
from importlib.util import find_spec

from ..chat.catalog import catalog, is_local
from ..chat.session import Session
from ..errors import NbstreamError
from ..i18n import t
from ..magics.sources import look_up
from ..messages import ChatRequest, Message
from ..providers import registry
from ..providers.base import Provider

MOST = 300
"""Models of one provider that are listed: the others can be typed."""
PATIENCE = 4.0
"""Seconds for the services to say what they have, while what is known is shown."""


def offers(here: Session, using: str = "") -> list[tuple[str, str]]:
    """The models as far as they are known, by full name, and what is to be said of each.

    Services do not list all they have: so the one in use and those that a policy names are among them.
    """
    ready, taped, others = here.ready(), _taped(here), list[tuple[Provider, str]]()
    found = dict(taped)
    may = here.policy.allows  # what a teacher does not allow is not offered
    local = [name for name in catalog().heard_of() if is_local(name)]
    for name in dict.fromkeys([*ready, *local, *registry.names()]):
        with suppress(NbstreamError):  # another package's, which is broken
            provider = registry.get(name)
            if keyless(provider) and not _there(provider):
                continue
            if (taped or not here.policy.tapes) and played(here, provider, provider.default_model):
                continue  # what the tape does not hold would not be answered
            names = here.policy.named(name)
            names += [using.partition(":")[2]] if using.partition(":")[0] == name else []
            asked = name in ready or keyless(provider)
            names += catalog().names(name) if asked else [provider.default_model]
            names = [one for one in dict.fromkeys(filter(None, names)) if may(provider, one)][:MOST]
            if asked:
                for model in names:
                    found.setdefault(full(provider, model), provider.label)
                found |= {name: t("sheet.demo")} if name == "demo" else {}
            else:
                others += [(provider, model) for model in names]
    # Who reads Chinese finds the services with a Chinese name first.
    for provider, model in sorted(others, key=lambda one: one[0].label.isascii()):
        found[full(provider, model)] = f"{provider.label} · {t('sheet.needs_key')}"
    return list(found.items())


def played(here: Session, provider: Provider, model: str) -> bool:
    """Whether a tape stands in for `provider`, so that no key is needed; one that cannot be read does not."""
    with suppress(NbstreamError):
        question = ChatRequest((Message("user", ""),), model)
        return here.player is not None and here.player.plays(provider, question)
    return False


def _taped(here: Session) -> dict[str, str]:
    """The models whose answers are on the tape that is played, if it may be."""
    found: dict[str, str] = {}
    player = None
    with suppress(NbstreamError):
        player = here.player
    for model in player.models if player is not None and here.policy.tapes else ():
        with suppress(NbstreamError):  # of a provider that is not installed here
            provider, name = registry.split(model)
            found[full(provider, name)] = f"{provider.label} · {t('sheet.on_tape')}"
    return found


def full(provider: Provider, model: str) -> str:
    """As ``-m`` takes it.

    >>> full(registry.get("demo"), "demo")
    'demo:demo'
    """
    return f"{provider.name}:{model}" if model else provider.name


def keyless(provider: Provider) -> bool:
    """Whether it can be asked without any key."""
    return not (provider.needs or any(field.required for field in provider.fields))


def ask_around(here: Session) -> None:
    """Have those say what they offer who are here or have our key; the others are not asked."""
    names = {*here.ready(), *(name for name in registry.names() if is_local(name))}
    for name in sorted(names):
        with suppress(NbstreamError):
            look_up(name, 0)
    catalog().wait(PATIENCE)


def _there(provider: Provider) -> bool:
    if provider.package:
        return find_spec(provider.package) is not None
    return not is_local(provider.name) or provider.name in catalog().heard_of()
