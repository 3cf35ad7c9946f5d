"""Starts, cancels and finishes turns, and hands their events to whoever reads them, in any thread.

The io thread (`background`) carries the turns of the magics, the panel and the sync face, so that tokens
flow while the main thread computes. ``async for`` runs its turn in the caller's own loop. Either way a
turn is one task, and whoever wants its events watches them grow: a reader that falls too far behind
makes the task, and so the socket, wait.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
import traceback
from collections.abc import Callable, Generator
from contextlib import aclosing, nullcontext, suppress
from functools import partial
from typing import Any, Protocol

from ..errors import NbstreamError, fail
from ..messages import Answer, Event, Finish
from ..wire.turnstile import my_turn
from .background import io_loop
from .call import Call, State
from .masking import masked_text
from .progress import Progress
from .reading import NUMBERS, AsyncReader, Bell
from .tap import Taps
from .turn import events

LOOK = 1.0
"""Seconds between looks at whether the loop of a turn still lives."""

log = logging.getLogger("nbstream")


class Observer(Protocol):
    """Somebody who is told, on the turn's own loop, as things happen. Must not block."""

    def state(self, state: State) -> None: ...
    def batch(self, events: list[Event]) -> None: ...
    def done(self, answer: Answer) -> None: ...


class Run:
    """A turn under way, or not yet begun.

    Parameters
    ----------
    call : Call
    observer : Observer, optional
    when_done : function, optional
        As for the method.
    buffer : int
        Events that it may be ahead of its slowest reader before it stops reading the socket.
    """

    def __init__(
        self,
        call: Call,
        observer: Observer | None = None,
        when_done: Callable[[Run, Answer], None] | None = None,
        *,
        buffer: int = 512,
    ) -> None:
        self.call = call
        self._buffer = buffer
        self._when_done = [when_done] if when_done else []
        self.progress = Progress(call.model, call.price, call.context)
        self.observer = observer
        self.cancelled = False
        self._changed = threading.Condition()
        self._sleepers = self._waiting = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._taps: Taps | None = None
        self._bells: set[Bell] = set()
        self._positions: dict[int, int] = {}
        self._room: asyncio.Event | None = None

    # --- starting and stopping ------------------------------------------------------------------------

    def start(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Begin, once: in `loop`, which must be the running one, or else on the io thread."""
        with self._changed:
            if self._loop is not None or self.progress.done:
                return
            self._loop, self._process = loop or io_loop(), os.getpid()
            self.progress.start()
        if loop is not None:
            self._spawn()
        else:
            self._loop.call_soon_threadsafe(self._spawn)

    def _spawn(self) -> None:
        assert self._loop is not None
        if self.cancelled:  # a task that is cancelled before its first step never comes to its end
            self._end(None)
            return
        self._task = self._loop.create_task(self._work(), name="nbstream-turn")

    def cancel(self) -> None:
        """Stop as soon as may be; what has come is kept. From any thread; harmless when repeated."""
        with self._changed:
            if self.progress.done or self.cancelled:
                return
            self.cancelled = True
            if self._loop is None:  # never begun: there is nothing to wait for
                self.progress.start()
                self._end(None)
                return
        with suppress(RuntimeError):  # the loop has ended, and the turn with it
            self._loop.call_soon_threadsafe(self._cancel_task)

    def _cancel_task(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _work(self) -> None:
        error: NbstreamError | None = None
        try:
            gate = self.call.gate
            async with gate.passed(self._queued) if gate else nullcontext():
                await my_turn()
                await self._carry()
        except asyncio.CancelledError:
            self.cancelled = True  # also when the loop ends around us
        except NbstreamError as failure:
            error = failure
        except (Exception, SystemExit) as failure:  # a library that exits must not end all streams here
            log.debug("unexpected error in a turn:\n%s", masked_text(traceback.format_exc(), self.call))
            reason = masked_text(_brief(failure), self.call)
            error = fail("protocol.unexpected", provider=self.call.provider.name, reason=reason)
        finally:
            self._end(error)

    async def _carry(self) -> None:
        self._taps = Taps(self.call)
        held: list[Event] = []
        try:
            async with aclosing(events(self.call, self._state, self._taps, held)) as batches:
                async for batch in batches:
                    self._add(batch)
                    if self._positions:
                        await self._wait_for_readers()
        finally:
            if held:  # what came before it failed, or was stopped
                self._add(held)

    def _add(self, batch: list[Event]) -> None:
        self.progress.add(batch)
        self._tell("batch", batch)
        self._ring()

    def _state(self, state: State) -> None:
        if state.phase == "retrying":
            self.progress.retries += 1
        self.progress.request_id = state.request_id or self.progress.request_id
        self._tell("state", state)

    def _queued(self, place: int) -> None:
        self._tell("state", State("queued", place=place))

    def _end(self, error: NbstreamError | None) -> None:
        if error is None and self.cancelled and self.progress.finish is None:
            self.progress.finish = Finish("cancelled")
        if error is not None:
            # The frames that it went through know what the server said, and some servers repeat keys.
            error.__traceback__ = error.__context__ = error.__cause__ = None
        self.progress.end(error)
        if self._taps is not None:
            self._taps.tell("done", self.progress.answer())
            self.progress.remark(self._taps.notes())
        answer = self.progress.answer()
        for callback in self._when_done:
            try:
                callback(self, answer)
            except Exception:  # whoever waits for the end must not wait for ever
                said = masked_text(traceback.format_exc(), self.call)
                log.error("what was to be done at the end of a turn failed:\n%s", said)
        self._tell("done", answer)
        self.progress.done = True
        self._ring()

    def when_done(self, callback: Callable[[Run, Answer], None]) -> None:
        """Have `callback` called, on the turn's loop, before anybody sees that the turn is done."""
        self._when_done.append(callback)

    def _tell(self, what: str, value: Any) -> None:
        if self.observer is None:
            return
        try:
            getattr(self.observer, what)(value)
        except Exception:  # a view that fails must not cost the answer
            log.exception("an observer failed")
            self.observer = None

    # --- readers --------------------------------------------------------------------------------------

    def _ring(self) -> None:
        # Who waits for the end is not woken by each batch: it would take the interpreter from us.
        if self._sleepers > (0 if self.progress.done else self._waiting):
            with self._changed:
                self._changed.notify_all()
        for bell in tuple(self._bells):
            bell.ring()

    def _ahead(self) -> bool:
        positions = list(self._positions.values())
        if self._waiting or not positions:
            return False
        return len(self.progress.events) - min(positions) > self._buffer

    async def _wait_for_readers(self) -> None:
        while self._ahead():
            self._room = room = asyncio.Event()
            if self._ahead():  # a reader may have caught up before it could see the event
                await room.wait()
            self._room = None

    def _read_to(self, reader: int, position: int | None) -> None:
        """Reader number `reader` has taken all before `position`; None: it has gone."""
        if position is None:
            self._positions.pop(reader, None)
        else:
            self._positions[reader] = position
        self._make_room()

    def _make_room(self) -> None:
        room, loop = self._room, self._loop
        if room is not None and loop is not None:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(room.set)

    def wait(self, timeout: float | None = None) -> bool:
        """Block until the turn is done, at most `timeout` seconds; whether it is. Ctrl-C gets through."""
        self._waiting += 1  # whoever waits for the end reads nothing meanwhile
        try:
            self._make_room()
            return self._sleep(lambda: self.progress.done, timeout)
        finally:
            self._waiting -= 1

    def _sleep(self, ready: Callable[[], bool], timeout: float | None = None) -> bool:
        if not ready() and self._on_own_loop():
            # To block here would stop the loop that carries the turn: for ever, out of Ctrl-C's reach.
            raise fail("config.blocks_loop", provider=self.call.provider.name)
        with self._changed:
            self._sleepers += 1
            try:
                end = None if timeout is None else time.monotonic() + timeout
                while not ready():
                    left = LOOK if end is None else min(LOOK, end - time.monotonic())
                    if left <= 0:
                        break
                    if not self._changed.wait_for(ready, left) and self._orphaned():
                        self.cancelled = True
                        self._end(None)
                return ready()
            finally:
                self._sleepers -= 1

    def _on_own_loop(self) -> bool:
        try:
            return self._loop is asyncio.get_running_loop()
        except RuntimeError:
            return False

    def _orphaned(self) -> bool:
        """Whether nobody carries the turn any more: its loop was closed, or this is a forked child."""
        return self._loop is not None and (self._loop.is_closed() or self._process != os.getpid())

    def read(self) -> Generator[Event, None, None]:
        """The events from the first to the last, blocking; closing the generator cancels the turn."""
        self.start()
        progress, position, reader = self.progress, 0, next(NUMBERS)
        self._read_to(reader, 0)
        try:
            while True:
                grown = progress.events[position:]
                yield from grown
                position += len(grown)
                self._read_to(reader, position)
                if progress.done and position == len(progress.events):
                    return
                self._sleep(partial(progress.beyond, position))
        finally:
            self._read_to(reader, None)
            self.cancel()
            if not self._on_own_loop():  # where the garbage collector may close us
                self.wait(2.0)

    def aread(self) -> AsyncReader:
        """The same in the running loop, which also carries the turn if it has not begun elsewhere."""
        return AsyncReader(self)


def _brief(error: BaseException) -> str:
    """Type, message and place of an error nobody expected, in one line."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f" ({os.path.basename(frame.tb_frame.f_code.co_filename)}:{frame.tb_lineno})" if frame else ""
    return f"{type(error).__name__}: {str(error)[:200]}{place}"
