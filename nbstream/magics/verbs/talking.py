"""What was said: ``%llm history``, ``undo``, ``redo``, ``reset``, ``branch``, ``version``, ``pin``."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from itertools import count as count_from
from time import time
from typing import TYPE_CHECKING

from ...chat.conversation import Conversation
from ...chat.loading import like
from ...chat.session import session
from ...errors import fail
from ...i18n import magic, t
from ...show.cards import literal
from ...show.turns import others_markdown, turns_markdown, versions_markdown
from ..surface import cell_id
from .registry import Shown, verb

if TYPE_CHECKING:
    from ...chat.history import Turn


def talk(name: str) -> Conversation:
    """The conversation `name`; one that nobody has begun is empty, and is not begun by being looked at."""
    return session().conversations.get(name) or Conversation(name, session())


def turn_of(conversation: Conversation, number: str | None) -> Turn:
    """Turn `number` of the branch in use; the last where none is given."""
    turns = conversation.turns
    if not turns:
        named = "" if conversation.name == "main" else f" -c {shlex.quote(conversation.name)}"
        raise fail("config.no_turns", name=conversation.name, line=f"%%{magic()}{named}")
    place = len(turns) if number is None else _count(number, len(turns))
    if not 1 <= place <= len(turns):
        raise fail("config.turn_number", given=place, count=len(turns))
    return turns[place - 1]


def _count(given: str, turns: int) -> int:
    if not (given.isdecimal() and len(given) < 10):
        raise fail("config.turn_word", given=given[:20], count=turns)
    return int(given)


@verb("history")
def history(*, verbose: bool = False, conversation: str = "main") -> str:
    here = talk(conversation)
    turns = here.turns
    shown = turns_markdown(here.history, turns, verbose=verbose)
    parts = [shown if turns else t("line.no_turns", name=literal(conversation))]
    if verbose or not turns:
        others = session().conversations.items()
        parts.append(
            others_markdown({n: len(one.turns) for n, one in others if n != conversation and one.turns})
        )
    return "\n\n".join(filter(None, parts))


@verb("show")
def show(number: str | None = None, *, conversation: str = "main") -> Shown:
    from ...show.settled import bundle

    turn = turn_of(talk(conversation), number)
    if turn.answer is None:
        raise fail("config.turn_running", given=turn.number)
    return bundle(turn, turn.answer, conversation, footer=session().settings.footer)


@verb("undo")
def undo(count: str = "1", *, conversation: str = "main") -> Shown:
    here = talk(conversation)
    turns = here.turns
    if not turns:
        return t("line.no_turns", name=literal(conversation))
    number = int(count) if count.isdecimal() and len(count) < 10 else 0
    if not 1 <= number <= len(turns):
        raise fail("config.undo_count", given=count[:20], count=len(turns))
    shown = turns_markdown(here.history, turns[-number:])
    gone = here.undo(number)
    left = len(turns) - len(gone)
    said = [t("line.undone", count=len(gone), left=left, line=_line("redo", conversation)), shown]
    if here.history.after():
        said.append(t("line.versions_left", number=left + 1))
    return _told("\n\n".join(said), undone=here.history.every(gone[0]))


@verb("redo")
def redo(*, conversation: str = "main") -> Shown:
    here = talk(conversation)
    back = here.redo()
    if not back:
        return t("line.nothing_undone")
    said = [turns_markdown(here.history, back), t("line.redone", count=len(back), turns=len(here.turns))]
    return _told("\n\n".join(said), redone=here.history.every())


def _line(name: str, conversation: str) -> str:
    """The line with the verb `name` that means this conversation."""
    named = [] if conversation == "main" else ["-c", conversation]
    return f"`%{magic()} {shlex.join([name, *named])}`"


def _told(said: str, **turns: Iterable[Turn]) -> Shown:
    """What is said, and for a restore the turns that it is not to bring back, or is to, from now on."""
    from ...show.plaintext import plain

    data = {"text/markdown": said, "text/plain": plain(said)}
    ids = {name: [turn.id for turn in some] for name, some in turns.items()}
    return data, {"nbstream": {**ids, "at": round(time(), 3)}}


@verb("reset")
def reset(*, conversation: str = "main") -> Shown:
    here = talk(conversation)
    count, gone = len(here.turns), list(here.history.every())
    here.reset()
    back = t("line.back", line=_line("redo", conversation)) if count else ""
    said = t("line.reset", name=literal(conversation), count=count)
    return _told("\n\n".join(filter(None, [said, back])), undone=gone)


@verb("branch")
def branch(name: str, number: str | None = None, *, conversation: str = "main") -> str:
    here, cell = talk(conversation), cell_id()
    count = turn_of(here, number).number if number is not None else len(here.turns)
    there = session().conversations.get(name)
    if name == conversation or (there and there.turns and (cell is None or there.branched_in != cell)):
        taken = session().conversations
        free = next(one for number in count_from(2) if (one := like(name, number)) not in taken)
        raise fail("config.conversation_exists", name=name, line=shlex.join(["branch", free]))
    made = here.branch(name, count)
    made.branched_in = cell
    return t("line.branched", name=literal(name), count=count, origin=literal(conversation))


@verb("version")
def version(number: str | None = None, which: str | None = None, *, conversation: str = "main") -> str:
    here = talk(conversation)
    turns, versions = here.turns, here.history.after()
    used: Turn | None = None
    if not (versions and number == str(len(turns) + 1)):  # what is left of turns that were taken out
        used = turn_of(here, number)
        versions = here.history.versions(used)
    if which is not None:
        place = int(which) if which.isdecimal() and len(which) < 10 else 0
        if not 1 <= place <= len(versions):
            place = versions[0].number
            raise fail("config.version_number", given=which[:20], number=place, count=len(versions))
        used = versions[place - 1]
        here.go_to(used)
    return versions_markdown(versions, used)


@verb("pin")
def pin(number: str | None = None, *, conversation: str = "main") -> str:
    here = talk(conversation)
    turn = turn_of(here, number)
    here.pin(turn)
    return t("line.pinned", number=turn.number)


@verb("unpin")
def unpin(number: str | None = None, *, conversation: str = "main") -> str:
    here = talk(conversation)
    turn = turn_of(here, number)
    here.pin(turn, False)
    return t("line.unpinned", number=turn.number)
