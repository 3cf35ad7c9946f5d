"""One turn: the provider's generator driven frame by frame, repeats included.

`events` is the core that every face shares; `progress.Progress` is the record of it. No threads here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial

from ..credentials import Secret
from ..errors import NbstreamError, fail
from ..i18n import t
from ..messages import Event, Note, ReasoningDelta, Retract, TextDelta, ToolCallDelta
from ..wire.plain import clean
from ..wire.request import Refused, WireRequest, WireResponse
from ..wire.transport import Opening
from . import checks, tokens
from .call import Call, State
from .decoding import Decoder
from .masking import masked, masked_response, secrets
from .pool import Visit
from .tap import Taps

REQUEST_IDS = ("x-request-id", "request-id", "x-baidu-request-id", "x-bce-request-id")
SHOWN = (TextDelta, ReasoningDelta, ToolCallDelta, Retract)


def _ignore(state: State) -> None:
    pass


async def events(
    call: Call,
    on_state: Callable[[State], None] = _ignore,
    taps: Taps | None = None,
    held: list[Event] | None = None,
) -> AsyncGenerator[list[Event], None]:
    """The events of one turn, in batches: all that one read from the socket held.

    Failed attempts are repeated while nothing has been shown; the error that remains is raised with
    secrets masked. The last event of a good stream is a `Finish`. What has come of an answer that is not to
    be streamed waits in `held`, and is still there when its turn failed or was stopped.
    """
    request: WireRequest | None = None
    attempt, asked, shown, renewed, changed = 0, 0, False, False, False
    taps = taps if taps is not None else Taps(call)
    held = held if held is not None else []
    with Visit(call) as visit:
        pause = visit.first_pause()
        while True:
            if pause is not None:
                attempt += 1
                seconds = call.player.pause(pause[0]) if call.player is not None else pause[0]
                on_state(State("retrying", seconds, attempt, call.retries, pause[1]))
                taps.tell("paused", seconds)
                await asyncio.sleep(seconds)
            on_state(State("connecting", attempt=attempt, attempts=call.retries))
            failure: NbstreamError
            try:
                if request is None:  # built anew for each attempt: a signature has a date in it
                    call = visit.seated()
                    if call.player is None or not call.player.plays(call.provider, call.chat):
                        call = await tokens.with_token(call)
                    request = call.provider.request(call.chat, call.credentials)
                asked += 1
                source = _attempt(call, request, on_state, taps, asked - 1)
                if not call.chat.stream:
                    source = _whole(source, call, on_state, held)
                async with aclosing(source) as batches:
                    async for batch in batches:
                        shown = shown or any(isinstance(event, SHOWN) for event in batch)
                        yield batch
                visit.well()
                return
            except _Unplayed as missing:  # nothing that a provider could mend, or a repeat
                raise missing.error from None
            except NbstreamError as error:
                if error.case.startswith("policy_"):  # nobody was asked: no seat has failed
                    raise
                provider = call.provider
                failure = checks.unkeyed(provider.explained(error), provider, call.credentials)
                failure = masked(failure, provider.name, secrets(call.credentials, request))
            pause = None
            if not shown and not renewed and call.provider.token_refused(failure):
                tokens.forget(call)
                renewed, request = True, None
                continue
            if not (shown or changed) and request and (again := call.provider.again(request, failure)):
                request, changed = again, True
                continue
            visit.failed(failure, shown=shown)
            if shown:
                raise failure
            if visit.elsewhere(failure):
                request, renewed, changed = None, False, False
                continue
            pause = visit.pause(attempt, failure) if attempt < call.retries else None
            if pause is None:
                raise failure
            if call.pool is not None:
                renewed = changed = False
            if not changed:
                request = None


async def _whole(
    source: AsyncGenerator[list[Event], None],
    call: Call,
    on_state: Callable[[State], None],
    held: list[Event],
) -> AsyncGenerator[list[Event], None]:
    """All events of `source` at once, at its end: an answer that was not to be streamed.

    Until then they are in `held`, together with nothing of an attempt before.
    """
    begun = False
    async with aclosing(source) as batches:
        async for batch in batches:
            if not begun:
                begun = True
                held.clear()
                on_state(State("waiting"))
            held += batch
    events = list(held)
    held.clear()
    if not call.provider.whole:
        events.insert(max(0, len(events) - 1), Note(t("note.held", label=call.provider.label)))
    yield events


class _Unplayed(Exception):
    """Who stands in for the service has no answer, and says so in `error`."""

    def __init__(self, error: NbstreamError) -> None:
        super().__init__(error.what)
        self.error = error


def _played(call: Call, request: WireRequest, accepted: Callable[[], None], number: int) -> Opening | None:
    if call.player is None:
        return None
    try:
        return call.player.opening(call, request, accepted, number)
    except NbstreamError as error:
        raise _Unplayed(error) from None


async def _attempt(
    call: Call, request: WireRequest, on_state: Callable[[State], None], taps: Taps, number: int
) -> AsyncGenerator[list[Event], None]:
    """One request and its answer: attempt `number` of the run."""

    def accepted() -> None:
        on_state(State("waiting", request_id=_request_id(opening, secrets(call.credentials, request))))
        taps.tell("accepted", opening.headers)

    taps.tell("attempt", call, request)
    decoder = Decoder(call.provider, taps)
    refusal: NbstreamError | None = None
    outcome: NbstreamError | WireResponse | None = None
    try:
        played = _played(call, request, accepted, number)
        if played is not None:
            taps.tell("played")
        elif call.permit is not None:
            call.permit.ask(call)
        reached = partial(taps.tell, "reached") if taps else None
        opening = played or Opening(request, call.limits, accepted, reached)
        if opening.notes:
            yield list(opening.notes)
        async with aclosing(opening.frames()) as batches:
            async for frames in batches:
                if batch := decoder.take(frames):
                    opening.begun()
                    yield batch
                if decoder.failure is not None or decoder.ended:
                    break
                if decoder.finished:
                    opening.nearly_over(call.provider.grace)
            else:
                yield decoder.end()
    except Refused as refused:
        outcome = response = masked_response(refused.response, secrets(call.credentials, request))
        refusal = call.provider.refused(response)
    except NbstreamError as broken:
        # A connection that breaks after the end mark has broken nothing: many servers just hang up.
        if not decoder.finished:
            refusal = outcome = broken
        yield decoder.end(cut=refusal is not None)
    taps.tell("ended", outcome)
    if failure := refusal or decoder.failure:
        raise failure
    if not decoder.finished:
        raise fail("interrupted.no_end", provider=call.provider.name, label=call.provider.label)


def _request_id(opening: Opening, keys: list[Secret]) -> str | None:
    """What the service calls this request, with no key in it."""
    given = next((opening.headers[name] for name in REQUEST_IDS if opening.headers.get(name)), None)
    for key in keys if given else ():
        given = key.hide_in(given or "")
    return given and clean(given, 100)
