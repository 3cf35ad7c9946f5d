"""Asking anew in an earlier turn's place: the cell that does so, and the place it stands for."""

from __future__ import annotations

import shlex
from argparse import Namespace
from typing import TYPE_CHECKING

from ..chat.session import session
from ..errors import fail
from ..i18n import magic
from .surface import cell_id, execution
from .template import Prepared

if TYPE_CHECKING:
    from ..chat.history import Turn


def place(options: Namespace) -> Turn | None:
    """The turn in whose place ``--at N`` asks; None for the end of the conversation."""
    number: int | None = options.at
    if number is None or options.no_history:
        return None
    history = session().conversation(options.conversation).history
    turns = history.turns
    if number <= len(turns):
        return turns[number - 1]
    # Its own turn may be all that is left of a branch; and the next number is the end.
    own = history.of_cell(cell_id(), execution())
    if own is None and number > len(turns) + 1:
        raise fail("config.at_number", given=number, count=len(turns))
    return own


def cell_for(turn: Turn, conversation: str) -> str:
    """A cell that asks `turn`'s prompt in its place: to be changed, then run.

    The options of its own cell are kept; a turn that no cell made has those that it was asked with. Braces
    run in cells: where they were none that a person here had typed into one, ``--raw`` leaves them alone.
    """
    from . import args as arguments
    from .cell import llm

    one_line = len(turn.line.splitlines()) == 1  # a file may hold anything, and what follows is a prompt
    line = _own(turn.line, conversation) if one_line else _options(turn, conversation)
    if turn.literal and not arguments.parse(llm.parser, line).raw:
        line = f"--raw {line}"
    return f"%%{magic()} --at {turn.number} {line}".rstrip() + f"\n{turn.words}"


def as_it_was(turn: Turn) -> Prepared:
    """What `turn` asked, just as it went out."""
    return Prepared(turn.prompt, turn.sent, turn.attachments, template=turn.template)


def asked_with(turn: Turn, conversation: str, model: str | None = None) -> Namespace:
    """The options with which `turn` was asked, to ask once more: of another `model`, where one is given."""
    from . import args as arguments
    from .cell import llm

    line = _own(turn.line, conversation)
    if model is not None and line:
        line = shlex.join([*_without(line, "model"), "-m", model])
    options = arguments.parse(llm.parser, line)
    options.line, options.model = line, model or turn.model
    options.system, options.new = turn.system, turn.fresh
    options.temperature, options.max_tokens = (turn.options.get(one) for one in ("temperature", "max_tokens"))
    options.conversation, options.no_history, options.background = conversation, False, False
    return options


def _own(line: str, conversation: str) -> str:
    """`line` without the place of its cell, and for this conversation; as it was typed, if that is so."""
    from . import args as arguments
    from .cell import llm

    options = arguments.parse(llm.parser, line)
    if options.at is None and options.conversation == conversation:
        return line.strip()
    words = _without(line, "at", "conversation")
    return shlex.join(words + (["-c", conversation] if conversation != "main" else []))


def _without(line: str, *names: str) -> list[str]:
    """The words of `line` without these options, all of which take a value."""
    from . import args as arguments
    from .cell import llm

    forms = [form for action in llm.parser._actions if action.dest in names for form in action.option_strings]
    kept: list[str] = []
    rest = iter(arguments.words(line))
    for word in rest:
        written, equals, _ = word.partition("=")
        shortened = len(written) > 4 and any(form.startswith(written) for form in forms)
        if written in forms or shortened:
            if not equals:
                next(rest, None)
        elif not (word[:2] in forms and len(word) > 2):  # -cNAME
            kept.append(word)
    return kept


def _options(turn: Turn, conversation: str) -> str:
    words = ["-m", turn.model] if turn.model != session().default_model() else []
    if turn.system:
        words += ["-s", turn.system]
    if (temperature := turn.options.get("temperature")) is not None:
        words += ["-t", str(temperature)]
    if (most := turn.options.get("max_tokens")) is not None:
        words += ["--max-tokens", str(most)]
    if conversation != "main":
        words += ["-c", conversation]
    if turn.fresh:
        words.append("--new")
    return shlex.join(word if word.isprintable() else " ".join(word.split()) for word in words)
