"""A tool's call in a panel: its card, and the status line while it is carried out."""

from __future__ import annotations

import logging
from html import escape
from typing import Any

from ..chat.toolbox import names
from ..i18n import t
from ..messages import Answer
from ..show.calls import CallCard, card, shortened
from ..show.clean import clean

NAME = 40
"""Characters of a tool's name in the status line."""
log = logging.getLogger("nbstream")


def calling(answer: Answer) -> dict[str, Any] | None:
    """The status line while the tools that `answer` calls are carried out; None where it calls none."""
    if not answer.tool_calls:
        return None
    named = ", ".join(shortened(card(call, names()).name, NAME) for call in answer.tool_calls)
    return {"text": t("status.tool", name=named.replace("{s}", ""), s="{s}"), "seconds": 0, "step": 1}


def call_html(one: CallCard) -> str:
    """The card; should it ever fail to render, as plain text."""
    try:
        return one.html.replace("<blockquote>", '<blockquote class="nbp-call">', 1)
    except Exception:
        log.exception("a tool's call could not be rendered; it is shown as it is")
        return as_it_is(f"{one.name}({one.arguments})")


def as_it_is(text: str) -> str:
    """`text` as a block of HTML that shows just these characters."""
    return f"<pre>{escape(clean(text))}</pre>"
