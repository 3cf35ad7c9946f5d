"""``%%llm --xray``: beside the answer, the wire: what was sent, each frame and what it became, and when.

The widget shows it live; when the answer is settled it gives way to a table and a picture that stay.
"""

from __future__ import annotations

import asyncio
import logging
from argparse import Namespace
from collections import deque
from typing import TYPE_CHECKING, Any

import anywidget
from IPython.display import DisplayHandle, display
from traitlets import Dict, Unicode

from ..chat.background import io_loop
from ..i18n import t
from ..magics.surface import Surface
from ..messages import Answer
from ..show.console import put
from ..show.control import Ear
from ..show.subshells import route_to_subshell
from .assets import asset
from .timeline import timeline
from .xray_page import bundle, heads, requests, row, signature, size
from .xray_record import Attempt, Record, Seen
from .xray_shown import frame_text, request_text

if TYPE_CHECKING:
    from ..chat.engine import Run
    from ..chat.history import Turn
    from ..show.sinks import Sink

log = logging.getLogger("nbstream")
STEP, PICTURE = 0.1, 0.5
"""Seconds between messages to the page, and between pictures."""
AT_ONCE, LAST = 20, 20
"""Frames in one message, and at the end."""
FIRST_SNAPSHOT = 0.25


def beside(options: Namespace, where: Surface) -> None:
    """Have this cell's wire looked at."""
    record = Record()
    options.taps = (*options.taps, record.tap)
    silent = options.background and where == "terminal"  # it went on with something else
    options.beside = Live(record) if where == "notebook" else Beside(record, None if silent else where)


class Beside:
    """The x-ray of a cell without a page: all of it at the end."""

    def __init__(self, record: Record, where: Surface | None = "headless") -> None:
        self.record, self._where = record, where
        self._sink: Sink | None = None

    def open(self, run: Run, turn: Turn, sink: Sink) -> None:
        self._sink = sink

    def facts(self) -> str:
        """How much of what: a line of numbers."""
        record, sink = self.record, self._sink
        given = dict(frames=f"{record.frames:,}", size=size(record.size), tokens=f"{record.tokens:,}")
        if sink is None or not sink.messages:
            return t("xray.facts_plain", **given)
        return t("xray.facts", **given, messages=f"{sink.messages:,}", sent=size(sink.characters))

    def settle(self, answer: Answer) -> None:
        if self._where == "terminal":
            put(self.data()["text/plain"])
        elif self._where is not None:
            display(self.data(), raw=True)

    def data(self) -> dict[str, str]:
        """What is left of it."""
        try:
            return bundle(self.record, self.facts())
        except Exception:  # the answer stands already, and whoever looked on must not make its cell fail
            log.exception("the x-ray could not be written")
            return {"text/plain": t("xray.title")}


class XrayWidget(anywidget.AnyWidget):
    """Carries what was seen to the view, as custom messages. Nothing of it is in a trait."""

    _esm = asset("view.js", "xray.js")
    _css = asset("xray.css")
    key = Unicode().tag(sync=True)
    words = Dict().tag(sync=True)
    control = Unicode().tag(sync=True)

    def __init__(self, key: str, control: str) -> None:
        said = {"title": t("xray.title"), "nothing": t("xray.nothing_yet"), "frames": t("xray.frames")}
        said |= {"signature": t("xray.signature"), "more": t("xray.more_frames", count="{n}")}
        said |= {f"head{place}": name for place, name in enumerate(heads())}
        super().__init__(key=key, words=said, control=control)
        route_to_subshell(self.comm)

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        return {**data, "text/plain": t("view.unsettled")}, metadata


class Live(Beside):
    """The same with a page: shown as it happens. All that is sent goes from the run's loop."""

    def __init__(self, record: Record) -> None:
        super().__init__(record)
        self._loop = io_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._known: dict[int, dict[str, Any]] = {}
        self._frames: list[list[Any]] = []
        self._seq = 0
        self._drawn = -PICTURE
        self._picture = ""
        self._heard = self._over = False
        self._handle: DisplayHandle | None = None

    def open(self, run: Run, turn: Turn, sink: Sink) -> None:
        super().open(run, turn, sink)
        self._ear = Ear(f"{turn.id}.xray", self._hear)
        self.widget = XrayWidget(f"{turn.id}.xray", self._ear.request)
        self.widget.on_msg(lambda widget, content, buffers: self._hear(content))
        self._handle = display(self.widget, display_id=True)
        self.record.changed = self._changed
        self._loop.call_soon_threadsafe(self._tick)
        self._loop.call_soon_threadsafe(self._loop.call_later, FIRST_SNAPSHOT, self._unasked, FIRST_SNAPSHOT)

    # --- on the run's loop ----------------------------------------------------------------------------

    def _changed(self) -> None:
        if self._timer is None and not self._over:
            self._timer = self._loop.call_later(STEP, self._flush)

    def _tick(self) -> None:
        """Time goes on also where nothing comes."""
        if not self._over:
            self._changed()
            self._loop.call_later(PICTURE, self._tick)

    def _flush(self) -> None:
        self._timer = None
        if self._over:
            return
        message = self._news()
        if message:
            self._seq += 1
            self.widget.send({"seq": self._seq, **message})
        if len(self._frames) < len(self.record.first):
            self._changed()

    def _news(self) -> dict[str, Any]:
        """What the page does not show yet."""
        record, message = self.record, dict[str, Any]()
        if fresh := [(one, title) for one, title in requests(record) if id(one) not in self._known]:
            made = [self._request(one, title) for one, title in fresh]
            self._known |= {id(one): shown for (one, _), shown in zip(fresh, made, strict=True)}
            message["requests"] = made
        place = len(self._frames)
        if more := [self._frame(one) for one in record.first[place : place + AT_ONCE]]:
            self._frames += more
            message["frames"] = more
        if record.last and place >= len(record.first):
            message |= {"gap": record.left_out + len(record.last) - 1, "last": [self._frame(record.last[-1])]}
        if (now := record.now()) - self._drawn >= PICTURE:
            self._drawn, self._picture = now, timeline([record.track()])
            message |= {"picture": self._picture}
        if message:
            message["facts"] = self.facts()
        return message

    def _request(self, attempt: Attempt, title: str) -> dict[str, Any]:
        secrets = self.record.secrets
        return {
            "title": title,
            "text": request_text(attempt, secrets),
            "steps": signature(attempt, self.record),
        }

    def _frame(self, seen: Seen) -> list[Any]:
        return [*row(seen, self.record), frame_text(seen, self.record.secrets)]

    def _snapshot(self) -> None:
        record = self.record
        last = [self._frame(record.last[-1])] if record.last else []
        gap = record.left_out + len(record.last) - 1 if record.last else 0
        self.widget.send(
            {
                "seq": self._seq, "full": True, "facts": self.facts(), "picture": self._picture,
                "requests": list(self._known.values()), "frames": self._frames, "gap": gap, "last": last,
            }
        )  # fmt: skip

    def _unasked(self, delay: float) -> None:
        # Where the front end's messages wait until the cell ends, its question for a snapshot does too.
        if not self._heard and not self._over:
            self._snapshot()
            self._loop.call_later(2 * delay, self._unasked, 2 * delay)

    # --- from the view, on whichever thread the kernel delivers it ------------------------------------

    def _hear(self, content: dict[str, Any]) -> None:
        if content.get("do") == "sync":
            self._heard = True
            self._loop.call_soon_threadsafe(self._snapshot)

    # --- at the end -----------------------------------------------------------------------------------

    def settle(self, answer: Answer) -> None:
        self._over = True
        if self._handle is None:
            super().settle(answer)
            return
        self.widget.send({"settle": True})
        self._handle.update(self.data(), raw=True)
        _keep(self.widget)


_kept: deque[XrayWidget] = deque()


def _keep(widget: XrayWidget, most: int = 4) -> None:
    """A page that was reloaded may still ask for the widget."""
    _kept.append(widget)
    if len(_kept) > most:
        _kept.popleft().close()
