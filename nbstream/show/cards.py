"""Errors and other facts as Markdown. Server messages in them are model text: hostile."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..errors import NbstreamError
from ..i18n import magic, t
from .escape import TextEscaper, html_text, tidy
from .rules import RULES
from .words import is_line

if TYPE_CHECKING:
    from ..providers.local import Running

MOST = 12
"""Models of one server that are shown."""
_ESCAPER = TextEscaper(RULES)


def literal(text: str) -> str:
    """`text` as Markdown that shows just these characters, on one line.

    >>> literal("2 * 3 < snake_case")
    '2 \\\\* 3 &lt; snake_case'
    """
    return _ESCAPER.text(" ".join(tidy(text, RULES).split()), line_start=True)


def error_markdown(error: NbstreamError) -> str:
    """An error card: what happened, why, and the line that mends it."""
    fix = code(error.fix) if is_line(error.fix) else literal(error.fix)
    lines = [f"**⚠ {literal(error.what)}**", literal(error.why), f"→ {fix}" if error.fix else ""]
    return "\n>\n".join(f"> {line}" for line in lines if line)


def code(text: str) -> str:
    """`text` as a span of code; as HTML where it holds what a reader may take out of a span."""
    text = tidy(text, RULES)
    return f"<code>{html_text(text)}</code>" if re.search(r"[`\\$@]", text) else f"`{text}`"


def connect_markdown(ready: Sequence[str], running: Sequence[Running] = ()) -> str:
    """The card that ends the first answer of `demo`: what was found here, and the line that connects it.

    A server on this machine is offered, and used only when the line is run.
    """
    here = next((one for one in running if one.models), None)
    if ready:
        found, lines = t("connect.found", names=literal(", ".join(ready))), [f"%{magic()} use {ready[0]}"]
    elif here is not None:
        found = t("connect.running", name=literal(_name(here)), model=literal(here.models[0]))
        lines = here.lines
    else:
        found, lines = t("connect.nothing"), [f"%{magic()} login {t('connect.example')}"]
    return "\n>\n".join([f"> {found}", *(f"> → {code(line)}" for line in lines)])


def running_markdown(running: Sequence[Running]) -> str:
    """What runs on this machine, as a table; "" for nothing."""
    rows = []
    for one in running:
        models = ", ".join(one.models[:MOST]) + (" …" if len(one.models) > MOST else "")
        rows.append([_name(one), one.url, models or t("line.no_models"), "  ·  ".join(one.lines)])
    return table([t("line.runs_here"), "", t("line.models"), t("line.to_use")], rows) if rows else ""


def _name(one: Running) -> str:
    return one.label if one.sure else t("line.alike", name=one.label)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; every cell is shown literally."""
    lines = [head, ["---"] * len(head)]
    text = [f"| {' | '.join(map(_head, lines[0]))} |", f"| {' | '.join(lines[1])} |"]
    text += [f"| {' | '.join(literal('' if cell is None else str(cell)) for cell in row)} |" for row in rows]
    return "\n".join(text)


def _head(text: str) -> str:
    """The head of a column; a short Chinese one is not broken: that would be letter below letter."""
    wide = len(text) <= 4 and re.fullmatch("[\u3000-\u9fff]+", text)
    return "\u2060".join(text) if wide else literal(text)
