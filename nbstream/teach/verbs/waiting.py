"""``%llm stream-vs-wait``: what streaming saves, in one picture."""

from __future__ import annotations

from ...i18n import t
from ...magics.verbs.registry import Shown, verb


@verb("stream-vs-wait")
def stream_vs_wait(*prompt: str, model: str | None = None) -> Shown:
    from ..waiting import race  # not before somebody asks: it brings the widgets

    return race(" ".join(prompt) or t("waiting.prompt"), model)
