"""The kernel's state: conversations, the model in use, keys, statistics. And how a call is put together."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from ..credentials import Secret
from ..errors import NbstreamError, fail
from ..i18n import t
from ..messages import Answer, ChatRequest, Message
from ..providers import registry
from ..providers.base import Provider
from ..providers.registry import Keyed
from ..settings import Settings
from ..wire.limits import Limits
from . import checks
from .audit import Audit, Event
from .call import Call
from .conversation import Conversation
from .failure import Failure
from .gate import Gate
from .keys import Keys, Seats, os_address
from .policy import Policy
from .sight import seen
from .stats import TURNS, ProviderStats, SeatStats, TurnStats
from .tap import Player, TapMaker, from_environment, playable
from .watching import Watchers

if TYPE_CHECKING:
    from pathlib import Path

    from .engine import Observer, Run
    from .restore import Restored
    from .sizes import Sizes

Prompt = str | Message | Mapping[str, Any] | Iterable[Any]


class Session:
    """Everything that lives as long as the kernel. There is one: `session`."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.settings._unknown = registry.unknown
        self.conversations: dict[str, Conversation] = {}
        self.removed: dict[str, None] = {}
        """The ids of turns whose conversation was deleted: the notebook may hold them."""
        self.stats: dict[str, ProviderStats] = {}
        self.last_turns: deque[TurnStats] = deque(maxlen=TURNS)
        self.chosen: str | None = None
        self.introduced = False
        """Whether somebody has been told how to connect a real model."""
        self.last_error: NbstreamError | None = None
        self.last_failure: Failure | None = None
        """What was going on when a turn failed last."""
        self.keys = Keys(lambda: str(self.settings.env_file))
        self.audit = Audit()
        self.policy = Policy(self.audit, lambda call: self.sizes.of_request(call))
        self.ran: dict[str, None] = {}
        """The ids of the notebook cells that this kernel has run, as far as the front end tells them."""
        self.watchers = Watchers()
        """Who looks on when a model is chosen, a key given, a conversation begun."""
        self.settings.observe(lambda change: self.watchers.changed(), ["model", "footer"])
        self.taps: list[TapMaker] = []
        """Who looks on at the wire of every call."""
        self._gates: dict[str, Gate] = {}

    @cached_property
    def player(self) -> Player | None:
        """Who stands in for the services; by ``NBSTREAM_TAPE`` unless somebody is set."""
        return from_environment()

    @cached_property
    def sizes(self) -> Sizes:
        """What the models' answers told of their tokens and windows."""
        from .sizes import Sizes  # not at load

        return Sizes()

    # --- which model, which key -----------------------------------------------------------------------

    def use(self, model: str) -> str:
        """Make `model` this kernel's default, and give its full name."""
        chosen = self.named(model)
        if self.player is None:  # a tape asks nobody
            self.policy.insist(chosen if ":" in chosen else f"{chosen}:")
        self.chosen = chosen
        self.watchers.changed()
        return self.chosen

    def named(self, model: str) -> str:
        """The full name of `model`. Raises `NbstreamError` (config) for one that there cannot be."""
        self.keys.refuse_as_name(model)
        provider, name = registry.split(model)
        if self.player is None:  # a tape may have been recorded at a gateway with names of its own
            provider.check_model(name, self.base_url(provider))
        return f"{provider.name}:{name}" if name else provider.name

    def ready(self) -> list[str]:
        """The providers that have what they need here: keys, or a base URL of the user's own."""
        return self.keys.ready()

    def default_model(self) -> str:
        """What `use` chose, else the setting, what a tape plays, the only provider with a key, ``demo``."""
        if self.chosen or self.settings.model:
            return self.chosen or self.settings.model
        with suppress(NbstreamError):  # a tape that cannot be read: each call says so
            if self.player is not None and self.player.model is not None:
                return self.player.model
        ready = self.ready()
        return ready[0] if len(ready) == 1 and self.policy.allows(registry.get(ready[0])) else "demo"

    def undecided(self) -> str | None:
        """What to say where several providers have a key and none is chosen, so that ``demo`` answers."""
        ready = [] if self.chosen or self.settings.model else self.ready()
        if len(ready) < 2:
            return None
        return t("choose.demo", names=t("list.joint").join(ready), first=ready[0])

    def base_url(self, provider: Keyed | Provider) -> str | None:
        """The user's own address for `provider`: given at login, else in the environment."""
        return self.keys.base_url(provider)

    def credentials(
        self, provider: Keyed | Provider, given: Mapping[str, Any] | None = None
    ) -> dict[str, Secret]:
        """What is known of the provider's fields."""
        return self.keys.credentials(provider, given)

    def login(
        self, name: str, seats: Seats | None = None, /, **given: str | Secret
    ) -> tuple[str, dict[str, Secret]]:
        """Keep credentials of a provider in this kernel; see `Keys.login`."""
        before = set(self.keys.pools)
        made = self.keys.login(name, seats, **given)
        event: Event = "rotation" if made[0] in before else "login"
        self.audit(event, provider=made[0], seats=len(self.keys.pools[made[0]].seats))
        self.watchers.changed()
        return made

    def logout(self, name: str | None = None) -> list[str]:
        """Forget the credentials of `name`, or all, and say whose were kept here."""
        gone = self.keys.logout(name)
        for provider in gone:
            self.audit("logout", provider=provider)
        self.watchers.changed()
        return gone

    # --- calls ----------------------------------------------------------------------------------------

    def call(
        self,
        prompt: Prompt,
        *,
        model: str | None = None,
        system: str | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        tools: Iterable[Mapping[str, Any] | Callable[..., Any]] | None = (),
        base_url: str | None = None,
        credentials: Mapping[str, Any] | None = None,
        timeout: float | dict[str, float | None] | None = None,
        retries: int | None = None,
        allow_insecure: bool = False,
        options: Mapping[str, Any] | None = None,
        schema: Any = None,
        stream: bool = True,
        taps: Iterable[TapMaker] = (),
        player: Player | None = None,
    ) -> Call:
        """Put a call together from what is given and what this session knows. Sends nothing.

        With `schema` (see `structured.shape`) the last message asks in words for JSON that fits it. `taps`
        look on at the wire, beside the session's own; `player` stands in for the service; without `stream`
        the service is asked for the whole answer at once.
        Raises `NbstreamError` (config) for an unknown model, a missing key, or an empty prompt.
        """
        messages = Message.many(prompt)
        last = messages[-1] if messages else Message("user")
        # A function may have given nothing back; a person who asks nothing has forgotten to.
        if last.role != "tool" and not (last.content.strip() or last.tool_calls or last.attachments):
            raise fail("config.empty_prompt")
        checks.size(messages)
        given: tuple[Any, ...] = () if tools is None else (tools,)
        if isinstance(tools, Iterable) and not isinstance(tools, (str, Mapping)):
            given = tuple(tools)
        if any(map(callable, given)):
            from .tools import told

            given = tuple(map(told, given))
        checks.values(
            temperature=temperature, retries=retries, max_tokens=max_tokens, options=options,
            system=system, base_url=base_url, tools=given,
        )  # fmt: skip
        self.keys.refuse_as_name(model or "")
        provider, name = registry.split(model or self.default_model())
        pool = None if credentials or base_url else self.keys.pools.get(provider.name)
        if pool is not None and len(pool.seats) == 1:
            pool = None
        # A key is never sent to the address that came with another: this call's own, or another seat's.
        alone = os_address(provider) if credentials or pool else self.base_url(provider)
        address = base_url or alone
        found = self.credentials(provider, credentials)
        s = self.settings
        usual = (s.connect_timeout, s.first_timeout, s.idle_timeout)
        limits = Limits(*usual) if timeout is None else Limits.of(timeout)
        chat = ChatRequest(
            messages, name, system, temperature, max_tokens, given, address,
            allow_insecure, options or {}, stream=stream,
        )  # fmt: skip
        if schema is not None:
            from . import structured

            chat = structured.shaped(chat, structured.shape(schema).schema)
        player = player or self.player
        missing = self.keys.missing(provider, found)
        played = player is not None and player.plays(provider, chat)
        chat = self.policy.allowed(provider, chat, played=played)
        if played:
            pool, (chat, found) = None, playable(provider, chat, found)
        elif missing and not pool and not (address and provider.key_optional_elsewhere):
            raise self.keys.no_key(provider, missing)
        call = Call(
            provider, chat, found, limits, s.retries if retries is None else retries,
            pool, self._gate(provider.name), player=player,
            taps=(*self.taps, *taps, *(player.taps if player else ())),
        )  # fmt: skip
        # What cannot be asked is said now, before any history is written.
        if not played:
            provider.check_installed()
        provider.request(replace(chat, base_url=base_url or self.base_url(provider)) if pool else chat, found)
        return replace(call, chat=seen(call))

    def _gate(self, name: str) -> Gate:
        if name not in self._gates:
            self._gates[name] = Gate(lambda: self.max_streams(name))
        return self._gates[name]

    def max_streams(self, name: str) -> int | None:
        """How many streams the provider `name` may have at once."""
        bound: int | dict[str, int] | None = self.settings.max_streams
        if not isinstance(bound, dict):
            return bound
        if name in bound:
            return bound[name]
        for given, most in bound.items():
            with suppress(NbstreamError):  # as an alias; a name that is none bounds nothing
                if registry.get(given).name == name:
                    return most
        return None

    def run(self, call: Call, observer: Observer | None = None) -> Run:
        """A run whose outcome is counted in `stats`."""
        from .engine import Run  # the engine brings httpx2: not before something is sent

        return Run(self.policy.permitted(call), observer, self._count, buffer=self.settings.buffer)

    def audit_attachments(self, messages: tuple[Message, ...]) -> None:
        """Note in the audit log what goes along with `messages`."""
        for one in (one for message in messages for one in message.attachments):
            self.audit("attachment", name=one.name, media_type=one.media_type, bytes=len(one.data))

    def _count(self, run: Run, answer: Answer) -> None:
        name = run.call.provider.name
        if run.call.permit is not None:
            run.call.permit.settle(run.call, answer)
        if answer.error is not None:
            self.last_error, self.last_failure = answer.error, Failure.of(run, answer, answer.error)
            if answer.error.case.startswith("tape_"):  # the tape has no answer, and nobody was asked
                return
        self.sizes.learn(run.call, answer)
        counted = self.stats.setdefault(name, ProviderStats(name))
        turn = counted.add(answer, run.progress.stamps, run.progress.retries)
        self.last_turns.append(turn)
        self.audit(
            "turn", provider=name, model=answer.model, outcome=turn.outcome,
            request_id=run.progress.request_id or (answer.error.request_id if answer.error else None),
            input_tokens=turn.input_tokens, output_tokens=turn.output_tokens,
            seconds=turn.duration, retries=turn.retries or None,
        )  # fmt: skip

    def statistics(self) -> dict[str, ProviderStats]:
        """What the turns took, per provider, with the seats where there are several."""
        found = dict(self.stats)
        for name, pool in self.keys.pools.items():
            if len(pool.seats) > 1:
                one = found.get(name) or ProviderStats(name)
                found[name] = replace(one, seats=tuple(map(SeatStats.of, pool.seats)))
        return found

    def restore(self, path: str | Path | None = None) -> Restored:
        """Rebuild the conversations from a notebook's cells and receipts: this kernel's own, or `path`."""
        from .restore import restore

        return restore(self, path)

    def scratch(self) -> Conversation:
        """A conversation that nothing else sees."""
        return Conversation("", self)

    def conversation(self, name: str = "main") -> Conversation:
        """The conversation `name`, begun if there is none."""
        if name not in self.conversations:
            checks.conversation(name)
            self.keys.refuse_as_name(name)
            self.conversations[name] = Conversation(name, self)
            self.watchers.changed()
        return self.conversations[name]


@cache
def session() -> Session:
    """The session of this kernel."""
    return Session()
