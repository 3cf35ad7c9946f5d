"""The chat panel's widget: carries messages between the desk and its views."""

from __future__ import annotations

import uuid
import weakref
from functools import cache
from importlib.resources import files
from typing import Any

import anywidget
from traitlets import Dict, Unicode

from ..chat import checks
from ..chat.session import session
from ..i18n import labels, t
from ..magics.surface import surface
from ..show.answer import asset as shown
from ..show.control import Ear
from ..show.highlight import CSS
from ..show.subshells import route_to_subshell
from .composing import Composing
from .deeds import Deeds
from .desk import Desk
from .frame import frame
from .heading import Heading
from .keeping import Keeping
from .part import Part
from .placing import placed
from .succession import Origin, succeeded
from .transcript import Transcript

PARTS: tuple[type[Part], ...] = (Transcript, Composing, Heading, Deeds, Keeping)
SCRIPTS = ("core", "blocks", "transcript", "composer", "head", "life", "panel")
STYLES = ("panel", "transcript", "blocks", "composer", "head")

_open: weakref.WeakSet[ChatPanel] = weakref.WeakSet()


@cache
def asset(*names: str) -> str:
    """Files of this folder, one after the other: anywidget loads one module, without imports."""
    return "\n".join(files("nbstream.panel").joinpath(name).read_text(encoding="utf-8") for name in names)


class ChatPanel(anywidget.AnyWidget):
    """A chat in the output of a cell, on the same conversation as ``%%llm``.

    The cell that shows it ends at once; answers stream in the background, also while other cells compute.
    What is said is in no trait: it travels in messages.

    Parameters
    ----------
    model : str, optional
        ``provider`` or ``provider:model``, until another is chosen; else this kernel's default.
    conversation : str
        The conversation that it shows first.
    system : str, optional
        The system message of what is asked in its conversation from panels.

    Examples
    --------
    >>> panel = ChatPanel(model="demo")
    >>> panel.model
    'demo'
    >>> panel.close()
    """

    _esm = shown("ops.js") + asset(*(f"{name}.js" for name in SCRIPTS))
    _css = asset(*(f"{name}.css" for name in STYLES)) + CSS
    panel = Unicode().tag(sync=True)
    words = Dict().tag(sync=True)
    control = Unicode().tag(sync=True)

    def __init__(
        self, model: str | None = None, conversation: str = "main", system: str | None = None
    ) -> None:
        # What is wrong is said while the panel before still stands.
        model = session().named(model) if model is not None else None
        checks.conversation(conversation)
        checks.values(temperature=None, retries=None, options=None, system=system)
        name = uuid.uuid4().hex[:12]
        self.origin = Origin.here(model, conversation, system)
        before = succeeded(self.origin, list(_open))
        self._ear = Ear(name, lambda told: self._desk.hear(told.get("wish"), control=True))
        self._desk = Desk(
            self._carry,
            PARTS,
            self._speak,
            model=before.desk.own_model if before else model,
            conversation=before.conversation if before else conversation,
            system=None if before else system,
        )
        super().__init__(panel=name, words=words(), control=self._ear.request)
        if self.comm is not None:
            route_to_subshell(self.comm)
        self.on_msg(lambda widget, wish, buffers: self._desk.hear(wish, buffers or ()))
        _open.add(self)

    @property
    def desk(self) -> Desk:
        """What is behind it."""
        return self._desk

    @property
    def model(self) -> str:
        """What the next message asks."""
        return self._desk.model

    @property
    def conversation(self) -> str:
        """The name of the conversation that it shows."""
        return self._desk.talk.name

    def _carry(self, message: dict[str, Any], buffers: Any) -> None:
        if self.comm is not None:
            self.send(placed(message), list(buffers) or None)

    def _speak(self) -> None:
        if self.panel and (now := words()) != self.words:
            self.words = now

    def close(self) -> None:
        """Close the views; the conversation stays."""
        _open.discard(self)
        self._desk.close()
        layout = self.layout  # a widget of its own
        super().close()
        layout.close()

    def open(self) -> None:
        """Begin to talk with a page; where nobody looks, there is none."""
        if surface() != "headless":
            super().open()

    def _ipython_display_(self) -> None:
        """The view, and below it the output that keeps what is said."""
        self._desk.part(Keeping).show(*self._repr_mimebundle_())

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The view; and in its place, where there is none, a sentence."""
        view = super()._repr_mimebundle_(**kwargs) if self.comm is not None else None
        data, metadata = view or ({}, {})
        return {**data, "text/plain": t("panel.closed")}, metadata


def words() -> dict[str, str]:
    """The labels of the view and its frame, in the language in use."""
    return {**labels("panel"), "frame": frame()}


def close_all() -> None:
    """Close every panel of this kernel."""
    for panel in list(_open):
        panel.close()
