"""What can be done with an answer: ``%llm code``; and the answer to a cell that failed: ``%llm fix``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from IPython.core.getipython import get_ipython

from ...errors import NbstreamError, fail
from ...i18n import magic, t
from .. import surface
from .registry import Shown, verb
from .talking import talk, turn_of

if TYPE_CHECKING:
    from ...chat.kept import Turn


@verb("code")
def code(number: str | None = None, *, block: str | None = None, conversation: str = "main") -> str | None:
    from ..after import new_cell

    if block is None and number and (both := re.fullmatch(r"(\d*)\.(\d+)", number)):
        number, block = both[1] or None, both[2]
    turn = turn_of(talk(conversation), number)
    if turn.answer is None:
        raise fail("config.turn_running", given=turn.number)
    blocks = turn.answer.blocks
    if block is not None and (blocks := shown_blocks(turn)):
        if not (block.isdecimal() and len(block) < 5 and 1 <= int(block) <= len(blocks)):
            raise fail("config.block_number", given=block[:20], count=len(blocks), number=turn.number)
        blocks = [blocks[int(block) - 1]]
    return new_cell(blocks, turn.number)


def shown_blocks(turn: Turn) -> list[tuple[str, str]]:
    """All code in an answer, as one counts it on the screen: also what it said before it called a tool."""
    from ...show.incode import in_code
    from ...show.render import code_blocks

    said = [one.content for one in turn.rounds if one.tool_calls]
    texts = [*said, in_code(turn.answer.text if turn.answer else "")]
    return [block for text in texts for block in code_blocks(text)]


@verb("fix")
def fix(*question: str, model: str | None = None, conversation: str = "main") -> Shown:
    from .. import args as arguments
    from .. import exception
    from ..asking import ask
    from ..cell import llm
    from ..template import Prepared

    shell = get_ipython()
    error = exception.last_exception()
    if error is None or shell is None:
        return t("fix.nothing")
    if isinstance(error, NbstreamError):
        return t("fix.own")
    words = " ".join(question)
    brief, asked = exception.question(error, shell, words)
    # What the history shows, and a restart brings back: the line, and what it was about.
    prompt = f"%{magic()} fix {words}".rstrip() + f"\n{brief}"
    options = arguments.parse(llm.parser, "")
    options.model, options.conversation, options.line = model, conversation, ""
    about = t("fix.about", error=brief)
    return ask(Prepared(prompt, asked, hints=(about,)), options, surface.surface())
