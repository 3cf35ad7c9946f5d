"""Which model: ``%llm``, ``use``, ``models``."""

from __future__ import annotations

from importlib.util import find_spec

from ...chat.session import session
from ...i18n import t
from ...providers import registry
from ...show.cards import literal, running_markdown, table
from .registry import verb


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
            [t("line.help"), "%llm help"],
        ],
    )


@verb("use")
def use(model: str) -> str:
    return t("line.using", model=literal(session().use(model)))


@verb("models")
def models(name: str | None = None) -> str:
    from ...chat.fetch import found_by, nearby
    from ...chat.fetch import models as ask

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
