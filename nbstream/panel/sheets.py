"""What the popups of a panel's head hold, as data: a title, items to choose, fields to fill in.

An item carries the wish that choosing it is; a form the wish to which what is typed is added. `secret`: what
is typed travels in bytes. All that a view knows of a popup stands here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..chat.conversation import Conversation
from ..credentials import CredentialField
from ..i18n import t
from ..providers.base import Provider

Sheet = dict[str, Any]
OPS = ("new", "rename", "branch", "remove")
"""What can be done with conversations, beside opening one."""
VERBS = {"new": "create", "rename": "rename", "branch": "create", "remove": "delete"}


def item(label: str, wish: Mapping[str, Any], detail: str = "", *, current: bool = False) -> Sheet:
    """Something to choose; `text` is what a search looks through."""
    text = f"{label} {detail}".lower()
    return {"label": label, "detail": detail, "text": text, "current": current, "wish": dict(wish)}


def models(items: list[Sheet], wish: Mapping[str, Any]) -> Sheet:
    """The models, with a search; what is not in the list can be typed."""
    label = t("sheet.model_find")
    find = {"placeholder": label, "ariaLabel": label, "wish": dict(wish)}
    find["more"] = {**wish, "do": "models"}
    return {"title": t("sheet.model_choose"), "items": items, "find": find}


def key(provider: Provider, wish: Mapping[str, Any]) -> Sheet:
    """What the provider needs, and where one gets it."""
    sets = provider.needs

    def field(one: CredentialField) -> Sheet:
        needed = all(one.name in names for names in sets) if sets else one.required
        label = one.shown if needed or len(sets) > 1 else t("sheet.optional", field=one.shown)
        kind = "password" if one.hidden else "text"
        return {"name": one.name, "label": label, "type": kind, "required": needed, "spellcheck": False}

    shown = {one.name: one.shown for one in provider.fields}
    either = t("sheet.or").join(" + ".join(shown[name] for name in names) for names in sets)
    page = provider.key_page if provider.key_page.startswith(("https://", "http://")) else ""
    return {
        "title": t("sheet.key_for", label=provider.label),
        "text": t("sheet.one_of", sets=either) if len(sets) > 1 else "",
        "link": page,
        "fields": [field(one) for one in provider.fields],
        "verb": t("sheet.save"),
        "secret": True,
        "wish": {**wish, "do": "login", "provider": provider.name},
    }


def said(title: str, text: str) -> Sheet:
    """A sentence, and a button that closes it."""
    return {"title": title, "text": text, "verb": t("sheet.done")}


def talks(counts: Iterable[tuple[str, int]], shown: str) -> Sheet:
    """The conversations, and what can be done with them."""
    items = [
        item(
            name,
            {"do": "talk", "op": "open", "name": name},
            t("sheet.turns", count=count),
            current=name == shown,
        )
        for name, count in counts
    ]
    verbs = [item(t(f"sheet.talk_{op}"), {"do": "naming_sheet", "op": op}) for op in OPS]
    verbs[0]["kind"] = "nbp-apart"
    items += verbs
    return {"title": t("sheet.talks"), "items": items}


def naming(op: str, talk: Conversation) -> Sheet:
    """A name for a conversation, or whether it is really to go."""
    sheet = {
        "title": t(f"sheet.talk_{op}"),
        "verb": t(f"sheet.{VERBS[op]}"),
        "wish": {"do": "talk", "op": op, "of": talk.name, "form": True},
    }
    if op == "remove":
        return sheet | {"text": t("sheet.talk_sure", name=talk.name, count=len(talk.turns))}
    label = t("sheet.talk_name" if op == "rename" else "sheet.talk_any")
    value = talk.name if op == "rename" else ""
    return sheet | {"fields": [{"name": "name", "label": label, "value": value, "required": op == "rename"}]}


def settings(presets: Mapping[str, Any], language: str) -> Sheet:
    """What the next turns of a conversation are asked with, and the language."""
    number: Sheet = {"type": "number", "min": 0, "step": "any", "placeholder": t("sheet.default")}
    values = {name: str(presets.get(name) or "") for name in ("system", "max_tokens")}
    heat = presets.get("temperature")
    spoken = [("auto", t("sheet.language_auto")), ("en", "English"), ("zh", "中文")]
    fields: list[Sheet] = [
        {"name": "system", "tag": "textarea", "value": values["system"]},
        {"name": "temperature", **number, "value": "" if heat is None else str(heat)},
        {"name": "max_tokens", **number, "min": 1, "step": 1, "value": values["max_tokens"]},
        {"name": "language", "tag": "select", "options": spoken, "value": language},
    ]
    return {
        "title": t("sheet.settings"),
        "fields": [{**one, "label": t(f"sheet.{one['name']}")} for one in fields],
        "verb": t("sheet.save"),
        "wish": {"do": "settings"},
    }


def exports(kinds: Iterable[str]) -> Sheet:
    """The kinds of file that a conversation can become."""
    items = [item(t(f"sheet.export_{kind[1:]}"), {"do": "export", "kind": kind}, kind) for kind in kinds]
    return {"title": t("sheet.export"), "items": items}
