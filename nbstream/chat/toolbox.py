"""The functions that models may ask for in this kernel, and whether each asks first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .tools import Tool


@dataclass(slots=True)
class Entry:
    """One tool; `path` is what it was added by, such as ``weather`` or ``client.search``."""

    path: str
    tool: Tool
    unasked: bool = False
    """Whether it may run without asking first."""


class Toolbox:
    """The tools, in the order in which they were added.

    >>> from nbstream.chat.tools import described
    >>> def weather(city: str): "Weather of a city."
    >>> box = Toolbox()
    >>> box.add("weather", described(weather), unasked=False)
    >>> [entry.path for entry in box], box.find("weather").unasked
    (['weather'], False)
    """

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self.busy = False
        """Whether a tool runs: what it asks a model is offered none."""

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries.values()))

    def add(self, path: str, tool: Tool, *, unasked: bool) -> None:
        """Offer `tool`; one that models know by the same name gives way."""
        for old in [entry.path for entry in self if entry.tool.wire == tool.wire]:
            del self._entries[old]
        self._entries[path] = Entry(path, tool, unasked)

    def remove(self, path: str) -> bool:
        """Offer it no more; whether it was."""
        return self._entries.pop(path, None) is not None

    def clear(self) -> None:
        self._entries.clear()

    def find(self, wire: str) -> Entry | None:
        """What models know as `wire`."""
        return next((entry for entry in self if entry.tool.wire == wire), None)

    def schemas(self) -> tuple[Mapping[str, Any], ...]:
        """What a model is told; nothing while a tool runs, or one could call itself for ever."""
        return () if self.busy else tuple(entry.tool.schema for entry in self)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """While a tool runs."""
        before, self.busy = self.busy, True
        try:
            yield
        finally:
            self.busy = before


@cache
def toolbox() -> Toolbox:
    """The tools of this kernel."""
    return Toolbox()


def names() -> dict[str, str]:
    """What tools and their parameters are called here, where models know them by another name."""
    return {wire: name for entry in toolbox() for wire, name in entry.tool.names() if wire != name}
