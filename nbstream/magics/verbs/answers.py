"""What can be done with an answer: ``%llm code``; and the answer to a cell that failed: ``%llm fix``."""

from __future__ import annotations

import os
import platform

from IPython.core.getipython import get_ipython

from ...chat.session import session
from ...errors import NbstreamError, fail
from ...i18n import magic, t
from .. import surface
from .registry import Shown, verb
from .talking import talk, turn_of


@verb("code")
def code(number: str | None = None, *, block: str | None = None, conversation: str = "main") -> str | None:
    from ..after import new_cell

    turn = turn_of(talk(conversation), number)
    if turn.answer is None:
        raise fail("config.turn_running", given=turn.number)
    blocks = turn.answer.blocks
    if block is not None and blocks:
        if not (block.isdecimal() and len(block) < 5 and 1 <= int(block) <= len(blocks)):
            raise fail("config.block_number", given=block[:20], count=len(blocks), number=turn.number)
        blocks = [blocks[int(block) - 1]]
    return new_cell(blocks, turn.number)


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
    known = exception.secrets_in([*os.environ.items(), *shell.user_ns.items()])

    def safe(text: str) -> str:
        return exception.redacted(session().keys.hide_in(text), known)

    words, version = " ".join(question), platform.python_version()
    report = safe(exception.report(error, shell))
    asking = f"{words}\n\n{t('fix.also')}" if words else t("fix.ask")
    asked = t("fix.report", question=asking, version=version, report=report)
    # What the history shows, and a restart brings back: the line, and what it was about.
    prompt = f"%{magic()} fix {words}".rstrip() + f"\n{safe(exception.brief(error))}"
    options = arguments.parse(llm.parser, "")
    options.model, options.conversation, options.line = model, conversation, ""
    about = t("fix.about", error=safe(exception.brief(error)))
    return ask(Prepared(prompt, asked, hints=(about,)), options, surface.surface())
