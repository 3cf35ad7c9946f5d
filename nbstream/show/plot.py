"""The turns of a kernel as a small picture: an SVG in the colours of the page around it. Pure.

It stands inside the page, not in an image of its own, so that it takes the theme's colours: text and
lines are of the colour of the text around it. Everything that comes from outside is escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from ..i18n import t
from .clean import clean_inline

WIDTH, HEIGHT = 640, 190
LEFT, TOP, BOTTOM = 44, 28, 22
MOST = 60
"""Turns in the picture: the last ones."""
STREAMING = "fill:var(--jp-brand-color1,var(--vscode-charts-blue,#1976d2))"
FAILED = "fill:var(--jp-error-color1,var(--vscode-charts-red,#d32f2f))"
WAITING = "fill:currentColor;opacity:.3"


@dataclass(frozen=True, slots=True)
class Bar:
    """One turn: seconds to its first token (or to its failure), seconds of streaming, and its caption."""

    waited: float
    streamed: float
    failed: bool
    caption: str


def plot(bars: Sequence[Bar], first: int = 1) -> str:
    """The bars, one beside the other, in seconds; `first` is the number of the first one."""
    left_out = max(0, len(bars) - MOST)
    bars, first = bars[left_out:], first + left_out
    highest = max((bar.waited + bar.streamed for bar in bars), default=0.0)
    step = _step(highest)
    top = max(step, -(-highest // step) * step)
    space = (WIDTH - LEFT - 8) / max(len(bars), 12)
    parts = [_grid(step, top), _legend(any(bar.failed for bar in bars))]
    for place, bar in enumerate(bars):
        parts.append(_bar(bar, LEFT + place * space, space, top))
        if len(bars) <= 20 or (first + place) % 5 == 0:
            middle = LEFT + (place + 0.5) * space
            parts.append(_text(middle, HEIGHT - 6, str(first + place), "middle"))
    label = escape(t("stats.plot", count=len(bars)), quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' aria-label="{label}" style="width:100%;max-width:{WIDTH}px;height:auto;font-size:11px;'
        f'font-family:var(--jp-ui-font-family,sans-serif)">{"".join(parts)}</svg>'
    )


def _bar(bar: Bar, x: float, space: float, top: float) -> str:
    floor, whole = HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP
    waited, streamed = (max(0.0, seconds) / top * whole for seconds in (bar.waited, bar.streamed))
    width = min(space * 0.7, 26)
    x += (space - width) / 2
    pieces = [_rect(x, floor - waited, width, waited, FAILED if bar.failed else WAITING)]
    if streamed:
        style = FAILED if bar.failed else STREAMING
        pieces.append(_rect(x, floor - waited - streamed, width, streamed, style))
    if bar.failed:  # not by its colour alone
        pieces.append(_text(x + width / 2, floor - waited - streamed - 3, "✕", "middle"))
    return f"<g><title>{escape(clean_inline(bar.caption))}</title>{''.join(pieces)}</g>"


def _rect(x: float, y: float, width: float, height: float, style: str) -> str:
    size = f'width="{width:.1f}" height="{max(height, 1):.1f}"'
    return f'<rect x="{x:.1f}" y="{y:.1f}" {size} style="{style}"/>'


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} style="fill:currentColor">{escape(text)}</text>'


def _grid(step: float, top: float) -> str:
    """Lines across, each with its seconds."""
    lines = []
    for number in range(round(top / step) + 1):
        y = HEIGHT - BOTTOM - number * step / top * (HEIGHT - BOTTOM - TOP)
        lines.append(
            f'<line x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"'
            ' style="stroke:currentColor;stroke-width:.5;opacity:.35"/>'
        )
        lines.append(_text(LEFT - 6, y + 4, f"{number * step:g} s", "end"))
    return "".join(lines)


def _legend(failures: bool) -> str:
    entries = [(WAITING, t("stats.waited")), (STREAMING, t("stats.streamed"))]
    entries += [(FAILED, t("stats.failed"))] if failures else []
    parts, x = [], float(LEFT)
    for style, label in entries:
        parts += [_rect(x, 6, 10, 10, style), _text(x + 15, 15, label)]
        x += 30 + sum(11 if character > "\u2e7f" else 5.5 for character in label)
    return "".join(parts)


def _step(highest: float) -> float:
    """A round number of seconds, so that two to five lines lie across the picture.

    >>> [_step(seconds) for seconds in (0.0, 0.7, 3.2, 42, 700)]
    [0.1, 0.2, 1, 10, 200]
    """
    for power in (0.1, 1, 10, 100, 1000, 10_000):
        for factor in (1, 2, 5):
            if highest <= 5 * factor * power:
                return factor * power
    return highest / 4
