"""What a turn is made of before it starts, and what it says of itself while it waits. Plain values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from ..credentials import Credentials
from ..errors import NbstreamError
from ..messages import ChatRequest, Context, Message
from ..providers.base import Provider
from ..wire.limits import Limits
from .sight import seen

if TYPE_CHECKING:
    from ..providers.known import Price
    from .gate import Gate
    from .policy import Permit
    from .pool import Pool
    from .tap import Player, TapMaker


@dataclass(frozen=True, slots=True)
class Call:
    """Everything that one turn needs to know."""

    provider: Provider
    chat: ChatRequest
    credentials: Credentials
    limits: Limits = field(default_factory=Limits)
    retries: int = 2
    pool: Pool | None = None
    """The seats of its provider, where somebody logged in; `credentials` are then the first one's."""
    gate: Gate | None = None
    """Where it may have to queue."""
    context: Context | None = None
    """What of a conversation goes along."""
    taps: tuple[TapMaker, ...] = ()
    """Who looks on at the wire."""
    player: Player | None = None
    """Who stands in for the service."""
    permit: Permit | None = None
    """What a teacher's policy lets one run of it do."""

    @property
    def model(self) -> str:
        """As a person writes it: ``provider:model``."""
        return f"{self.provider.name}:{self.chat.model}" if self.chat.model else self.provider.name

    @property
    def price(self) -> Price | None:
        """What its tokens cost, where that is known: at the service's own address."""
        from ..providers.facts import at_home, facts  # not at load

        addresses = [self.chat.base_url, *(seat.base_url for seat in (self.pool.seats if self.pool else ()))]
        if not all(at_home(address, self.provider.base_url) for address in addresses):
            return None
        return facts(self.provider.name, self.chat.model).price

    def with_history(self, earlier: tuple[Message, ...], context: Context | None = None) -> Call:
        """The same call with `earlier` messages ahead of its own."""
        whole = replace(self, chat=replace(self.chat, messages=earlier + self.chat.messages), context=context)
        return replace(whole, chat=seen(whole))


@dataclass(frozen=True, slots=True)
class State:
    """What a turn is doing while no text comes: for the status line."""

    phase: Literal["queued", "connecting", "waiting", "retrying"]
    seconds: float = 0.0
    attempt: int = 0
    attempts: int = 0
    error: NbstreamError | None = None
    place: int = 0
    """In the queue, from 1."""
    request_id: str | None = None
    """What the service calls the request, once it has accepted it."""
