"""Server-Sent Events: bytes to frames, by the rules of the WHATWG standard, and two that servers need.

Beyond the standard, an unterminated last event is not dropped, and lines which are no SSE field but
JSON (a gateway that fails in mid-stream and writes its error body into the stream) become one frame
with the event name `BARE`.
"""

from __future__ import annotations

import json

from .lines import LIMIT, Lines, too_large
from .request import BARE, Frame

_FIELDS = ("data", "event", "id", "retry")


class SSE:
    """An incremental decoder of one event stream.

    >>> decoder = SSE()
    >>> decoder.feed(b"data: first\\n\\n: comment\\ndata:sec"), decoder.feed(b"ond\\n\\n")
    ([Frame(data='first', event='')], [Frame(data='second', event='')])
    """

    __slots__ = ("_bare", "_data", "_event", "_lines", "_size")

    def __init__(self) -> None:
        self._lines = Lines()
        self._data: list[str] = []
        self._event = ""
        self._bare: list[str] = []
        self._size = 0

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes."""
        out: list[Frame] = []
        if not self._idle:  # an event that was cut: as far as it goes
            first = data.find(b"\n\n") + 2
            first = first if first > 1 else len(data)
            self._slowly(data[:first], out)
            data = data[first:]
        if self._idle and (last := data.rfind(b"\n\n") + 2) > 1:
            frames = _whole_events(data[:last])
            if frames is not None:
                out += frames
                data = data[last:]
        self._slowly(data, out)
        return out

    def _slowly(self, data: bytes, out: list[Frame]) -> None:
        for line in self._lines.feed(data):
            self._line(line, out)

    def flush(self) -> list[Frame]:
        """What the end of the body leaves: an event or a JSON block without its blank line."""
        out: list[Frame] = []
        for line in self._lines.flush():
            self._line(line, out)
        self._dispatch(out)
        return out

    @property
    def _idle(self) -> bool:
        """Whether the next byte begins an event."""
        return self._lines.idle and not (self._data or self._event or self._bare)

    def _line(self, line: str, out: list[Frame]) -> None:
        if not line:
            self._dispatch(out)
        elif line.startswith("data:"):
            if self._bare:
                self._dispatch(out)
            self._grow(line)
            self._data.append(line[6:] if line.startswith(" ", 5) else line[5:])
        elif line[0] == ":":
            pass
        elif (name := line.partition(":")[0]) in _FIELDS:
            if self._bare:
                self._dispatch(out)
            self._grow(line)
            if name == "data":  # the word alone: an empty line of data
                self._data.append("")
            elif name == "event":
                self._event = line[6:].removeprefix(" ")
        elif self._bare:
            self._grow(line)
            self._bare.append(line)
        elif line.lstrip()[:1] in ("{", "["):
            self._dispatch(out)
            self._grow(line)
            self._bare.append(line)
            if _is_json(line):  # whole in one line: do not wait for a blank line that may never come
                self._dispatch(out)

    def _grow(self, line: str) -> None:
        self._size += len(line) + 1
        if self._size > LIMIT:
            raise too_large()

    def _dispatch(self, out: list[Frame]) -> None:
        if self._data:
            out.append(Frame("\n".join(self._data), self._event))
            self._data = []
        elif self._bare:
            out.append(Frame("\n".join(self._bare), BARE))
            self._bare = []
        self._event = ""
        self._size = 0


def _whole_events(data: bytes) -> list[Frame] | None:
    """The frames of bytes that are nothing but ``data: …`` lines, each with its blank line; else None.

    This is what servers send nearly always, and it is several times faster than line by line.
    """
    if len(data) > LIMIT or b"\r" in data:
        return None
    blocks = data[:-2].decode("utf-8", "replace").split("\n\n")
    if any("\n" in block or not block.startswith("data: ") for block in blocks):
        return None
    return [Frame(block[6:]) for block in blocks]


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
