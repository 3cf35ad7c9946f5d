"""What the empty panel says: questions that fit this notebook, and to whom what one writes goes."""

from __future__ import annotations

import types
from collections.abc import Iterator
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from IPython.core.getipython import get_ipython

from ..chat.session import Session
from ..errors import NbstreamError
from ..i18n import t
from ..providers import registry
from ..show.clean import clean_inline
from ..wire.address import is_loopback
from .kinds import called, package

PROMPTS = 3
"""Questions that are offered."""
LOOKED_AT = 200
"""Variables, the newest first, that are looked at."""
_ORDER = ("frame", "array", "function", "items")
_KINDS = {
    "frame": {"pandas": ("DataFrame",), "polars": ("DataFrame",)},
    "array": {"numpy": ("ndarray",), "pandas": ("Series",), "polars": ("Series",)},
}
"""Classes of other packages by what is asked about them."""
_offered = ""
"""The question about a failure that was offered last."""


def opening(here: Session, model: str) -> dict[str, Any]:
    """The questions, and the line on who gets to read them."""
    provider, _ = registry.split(model)
    general = "demo" if provider.name == "demo" else "general"
    prompts = [*islice(own(), PROMPTS - 1)]
    prompts += [t(f"opening.{general}.{number}") for number in range(1, PROMPTS + 1 - len(prompts))]
    return {"prompts": prompts, "line": whither(here, model)}


def whither(here: Session, model: str) -> str:
    """To whom a message goes, and the conversation with it."""
    provider, _ = registry.split(model)
    if provider.name == "demo":
        return t("opening.to_demo")
    address = here.base_url(provider) or provider.base_url
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        host = ""
    if not host:
        return t("opening.to_somebody", label=provider.label)
    where = "opening.to_here" if is_loopback(address) else "opening.to_there"
    return t(where, label=provider.label, host=host)


def own() -> Iterator[str]:
    """Questions about what is in this notebook: what went wrong last, and its newest variables."""
    from ..magics.sources import own_names

    if (said := failure()) is not None:
        yield said
    shell = get_ipython()
    if shell is None:
        return
    names = set(own_names(shell))
    newest = islice((pair for pair in reversed(list(shell.user_ns.items())) if pair[0] in names), LOOKED_AT)
    found = dict[str, str]()  # of each kind one: three frames are asked about alike
    for name, value in newest:
        found.setdefault(_kind(value), name)
    yield from (t(f"opening.about_{kind}", name=found[kind]) for kind in _ORDER if kind in found)


def failure() -> str | None:
    """The question about the last cell that failed."""
    global _offered
    from ..magics import exception

    error, shell = exception.last_exception(), get_ipython()
    if error is None or shell is None or isinstance(error, NbstreamError):
        return None
    try:
        said = clean_inline(exception.one_line(error, shell))
    except Exception:  # it cannot say what it is
        return None
    _offered = t("opening.error", error=said)
    return _offered


def about_failure(prompt: str) -> str | None:
    """What `prompt` says to a model, if it is the question about the last cell that failed.

    Only what was offered is compared: to ask an error what it says runs code of its class.
    """
    from ..magics import exception

    error, shell = exception.last_exception(), get_ipython()
    if prompt != _offered or error is None or shell is None or prompt != failure():
        return None
    return exception.question(error, shell)[1]


def _kind(value: Any) -> str:
    """What is asked about `value`; "" for nothing. Runs no code of its class."""
    kind = type(value)
    if kind is types.FunctionType:
        return "function" if value.__module__ == "__main__" else ""
    if any(kind is one for one in (list, dict, set, tuple)):
        return "items" if len(value) > 2 else ""
    made_by = package(kind)
    return next((name for name, classes in _KINDS.items() if called(kind) in classes.get(made_by, ())), "")
