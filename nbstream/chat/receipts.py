"""A turn, as the receipt in a notebook's output tells of it. It may be forged: see `notebook.Receipt`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, cast

from ..errors import KINDS, NbstreamError, fail
from ..i18n import t
from ..messages import Answer, FinishReason, Timing, Usage
from .checks import MAX_NAME, is_name
from .kept import Turn, new_id
from .notebook import Cell, Receipt

ENDINGS = ("stop", "length", "tool_calls", "content_filter", "cancelled", "other")


MOST_CANDIDATES = 20
"""Answers to one question."""


@dataclass(slots=True, eq=False)
class Found:
    """A turn that was found, and where it said that it stood.

    Attributes
    ----------
    cell : Cell
        That of the notebook which holds it.
    parent, parent_cell : str or None
        The turn before it, and that one's cell.
    number : int or None
        Its place on its branch. None: asked by an nbstream that did not say.
    stale : bool
        The cell's prompt is another than the one that was asked.
    """

    turn: Turn
    cell: Cell
    conversation: str | None
    parent: str | None
    parent_cell: str | None
    number: int | None
    stale: bool
    receipt: Receipt


def turn_of(cell: Cell, receipt: Receipt, prompt: str, text: str, *, stale: bool) -> Found:
    """The turn of `receipt`: `prompt` is what was asked, or, if `stale`, what the cell asks now."""
    model = ":".join(filter(None, [_word(receipt, "provider") or "?", receipt.word("model")]))
    reason = receipt.word("finish_reason")
    text = "" if receipt.whole("characters") == 0 else text
    times = receipt.part("timing")
    answer = Answer(
        text=text,
        finish_reason=cast(FinishReason, reason) if reason in ENDINGS else None,
        usage=_usage(receipt),
        model=model,
        timing=Timing(times.number("started") or 0.0, times.number("first_token"), times.number("duration")),
        error=_error(receipt.part("error")) if receipt.holds("error") else None,
        tape=receipt.word("tape"),
    )
    if stale:
        answer = Answer(model=model, timing=answer.timing, error=fail("config.edited_since"))
    turn = Turn(
        prompt,
        model,
        system=receipt.text("system"),
        options=_options(receipt.part("options")),
        cell=None if receipt.true("panel") and cell.prompt is None else _cell(cell, receipt),
        fresh=receipt.true("fresh"),
        line=cell.line or "",
        answer=answer,
        opening=receipt.number("opening"),
        id=_word(receipt, "turn") or "?",
        created=answer.timing.started,
    )
    if answer.error is not None:
        answer.error.answer = answer
    return Found(
        turn,
        cell,
        name if is_name(name := receipt.word("conversation", MAX_NAME)) else None,
        _word(receipt, "parent"),
        receipt.word("parent_cell"),
        receipt.whole("number"),
        stale,
        receipt,
    )


def last_told(copies: Sequence[tuple[Receipt, str]]) -> tuple[Receipt, str]:
    """Of the outputs that tell of one turn, the one that tells how it ended, and its text.

    Of several models' answers that is the one which was kept last. An answer that was gone on with stands
    whole in a later cell.
    """
    kept = [copy for copy in copies if copy[0].whole("kept")]
    if kept:
        receipt, text = max(kept, key=lambda copy: copy[0].number("at") or 0.0)
        parts = _candidates(receipt, text)
        which = receipt.whole("kept") or 0
        return parts[which - 1] if which <= len(parts) else (receipt, text)
    several = next((receipt for receipt, _ in copies if receipt.parts("candidates")), None)
    return (several, "") if several is not None else max(copies, key=lambda copy: len(copy[1]))


def add_candidates(found: Found, copies: Sequence[tuple[Receipt, str]]) -> None:
    """Give a turn that several models answered their answers back."""
    parts = next((made for copy in copies if (made := _candidates(*copy))), [])
    if not parts or found.stale:
        return
    turn = found.turn
    turn.candidates = tuple(
        replace(turn_of(found.cell, told, turn.prompt, text, stale=False).turn, id=new_id())
        for told, text in parts
    )
    which = found.receipt.whole("kept") or 0
    turn.kept = which if 1 <= which <= len(parts) else None
    if turn.kept is None and turn.answer is not None:
        turn.model = ",".join(one.model for one in turn.candidates)
        from .several import undecided

        note = undecided(turn, found.conversation or "main")
        turn.answer = replace(turn.answer, model=turn.model, notes=(note,))


def _candidates(receipt: Receipt, text: str) -> list[tuple[Receipt, str]]:
    """The answers that one output holds, each with what is known of it."""
    found: list[tuple[Receipt, str]] = []
    before = 0
    for part in receipt.parts("candidates")[:MOST_CANDIDATES]:
        start, end = part.span()
        if not before <= start <= end <= len(text):
            return []
        found.append((receipt.with_facts(part), text[start:end]))
        before = end
    return found


def _word(receipt: Receipt, name: str) -> str | None:
    """An id, or the name of a provider."""
    word = receipt.word(name, 64)
    return word if word is not None and re.fullmatch(r"[\w.-]+", word) else None


def _cell(cell: Cell, receipt: Receipt) -> str | None:
    """The id that the front end will send when the cell runs again: the file's own.

    VS Code has ids of its own, which are not in the file; old notebooks have none, and Jupyter makes some up.
    """
    asked = receipt.word("cell", 2000)
    return asked if asked is not None and asked.startswith("vscode-") else cell.id or asked


def _options(receipt: Receipt) -> dict[str, Any]:
    found = {"temperature": receipt.number("temperature"), "max_tokens": receipt.whole("max_tokens")}
    return {name: value for name, value in found.items() if value is not None}


def _usage(receipt: Receipt) -> Usage | None:
    usage = receipt.part("usage")
    counts = {one.name: usage.whole(one.name) for one in fields(Usage)}
    return Usage(**counts) if any(count is not None for count in counts.values()) else None


def _error(receipt: Receipt) -> NbstreamError:
    """An error of the same kind; what it said in full is not kept."""
    kind = receipt.word("kind")
    kind = kind if kind in KINDS else "protocol"
    code = receipt.word("code")
    whole = fail("config.failed_before", reason=t(f"kind.{kind}"))
    error = KINDS[kind](whole.what, whole.why, whole.fix, status=receipt.whole("status"), code=code)
    error.case = whole.case
    return error
