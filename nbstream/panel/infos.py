"""What a panel's view is told about a turn, beside what was said in it."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from html import escape
from math import isfinite
from typing import Any

from ..chat.kept import Turn
from ..chat.resuming import unfinished
from ..errors import NbstreamError
from ..i18n import magic
from ..show import words
from ..show.clean import clean
from .fixes import told

log = logging.getLogger("nbstream")
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""What a page may show: never SVG, which can hold scripts."""
Fixes = Callable[[NbstreamError, Turn], list[dict[str, Any]]]


def asked(turn: Turn) -> dict[str, Any]:
    """What was asked: it stays."""
    return {
        "id": turn.id,
        "prompt": clean(turn.prompt),
        "model": clean(turn.model),
        "cell": turn.cell is not None,
        "time": round(turn.created, 3) if isfinite(turn.created) else 0,
        "files": [
            {
                "name": clean(one.name),
                "type": clean(one.media_type),
                "size": len(one.data),
                "picture": one.media_type in PICTURES,
            }
            for one in turn.attachments
        ],
    }


def came(turn: Turn, *, running: bool, footer: bool, fixes: Fixes) -> dict[str, Any]:
    """How it ended, or that it has not, and what can be done with it."""
    answer = turn.answer
    if running or answer is None:
        return {"status": "running", "can": ["copy", "remove"], "foot": "", "error": None}
    can = ["retry", "edit", "remove", *(["continue"] if unfinished(turn) else [])]
    if turn.undecided:  # there is no one model to ask once more
        can = ["remove"]
    if turn.whole(answer).text.strip():
        can.append("copy")
    foot = _safely(lambda: f"<p>{escape(clean(words.footer(answer)))}</p>") if footer else ""
    error = None
    if answer.error is not None:
        failure = answer.error
        html = _safely(lambda: words.card_html(told(failure)))
        error = {"html": html, "fixes": _fixes(fixes, failure, turn)}
    return {"status": turn.status, "can": can, "foot": foot, "error": error}


def code_line(number: int, name: str) -> str:
    """The line that brings the k-th block of code of a turn into a cell, but for the k.

    >>> code_line(3, "main"), code_line(1, "my plan")
    ('%llm code 3.{k}', '%llm code 1.{k} -c "my plan"')
    """
    named = name if re.fullmatch(r"[\w-]+", name) else json.dumps(name, ensure_ascii=False)
    return f"%{magic()} code {number}.{{k}}{'' if name == 'main' else f' -c {named}'}"


def _safely(html: Callable[[], str]) -> str:
    try:
        return html()
    except Exception:  # odd numbers from a server must not cost the answer
        log.exception("a footer could not be written")
        return ""


def _fixes(fixes: Fixes, error: NbstreamError, turn: Turn) -> list[dict[str, Any]]:
    try:
        return fixes(error, turn)
    except Exception:
        log.exception("no buttons for an error")
        return []


def weight(told: Any) -> int:
    """About how many bytes operations have."""
    if isinstance(told, str):
        return len(told)
    if isinstance(told, dict):
        return sum(map(weight, told.values()))
    return sum(map(weight, told)) if isinstance(told, list) else 4
