"""What ``nbstream --help`` says, in the reader's language."""

from __future__ import annotations

import argparse

from ..i18n import t
from ..show.plaintext import width
from .arguments import COMMANDS, parser


def overview(group: str = "") -> str:
    """All commands, or those of `group`, a line for each."""
    rows = [[f"  nbstream {name}", t(f"command.{_key(name)}")] for name in COMMANDS if name.startswith(group)]
    head = t("command.tapes") if group else t("command.about")
    last = "" if group else f"\n\n{t('command.more')}"
    return f"{head}\n\n{_lines(rows)}{last}"


def about(name: str) -> str:
    """One command: how it is written, what it does, and its options."""
    does = t(f"command.{_key(name)}")
    rows = [
        [f"  {_written(action)}", t(f"command.{_key(name)}.{action.dest}")]
        for action in parser(name)._actions
    ]
    usage = t("command.usage", line=f"nbstream {name}{_words(name)}")
    more = t(f"command.{_key(name)}.more")
    return "\n\n".join([usage, does[0].upper() + does[1:] + t("command.stop"), _lines(rows), more])


def _key(name: str) -> str:
    return name.replace(" ", "_")


def _words(name: str) -> str:
    """What may follow the name of a command: `` [FOLDER] [--port N]``."""
    found = []
    for action in parser(name)._actions:
        written = _written(action) + (" …" if action.nargs == "+" else "")
        found.append(written if action.required else f"[{written}]")
    return "".join(f" {one}" for one in found)


def _written(action: argparse.Action) -> str:
    value = "" if action.nargs == 0 else t(f"value.{action.dest}")
    return " ".join(filter(None, [*action.option_strings[-1:], value]))


def _lines(rows: list[list[str]]) -> str:
    """Two columns. Not a table of Markdown: blanks at the beginning are meant."""
    widest = max(width(row[0]) for row in rows)
    return "\n".join(f"{left}{' ' * (widest - width(left))}   {right}" for left, right in rows)
