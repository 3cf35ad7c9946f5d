"""Messages to a view with HTML in them: what the desk tells as data is rendered here, and the view places it.

All texts of people, models and servers are escaped; what is HTML already (an answer's blocks, footers, the
cards of errors) was made safe where it was made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from typing import Any

from ..i18n import magic, t
from .frame import attributes, data, pictured, worded

Facts = dict[str, Any]
NAMED = 60
"""Characters of a waiting message in the name of its button."""
DEEDS = ("edit", "remove", "continue", "copy", "retry")
"""What can be done with a turn, perhaps."""
FOLDED_CHARACTERS, FOLDED_LINES = 900, 12
"""A prompt that is longer is folded at first."""


def placed(message: Facts) -> Facts:
    """`message` as a view takes it.

    >>> placed({"seq": 1, "state": {"opening": {"prompts": [], "line": "To <you>."}}})["state"]
    {'opening': '<p>To &lt;you&gt;.</p>'}
    """
    told = dict(message)
    if "state" in told:
        told["state"] = {name: _STATE.get(name, _as_it_is)(value) for name, value in told["state"].items()}
    if "turns" in told:
        told["turns"] = [_operation(one) for one in told["turns"]]
    if "reply" in told:
        told["reply"] = _reply(told["reply"])
    return told


def _as_it_is(value: Any) -> Any:
    return value


# --- around the composer --------------------------------------------------------------------------------


def _notice(notice: Facts | None) -> str:
    if not notice:
        return ""
    said = (notice.get(name) for name in ("text", "why", "fix"))
    words = "".join(f"<p>{escape(text)}</p>" for text in said if text)
    return words + _fixes(notice["fixes"]) + pictured("close", t("panel.dismiss"), {"do": "dismiss"})


def _fixes(fixes: Iterable[Facts]) -> str:
    wishes = ((fix["label"], fix.get("wish") or {"do": "copyline", "line": fix["copy"]}) for fix in fixes)
    return "".join(worded(label, wish) for label, wish in wishes)


def _queue(entries: Iterable[Facts]) -> str:
    return "".join(map(_entry, entries))


def _entry(entry: Facts) -> str:
    if "busy" in entry:
        return f"<li hidden><span>{escape(entry['busy'])}</span></li>"
    if "more" in entry:
        return f"<li><b>+{entry['more']}</b></li>"
    text, number = " · ".join([entry["text"], *entry["files"]]), entry["id"]
    named = f"{t('panel.unqueue')} {text[:NAMED]}"
    back = pictured("close", t("panel.unqueue"), {"do": "unqueue", "entry": number}, aria_label=named)
    when = t("panel.held") if entry["held"] else t("panel.waits")
    now = worded(t("panel.send_now"), {"do": "sendnow", "entry": number})
    return f"<li><span>{escape(text)}</span>{back}<b>{escape(when)}</b>{now}</li>"


def _opening(opening: Facts | None) -> str:
    if not opening:
        return ""
    prompts = "".join(worded(text, {"do": "prompt"}) for text in opening["prompts"])
    return f"{prompts}<p>{escape(opening['line'])}</p>"


_STATE: dict[str, Callable[[Any], Any]] = {"notice": _notice, "queue": _queue, "opening": _opening}


# --- turns ----------------------------------------------------------------------------------------------


def _operation(operation: list[Any]) -> list[Any]:
    return [*operation[:-1], _info(operation[-1])] if operation[0] in ("turn", "info") else operation


def _info(info: Facts) -> Facts:
    """What the view keeps of a turn, and under ``set`` what it only shows: properties of elements, by CSS."""
    told: Facts = {name: info[name] for name in ("status", "foot", "code", "number") if name in info}
    shown: dict[str, Facts] = {}
    if "number" in info:
        told["label"] = t("panel.turn", n=info["number"])
    if "prompt" in info:
        text = info["prompt"]
        long = len(text) > FOLDED_CHARACTERS or text.count("\n") >= FOLDED_LINES
        shown[".nbp-prompt"] = {"textContent": text}
        shown[".nbp-ask > .nbp-button"] = {"hidden": not long}
        shown[".nbp-mark"] = {"textContent": f"%%{magic()}" if info["cell"] else ""}
    if "files" in info:
        files = "".join(_file(one, index) for index, one in enumerate(info["files"]))
        shown[".nbp-files"] = {"innerHTML": files}
    if "versions" in info:
        place, count = info["versions"]
        shown[".nbp-steps"] = {"hidden": count < 2}
        shown[".nbp-steps > span"] = {"textContent": f"{place}/{count}"}
        shown["[data-step='-1']"] = {"disabled": place < 2}
        shown["[data-step='1']"] = {"disabled": place == count}
        shown["[data-do=remove]"] = {"value": t("panel.remove_version" if count > 1 else "panel.remove_sure")}
    for deed in DEEDS if "can" in info else ():
        shown[f"[data-can={deed}]"] = {"hidden": deed not in info["can"]}
    if "error" in info:
        shown[".nbp-error"] = {"innerHTML": _error(info["error"])}
    return {**told, "set": shown}


def _error(error: Facts | None) -> str:
    if not error:
        return ""
    # Not called out: the view says it, and once.
    return str(error["html"]).replace(' role="alert"', "", 1) + _fixes(error["fixes"])


def _file(file: Facts, index: int) -> str:
    name = file["name"]
    if file["picture"]:  # its bytes are asked for
        return f'<img class="nbp-file"{attributes({"alt": name, "title": name, "data-index": index})}>'
    return f'<span class="nbp-file">{escape(name)}</span>'


# --- replies --------------------------------------------------------------------------------------------


def _reply(reply: Facts) -> Facts:
    told = dict(reply)
    if "sheet" in told:
        told["sheet"] = _sheet(told["sheet"])
    if "fragment" in told:
        options = enumerate(told["items"])
        told["items"] = "".join(_option(one, f"nbp-{told['to']}-{number}") for number, one in options)
    elif "items" in told:
        told["items"] = "".join(map(_item, told["items"]))
    return told


def _option(option: Facts, id: str) -> str:
    facts = attributes({"id": id})
    return f'<li role="option"{facts}>{escape(option["text"])}<span>{escape(option["detail"])}</span></li>'


def _sheet(sheet: Facts) -> str:
    """A popup of the head; see `sheets`."""
    items, find, fields = sheet.get("items"), sheet.get("find"), sheet.get("fields", [])
    parts = [f"<b>{escape(sheet['title'])}</b>"]
    if text := sheet.get("text"):
        parts.append(f'<p dir="auto" role="status">{escape(text)}</p>')
    if link := sheet.get("link"):
        parts.append(f"<a{attributes(link)}>{escape(link['href'])}</a>")
    if find:
        facts = {"type": "search", "placeholder": find["placeholder"], "aria-label": find["ariaLabel"]}
        parts.append(f"<input autofocus{attributes(facts)}{data(find['more'])}>")
    if items is not None:
        first = not find and not any(item["current"] for item in items)
        listed = "".join(_item(item, first and not number) for number, item in enumerate(items))
        typed = (
            f'<button type="button" hidden{data(find["wish"])}><span dir="auto"></span></button>'
            if find
            else ""
        )
        parts.append(f'<div class="nbp-list">{listed}{typed}</div>')
    if verb := sheet.get("verb"):
        parts.append(_form(sheet, fields, verb))
    return "".join(parts)


def _item(item: Facts, first: bool = False) -> str:
    current = item["current"]
    facts = {"class": item.get("kind"), "data-find": item["text"], "autofocus": first or current}
    facts["aria-current"] = "true" if current else None
    inside = f'<span dir="auto">{escape(item["label"])}</span><small>{escape(item["detail"])}</small>'
    return f'<button type="button"{attributes(facts)}{data(item["wish"])}>{inside}</button>'


def _form(sheet: Facts, fields: Iterable[Facts], verb: str) -> str:
    wish = sheet.get("wish") or {}
    inputs = [_field(field, first=not number) for number, field in enumerate(fields)]
    first = not inputs
    cancel = worded(t("panel.cancel"), {"do": "close"}, autofocus=first) if wish else ""
    go = f'<button class="nbp-button"{attributes({"autofocus": first and not wish})}>{escape(verb)}</button>'
    secret = ' data-secret="yes"' if sheet.get("secret") else ""
    return f'<form{data(wish)}{secret}>{"".join(inputs)}<p role="alert"></p>{cancel}{go}</form>'


def _field(field: Facts, *, first: bool) -> str:
    facts = {name: value for name, value in field.items() if name not in ("label", "tag", "options", "value")}
    facts["spellcheck"] = "false" if field.get("spellcheck") is False else None
    facts["autofocus"] = first
    value, label, tag = field["value"], escape(field["label"]), field.get("tag", "input")
    if tag == "textarea":
        made = f"<textarea{attributes(facts)}>\n{escape(value)}</textarea>"
    elif tag == "select":
        options = (
            f"<option{attributes({'value': name, 'selected': name == value})}>{escape(text)}</option>"
            for name, text in field["options"]
        )
        made = f"<select{attributes(facts)}>{''.join(options)}</select>"
    else:
        made = f"<input{attributes({**facts, 'value': value})}>"
    return f"<label>{label}{made}</label>"
