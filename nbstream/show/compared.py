"""The answers of several models, side by side: what stays of them in the notebook, as one table. Pure."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from ..chat.kept import Turn
from ..chat.several import keep_line
from ..chat.sizes import Size, about, size_of
from ..errors import NbstreamError
from ..i18n import t
from ..messages import Answer
from . import words
from .amounts import money
from .cards import code, literal
from .clean import clean
from .escape import html_text
from .incell import in_cell

log = logging.getLogger("nbstream")


def bundle(
    turn: Turn, answers: Sequence[Answer], conversation: str | None, *, footer: bool = True
) -> tuple[dict[str, str], dict[str, Any]]:
    """The output's data and metadata: a table with a row for each of `turn`'s candidates.

    ``text/plain`` holds all answers in full, one below the other, and the receipt says where each stands.
    """
    whole = turn.answer or Answer(model=turn.model)
    facts = words.receipt(turn, whole, conversation)["nbstream"]
    parts: list[dict[str, Any]] = []
    plain = ""
    for number, (candidate, answer) in enumerate(zip(turn.candidates, answers, strict=True), 1):
        said = clean(answer.text) or (clean(str(answer.error)) if answer.error else "")
        head = " · ".join(map(clean, [f"# {number}", words.title(candidate.model), *remarks(answer)]))
        plain += ("\n\n" if plain else "") + head + "\n\n"
        start, plain = len(plain), plain + said
        parts.append({**words.ended(candidate, answer), "start": start, "end": len(plain)})
    if turn.kept is None:
        facts |= {"provider": None, "model": None}
    markdown = table(turn, answers)
    if footer and turn.kept is None and conversation and (line := keep_line(turn, conversation)):
        markdown += f"\n\n*{words.MARK} {t('compare.keep', line=code(line))}*"
    return {"text/markdown": markdown, "text/plain": plain}, {"nbstream": facts | {"candidates": parts}}


def table(turn: Turn, answers: Sequence[Answer]) -> str:
    """The table alone: a row for each answer, with its number, its model and what it took above it.

    They stand in the answer's own cell: in one beside it readers would show them halfway down a long answer.
    """
    lines = [f"| {t('line.answer')} |", "| :-- |"]
    for number, (candidate, answer) in enumerate(zip(turn.candidates, answers, strict=True), 1):
        mark = "✓\u00a0" if turn.kept == number else ""
        told = [f"**{mark}{number} · {literal(words.title(candidate.model))}**"]
        told += map(literal, [*numbers(answer), *remarks(answer)])
        lines.append(f"| {' · '.join(told)}<br><br>{_said(answer)} |")
    return "\n".join(lines)


def _said(answer: Answer) -> str:
    parts = []
    if answer.text.strip():
        try:
            parts.append(in_cell(answer.text))
        except Exception:
            log.exception("an answer could not be settled in a table")
            parts.append("<br>".join(literal(line) for line in clean(answer.text).splitlines()))
    if answer.error is not None:
        parts.append(_error(answer.error))
    return "<br><br>".join(parts) or f"*{t('compare.nothing')}*"


def _error(error: NbstreamError) -> str:
    fix = f"<code>{html_text(clean(error.fix))}</code>" if words.is_line(error.fix) else literal(error.fix)
    lines = [f"**⚠ {literal(error.what)}**", literal(error.why), f"→ {fix}" if error.fix else ""]
    return "<br>".join(filter(None, lines))


def numbers(answer: Answer, came: Size | None = None) -> list[str]:
    """What an answer took, and how it ended if not well: time to first token, tokens/s, tokens, cost.

    `came` is how much has come of one that is under way, whose text is not here yet.
    """
    parts = []
    usage, timing = answer.usage, answer.timing
    estimate = about(came if came is not None else size_of(answer.text + answer.reasoning))
    if answer.finish_reason == "cancelled":
        parts.append(t("footer.stopped"))
    elif answer.finish_reason in ("length", "content_filter"):
        parts.append(t(f"footer.{answer.finish_reason}"))
    if answer.error is not None:
        parts.append(t("footer.failed"))
    counted = usage.output_tokens if usage is not None else None
    if timing.first_token is not None:
        parts.append(t("footer.first", seconds=f"{max(0.01, timing.first_token):.2f}"))
        spent = (timing.duration or 0.0) - timing.first_token
        if spent > 0.05 and (made := counted or (estimate if timing.pieces else 0)):
            parts.append(("" if counted else "≈ ") + t("footer.speed", rate=f"{made / spent:,.0f}"))
    if usage is not None and counted is not None:
        given = "?" if usage.input_tokens is None else f"{usage.input_tokens:,}"
        parts.append(t("footer.tokens", input=given, output=f"{counted:,}"))
    elif timing.pieces:
        parts.append(t("footer.about", output=f"{estimate:,}"))
    if answer.cost is not None and answer.cost.amount:
        parts.append(f"≈ {money(answer.cost)}")
    elif timing.pieces and answer.cost is None and answer.model.partition(":")[0] not in ("", "demo"):
        parts.append(t("compare.no_price"))
    return parts


def remarks(answer: Answer) -> list[str]:
    """What a reader must know to judge an answer: what was sent along, that it came from a tape."""
    along = words.sent_along(answer.context) if answer.context is not None and answer.error is None else ""
    return [*([along] if along else []), *words.noted(answer)]
