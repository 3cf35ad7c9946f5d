"""A conversation as a table of its turns."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

from ..chat.history import History, Turn
from ..i18n import t
from .cards import literal, table

SHORT, LONG = 60, 200
"""Columns of a prompt that are shown."""
FILES = 5
"""Files of one turn that are named."""


def turns_markdown(history: History, turns: Sequence[Turn], *, verbose: bool = False) -> str:
    """The `turns` as a table: what was asked, of whom, and how each answer begins and ended.

    `verbose` adds what else is known: options, tokens, the cell, other versions, tools, files, pins.
    """
    heads = ["#", t("line.model"), t("line.prompt"), t("line.answer"), t("line.status")]
    rows = []
    asked = any(not turn.scripted for turn in turns)
    for turn in turns:
        versions = history.versions(turn)
        place = next((number for number, one in enumerate(versions, 1) if one is turn), 0)
        number = (
            f"{turn.number} ({place}/{len(versions)})" if place and len(versions) > 1 else str(turn.number)
        )
        marks = [
            status(turn),
            t("turn.pinned") if turn.pinned else "",
            t("turn.unsent") if asked and _unsent(turn) else "",
        ]
        row = [
            number,
            turn.model,
            short(turn.prompt, LONG if verbose else SHORT),
            beginning(turn),
            " · ".join(filter(None, marks)),
        ]
        rows.append([*row, details(turn)] if verbose else row)
    return table([*heads, t("line.details")] if verbose else heads, rows)


def versions_markdown(versions: Sequence[Turn], used: Turn | None) -> str:
    """All that was asked in one place, numbered; the one in use is marked."""
    heads = ["", t("line.model"), t("line.prompt"), t("line.answer"), t("line.status")]
    rows = [
        [f"{number}{'←' if one is used else ''}", one.model, short(one.prompt), beginning(one), status(one)]
        for number, one in enumerate(versions, 1)
    ]
    return table(heads, rows)


def status(turn: Turn) -> str:
    """What became of `turn`, where that is worth a word."""
    if turn.undecided:
        return t("compare.undecided", count=len(turn.candidates))
    if turn.answer is not None and turn.answer.finish_reason in ("length", "content_filter"):
        return t(f"footer.{turn.answer.finish_reason}")
    return t(f"turn.{turn.status}")


def _unsent(turn: Turn) -> bool:
    """Whether a model is not told of `turn` later on: it failed, or `demo` answered."""
    return turn.answer is not None and (turn.scripted or not turn.messages())


def details(turn: Turn) -> str:
    """What else is known of `turn`, on one line."""
    parts = [time.strftime("%H:%M", time.localtime(turn.created))] if turn.created else []
    parts += [f"{name} {value}" for name, value in turn.options.items()]
    if turn.system:
        parts.append(t("turn.system", system=short(turn.system, 30)))
    usage = turn.answer.usage if turn.answer is not None else None
    if usage is not None and usage.output_tokens is not None:
        given = "?" if usage.input_tokens is None else f"{usage.input_tokens:,}"
        parts.append(t("footer.tokens", input=given, output=f"{usage.output_tokens:,}"))
    if turn.context is not None and turn.context.sent < turn.context.turns and turn.context.cut:
        parts.append(t("turn.context", sent=turn.context.sent, turns=turn.context.turns))
    timing = turn.answer.timing if turn.answer is not None else None
    if timing is not None and timing.first_token is not None:
        parts.append(t("footer.first", seconds=f"{max(0.01, timing.first_token):.2f}"))
    calls = [call.name for message in turn.rounds for call in message.tool_calls]
    if calls:
        parts.append(t("turn.tools", names=t("list.joint").join(dict.fromkeys(calls)), count=len(calls)))
    if turn.attachments:
        named = [short(one.name or one.media_type, 30) for one in turn.attachments[:FILES]]
        parts.append(t("turn.files", count=len(turn.attachments), names=t("list.joint").join(named)))
    if turn.sent is not None:
        parts.append(t("turn.filled", count=f"{len(turn.sent):,}"))
    if turn.fresh:
        parts.append(t("turn.fresh"))
    return " · ".join(parts)


def others_markdown(counts: dict[str, int]) -> str:
    """The other conversations, and how many turns each has; "" where there is none."""
    if not counts:
        return ""
    named = [t("line.turns", name=literal(name), count=count) for name, count in counts.items()]
    return t("line.others", names=t("list.joint").join(named))


def beginning(turn: Turn) -> str:
    """How the answer of `turn` begins; without one, what went wrong."""
    answer = turn.answer
    if answer is not None and answer.error is not None and not answer.text.strip():
        return f"⚠ {short(answer.error.what)}"
    text = answer.text if answer is not None else ""
    return short(re.sub(r"\A\*[^*\n]+\*\n", "", text))  # the label of demo, alike in all of them


def short(text: str, most: int = 60) -> str:
    """The beginning of `text` on one line, without marks of Markdown; a Chinese character counts twice.

    >>> short("# Title\\n\\nand **more**", 12)
    'Title and mo…'
    """
    text = " ".join(
        re.sub(r"^\s{0,3}(#+|>|[-*+])\s+|\*\*|`+|^\s*\|", " ", text[: 4 * most], flags=re.M).split()
    )
    for place, character in enumerate(text):
        most -= 1 + (character > "\u2e7f")
        if most < 0:
            return text[:place] + "…"
    return text
