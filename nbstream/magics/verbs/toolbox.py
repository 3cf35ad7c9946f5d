"""Functions that a model may call: ``%llm tools``."""

from __future__ import annotations

from contextlib import suppress

from ...chat.session import session
from ...chat.toolbox import toolbox
from ...errors import NbstreamError, fail
from ...i18n import magic, t
from ...show.cards import table
from ..calls import look_up, refresh
from .registry import verb

ACTIONS = ("add", "remove")


@verb("tools")
def tools(action: str | None = None, *names: str, yes: bool = False) -> str:
    if action is None:
        return _listed()
    if action == "remove" and names:
        return _remove(names)
    if action == "add" and names:
        return _add(names, yes)
    # A function's name alone is what one forgets the word "add" before.
    given = " ".join((action, *names)) if action not in ACTIONS else "FUNCTION"
    line = f"%{magic()} tools {action if action in ACTIONS else 'add'} {given[:60]}"
    raise fail("config.tools_words", given=action[:40], line=line)


def _add(names: tuple[str, ...], yes: bool) -> str:
    from ...chat.tools import described

    made = []
    for name in names:  # all or none
        if (function := look_up(name)) is None:
            raise _no_such(name)
        last = name.rpartition(".")[2]
        made.append((name, described(function, last)))
    for name, tool in made:
        toolbox().add(name, tool, unasked=yes)
    session().audit("policy", outcome="tools", tools=len(made), unasked=yes)
    return _listed()


def _no_such(name: str) -> NbstreamError:
    return fail("config.no_such_function", name=name[:60])


def _remove(names: tuple[str, ...]) -> str:
    box = toolbox()
    if names == ("all",):
        box.clear()
        return _listed()
    for name in names:
        if name not in [entry.path for entry in box]:
            known = ", ".join(entry.path for entry in box) or t("line.none")
            raise fail("config.no_tool", name=name[:60], known=known)
    for name in names:
        box.remove(name)
    return _listed()


def _listed() -> str:
    box = toolbox()
    if not any(box):
        return t("tools.none", line=f"%{magic()} tools add")
    with suppress(NbstreamError):  # said when the next cell asks
        refresh()
    rows = []
    for entry in box:
        told = entry.tool.schema["function"]
        members = told["parameters"]["properties"]
        must = told["parameters"].get("required", [])
        given = ", ".join(f"{entry.tool.parameter(name)}{'' if name in must else '?'}" for name in members)
        does = told["description"].strip().partition("\n")[0]
        rows.append([f"{entry.path}({given})", does, t("tools.unasked" if entry.unasked else "tools.asks")])
    return table([t("tools.function"), t("tools.told"), t("tools.when")], rows)
