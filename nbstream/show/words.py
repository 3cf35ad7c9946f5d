"""The short lines around an answer: status, footer, receipt. Pure."""

from __future__ import annotations

import hashlib
import time
from html import escape
from typing import Any

from .._version import __version__
from ..chat.call import State
from ..chat.history import Turn
from ..errors import NbstreamError
from ..i18n import t
from ..messages import Answer, Context
from .amounts import money, short
from .clean import clean

MARK = "⟡"
"""Begins our footer; `settle` drops it from model text, so nothing else can."""


def title(model: str) -> str:
    """``provider:model`` as a person reads it.

    >>> title("spark:4.0Ultra"), title("demo")
    ('spark 4.0Ultra', 'demo')
    """
    return model.replace(":", " ", 1)


def status(model: str, state: State | None, *, thinking: bool = False) -> dict[str, Any]:
    """What the status line says; ``{s}`` in its text is seconds, which the view counts by ``step``."""
    name = title(model)
    if state is not None and state.phase == "retrying" and state.error is not None:
        text = t(
            "status.retrying",
            model=name,
            reason=t(f"kind.{state.error.kind}"),
            attempt=state.attempt,
            attempts=state.attempts,
            s="{s}",
        )
        return {"text": text, "seconds": state.seconds, "step": -1}
    if state is not None and state.phase == "queued":
        return {"text": t("status.queued", model=name, place=ordinal(state.place)), "seconds": 0, "step": 0}
    if state is not None and state.phase == "waiting":
        return {"text": t("status.waiting", model=name, s="{s}"), "seconds": 0, "step": 1}
    if state is not None:
        return {"text": t("status.connecting", model=name), "seconds": 0, "step": 0}
    if thinking:
        return {"text": t("status.thinking", model=name, s="{s}"), "seconds": 0, "step": 1}
    return {"text": name, "seconds": 0, "step": 0}


def ordinal(n: int) -> str:
    """A place in a row, as one says it: ``3rd``."""
    ending = "other" if n % 100 in (11, 12, 13) else {1: "one", 2: "two", 3: "few"}.get(n % 10, "other")
    return t(f"place.{ending}", n=n)


def footer(answer: Answer) -> str:
    """One quiet line of facts: model, tokens, times. Only what is known."""
    parts = [title(answer.model)]
    usage, timing = answer.usage, answer.timing
    if answer.finish_reason == "cancelled":
        parts.append(t("footer.stopped"))
    elif answer.finish_reason in ("length", "content_filter"):
        parts.append(t(f"footer.{answer.finish_reason}"))
    if answer.error is not None:
        parts.append(t("footer.failed"))
    if usage is not None and usage.output_tokens is not None:
        given = "?" if usage.input_tokens is None else f"{usage.input_tokens:,}"
        parts.append(t("footer.tokens", input=given, output=f"{usage.output_tokens:,}"))
    elif answer.finish_reason == "cancelled" and timing.pieces:
        parts.append(about(answer))
    if timing.first_token is not None and timing.duration is not None:
        parts.append(t("footer.first", seconds=f"{max(0.01, timing.first_token):.2f}"))
        spent = timing.duration - timing.first_token
        if usage is not None and usage.output_tokens and spent > 0.05:
            parts.append(t("footer.speed", rate=f"{usage.output_tokens / spent:.0f}"))
    if answer.cost is not None and answer.cost.amount:
        parts.append(f"≈ {money(answer.cost)}")
    if answer.context is not None and answer.error is None and (said := sent_along(answer.context)):
        parts.append(said)
    parts += noted(answer)
    return f"{MARK} " + " · ".join(parts)


def noted(answer: Answer) -> list[str]:
    """What was noted of an answer; of one that a tape played always that: a restored one has lost its notes.

    >>> noted(Answer("", tape="lesson.tape"))
    ['played from lesson.tape']
    """
    told = answer.tape is None or any(answer.tape in note for note in answer.notes)
    return [*answer.notes, *([] if told else [t("tape.played", file=answer.tape)])]


def about(answer: Answer) -> str:
    """How many tokens came, where nobody has counted them. A service may send many of them at once."""
    from ..chat.sizes import about, size_of  # not at load

    return t("footer.about", output=f"{about(size_of(answer.text + answer.reasoning)):,}")


FULL, MANY = 0.5, 20_000
"""A part of the window, or so many tokens where nobody knows it: then a reader is told what is sent along."""


def sent_along(context: Context) -> str:
    """What went along, where turns stayed out or the conversation has become long; else ""."""
    tokens = context.tokens or 0
    if context.cut:
        return t("footer.context", sent=context.sent, turns=context.turns, tokens=short(tokens))
    if context.sent > 1 and tokens >= (FULL * context.window if context.window else MANY):
        return t("footer.context_all", turns=context.sent, tokens=short(tokens))
    return ""


def receipt(turn: Turn, answer: Answer, conversation: str | None) -> dict[str, Any]:
    """The metadata of a settled output: enough to rebuild the turn from the notebook; never a key."""
    facts: dict[str, Any] = {
        "version": __version__,
        "options": dict(turn.options),
        "conversation": conversation,
        "turn": turn.id,
        "cell": turn.cell,
        "prompt_sha256": hashlib.sha256(turn.prompt.encode("utf-8", "replace")).hexdigest(),
        **ended(turn, answer),
        **_place(turn),
    }
    if turn.kept is not None:  # another may be kept later, and then this one is not
        facts |= {"kept": turn.kept, "at": round(time.time(), 3)}
    return {"nbstream": facts}


def ended(turn: Turn, answer: Answer) -> dict[str, Any]:
    """Who answered, how that ended and what it took."""
    provider, _, model = turn.model.partition(":")
    usage = answer.usage
    facts: dict[str, Any] = {
        "provider": provider,
        "model": model,
        "finish_reason": answer.finish_reason,
        "usage": None
        if usage is None
        else {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
            "cached_tokens": usage.cached_tokens,
        },
        "timing": {
            "started": round(answer.timing.started, 3),
            "first_token": _rounded(answer.timing.first_token),
            "duration": _rounded(answer.timing.duration),
        },
        "characters": len(clean(turn.whole(answer).text)),
    }
    if answer.tape is not None:
        facts["tape"] = answer.tape
    if answer.error is not None:
        facts["error"] = {"kind": answer.error.kind, "status": answer.error.status, "code": answer.error.code}
    return facts


def _place(turn: Turn) -> dict[str, Any]:
    """Where a turn stands in its conversation, and what of it is not in the notebook."""
    before = turn.parent if turn.parent is not None and turn.parent.number else None
    facts: dict[str, Any] = {"number": turn.number}
    if turn.opening is not None:
        facts["opening"] = turn.opening
    if before is not None:
        facts |= {"parent": before.id, "parent_cell": before.cell}
    more = {
        "fresh": turn.fresh,
        "system": turn.system,
        "filled": turn.sent is not None and turn.sent != turn.prompt,
        "attachments": [
            {"name": one.name, "type": one.media_type, "size": len(one.data)} for one in turn.attachments
        ],
        "rounds": len(turn.rounds),
    }
    return facts | {name: value for name, value in more.items() if value}


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def ending(answer: Answer, *, with_footer: bool) -> str:
    """What stands behind an answer in its view, as HTML, in the shape that the settled Markdown will have."""
    return (card_html(answer.error) if answer.error else "") + (footer_html(answer) if with_footer else "")


def footer_html(answer: Answer) -> str:
    """The footer as it stands in a view."""
    return f"<p><em>{_text(footer(answer))}</em></p>"


def card_html(error: NbstreamError) -> str:
    """The card of an error, as HTML."""
    fix = f"<code>{_text(error.fix)}</code>" if is_line(error.fix) else _text(error.fix)
    lines = [f"<strong>⚠ {_text(error.what)}</strong>", _text(error.why), f"→ {fix}" if error.fix else ""]
    inside = "".join(f"<p>{line}</p>" for line in lines if line)
    return f'<blockquote role="alert">{inside}</blockquote>'


def _text(text: str) -> str:
    return escape(clean(text))


def is_line(fix: str) -> bool:
    """Whether a fix is a line to paste rather than a sentence.

    >>> is_line("%llm login spark"), is_line("Check the network.")
    (True, False)
    """
    return fix.startswith(("%", "nbstream.", "pip ", "ollama ", "credentials=", "timeout=", "options="))
