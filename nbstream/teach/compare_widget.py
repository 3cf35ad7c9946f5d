"""The widget that shows several answers side by side as they come."""

from __future__ import annotations

from typing import Any

import anywidget
from traitlets import Bool, Dict, List, Unicode

from ..i18n import t
from ..show.answer import asset as shown
from ..show.highlight import CSS
from ..show.subshells import route_to_subshell
from .assets import asset


class CompareWidget(anywidget.AnyWidget):
    """Carries what each column is to do to the view, and its wishes back. The answers are in no trait.

    To the view: ``{seq, columns: [[number, {ops, think, reset, status, end, keep}], …]}`` in order, or the
    same with ``full`` (all so far); ``{kept}``; ``{settle}``. From the view, by the comm or on the kernel's
    control channel: ``{do: "sync" | "ack" | "stop" | "keep"}``, with ``column`` where one is meant.
    """

    _esm = shown("ops.js", "steady.js", "settling.js") + asset("view.js", "compare.js")
    _css = asset("compare.css") + CSS
    key = Unicode().tag(sync=True)
    """The id of the turn."""
    words = Dict().tag(sync=True)
    names = List(Unicode()).tag(sync=True)
    """The models, as a person reads them."""
    blocking = Bool(False).tag(sync=True)
    """Whether our own call holds the kernel's main thread: then the view may interrupt it."""
    keeps = Bool(False).tag(sync=True)
    """Whether there is a conversation for which an answer can be kept."""
    control = Unicode().tag(sync=True)

    def __init__(self, turn: str, names: list[str], *, blocking: bool, keeps: bool, control: str) -> None:
        words = {name: t(f"view.{name}") for name in ("stop", "stop_title", "stopping", "thinking")}
        plain = ("stop_all", "stop_all_title", "keep_button", "keep_title", "kept")
        words |= {name: t(f"compare.{name}") for name in plain}
        about = {"number": "{number}", "model": "{model}"}  # which the view fills in
        words |= {name: t(f"compare.{name}", **about) for name in ("region", "stop_one")}
        words["answering"] = t("compare.answering", left="{left}", count="{count}")
        super().__init__(key=turn, words=words, names=names, blocking=blocking, keeps=keeps, control=control)
        route_to_subshell(self.comm)

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The view; and where there is none (a notebook saved in mid-stream), a sentence."""
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        return {**data, "text/plain": t("view.unsettled")}, metadata
