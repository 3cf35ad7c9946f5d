"""The same question twice: streamed, and waited for. What one sees first, and when, side by side.

Neither is part of a conversation. The two timelines stand on one axis; the sentence says what it saves.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from IPython.display import display

from ..chat.background import io_loop
from ..chat.session import session
from ..errors import NbstreamError
from ..i18n import t
from ..magics.pump import waited
from ..magics.surface import Surface, surface
from ..messages import Answer
from ..show.amounts import seconds
from ..show.cards import literal, table
from ..show.console import put
from ..show.plaintext import plain
from ..show.settled import bundle
from ..show.tables import for_page, html_table, page_text
from ..wire.http import begin_anew
from .timeline import Track, line
from .xray_page import picture
from .xray_record import Record

if TYPE_CHECKING:
    from ..magics.verbs.registry import Shown
    from ..show.sinks import Sink

STEP = 0.5
"""Seconds between pictures."""
WIDTH = 56
"""Signs of a bar in the Markdown."""


@dataclass(slots=True)
class Asked:
    """One of the two."""

    title: str
    answer: Answer
    record: Record
    model: str = ""

    @property
    def track(self) -> Track:
        return self.record.track(" · ".join(filter(None, [self.model, self.title])))


def race(prompt: str, model: str | None) -> Shown:
    """Ask twice, show both as they come, and then what was the difference.

    Both begin alike: with no connection that stands, and with all loaded that a first request needs.
    """
    where, both = surface(), list[Asked]()
    above = Above(both) if where == "notebook" else None
    for stream in (True, False):
        _alike()
        one = Asked(t("waiting.streamed" if stream else "waiting.waited"), Answer(), Record())
        one.record.changed = above.changed if above is not None else one.record.changed
        both.append(one)
        try:
            _ask(one, f"**{len(both)} · {one.title}**", prompt, model, where, stream=stream)
        except NbstreamError as unsent:
            one.answer = Answer(error=unsent)
            if above is not None:
                above.settle(_compared(both)[0])
            raise
        if one.answer.error is not None or one.answer.finish_reason == "cancelled":
            break
    shown = _compared(both)
    if above is not None:
        above.settle(shown[0])
    return both[-1].answer.error or (None if above is not None else shown)


def _alike() -> None:
    with suppress(TimeoutError):
        asyncio.run_coroutine_threadsafe(begin_anew(), io_loop()).result(2.0)


def _ask(one: Asked, head: str, prompt: str, model: str | None, where: Surface, *, stream: bool) -> None:
    sink, talk = _sink(where), session().scratch()
    turn, run = talk.begin(prompt, model=model, stream=stream, observer=sink, taps=(one.record.tap,))
    one.model = run.call.model
    _say(head, where)
    try:
        sink.open(run, turn.id)
        run.start()
        waited(run, sink)
    except KeyboardInterrupt:
        run.cancel()
        run.wait(2.0)
    one.answer = run.progress.answer()
    sink.settle(*bundle(turn, one.answer, None, footer=session().settings.footer))


class Above:
    """The picture over both answers: drawn as they come, on the io loop, and not often."""

    def __init__(self, both: list[Asked]) -> None:
        self._both, self._loop = both, io_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._settled = False
        self._handle = display({"text/plain": t("waiting.title")}, raw=True, display_id=True)

    def changed(self) -> None:
        if self._timer is None and not self._settled:
            self._timer = self._loop.call_later(STEP, self._draw)

    def _draw(self) -> None:
        self._timer = None
        if not self._settled:
            shown = picture([one.track for one in self._both], t("waiting.title"))
            self._handle.update({"text/html": for_page(shown), "text/plain": t("waiting.title")}, raw=True)

    def settle(self, data: dict[str, str]) -> None:
        self._settled = True
        self._handle.update(data, raw=True)


def _sink(where: Surface) -> Sink:
    from ..show import sinks

    footer = session().settings.footer
    if where == "notebook":
        return sinks.WidgetSink(blocking=True, footer=footer)
    return sinks.TerminalSink(footer=footer) if where == "terminal" else sinks.Sink()


def _say(markdown: str, where: Surface) -> None:
    if where == "terminal":
        put(plain(markdown))
    else:
        display({"text/markdown": markdown, "text/plain": plain(markdown)}, raw=True)


def _compared(both: list[Asked]) -> tuple[dict[str, str], dict[str, Any]]:
    """The two timelines, a table, and a sentence."""
    head = ["", t("waiting.first"), t("waiting.end")]
    rows = [[one.title, *map(seconds, _times(one))] for one in both]
    said = _said(both)
    longest = max(one.track.length for one in both)
    bars = "\n".join(line(one.track, WIDTH, longest) + f"  {one.title}" for one in both)
    text = "\n\n".join([literal(said), f"```text\n{bars}\n```", table(head, rows)])
    shown = picture([one.track for one in both], t("waiting.title"))
    html = for_page(f"<p>{page_text(said)}</p>{shown}{html_table(head, rows)}")
    words = "\n\n".join([said, bars, plain(table(head, rows))])
    return {"text/html": html, "text/markdown": text, "text/plain": words}, {}


def _times(one: Asked) -> tuple[float | None, float | None]:
    """When its first word could be read, and when it ended."""
    return one.answer.timing.first_token, one.answer.timing.duration


def _said(both: list[Asked]) -> str:
    """The lesson in a sentence; of numbers only."""
    if both[-1].answer.error is not None:
        return t("waiting.failed")
    if len(both) < 2:
        return t("waiting.stopped")
    (first, whole), (waited, ended) = map(_times, both)
    if both[1].answer.finish_reason == "cancelled":
        return t("waiting.stopped_second", first=seconds(first), waited=seconds(ended))
    if not first or not waited:
        return t("waiting.nothing")
    saved = f"{max(0.0, 1 - first / waited):.0%}"
    facts = {"first": seconds(first), "waited": seconds(waited), "saved": saved}
    key = "waiting.lesson" if saved != "0%" else "waiting.no_lesson"
    return t(key, **facts, whole=seconds(whole), ended=seconds(ended))
