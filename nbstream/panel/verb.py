"""``%llm chat``: a panel in the output of a cell."""

from __future__ import annotations

from ..magics.verbs.registry import Shown, verb


@verb("chat")
def chat(*, model: str | None = None, system: str | None = None, conversation: str = "main") -> Shown:
    from IPython.display import display

    from .panel import ChatPanel  # not before somebody asks: it brings the widgets

    display(ChatPanel(model, conversation, system))
    return None
