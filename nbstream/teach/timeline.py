"""When things happened on the wire, as a small picture: plain SVG in the colours of the page. Pure.

A track is one bar: grey while nobody answers, then a tick for each token (a band of their density, where
they are many), a mark and a word for what happened when. Several tracks share one axis of seconds. It
stands inside the page, so it takes the colours of the text around it; all that comes from outside is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

from ..i18n import t
from ..show.amounts import seconds
from ..show.clean import clean_inline

WIDTH, LEFT, RIGHT = 640, 10, 14
BAR, ROW = 18, 15
"""Height of a bar, and of a line of words."""
MOST_TICKS, BINS = 240, 120
"""Tokens that have a tick of their own; and the steps of the band that stands for more."""
MOST_PLACED = 5_000
"""Tokens of one answer whose place is reckoned: of more, one in so many. It is drawn while they come."""
MOST_LEGS = 12
TOKENS = "var(--jp-brand-color1,var(--vscode-charts-blue,#1976d2))"
FAILED = "var(--jp-error-color1,var(--vscode-charts-red,#d32f2f))"
_BLOCKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Leg:
    """One request and its answer: seconds from the track's beginning. None: not yet, or never."""

    start: float
    accepted: float | None = None
    first: float | None = None
    """The first frame."""
    tokens: Sequence[float] = ()
    """When each piece of text or reasoning could be read."""
    held: Sequence[float] = ()
    """When those came that were held back."""
    end: float | None = None
    outcome: str = ""
    """"" for a good end, else ``failed`` or ``stopped``."""
    pause: float = 0.0
    """Seconds of waiting after it, before it is asked again."""
    reached: float | None = None
    """The connection stood; None also where an older one was used."""


@dataclass(frozen=True, slots=True)
class Track:
    """What is shown as one bar."""

    legs: Sequence[Leg]
    caption: str = ""
    now: float = 0.0
    """How far time has gone, where the last leg has not ended."""

    @property
    def length(self) -> float:
        last = self.legs[-1] if self.legs else Leg(0.0)
        return max(self.now if last.end is None else last.end + last.pause, last.start)


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened."""

    at: float
    name: str
    facts: tuple[tuple[str, str], ...] = ()

    @property
    def label(self) -> str:
        return t(f"timeline.{self.name}", **dict(self.facts))


def marks(track: Track) -> list[Mark]:
    """What happened in `track`, in order."""
    found: list[Mark] = []
    for number, leg in enumerate(track.legs):
        found.append(Mark(leg.start, "again" if number else "asked"))
        for name, at in (("reached", leg.reached), ("accepted", leg.accepted), ("first", leg.first)):
            found += [Mark(at, name)] if at is not None else []
        found += [Mark(leg.tokens[0], "token")] if leg.tokens else []
        if leg.end is not None:
            found.append(Mark(leg.end, leg.outcome or "end"))
            if leg.pause:
                found.append(Mark(leg.end, "pause", (("seconds", seconds(leg.pause)),)))
    return found


def timeline(tracks: Sequence[Track], title: str = "") -> str:
    """The tracks as an SVG, one below the other."""
    step, top = _scale(max((track.length for track in tracks), default=0.0))
    parts: list[str] = []
    y = 4.0
    for track in tracks:
        shown, y = _track(track, y, top)
        parts += shown
        y += 10
    parts.append(_axis(step, top, y))
    height = y + 24
    name = clean_inline(title or t("timeline.title"))
    said = ". ".join(clean_inline(_told(track)) for track in tracks)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img"'
        f' aria-label="{escape(f"{name}: {said}", quote=True)}" style="width:100%;min-width:480px;'
        f'max-width:{WIDTH}px;height:auto;font-size:11px;font-family:var(--jp-ui-font-family,sans-serif)">'
        f"<title>{escape(name)}</title><desc>{escape(said)}</desc>{''.join(parts)}</svg>"
    )


def _told(track: Track) -> str:
    """A track in words, for who does not see it."""
    said = t("list.joint").join(f"{one.label} {seconds(one.at)}" for one in marks(track)[: 5 * MOST_LEGS])
    count = sum(len(leg.held or leg.tokens) for leg in track.legs)
    return " ".join(filter(None, [track.caption, said, t("timeline.count", count=f"{count:,}")]))


def _track(track: Track, y: float, top: float) -> tuple[list[str], float]:
    """The drawing of one track that begins at `y`, and where it ends."""

    def x(at: float) -> float:
        return LEFT + min(max(at, 0.0), top) / top * (WIDTH - LEFT - RIGHT)

    parts = []
    if track.caption:
        parts.append(_text(LEFT, y + 10, clean_inline(track.caption), weight="600"))
        y += ROW + 2
    for leg in track.legs[-MOST_LEGS:]:
        end = leg.end if leg.end is not None else max(track.now, leg.start)
        begun = leg.tokens[0] if leg.tokens else end
        accepted = min(leg.accepted if leg.accepted is not None else begun, end)
        parts.append(_rect(x(leg.start), y, x(accepted) - x(leg.start), "fill:currentColor;opacity:.16"))
        parts.append(_rect(x(accepted), y, x(begun) - x(accepted), "fill:currentColor;opacity:.3"))
        if leg.held:
            parts.append(_ticks([x(at) for at in _some(leg.held)], y, "currentColor;opacity:.45"))
        if leg.tokens:
            parts.append(_rect(x(begun), y, x(end) - x(begun), f"fill:{TOKENS};opacity:.16"))
            parts.append(_ticks([x(at) for at in _some(leg.tokens)], y, TOKENS))
        if leg.outcome == "failed":  # not by its colour alone
            parts.append(_text(x(end), y + 13, "✕", "middle", f"fill:{FAILED};font-size:14px"))
    y += BAR
    shown = _unlike([one for one in marks(track) if one.at <= top], x)
    rows: list[list[tuple[float, float]]] = []
    for place, label, left, right in _spans(shown):
        row = next(
            (n for n, taken in enumerate(rows) if all(right <= a or b <= left for a, b in taken)), None
        )
        if row is None:
            row = len(rows)
            rows.append([])
        rows[row].append((left, right))
        under = y + 12 + row * ROW
        parts.append(
            f'<path d="M{place:.1f} {y - BAR:.1f}V{under:.1f}"'
            ' style="stroke:currentColor;stroke-width:1;opacity:.55;fill:none"/>'
        )
        where = (place + 4, "start") if right > place else (place - 4, "end")
        parts.append(_text(where[0], under, label, where[1]))
    return parts, y + ROW * len(rows) + 2


def _spans(shown: Sequence[tuple[float, str]]) -> list[tuple[float, str, float, float]]:
    """Each word with the span that it takes, in the order in which no leader crosses a word before it."""
    before, behind = [], []
    for place, label in shown:
        width = sum(11 if sign > "\u2e7f" else 5.9 for sign in label) + 10
        if place + width < WIDTH:
            before.append((place, label, place, place + width))
        else:  # at the right end they stand on the other side
            behind.append((place, label, place - width, place - 0.1))
    return behind + before[::-1]


def _unlike(found: Sequence[Mark], x: Callable[[float], float]) -> list[tuple[float, str]]:
    """Where the words go: what happened at one place of the picture is said once, together."""
    placed: list[tuple[float, list[str]]] = []
    few = found if len(found) <= 14 else [*found[:7], *found[-7:]]
    for one in few:
        place, at = x(one.at), f" {seconds(one.at)}" if one.at >= 0.001 else ""
        if placed and place - placed[-1][0] < 3:
            placed[-1][1].append(one.label)
        else:
            placed.append((place, [one.label + at]))
    return [(place, t("timeline.joint").join(labels)) for place, labels in placed]


def _some(tokens: Sequence[float]) -> Sequence[float]:
    """`tokens`, or one in so many of them."""
    return tokens if len(tokens) <= MOST_PLACED else tokens[:: -(-len(tokens) // MOST_PLACED)]


def _ticks(places: Sequence[float], y: float, colour: str) -> str:
    """A tick for each token; a band as high as they are dense where there are many."""
    if len(places) <= MOST_TICKS:
        ticks = "".join(f"M{place:.1f} {y:.0f}v{BAR}" for place in dict.fromkeys(round(p, 1) for p in places))
        return f'<path d="{ticks}" style="fill:none;stroke-width:1.2;stroke:{colour}"/>'
    low, wide = places[0], max(places[-1] - places[0], 1.0)
    counts = [0] * BINS
    for place in places:
        counts[min(BINS - 1, int((place - low) / wide * BINS))] += 1
    most = max(counts)
    steps = "".join(f"V{y + BAR * (1 - count / most):.1f}h{wide / BINS:.2f}" for count in counts)
    return f'<path d="M{low:.1f} {y + BAR:.0f}{steps}V{y + BAR:.0f}z" style="fill:{colour}"/>'


def _rect(x: float, y: float, width: float, style: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{BAR}" style="{style}"/>'


def _text(
    x: float, y: float, text: str, anchor: str = "start", style: str = "fill:currentColor", weight: str = ""
) -> str:
    style += f";font-weight:{weight}" if weight else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" style="{style}">{escape(text)}</text>'


def _axis(step: float, top: float, y: float) -> str:
    """The seconds below all tracks, each with a thin line across them."""
    parts = []
    for number in range(round(top / step) + 1):
        x = LEFT + number * step / top * (WIDTH - LEFT - RIGHT)
        parts.append(
            f'<path d="M{x:.1f} 2V{y + 4:.1f}" style="stroke:currentColor;stroke-width:.5;opacity:.25"/>'
        )
        anchor = "start" if not number else "end" if number == round(top / step) else "middle"
        parts.append(
            _text(x, y + 16, f"{round(number * step, 3):g} s", anchor, "fill:currentColor;opacity:.75")
        )
    return "".join(parts)


def _scale(length: float) -> tuple[float, float]:
    """A round step of seconds, and a top that is a few of them and holds `length`.

    >>> [_scale(seconds) for seconds in (0.0, 0.7, 3.2, 42)]
    [(0.02, 0.02), (0.2, 0.8), (1, 4), (10, 50)]
    """
    for power in (0.01, 0.1, 1, 10, 100, 1000, 10_000):
        for factor in (2, 5, 10):
            step = factor * power if factor * power < 1 else round(factor * power)
            if length <= 5 * step:
                return step, max(1, math.ceil(length / step)) * step
    return length / 4, length


def line(track: Track, width: int = 60, longest: float = 0.0) -> str:
    """The same in one line of text: ``·`` nothing yet, ``░`` accepted, then how dense the tokens are.

    >>> line(Track([Leg(0, 1, 2, [2, 2.1, 3, 3.9], end=4)]), 8)
    '··░░█▁▄▄'
    """
    top = longest or track.length or 1.0
    cells = [" "] * width
    counts = [0] * width

    def cell(at: float) -> int:
        return min(width - 1, max(0, int(at / top * width)))

    def fill(start: float, end: float, sign: str) -> None:
        for place in range(cell(start), cell(end) if end < top else width):
            cells[place] = sign

    for leg in track.legs:
        end = leg.end if leg.end is not None else max(track.now, leg.start)
        begun = leg.tokens[0] if leg.tokens else end
        accepted = leg.accepted if leg.accepted is not None else begun
        fill(leg.start, accepted, "·")
        fill(accepted, begun, "░")
        if leg.tokens:
            fill(begun, end, _BLOCKS[0])
        for at in _some(leg.tokens):
            counts[cell(at)] += 1
    most = max(counts, default=0)
    for place, count in enumerate(counts):
        if count:
            cells[place] = _BLOCKS[-(-count * 8 // most) - 1]
    for leg in track.legs:
        if leg.outcome == "failed" and leg.end is not None:
            cells[cell(leg.end)] = "✕"
    return "".join(cells).rstrip()


def rows(track: Track) -> Iterable[tuple[str, str]]:
    """What happened, and when: for a table."""
    return [(one.label, seconds(one.at) if one.at >= 0.001 else "0") for one in marks(track)]
