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


def models(items: list[Sheet], wish: Mapping[str, Any], *, again: bool = False) -> Sheet:
    """The models, with a search; what is not in the list can be typed. `again`: to ask a question anew."""
    label = t("sheet.model_find")
    find: Sheet = {"type": "search", "placeholder": label, "ariaLabel": label, "wish": dict(wish)}
    find["more"] = {**wish, "do": "models"}
    title = t("panel.retry_other") if again else t("sheet.model_choose")
    return {"title": title, "items": items, "find": find}


def key(provider: Provider, wish: Mapping[str, Any]) -> Sheet:
    """What the provider needs, and where one gets it."""
    sets = provider.needs

    def field(one: CredentialField) -> Sheet:
        needed = all(one.name in names for names in sets) if sets else one.required
        label = one.shown if needed or len(sets) > 1 else t("sheet.optional", field=one.shown)
        kind = "password" if one.hidden else "text"
        return _field(one.name, label, type=kind, required=needed, spellcheck=False)

    shown = {one.name: one.shown for one in provider.fields}
    either = t("sheet.or").join(" + ".join(shown[name] for name in names) for names in sets)
    which = t("sheet.one_of", sets=either) if len(sets) > 1 else ""
    page = provider.key_page if provider.key_page.startswith(("https://", "http://")) else ""
    return {
        "title": t("sheet.key_for", label=provider.label),
        "text": f"{which} {t('sheet.in_memory')}".strip(),
        "link": {"href": page, "target": "_blank", "rel": "noreferrer"} if page else None,
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
    return sheet | {"fields": [_field("name", label, value, required=op == "rename")]}


def settings(presets: Mapping[str, Any], language: str) -> Sheet:
    """What the next turns of a conversation are asked with, and the language."""
    number: Sheet = {"type": "number", "min": 0, "step": "any", "placeholder": t("sheet.default")}
    system, heat, most = (presets.get(name) for name in ("system", "temperature", "max_tokens"))
    spoken = [("auto", t("sheet.language_auto")), ("en", "English"), ("zh", "中文")]
    fields = [
        _field("system", t("sheet.system"), system or "", tag="textarea"),
        _field("temperature", t("sheet.temperature"), "" if heat is None else f"{heat:.15g}", **number),
        _field("max_tokens", t("sheet.max_tokens"), str(most or ""), **{**number, "min": 1, "step": 1}),
        _field("language", t("sheet.language"), language, tag="select", options=spoken),
    ]
    return {
        "title": t("sheet.settings"),
        "fields": fields,
        "verb": t("sheet.save"),
        "wish": {"do": "settings"},
    }


def exports(kinds: Iterable[str]) -> Sheet:
    """The kinds of file that a conversation can become."""
    items = [item(t(f"sheet.export_{kind[1:]}"), {"do": "export", "kind": kind}, kind) for kind in kinds]
    return {"title": t("sheet.export"), "items": items}


def _field(name: str, label: str, value: str = "", **facts: Any) -> Sheet:
    """One that can be filled in: what the page's element of this kind is told, its value at last."""
    return {"name": name, "label": label, "dir": "auto", "autocomplete": "off", **facts, "value": value}
