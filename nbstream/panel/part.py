"""One concern of a panel: its transcript, its composer, its head."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from ..chat.history import Turn
    from ..chat.watching import Relay
    from .desk import Desk

F = TypeVar("F", bound=Callable[..., Any])


def wish(name: str, *, now: bool = False, aside: bool = False) -> Callable[[F], F]:
    """A method that does what a view wishes, called as ``method(wish, buffers)``; it may give the reply.

    In order on the desk's own thread, where it may block; or, `now`, at once on the io loop, where it must
    not; or `aside`, on a thread of its own, where it may wait for a service while other wishes are done.
    """

    def mark(method: F) -> F:
        method.wish, method.now, method.aside = name, now, aside  # type: ignore[attr-defined]
        return method

    return mark


class Part:
    """What the parts of a desk have in common. All but wishes is called on the io loop."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def state(self) -> dict[str, Any]:
        """What a new view is told."""
        return {}

    def snapshot(self) -> list[Any]:
        """Operations on the turns that rebuild, in a new view, what the others show."""
        return []

    def changed(self) -> None:
        """The conversation or the session is another than it was, or another conversation is shown."""

    def ran(self, turn: Turn, relay: Relay) -> None:
        """A run of `turn` begins."""

    def close(self) -> None:
        """The panel is gone."""

    def wishes(self) -> dict[str, Callable[[dict[str, Any], list[bytes]], Any]]:
        """The methods that are marked as wishes."""
        found = (getattr(self, name) for name in dir(type(self)) if not name.startswith("__"))
        return {method.wish: method for method in found if hasattr(method, "wish")}
