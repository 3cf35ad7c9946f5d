"""The same question twice: streamed, and waited for. What one sees first, and when, side by side.

Neither is part of a conversation. The two timelines stand on one axis; the sentence says what it saves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from IPython.display import display

from ..chat.session import session
from ..i18n import t
from ..magics.pump import waited
from ..magics.surface import Surface, surface
from ..messages import Answer
from ..show.amounts import seconds
from ..show.cards import literal, table
from ..show.console import put
from ..show.plaintext import plain
from ..show.settled import bundle
from ..show.tables import html_table
from .timeline import Track, line
from .xray_page import picture
from .xray_record import Record

if TYPE_CHECKING:
    from ..magics.verbs.registry import Shown
    from ..show.sinks import Sink

WIDTH = 56
"""Signs of a bar in the Markdown."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One of the two."""

    title: str
    answer: Answer
    track: Track


def race(prompt: str, model: str | None) -> Shown:
    """Ask twice, show both as they come, and then what was the difference."""
    where, done = surface(), list[Asked]()
    for stream in (True, False):
        title = t("waiting.streamed" if stream else "waiting.waited")
        _say(f"**{len(done) + 1} · {title}**", where)
        one = _asked(prompt, model, title, where, stream=stream)
        done.append(one)
        if one.answer.error is not None:
            return one.answer.error
        if one.answer.finish_reason == "cancelled":
            break
    return _compared(done)


def _asked(prompt: str, model: str | None, title: str, where: Surface, *, stream: bool) -> Asked:
    record, sink = Record(), _sink(where)
    talk = session().scratch()
    turn, run = talk.begin(prompt, model=model, stream=stream, observer=sink, taps=(record.tap,))
    try:
        sink.open(run, turn.id)
        run.start()
        waited(run, sink)
    except KeyboardInterrupt:
        run.cancel()
        run.wait(2.0)
    answer = run.progress.answer()
    sink.settle(*bundle(turn, answer, None, footer=session().settings.footer))
    return Asked(title, answer, record.track(f"{run.call.model} · {title}"))


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


def _compared(both: list[Asked]) -> Shown:
    """The two timelines, a table, and a sentence."""
    head = ["", t("waiting.first"), t("waiting.end")]
    rows = [[one.title, *map(seconds, _times(one))] for one in both]
    said = _said(both)
    longest = max(one.track.length for one in both)
    bars = "\n".join(line(one.track, WIDTH, longest) + f"  {one.title}" for one in both)
    text = "\n\n".join([literal(said), f"```text\n{bars}\n```", table(head, rows)])
    html = f"<p>{said}</p>{picture([one.track for one in both], t('waiting.title'))}{html_table(head, rows)}"
    words = "\n\n".join([said, bars, plain(table(head, rows))])
    return {"text/html": html, "text/markdown": text, "text/plain": words}, {}


def _times(one: Asked) -> tuple[float | None, float | None]:
    """When its first word could be read, and when it ended."""
    return one.answer.timing.first_token, one.answer.timing.duration


def _said(both: list[Asked]) -> str:
    """The lesson in a sentence; of numbers only."""
    if len(both) < 2:
        return t("waiting.stopped")
    (first, whole), (waited, ended) = map(_times, both)
    if both[1].answer.finish_reason == "cancelled":
        return t("waiting.stopped_second", first=seconds(first), waited=seconds(ended))
    if not first or not waited:
        return t("waiting.nothing")
    saved = max(0.0, 1 - first / waited)
    facts = {"first": seconds(first), "waited": seconds(waited), "saved": f"{saved:.0%}"}
    return t("waiting.lesson", **facts, whole=seconds(whole), ended=seconds(ended))
