"""How much of a long conversation is shown at once: the newest turns, and more as one scrolls up. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..chat.kept import Turn

PORTION, FEWEST, MOST = 16_000, 2, 20
"""Characters, and turns at least and at most, that are added at once: a few screens."""
OPENING = 6_000
"""Characters that are shown first: somebody waits for them."""
AT_ONCE = 6_000
"""Characters that are rendered on the io loop, where streams wait meanwhile; more than that, beside it."""
LONGEST = 300_000
"""Characters above which a new view begins with the newest turns again."""


def size(turns: Sequence[Turn]) -> int:
    """About how much there is to render."""
    return sum(map(_size, turns))


def _size(turn: Turn) -> int:
    size = len(turn.prompt) + sum(len(one.content) + len(one.reasoning) for one in turn.rounds)
    return size + (len(turn.answer.text) + len(turn.answer.reasoning) if turn.answer is not None else 0)


def newest(path: Sequence[Turn], most: int = PORTION) -> int:
    """Where the newest turns of `path` begin that are shown at once, of `most` characters or so.

    >>> newest([Turn("x" * 10_000, "demo")] * 5), newest([Turn("short", "demo")] * 50)
    (3, 30)
    """
    start, characters = len(path), 0
    while start and len(path) - start < MOST:
        characters += _size(path[start - 1])
        if characters > most and len(path) - start >= FEWEST:
            break
        start -= 1
    return start


def begin(
    path: Sequence[Turn],
    shown: Callable[[Turn], bool],
    ready: Callable[[Turn], bool],
    hidden: int,
    reach: Turn | None,
) -> int:
    """The place in `path` of the first turn to show: as far back as now, or `reach`, unless that is too much.

    `ready` says of a turn that is not shown whether it is rendered already; `hidden` is how many turns stood
    before those that are shown: the first of these may have been replaced.
    """
    known = first(path, shown)
    if known < len(path):
        known = min(known, hidden)
        if reach is not None and reach in path[:known]:
            known = path.index(reach)
        new = [turn for turn in path[known:] if not (shown(turn) or ready(turn))]
        if len(new) <= MOST and size(new) <= PORTION:
            return known
    return newest(path, OPENING)


def first(path: Sequence[Turn], shown: Callable[[Turn], bool]) -> int:
    """The place in `path` of the first turn that is shown; its end for none."""
    return next((place for place, turn in enumerate(path) if shown(turn)), len(path))
