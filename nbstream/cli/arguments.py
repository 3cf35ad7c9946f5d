"""The commands, what each takes, and clear errors for what none does."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from ..errors import NbstreamError, fail, pasted
from ..i18n import t

Options = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Command:
    """One command: the function that runs it, as ``module:name``, and its words and options for argparse.

    What it does stands in the locale files under ``command.NAME``, and under ``command.NAME.OPTION`` what
    its options mean; blanks of its name are underscores there.
    """

    where: str
    takes: Options
    aliases: tuple[str, ...] = ()

    def run(self, options: argparse.Namespace) -> int:
        """Do it; what to exit with."""
        module, _, name = self.where.partition(":")
        run: Callable[[argparse.Namespace], int] = getattr(import_module(module, __package__), name)
        return run(options)


def port(value: str) -> int:
    """The number of a port, for argparse."""
    number = int(value)
    if not 0 < number < 65536:
        raise argparse.ArgumentTypeError(t("command.no_port"))
    return number


FLAG = {"action": "store_true"}
COMMANDS: dict[str, Command] = {
    "demo": Command(".demo:demo", {"folder": {"nargs": "?"}, "--port": {"type": port}, "--no-browser": FLAG}),
    "doctor": Command(".looks:doctor", {"provider": {"nargs": "?"}}),
    "providers": Command(".looks:providers", {"provider": {"nargs": "?"}}),
    "tape check": Command(".tapes:check", {"file": {"nargs": "+"}}),
    "tape show": Command(".tapes:show", {"file": {}}),
}
GROUPS = {name.partition(" ")[0] for name in COMMANDS if " " in name}


class Parser(argparse.ArgumentParser):
    """One that raises where argparse would write in English and exit."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def called(words: Sequence[str]) -> tuple[str, list[str]]:
    """The command that `words` begin with, and the rest of them; or a group of commands that wants help.

    Raises `NbstreamError` (config) where there is none such, naming the nearest.
    """
    first = words[0]
    if first in COMMANDS:
        return first, list(words[1:])
    if first in GROUPS:
        rest = list(words[1:])
        if not rest or rest[0] in ("-h", "--help"):
            return first, ["--help"]
        if (name := f"{first} {rest[0]}") in COMMANDS:
            return name, rest[1:]
        raise _no_command(name)
    raise _no_command(first)


def _no_command(given: str) -> NbstreamError:
    names = [*COMMANDS, "--version", "--help"]
    close = difflib.get_close_matches(given.casefold(), [*names, *GROUPS], n=1, cutoff=0.5)
    # `nbstream check lesson.tape` is half of a name.
    close = close or [name for name in names if given in name.split()] or ["--help"]
    known = t("list.joint").join(COMMANDS)
    return fail("config.usage_command", name=given[:40], known=known, line=f"nbstream {close[0]}")


def parser(name: str) -> Parser:
    """What reads the words after the command `name`."""
    made = Parser(prog=f"nbstream {name}", add_help=False, allow_abbrev=False)
    for option, how in COMMANDS[name].takes.items():
        made.add_argument(option, **how)
    return made


def read(name: str, words: list[str]) -> argparse.Namespace:
    """The options in `words`. Raises `NbstreamError` (config) for what the command does not take."""
    takes = parser(name)
    line = f"nbstream {name} --help"
    try:
        known, rest = takes.parse_known_args(words)
    except ValueError as error:
        from ..magics.args import said  # only now: it brings IPython along

        message = str(error)
        if message == "the following arguments are required: file":
            here = min((one.name for one in Path().glob("*.tape")), default="lesson.tape")
            raise fail("config.usage_tape", name=name, line=f"nbstream {name} {pasted(here)}") from None
        raise fail("config.usage_value", name=name, reason=said(message), line=line) from None
    if not rest:
        return known
    options = [one for one in COMMANDS[name].takes if one.startswith("-")]
    if rest[0].startswith("-"):
        wrong = rest[0].partition("=")[0]
        close = difflib.get_close_matches(wrong, options, n=1, cutoff=0.5)
        line = f"nbstream {name} {close[0]}" if close else line
        names = t("list.joint").join(options) or t("line.none")
        raise fail("config.usage_option", name=name, option=wrong[:40], known=names, line=line)
    raise fail("config.usage_words", name=name, words=" ".join(rest)[:80], line=line)
