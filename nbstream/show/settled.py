"""What stays in the notebook when a turn has ended: Markdown, plain text, and a receipt."""

from __future__ import annotations

import logging
from typing import Any

from ..chat.history import Turn
from ..chat.toolbox import names
from ..messages import Answer, Message
from . import words
from .calls import CallCard, cards
from .cards import error_markdown, literal
from .clean import clean
from .incode import in_code
from .markdown import settle

log = logging.getLogger("nbstream")


def bundle(
    turn: Turn, answer: Answer, conversation: str | None, *, footer: bool = True, after: str = ""
) -> tuple[dict[str, str], dict[str, Any]]:
    """The output's data and metadata.

    `after` is Markdown of ours to stand behind the answer. ``text/plain`` is the model's text alone, which
    history and restore read; our card and footer stand outside the answer, in the Markdown only.
    """
    if turn.undecided:
        from . import compared

        answers = [one.answer or Answer(model=one.model) for one in turn.candidates]
        return compared.bundle(turn, answers, conversation, footer=footer)
    parts = [_part(one) for one in cards(turn.rounds, names())]
    if answer.text.strip():
        parts.append(prose(in_code(answer.text)))
    plain = clean(turn.whole(answer).text)
    if answer.error is not None:
        parts.append(error_markdown(answer.error))
        plain = plain or clean(str(answer.error))
    if after:
        parts.append(after)
    if footer and (line := _footer(answer)):
        parts.append(line)
    return {"text/markdown": "\n\n".join(filter(None, parts)), "text/plain": plain}, words.receipt(
        turn, answer, conversation
    )


def _part(one: Message | CallCard) -> str:
    """What the model said while it worked, or a call it made."""
    if isinstance(one, CallCard):
        return one.markdown
    return prose(one.content) if one.content.strip() else ""


def _footer(answer: Answer) -> str:
    try:
        return f"*{words.MARK} {literal(words.footer(answer).removeprefix(words.MARK))}*"
    except Exception:  # odd numbers from a server must not cost the answer
        log.exception("the footer could not be written")
        return ""


def prose(text: str) -> str:
    """`text` settled; should the serializer ever fail, as plain lines: an answer is never lost."""
    try:
        return settle(text).strip("\n")
    except Exception:
        log.exception("an answer could not be settled as Markdown")
        return "  \n".join(literal(line) for line in text.splitlines())
