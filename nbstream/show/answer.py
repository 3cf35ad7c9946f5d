"""The answer widget: an anywidget that shows one answer as it comes."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import anywidget
from traitlets import Bool, Dict, Unicode

from ..i18n import t
from .highlight import CSS
from .subshells import route_to_subshell


@cache
def asset(*names: str) -> str:
    """Files of this folder, one after the other: anywidget loads one module, without imports."""
    return "\n".join(files("nbstream.show").joinpath(name).read_text(encoding="utf-8") for name in names)


class AnswerWidget(anywidget.AnyWidget):
    """Carries operations to the view and its wishes back. The answer itself is in no trait.

    To the view: ``{seq, ops, think, reset, status, end}`` in order, or the same with ``full`` (all so
    far), or ``{settle}``. From the view: ``{do: "sync" | "ack" | "stop"}``, by the comm or on the kernel's
    control channel (see `control.py`).
    """

    _esm = asset("ops.js", "steady.js", "settling.js", "answer.js")
    _css = asset("answer.css") + CSS
    turn = Unicode().tag(sync=True)
    words = Dict().tag(sync=True)
    status = Dict(allow_none=True).tag(sync=True)
    blocking = Bool(False).tag(sync=True)
    """Whether our own call holds the kernel's main thread: then the view may interrupt it."""
    control = Unicode().tag(sync=True)
    """The type of message by which the kernel hears a view on its control channel; "" where it cannot."""

    def __init__(self, turn: str, status: dict[str, Any], *, blocking: bool, control: str = "") -> None:
        words = {name: t(f"view.{name}") for name in ("stop", "stop_title", "stopping", "thinking")}
        super().__init__(turn=turn, words=words, status=status, blocking=blocking, control=control)
        route_to_subshell(self.comm)

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The view; and in its place, where there is none (a notebook saved in mid-stream), a sentence."""
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        return {**data, "text/plain": t("view.unsettled")}, metadata
