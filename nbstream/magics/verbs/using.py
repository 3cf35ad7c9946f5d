"""Which model, which language: ``%llm``, ``use``, ``models``, ``lang``, ``help``."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.util import find_spec

from ...chat.catalog import catalog
from ...chat.session import session
from ...chat.tap import at_work
from ...errors import NbstreamError, fail
from ...i18n import LANGUAGES, language, magic, set_language, t
from ...providers import registry
from ...providers.base import Model, Provider
from ...providers.facts import at_home, facts
from ...show.cards import literal, running_markdown, table
from ..sources import source
from .registry import Shown, verb

SPOKEN = {"english": "en", "英文": "en", "英语": "en", "chinese": "zh", "中文": "zh", "汉语": "zh"}
ALIASES = 5
"""Other names of one provider that are shown."""
CURRENCIES = {"USD": "$", "CNY": "¥"}


@verb("status")
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
            *([t("turn.tape"), one if isinstance(one, str) else one.what] for one in at_work(here)),
            *(
                [[t("policy.name"), t("policy.brief_more", brief=brief)]]
                if (brief := here.policy.in_brief())
                else []
            ),
            [t("line.help"), f"%{magic()} help"],
        ],
    )


@verb("help")
def help_(name: str | None = None) -> Shown:
    from ..help import line_help

    return line_help(name)


@verb("use")
def use(model: str) -> str:
    using = session().use(model)
    said = t("line.using", model=literal(using))
    return "\n\n".join(filter(None, [said, not_listed(using, literal)]))


def not_listed(using: str, written: Callable[[str], str] = str) -> str:
    """What to say where a service has told its models, and the one in use is none of them."""
    provider, _, name = using.partition(":")
    listed = catalog().names(provider) if provider in catalog().heard_of() and name else []
    near = difflib.get_close_matches(name, listed, n=3) if name not in listed else []
    names = t("list.joint").join(map(written, near))
    return t("line.not_listed", label=registry.get(provider).label, near=names) if near else ""


@verb("lang")
def lang(name: str | None = None) -> str:
    """Choose the language of all sentences, or say which it is."""
    if name is not None:
        wanted = SPOKEN.get(name.casefold(), name.casefold().replace("_", "-").partition("-")[0])
        if wanted not in (*LANGUAGES, "auto"):
            raise fail("config.language", name=name[:20])
        set_language(None if wanted == "auto" else wanted)
        session().watchers.changed()  # panels speak it, too
        from ..load import describe

        describe()
    said = "line.language" if name is not None else "line.spoken"
    return t(said, line=f"%{magic()} lang {'en' if language() == 'zh' else 'zh'}")


@verb("models")
def models(name: str | None = None) -> str:
    if name is None:
        return _everybody()
    try:
        provider = registry.get(name)
    except NbstreamError:
        if found := _search(name):
            return found
        raise
    return _offered(provider)


def _everybody() -> str:
    from ...chat.fetch import found_by, nearby

    here = session()
    looking = nearby()
    ready = here.ready()
    others: dict[str, list[str]] = {}
    for alias, one in registry.aliases().items():
        others.setdefault(one, []).append(alias)
    rows = []
    # Who reads Chinese finds the services with a Chinese name first.
    for provider in sorted(registry.loaded(), key=lambda one: one.label.isascii()):
        one = provider.name
        keyless = not (provider.needs or any(field.required for field in provider.fields))
        mark = t("line.no_key_needed") if keyless else "✓" if one in ready else f"%{magic()} login {one}"
        if provider.package:
            here_too = find_spec(provider.package) is not None
            mark = t("line.own_keys") if here_too else f'pip install "nbstream[{provider.package}]"'
        also = [alias for alias in others.get(one, ()) if language() == "zh" or alias.isascii()][:ALIASES]
        rows.append([one, provider.label, ", ".join(also), provider.default_model, mark])
    heads = [t("line.provider"), "", t("line.aliases"), t("line.default_model"), t("line.key")]
    brief = here.policy.in_brief()
    held = literal(t("policy.said", brief=brief)) if brief else ""
    return "\n\n".join(filter(None, [table(heads, rows), running_markdown(found_by(looking)), held]))


def _offered(provider: Provider) -> str:
    """The models of one provider, with what is known of them."""
    from ...chat.fetch import models as ask

    here = session()
    found = ask(provider, here.credentials(provider), here.base_url(provider))
    if found:
        catalog().keep(provider.name, [one.name for one in found], source(provider.name))
    if found is None and not (found := list(provider.listed)):
        found = [Model(provider.default_model)]
    return _listed([(provider.name, one.name, one.label) for one in found])


def _listed(found: list[tuple[str, str, str]]) -> str:
    """A table of models, its columns those in which something stands."""
    rows = []
    for provider, model, label in found:
        known = facts(provider, model)
        one = registry.get(provider)
        # Another address than the service's own may have other prices.
        price = known.price if at_home(session().base_url(one), one.base_url) else None
        cost = t("line.unknown")
        if price is not None:
            sign = CURRENCIES.get(price.currency, price.currency + " ")
            cost = f"{sign}{price.input:g} → {sign}{price.output:g}"
        reads = f"{known.reads:,}" if known.reads else t("line.unknown")
        rows.append([f"{provider}:{model}".rstrip(":"), "" if label == model else label, reads, cost])
    heads = [t("line.model"), "", t("line.window"), t("line.price")]
    nothing = ("", t("line.unknown"))
    kept = [0, *(place for place in (1, 2, 3) if any(row[place] not in nothing for row in rows))]
    return table([heads[place] for place in kept], [[row[place] for place in kept] for row in rows])


def _search(word: str) -> str:
    """The models with `word` in their names; only those that are ready or run here are asked."""
    from ...chat.fetch import found_by, nearby
    from ...chat.fetch import models as ask

    here, looking = session(), nearby()

    def names(one: str) -> list[tuple[str, str, str]]:
        provider = registry.get(one)
        with suppress(NbstreamError):
            if (listed := ask(provider, here.credentials(provider), here.base_url(provider))) is not None:
                catalog().keep(one, [model.name for model in listed], source(one))
        return [(one, name, "") for name in catalog().names(one)]

    ready = here.ready()
    found: list[tuple[str, str, str]] = []
    if ready:
        with ThreadPoolExecutor(len(ready)) as together:
            found = [one for listed in together.map(names, ready) for one in listed]
    found += [(one.provider, name, "") for one in found_by(looking) for name in one.models]
    # Of the others what is known without asking anybody.
    rest = [one for one in registry.loaded() if one.name not in ready]
    found += [(one.name, name, "") for one in rest for name in catalog().names(one.name)]
    found = list(dict.fromkeys(found))
    hits = [one for one in found if word.casefold() in one[1].casefold()]
    return _listed(hits) if hits else ""
