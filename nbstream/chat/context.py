"""What of a conversation goes to the model along with a prompt: as much as it reads, the newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..messages import Context, Message
from .pins import pinned

__all__ = ["Context", "fitted"]

if TYPE_CHECKING:
    from .call import Call
    from .history import History, Turn
    from .sizes import Sizes

SPARED = 0.95
"""How much of the room is filled: sizes are estimates."""


def fitted(
    history: History, turn: Turn, call: Call, sizes: Sizes | None = None
) -> tuple[tuple[Message, ...], Context]:
    """The messages that go ahead of `turn`'s own, and what they are.

    Always: the prompt itself, the system message, and pinned turns. Then the turns before it, the nearest
    first, until the next one does not fit; what lies beyond is not even looked at. Where nobody knows how
    much the model reads, everything is sent.
    """
    if sizes is None:
        from .sizes import Sizes  # not at load

        sizes = Sizes()
    window = sizes.reads(call)
    room = None if window is None else SPARED * window
    always = {id(one): one for one in pinned(turn) if one.messages()}
    tokens = sizes.of_request(call) + sum(sizes.of_turn(call.model, one) for one in always.values())
    sent: list[tuple[Message, ...]] = []
    cut = False
    for one in history.told(turn):
        messages = one.messages()
        if always.pop(id(one), None) is None:
            if not messages:
                continue
            size = sizes.of_turn(call.model, one)
            if room is not None and tokens + size > room:
                cut = True
                break
            tokens += size
        sent.append(messages)
    sent += [one.messages() for one in always.values()]  # pinned, and older than what fits
    ahead = tuple(message for messages in reversed(sent) for message in messages)
    return ahead, Context(len(sent) + 1, turn.number, tokens, window, cut)
