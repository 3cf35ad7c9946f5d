"""Functions that a model may call: ``%llm tools``."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from difflib import get_close_matches

from IPython.core.getipython import get_ipython

from ...chat.session import session
from ...chat.toolbox import toolbox
from ...errors import NbstreamError, fail
from ...i18n import magic, t
from ...show.cards import table
from ..calls import look_up, refresh
from ..sources import own_names
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
    raise fail("config.tools_words", given=action[:40], line=f"%{magic()} tools {_meant(action, names)}")


def _meant(action: str, names: tuple[str, ...]) -> str:
    """The words that were meant: a misspelt action, or a function without the word "add" before it."""
    if action in ACTIONS:
        return f"{action} {t('tools.function')}"
    if look_up(action) is None and (close := near(action, ACTIONS)):
        return f"{close} {' '.join(names)[:60] or t('tools.function')}"
    return f"add {' '.join((action, *names))[:60]}"


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
    shell = get_ipython()
    own = own_names(shell) if shell is not None else []
    close = near(name, [one for one in own if callable(look_up(one))])
    if close:
        line = f"%{magic()} tools add {close}"
        return fail("config.no_such_function_near", name=name[:60], near=close, line=line)
    return fail("config.no_such_function", name=name[:60])


def _remove(names: tuple[str, ...]) -> str:
    box = toolbox()
    if names == ("all",):
        names = tuple(entry.path for entry in box)
        if not names:
            return _listed()
    for name in names:
        if name not in [entry.path for entry in box]:
            known = ", ".join(entry.path for entry in box) or t("line.none")
            close = near(name, [entry.path for entry in box])
            line = f"%{magic()} tools" + (f" remove {close}" if close else "")
            raise fail("config.no_tool", name=name[:60], known=known, line=line)
    for name in names:
        box.remove(name)
    gone = t("tools.removed", names=t("list.joint").join(f"`{name}`" for name in names))
    return f"{gone}\n\n{_listed()}" if any(box) else gone


def near(name: str, known: Iterable[str]) -> str:
    """The one of `known` that `name` may have been meant to be; "" for none."""
    return next(iter(get_close_matches(name, list(known), n=1, cutoff=0.5)), "")


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
