"""The HTML of a panel's view that is the same in every panel: made here, in the language in use.

The view places it once, and clones what stands in its template: a turn, a file that goes along, the bar of
a code block. ``data-do`` names what a button wishes, ``data-can`` the deed without which it is hidden. The
labels are ours; ``{view}`` stands for the name of the view.
"""

from __future__ import annotations

from html import escape
from typing import Any

from ..i18n import t

ICONS = {
    "send": "M8 13V3M3.5 7.5 8 3l4.5 4.5",
    "stop": "M4.5 4.5h7v7h-7z",
    "copy": "M5.5 5.5V3h7.5v7.5h-2.5M3 5.5h7.5V13H3z",
    "retry": "M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3",
    "edit": "M3 13l.6-2.6L10.8 3.2l2 2L5.6 12.4z",
    "remove": "M3 4.5h10M6 4.5V3h4v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5",
    "close": "M4 4l8 8M12 4l-8 8",
    "left": "M10 3.5 5.5 8l4.5 4.5",
    "right": "M6 3.5 10.5 8 6 12.5",
    "down": "M3.5 6 8 10.5 12.5 6",
    "attach": "M11.5 6.5 7 11a2 2 0 0 1-3-3l5-5a1.3 1.3 0 0 1 2 2L6.5 9.5",
    "settings": "M2.5 5h6M11.5 5h2M2.5 11h2M7.5 11h6M10 3.5v3M6 9.5v3",
    "export": "M8 2.5v7M5 7l3 3 3-3M3 13h10",
}


def frame() -> str:
    """All of it."""
    cloned = f"<template>{_turn()}{_file()}{_bar()}</template>"
    return _head() + _life() + _transcript() + _composer() + _unseen() + cloned


def _head() -> str:
    picks = "".join(
        f'<button type="button" name="{name}_sheet" class="nbp-pick nbp-{name}" aria-haspopup="dialog"'
        f"{attributes({'value': label})}><span></span>{icon('down')}</button>"
        for name, label in (("talks", t("panel.talks")), ("model", t("panel.model")))
    )
    more = pictured("settings", t("panel.settings"), name="settings_sheet", aria_haspopup="dialog")
    more += pictured("export", t("panel.export"), name="export_sheet", aria_haspopup="dialog")
    return f'<div class="nbp-head">{picks}{more}</div>'


def _life() -> str:
    return '<div class="nbp-life" role="status" hidden></div>'


def _transcript() -> str:
    # Not live: sentences are said in the unseen region, not each word.
    log = attributes({"aria-label": t("panel.log")})
    return (
        '<div class="nbp-transcript">'
        f'<div class="nbp-log" role="log" aria-live="off" tabindex="0"{log}></div>'
        f"{pictured('down', t('panel.newest'), hidden=True)}</div>"
    )


def _composer() -> str:
    box = attributes({"aria-label": t("panel.message")})
    names = attributes({"aria-label": t("panel.names")})
    return (
        '<div class="nbp-composer"><div class="nbp-opening"></div><ul class="nbp-queue"></ul>'
        '<ul class="nbp-chips"></ul><div class="nbp-why" role="status"></div>'
        f'<div class="nbp-editing" hidden><span></span>{worded(t("panel.cancel"), {"do": "cancel"})}</div>'
        '<div class="nbp-frame"><textarea dir="auto" maxlength="700000" aria-autocomplete="list"'
        f' aria-controls="nbp-{{view}}"{box}></textarea>'
        f'<ul class="nbp-names" role="listbox" id="nbp-{{view}}"{names}></ul>'
        f'<div class="nbp-acts">{pictured("attach", t("panel.attach"), {"do": "attach"})}'
        '<input type="file" multiple hidden>'
        f'<button type="button" class="nbp-icon">{icon("send")}{icon("stop")}</button></div></div></div>'
    )


def _unseen() -> str:
    return '<div class="nbp-unseen" role="status"></div>'


def _turn() -> str:
    asking = pictured("edit", t("panel.edit"), {"do": "edit", "can": "edit"})
    asking += pictured("remove", t("panel.remove"), {"do": "remove", "can": "remove"})
    back = pictured("left", t("panel.version_back"), {"do": "version", "step": -1})
    on = pictured("right", t("panel.version_on"), {"do": "version", "step": 1})
    tools = worded(t("panel.continue"), {"do": "continue", "can": "continue"})
    tools += pictured("copy", t("panel.copy"), {"do": "copy", "can": "copy"})
    tools += pictured("retry", t("panel.retry"), {"do": "retry", "can": "retry"})
    tools += pictured("down", t("panel.retry_other"), {"do": "choosemodel", "can": "retry"})
    return (
        '<article tabindex="-1"><div class="nbp-ask" dir="auto">'
        f'<div class="nbp-tools" dir="ltr">{asking}</div>'
        '<div class="nbp-mark"></div><div class="nbp-prompt"></div>'
        f'<div class="nbp-files"></div>{worded(t("panel.whole"), {"do": "whole"})}</div>'
        '<details class="nbp-thought"><summary></summary><div dir="auto"></div></details>'
        '<div class="nbs-body jp-RenderedHTMLCommon" dir="auto"></div><div class="nbp-error"></div>'
        f'<div class="nbp-line"><div class="nbp-steps">{back}<span></span>{on}</div>'
        f'<div class="nbp-foot"></div><div class="nbp-tools">{tools}</div></div></article>'
    )


def _file() -> str:
    return f"<li><span></span>{pictured('close', t('panel.unattach'), {'do': 'unattach'})}</li>"


def _bar() -> str:
    """It has no text of its own: what one selects, counts or reads in a block is the answer and no more."""
    line = '<button type="button" class="nbp-icon" data-do="copyline"></button>'
    code = pictured("copy", t("panel.code_copy"), {"do": "code"})
    return f'<div class="nbp-bar"><span></span>{line}{code}</div>'


# --- pieces ---------------------------------------------------------------------------------------------


def icon(name: str) -> str:
    """A picture; what it is called stands elsewhere."""
    return f'<svg viewBox="0 0 16 16" aria-hidden="true"><path d="{ICONS[name]}"/></svg>'


def pictured(picture: str, label: str, wish: dict[str, Any] | None = None, /, **facts: Any) -> str:
    """A button that shows a picture."""
    said = attributes({"title": label, "aria-label": label, **facts}) + data(wish or {})
    return f'<button type="button" class="nbp-icon"{said}>{icon(picture)}</button>'


def worded(label: str, wish: dict[str, Any], **facts: Any) -> str:
    """A button that shows words."""
    return f'<button type="button" class="nbp-button"{attributes(facts)}{data(wish)}>{escape(label)}</button>'


def data(wish: dict[str, Any]) -> str:
    """What a button wishes, as the attributes that the view makes a wish of: its values are words then."""
    known = ((name, value) for name, value in wish.items() if value is not None and value is not False)
    return attributes({f"data-{name}": str(value) for name, value in known})


def attributes(facts: dict[str, Any]) -> str:
    """Attributes of an element, escaped; one that is False or None is not there, one that is True is bare.

    >>> attributes({"name": "a&b", "required": True, "hidden": False})
    ' name="a&amp;b" required'
    """
    said = []
    for name, value in facts.items():
        if value is True:
            said.append(f" {name.replace('_', '-')}")
        elif value is not None and value is not False:
            said.append(f' {name.replace("_", "-")}="{escape(str(value))}"')
    return "".join(said)
