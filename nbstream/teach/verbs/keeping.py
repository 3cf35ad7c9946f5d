"""``%llm keep 2``: of several models' answers, the one with which the conversation goes on."""

from __future__ import annotations

from ...chat import several
from ...chat.conversation import Conversation
from ...chat.kept import Turn
from ...chat.notebook import asked
from ...errors import fail
from ...i18n import t
from ...magics.surface import cell_id, code
from ...magics.verbs.registry import Shown, verb
from ...magics.verbs.talking import talk, turn_of
from ...show.console import put
from ...show.words import title

_CHOSE: dict[str, str] = {}
"""The cell of whose comparison each cell chose, by cells: when all run again, that one is not the last."""


@verb("keep")
def keep(which: str | None = None, *, at: str | None = None, conversation: str = "main") -> Shown:
    from ...chat.session import session
    from ...show.settled import bundle
    from ..compare import mark

    here = talk(conversation)
    turn = _compared(here, at)
    if which is None:
        raise fail("config.keep_what", known=_known(turn))
    number = _number(turn, which)
    several.keep(here, turn, number)
    if (cell := cell_id()) is not None and turn.cell is not None:
        _CHOSE[cell] = turn.cell
    assert turn.answer is not None
    put(t("compare.done", which=number, model=title(turn.model), number=turn.number))
    mark(turn, conversation)
    data, metadata = bundle(turn, turn.answer, conversation, footer=session().settings.footer)
    if (asked(code()) or ("", ""))[1] != turn.prompt:
        metadata["nbstream"]["prompt"] = turn.prompt
    return data, metadata


def _compared(here: Conversation, at: str | None) -> Turn:
    """The turn that is meant: the last that several models answered, or number `at`."""
    if at is not None:
        turn: Turn | None = turn_of(here, at)
    else:
        turn = here.history.of_cell(_CHOSE.get(cell_id() or ""))
        if turn is None or not turn.candidates:
            turn = several.compared(here)
    if turn is None or not turn.candidates:
        raise fail("config.keep_none", name=here.name)
    return turn


def _number(turn: Turn, which: str) -> int:
    """The number of an answer, given as such or by its model's name."""
    if which.isdecimal() and len(which) < 5:
        return int(which)
    names = [one.model.casefold() for one in turn.candidates]
    given = which.replace("：", ":").casefold()
    for fits in (str.__eq__, _is_part, str.startswith):
        found = [number for number, name in enumerate(names, 1) if fits(name, given)]
        if len(found) == 1:
            return found[0]
        if found:
            break
    raise fail("config.keep_which", given=which[:40], known=_known(turn))


def _known(turn: Turn) -> str:
    titles = (f"{number} {title(one.model)}" for number, one in enumerate(turn.candidates, 1))
    return t("list.joint").join(titles)


def _is_part(name: str, given: str) -> bool:
    return given in name.split(":", 1)
