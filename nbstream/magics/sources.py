"""Where completions come from: providers and their models, conversations, files, the user's own names."""

from __future__ import annotations

import os
import shlex
import time
import types
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any

from ..chat.catalog import catalog, is_local
from ..chat.session import session
from ..providers import registry

PATIENCE = 0.05
"""Seconds that TAB may wait for somebody else's answer: what comes later is there at the next TAB."""
LOOK = 0.05
"""Seconds of looking into a folder, which may be a network's."""


def matching(kind: str, fragment: str, shell: Any, choices: Iterable[str] = ()) -> list[str]:
    """What of the kind `kind` goes on from `fragment`."""
    if kind == "model":
        return models(fragment)
    all_of: dict[str, Callable[[], Iterable[str]]] = {
        "option": lambda: choices,
        "choice": lambda: choices,
        "verb": _verbs,
        "provider": providers,
        "conversation": _conversations,
        "turn": _turns,
        "code": partial(_codes, fragment),
        "candidate": _candidates,
        "language": lambda: ("zh", "en", "auto"),
        "tools": lambda: ("add", "remove"),
        "variable": partial(own_names, shell),
        "function": partial(own_names, shell, types.FunctionType),
        "schema": partial(own_names, shell, (type, dict)),
    }
    if kind not in all_of:
        return []
    return beginning(map(str, all_of[kind]()), fragment, aliases=kind == "provider")


def beginning(names: Iterable[str], fragment: str, *, aliases: bool = False) -> list[str]:
    """Those of `names` that begin with `fragment`, in any case; other names of providers if none does.

    >>> beginning(["--model", "--max-tokens", "--new"], "--M")
    ['--model', '--max-tokens']
    """
    start = fragment.casefold()
    found = [name for name in names if name.casefold().startswith(start)]
    if not found and aliases and start:
        found = sorted(name for name in registry.aliases() if name.casefold().startswith(start))
    return found


# --- providers and models -----------------------------------------------------------------------------


def providers() -> list[str]:
    """All providers: those that are ready first, then what is known to run here, then the others."""
    ready = session().ready()
    here = [name for name in catalog().heard_of() if is_local(name)]
    return list(dict.fromkeys([*ready, *here, *registry.names()]))


def models(fragment: str) -> list[str]:
    """Providers before the colon, their models behind it: ``deepseek:deepseek-v4-flash``."""
    mark = ":" if ":" in fragment else "：" if "：" in fragment else ""
    if not mark:
        found = beginning(providers(), fragment, aliases=True)
        if fragment:  # whoever knows the model's name alone
            found += [
                f"{name}:{model}"
                for name in dict.fromkeys([*session().ready(), *catalog().heard_of()])
                for model in catalog().names(name)
                if fragment.casefold() in model.casefold()
            ]
        return found
    name, _, begun = fragment.partition(mark)
    try:
        provider = registry.get(name).name
    except Exception:
        return []
    look_up(provider)
    known = catalog().names(provider)
    found = beginning(known, begun)
    found += [one for one in known if begun.casefold() in one.casefold() and one not in found]
    return [f"{name}{mark}{model}" for model in found]


def look_up(provider: str, patience: float = PATIENCE) -> None:
    """Find out what `provider` offers, where that is ours to ask: here, or with a key."""
    if is_local(provider) and not session().base_url(registry.get(provider)):
        catalog().refresh(provider, partial(_running, provider), patience)
    elif provider in session().ready() or is_local(provider):
        catalog().refresh(provider, partial(_listed, provider), patience, source(provider))


def source(provider: str) -> str:
    """At which address and with which keys (masked) `provider` is asked: a list is as good as these."""
    one, here = registry.get(provider), session()
    masks = [str(secret) for secret in here.credentials(one).values()]
    return " ".join([here.base_url(one) or "", *masks])


def _listed(provider: str) -> list[str]:
    from ..chat.fetch import models as ask

    one, here = registry.get(provider), session()
    return [model.name for model in ask(one, here.credentials(one), here.base_url(one)) or ()]


def _running(provider: str) -> list[str]:
    from ..chat.fetch import found_by, nearby

    return [model for one in found_by(nearby()) if one.provider == provider for model in one.models]


# --- what this kernel holds ---------------------------------------------------------------------------


def _verbs() -> list[str]:
    from .help import ordered

    return [verb.name for verb in ordered()]


def _conversations() -> list[str]:
    return list(dict.fromkeys(["main", *session().conversations]))


def _turns() -> list[str]:
    return [str(number) for number in range(len(session().conversation().turns), 0, -1)]


def _candidates() -> list[str]:
    """The answers of the last comparison: their numbers, then their models."""
    from ..chat.several import compared

    turn = compared(session().conversation())
    models = [one.model for one in turn.candidates] if turn is not None else []
    return [*map(str, range(1, len(models) + 1)), *dict.fromkeys(models)]


def _codes(fragment: str) -> list[str]:
    """The turns; behind a dot the blocks of code in one of them."""
    from .verbs.answers import shown_blocks
    from .verbs.talking import turn_of

    number, dot, _ = fragment.partition(".")
    if not dot:
        return _turns()
    turn = turn_of(session().conversation(), number or None)
    return [f"{number}.{place}" for place, _ in enumerate(shown_blocks(turn), start=1)]


def own_names(shell: Any, kinds: type | tuple[type, ...] = object) -> list[str]:
    """The variables that the user made, without those of IPython; of these `kinds` only."""
    hidden = getattr(shell, "user_ns_hidden", {})
    # By type(), not isinstance: that would ask an object what it takes itself for, which runs its code.
    own = list(shell.user_ns.items())
    names = (name for name, value in own if isinstance(name, str) and issubclass(type(value), kinds))
    return sorted(name for name in names if not name.startswith("_") and name not in hidden)


def names(fragment: str, shell: Any) -> list[str]:
    """What may stand in ``{{ }}``: the user's variables; behind a dot what they have."""
    before, dot, begun = fragment.rpartition(".")
    if not dot:
        return beginning(own_names(shell), fragment)
    if not before:
        return []
    # IPython's own way: it evaluates nothing that could run the user's code.
    found = shell.Completer.attr_matches(fragment)
    ends = (one.rpartition(".")[2] for one in found)
    shown = [end for end in ends if not end.startswith("_") or begun.startswith("_")]
    return [f"{before}.{end}" for end in dict.fromkeys(shown) if end.startswith(begun)]


# --- files --------------------------------------------------------------------------------------------


def files(fragment: str, rest: str = "") -> list[str]:
    """The files and folders that `fragment` may become, quoted where a name needs it.

    `rest` is what stands behind the cursor: a quotation mark that is there already is not written again.
    """
    quote = fragment[:1] if fragment[:1] in ("'", '"') else ""
    path = fragment[len(quote) :]
    if not quote:
        with suppress(ValueError):
            path = "".join(shlex.split(path))
    folder, name = os.path.split(path)
    found = []
    end = time.monotonic() + LOOK
    with suppress(OSError), os.scandir(os.path.expanduser(folder) or ".") as entries:
        for entry in entries:
            if time.monotonic() > end:
                break
            if not entry.name.startswith(name) or (entry.name.startswith(".") and not name):
                continue
            inside = entry.is_dir()
            written = os.path.join(folder, entry.name) + ("/" if inside else "")
            found.append(
                (not inside, _quoted(written, quote, closed=inside or rest.startswith(quote or " ")))
            )
    return [written for _, written in sorted(found)]


def _quoted(path: str, quote: str, *, closed: bool) -> str:
    if not quote:
        plain = shlex.quote(path) == path or not set(path) & set(" \t\"'\\$#;&|<>()*?`")
        return path if plain else '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return quote + path + ("" if closed else quote)
