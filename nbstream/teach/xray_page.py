"""What an x-ray leaves in the notebook: Markdown for the file, HTML with the picture for the page. Pure.

All of a service's words in it are literal; the Markdown is written as answers are, by the serializer that
copies nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape

from ..i18n import t
from ..magics.verbs.numbers import SHOWN
from ..show.amounts import seconds
from ..show.cards import literal, table
from ..show.clean import clean
from ..show.plaintext import plain
from ..show.settled import prose
from ..show.tables import for_page, page_text
from .timeline import Track, line, rows, timeline
from .xray_record import Attempt, Record, Seen
from .xray_shown import became, frame_text, request_text
from .xray_spark import steps

HEAD, TAIL = 12, 4
"""Frames in the table of the Markdown; the page has more."""
PAGE_HEAD, PAGE_TAIL = 40, 10
_FENCE = re.compile(r"^`{3,}\w*\n?", re.M)
PRE = "margin:2px 0 10px;max-height:22em;overflow:auto;white-space:pre-wrap;overflow-wrap:anywhere"


def bundle(record: Record, facts: str) -> dict[str, str]:
    """The data of the output; `facts` is a line of numbers."""
    text = "\n\n".join(_markdown(record, facts))
    return {
        "text/html": for_page("".join(_html(record, facts))),
        "text/markdown": prose(text),
        "text/plain": plain(_FENCE.sub("", text)),
    }


def size(count: int) -> str:
    """Bytes, or characters, in few signs.

    >>> size(999), size(2_345)
    ('999 B', '2.3 kB')
    """
    return f"{count} B" if count < 1000 else f"{count / 1000:,.1f} kB"


def requests(record: Record) -> list[tuple[Attempt, str]]:
    """Each attempt with its title."""
    many = len(record.attempts) > 1
    return [
        (one, t("xray.request_number", number=number) if many else t("xray.request"))
        for number, one in enumerate(record.attempts, 1)
    ]


def signature(attempt: Attempt, record: Record) -> list[tuple[str, str]]:
    """The steps of its signature; while a tape plays it is made with stand-ins for the keys."""
    return steps(attempt.request, record.secrets)


def row(seen: Seen, record: Record) -> list[str]:
    """A frame in a table: its number, its time, its size, and what it became."""
    number = str(seen.number) if seen.number else "–"
    return [number, moment(seen.at), str(seen.size) if seen.number else "", became(seen, record.secrets)]


def moment(at: float) -> str:
    """When a frame came: to the hundredth, because what a reader wants to see is the gap before it.

    >>> moment(0.96), moment(1.157), moment(12.3)
    ('960 ms', '1.16 s', '12.30 s')
    """
    return seconds(at) if at < 0.9995 else f"{at:.2f} s"


def heads() -> list[str]:
    """Over the columns of `row`."""
    return ["#", t("xray.when"), t("xray.bytes"), t("xray.became")]


def _chosen(record: Record, head: int, tail: int) -> tuple[list[Seen], int, list[Seen]]:
    """The frames to show, and how many are left out between the first and the last of them."""
    known = [*record.first, *record.last]
    if len(known) <= head + tail and not record.last:
        return known, 0, []
    first, last = known[:head], known[max(head, len(known) - tail) :]
    return first, record.frames - len([one for one in [*first, *last] if one.number]), last


def _gap(count: int) -> list[str]:
    return ["…", "", "", t("xray.more_frames", count=f"{count:,}")]


# --- Markdown -------------------------------------------------------------------------------------------


def _markdown(record: Record, facts: str) -> Iterator[str]:
    yield f"**{t('xray.title')}** · {literal(facts)}"
    track = record.track()
    yield _fence(f"0 s {line(track)} {seconds(track.length)}\n\n{t('xray.legend')}")
    if record.attempts:
        yield table([t("xray.what"), t("xray.when")], rows(track))
    for attempt, title in requests(record):
        yield f"**{title}**"
        yield _fence(request_text(attempt, record.secrets), "http")
        for name, text in signature(attempt, record):
            yield literal(name)
            yield _fence(text)
    first, left_out, last = _chosen(record, HEAD, TAIL)
    if first:
        yield f"**{t('xray.frames')}**"
        shown = [row(one, record) for one in first]
        shown += [_gap(left_out)] if left_out else []
        yield table(heads(), shown + [row(one, record) for one in last])
    for one in _examples([*first, *last]):
        yield t("xray.frame_number", number=one.number)
        yield _fence(frame_text(one, record.secrets), "json")


def _examples(seen: Sequence[Seen]) -> list[Seen]:
    """The first frame, the first with text, and the last."""
    known = [one for one in seen if one.number]
    texts = [one for one in known if one.events]
    found = {one.number: one for one in (*known[:1], *texts[:1], *known[-1:])}
    return [found[number] for number in sorted(found)]


def _fence(text: str, language: str = "text") -> str:
    runs = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, runs + 1)
    return f"{fence}{language}\n{clean(text)}\n{fence}"


# --- HTML -----------------------------------------------------------------------------------------------


def picture(tracks: Sequence[Track], title: str = "") -> str:
    """The timeline for a page, which vanishes whole where a notebook is not trusted."""
    return (
        f'{SHOWN}<div class="nbs-plot" style="display:none;overflow-x:auto">{timeline(tracks, title)}</div>'
    )


def _html(record: Record, facts: str) -> Iterator[str]:
    yield f"<p><strong>{page_text(t('xray.title'))}</strong> · {page_text(facts)}</p>"
    yield picture([record.track()])
    for attempt, title in requests(record):
        yield _folded(title, _pre(request_text(attempt, record.secrets)))
        if found := signature(attempt, record):
            told = "".join(f"<p>{page_text(name)}</p>{_pre(text)}" for name, text in found)
            yield _folded(t("xray.signature"), told, unfolded=True)
    first, left_out, last = _chosen(record, PAGE_HEAD, PAGE_TAIL)
    if first:
        shown = [row(one, record) for one in first]
        shown += [_gap(left_out)] if left_out else []
        shown += [row(one, record) for one in last]
        inside = f'<div style="max-height:22em;overflow:auto">{_table(shown)}</div>'
        yield _folded(t("xray.frames"), inside, unfolded=True)
        raw = [f"#{one.number}\n{frame_text(one, record.secrets)}" for one in [*first, *last] if one.number]
        yield _folded(t("xray.raw"), _pre("\n\n".join(raw)[:60_000]))


def _table(shown: Sequence[Sequence[str]]) -> str:
    """The frames; their words from the left, where a front end would have all cells at the right."""
    head = "".join(f'<th style="text-align:left">{page_text(name)}</th>' for name in heads())
    body = "".join(
        "<tr>" + "".join(f'<td style="text-align:left">{page_text(cell)}</td>' for cell in one) + "</tr>"
        for one in shown
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _folded(title: str, inside: str, *, unfolded: bool = False) -> str:
    return f"<details{' open' if unfolded else ''}><summary>{page_text(title)}</summary>{inside}</details>"


def _pre(text: str) -> str:
    return f'<pre style="{PRE}">{escape(clean(text))}</pre>'
