"""What was said: ``%llm history``, ``reset``, ``show``."""

from __future__ import annotations

import re

from ...chat.session import session
from ...errors import fail
from ...i18n import t
from ...show.cards import literal, table
from .registry import Shown, verb


@verb("history")
def history(name: str = "main") -> str:
    turns = session().conversation(name).turns
    if not turns:
        return t("line.no_turns", name=literal(name))
    rows = []
    for number, turn in enumerate(turns, 1):
        text = turn.answer.text if turn.answer else ""
        text = re.sub(r"\A\*[^*\n]+\*\n", "", text)  # the label of demo, alike in all of them
        rows.append([number, turn.model, _short(turn.prompt), _short(text), t(f"turn.{turn.status}")])
    return table(["#", t("line.model"), t("line.prompt"), t("line.answer"), t("line.status")], rows)


def _short(text: str, most: int = 60) -> str:
    """The beginning of `text` on one line, without marks of Markdown; a Chinese character counts twice."""
    text = " ".join(
        re.sub(r"^\s{0,3}(#+|>|[-*+])\s+|\*\*|`+|^\s*\|", " ", text[: 4 * most], flags=re.M).split()
    )
    for place, character in enumerate(text):
        most -= 1 + (character > "\u2e7f")
        if most < 0:
            return text[:place] + "…"
    return text


@verb("reset")
def reset(name: str = "main") -> str:
    talk = session().conversation(name)
    count = len(talk.turns)
    talk.reset()
    return t("line.reset", name=literal(name), count=count)


@verb("show")
def show(number: str | None = None) -> Shown:
    from ...show.settled import bundle

    talk = session().conversation()
    turns = talk.turns
    if number is not None and not (number.isdecimal() and len(number) < 10):
        raise fail("config.turn_number", given=number[:20], count=len(turns))
    position = int(number) if number else len(turns)
    if not 1 <= position <= len(turns):
        raise fail("config.turn_number", given=position, count=len(turns))
    turn = turns[position - 1]
    if turn.answer is None:
        raise fail("config.turn_running", given=position)
    return bundle(turn, turn.answer, talk.name, footer=session().settings.footer)
