"""The page as text, and the operations that bring a page in a browser to the same state.

Whoever renders an answer *commits* HTML, which stays, and sets a *tail*, which may change at any time.
`flush` says how the page differs from what it showed before, as operations that `ops.js` applies:

====================================  ====================================================================
``["append", id, html]``              a new block (one root element) at the end, as child number `id`
``["replace", id, html]``             block `id` anew, or none (""); the blocks behind it go
``["grow", id, depth, html]``         what is in the block now stays; from here on its tail is `html`, at the
                                      end of the element `depth` steps down along last children
``["tail", id, keep, html]``          the tail is its first `keep` characters (UTF-16) and then `html`
``["text", id, text]``                `text` at the end of the tail, plain
====================================  ====================================================================

So a finished block is never touched again, and a growing one costs what grows: a row, an item, a word.
"""

from __future__ import annotations

import re
from typing import Any

Op = list[Any]

_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)[^>]*>")  # our own tags: no `>` stands inside them
_VOID = frozenset({"br", "hr"})


class Page:
    """HTML that only grows, but for its tail."""

    def __init__(self) -> None:
        self._blocks: list[str] = []  # finished
        self._live: list[str] = []  # the committed HTML of the block that is not finished, in pieces
        self._open: list[str] = []  # the elements open at its end
        self._new: list[str] = []  # committed since the last flush
        self.length = 0  # of that HTML
        self.tail = ""  # balanced, but it may close elements that are open before it
        # What the browser shows: blocks, the place where its tail begins, and that tail.
        self._shown = _Shown()
        self._base = 0  # the first block that a new beginning must replace
        self._anew = False

    def commit(self, html: str) -> None:
        """Add HTML for good. It may open and close elements; at the outermost level each is a block."""
        self._new.append(html)
        self._add(html)

    def rewrite(self, html: str) -> None:
        """Begin the block that is not finished anew, with `html`."""
        self._live, self._open, self._anew, self.length = [], [], True, 0
        self._add(html)

    def flush(self) -> list[Op]:
        """The operations since the last flush."""
        fresh = "".join(self._new)
        shown, ops = self._shown, []
        if self._anew or not (fresh + self.tail).startswith(shown.peeked):
            committed = "".join(self._blocks[self._base :] + self._live)
            shown = self._shown = _Shown(self._base - 1)
            ops = shown.walk(committed + self.tail, len(committed))
            if ops:
                ops[0][0] = "replace"
            else:
                ops = [["replace", self._base, ""]]
        elif fresh or self.tail != shown.seen:
            ops = shown.walk(fresh + self.tail, len(fresh))
        shown.seen = self.tail
        self._new, self._anew, self._base = [], False, len(self._blocks)
        return ops

    def snapshot(self) -> list[Op]:
        """The operations that bring an empty page to the present state."""
        ops: list[Op] = [["append", i, html] for i, html in enumerate(self._blocks)]
        shown = self._shown
        rest = "".join(self._live) + shown.peeked
        for root in _roots(rest):
            ops.append(["append", len(ops), root])
        if shown.mark:
            ops[-1][2] += _closers(shown.mark)
            ops.append(["grow", shown.id, len(shown.mark) - 1, shown.tail])
        return ops

    def _add(self, html: str) -> None:
        done = 0
        for match in _TAG.finditer(html):
            if match.group(1):
                self._open.pop()
            elif match.group(2) not in _VOID:
                self._open.append(match.group(2))
                continue
            if not self._open:
                self._live.append(html[done : match.end()])
                self._blocks.append("".join(self._live))
                self._live, self.length = [], 0
                done = match.end()
        if done < len(html):
            self._live.append(html[done:])
            self.length += len(html) - done


class _Shown:
    """What the browser shows behind the last place that was committed."""

    def __init__(self, last: int = -1) -> None:
        self.id = last  # the last block
        self.mark: list[str] = []  # the elements open where the tail begins; none: between blocks
        self.peeked = ""  # HTML in front of that place which is not committed
        self.tail = ""
        self.seen = ""  # the page's tail when this was brought up to date
        self._moved = False
        self._ops: list[Op] = []

    def walk(self, html: str, committed: int) -> list[Op]:
        """Show `html` behind what was committed before, of which the first `committed` characters now are."""
        self._ops, self._moved = [], False
        start = at = frozen = len(self.peeked)
        local: list[str] = []  # elements opened since the last place where the tail began
        # Elements which the tail closes at its very end stay open: they go on growing.
        growing = max(committed, len(html) - len(_closing_end(html)))
        last = _last_root(html, start, len(self.mark))
        stops = sorted({stop for stop in (committed, last) if stop > start})
        for match in [*_TAG.finditer(html, start), None]:
            end = match.end() if match else len(html) + 1
            while stops and stops[0] < end:  # between two tags
                frozen = start = self._freeze(html[start : stops[0]], local, stops.pop(0))
            if match is None:
                break
            at = end
            if match.group(1):
                if local:
                    local.pop()
                elif match.start() >= growing:
                    html = html[: match.start()]
                    break
                elif self.mark:
                    self._set(html[start : match.start()])
                    self.mark.pop()
                    self._moved, frozen, start = True, at, at
            elif match.group(2) not in _VOID:
                local.append(match.group(2))
            if not local and not self.mark and at > start:
                self.id += 1
                self._ops.append(["append", self.id, html[start:at]])
                frozen = start = at
            while stops and stops[0] == at:
                frozen = start = self._freeze(html[start:at], local, stops.pop(0))
        if self.mark:
            self._set(html[start:])
        else:
            self.tail = ""
        self.peeked = html[committed:frozen] if frozen > committed else ""
        return self._ops

    def _freeze(self, html: str, local: list[str], stop: int) -> int:
        """Keep what is there and `html`; the tail begins behind it, inside the elements it leaves open."""
        if self.mark:
            if html or self._moved:
                self._set(html + _closers(local))
                self._moved = True
        elif local:
            self.id += 1
            self._ops.append(["append", self.id, html + _closers(local)])
            self._moved = True
        self.mark += local
        local.clear()
        return stop

    def _set(self, html: str) -> None:
        """Make `html` the tail."""
        if self._moved:
            self._ops.append(["grow", self.id, len(self.mark) - 1, html])
        elif html != self.tail:
            kept = _common(self.tail, html)
            more = html[kept:]
            if kept == len(self.tail) and not any(char in more for char in "<>&"):
                self._ops.append(["text", self.id, more])
            else:
                self._ops.append(["tail", self.id, _utf16(html[:kept]), more])
        self.tail, self._moved = html, False


def _last_root(html: str, start: int, depth: int) -> int:
    """Behind the opening tag of the last block that begins after `start`: it goes on growing. Or 0."""
    place = 0
    for match in _TAG.finditer(html, start):
        if match.group(1):
            depth -= 1
        elif match.group(2) not in _VOID:
            depth += 1
            place = match.end() if depth == 1 else place
        elif depth == 0:
            place = 0
    return place


def _closing_end(html: str) -> str:
    """The closing tags at the end of `html`."""
    at = len(html)
    while html.endswith(">", 0, at) and (start := html.rfind("<", 0, at)) >= 0 and html[start + 1] == "/":
        at = start
    return html[at:]


def _roots(html: str) -> list[str]:
    """Each outermost element of `html`; the last may be unfinished."""
    roots, depth, start = [], 0, 0
    for match in _TAG.finditer(html):
        if match.group(2) not in _VOID:
            depth += -1 if match.group(1) else 1
        if depth == 0:
            roots.append(html[start : match.end()])
            start = match.end()
    return [*roots, html[start:]] if start < len(html) else roots


def _closers(elements: list[str]) -> str:
    return "".join(f"</{name}>" for name in reversed(elements))


def _common(a: str, b: str) -> int:
    """The length of the common beginning."""
    if b.startswith(a):
        return len(a)
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[:middle] == b[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _utf16(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
