"""`Stream`: one answer, as Python sees it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import aclosing, closing
from typing import Any

from ..messages import Answer, Event, TextDelta
from .engine import Run


class Stream:
    """An answer that arrives: iterate it for its text, with ``for`` or ``async for``.

    Nothing is sent before the first iteration, `wait`, or ``await``. Leaving a loop early cancels the
    request and closes its socket; iterating a finished stream gives the same pieces again.

    Examples
    --------
    >>> import nbstream
    >>> s = nbstream.stream("hello", model="demo", options={"delay": 0})
    >>> "".join(s) == s.answer.text
    True
    >>> s.answer.finish_reason
    'stop'
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    def __iter__(self) -> Generator[str, None, None]:
        """The pieces of text. Raises `NbstreamError`, whose ``.answer`` holds what came, on failure."""
        with closing(self._run.read()) as events:
            for event in events:
                if type(event) is TextDelta:
                    yield event.text
        self._raise()

    async def __aiter__(self) -> AsyncGenerator[str, None]:
        async with aclosing(self._run.aread()) as events:
            async for event in events:
                if type(event) is TextDelta:
                    yield event.text
        self._raise()

    def events(self) -> Events:
        """All events (reasoning, tool calls, usage, …), for ``for`` or ``async for``."""
        return Events(self)

    def cancel(self) -> None:
        """Stop, from any thread. The loop over the stream then ends without an error."""
        self._run.cancel()

    def wait(self, timeout: float | None = None) -> Answer:
        """Block until the answer is whole, or for `timeout` seconds, and give it as far as it has come.

        Raises `NbstreamError` if the turn failed.
        """
        self._run.start()
        try:
            self._run.wait(timeout)
        except KeyboardInterrupt:  # whoever is told to stop waiting would not see what goes on
            self._run.cancel()
            self._run.wait(2.0)
            raise
        self._raise()
        return self.answer

    def __await__(self) -> Generator[Any, None, Answer]:
        return self._finish().__await__()

    async def _finish(self) -> Answer:
        async with aclosing(self._run.aread()) as events:
            async for _ in events:
                pass
        self._raise()
        return self.answer

    def _raise(self) -> None:
        if self._run.progress.done and self._run.progress.error is not None:
            raise self._run.progress.error.with_traceback(None)

    @property
    def answer(self) -> Answer:
        """What has come so far. Never blocks."""
        return self._run.progress.answer()

    @property
    def done(self) -> bool:
        """Whether nothing more will come."""
        return self._run.progress.done

    @property
    def model(self) -> str:
        """``provider:model``."""
        return self._run.progress.model

    def __repr__(self) -> str:
        return f"<Stream {self.model}: {self.answer.finish_reason or ('failed' if self.done else 'open')}>"


class Events:
    """The events of a `Stream`, iterable either way."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[Event]:
        with closing(self._stream._run.read()) as events:
            yield from events
        self._stream._raise()

    async def __aiter__(self) -> AsyncIterator[Event]:
        async with aclosing(self._stream._run.aread()) as events:
            async for event in events:
                yield event
        self._stream._raise()
