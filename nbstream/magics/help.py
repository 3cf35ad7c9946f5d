"""Help that one can read: for ``%%llm``, for ``%llm`` and for each of its verbs, in the language in use."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING
from unicodedata import east_asian_width

from ..i18n import magic, sentences, t

if TYPE_CHECKING:
    from .verbs import Verb

WIDTH = 36
"""Columns before what a verb does."""
FAMILIES = ("using", "talking", "again", "answers", "toolbox", "files", "keys", "numbers", "audit", "finding")
"""The modules of `verbs`, in the order in which people need them; any other comes last."""


def cell_help(parser: argparse.ArgumentParser) -> str:
    """What ``%%llm --help`` says."""
    rows = [(_written(one), t(f"option.{one.dest}")) for one in parser._actions]
    width = max(len(written) for written, _ in rows)
    options = [f"  {written:{width}}  {does}" for written, does in rows]
    return "\n".join([t("help.cell"), "", t("help.options"), *options, "", t("help.more")])


def _written(action: argparse.Action) -> str:
    """An option as one types it: ``-m, --model MODEL``."""
    names = sorted(action.option_strings, key=len)
    short = "" if any(not name.startswith("--") for name in names) else "    "
    value = "" if action.nargs == 0 else " " + str(action.metavar or action.dest.upper())
    return short + ", ".join(names) + value


def ordered() -> list[Verb]:
    """The verbs, a family after the other."""
    from .verbs import VERBS

    def rank(module: str) -> int:
        family = module.rpartition(".")[2]
        return FAMILIES.index(family) if family in FAMILIES else len(FAMILIES)

    return sorted(VERBS.values(), key=lambda one: rank(one.run.__module__))


def verbs_help() -> str:
    """A line for each verb, in columns.

    >>> [line.split()[:2] for line in verbs_help().splitlines()[1:3]]
    [['%llm', 'help'], ['%llm', 'use']]
    """
    rows = [(one.usage, t(f"verb.{one.name}")) for one in ordered()]
    # The first is what is said when no verb is given.
    rows = [(f"%{magic()}" if usage == f"%{magic()} status" else usage, does) for usage, does in rows]
    return "\n".join(_padded(usage, WIDTH) + does for usage, does in rows)


def _padded(text: str, width: int) -> str:
    """`text` and blanks up to `width` columns; a Chinese character takes two. Two blanks at least.

    >>> len(_padded("[命令]", 10))
    8
    """
    taken = sum(2 if east_asian_width(one) in "WF" else 1 for one in text)
    return text + " " * max(2, width - taken)


def line_help(name: str | None = None) -> str:
    """What ``%llm help`` says, or ``%llm help VERB``. Raises `NbstreamError` for a verb that there is not."""
    if name is None:
        return f"{verbs_help()}\n\n{t('help.verb')}"
    from .line import found

    verb = found(name)
    lines = [verb.usage, "", "  " + t(f"verb.{verb.name}")]
    more = f"verb.{verb.name}.more"
    if more in sentences("en"):
        lines += ["", *("  " + line for line in t(f"verb.{verb.name}.more").splitlines())]
    return "\n".join(lines)
