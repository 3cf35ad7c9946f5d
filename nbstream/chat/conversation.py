"""A conversation: history that can be asked to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from ..errors import fail
from ..messages import Answer
from .history import History, Turn

if TYPE_CHECKING:
    from .engine import Observer, Run
    from .session import Session
    from .stream import Stream


class Conversation:
    """A conversation: its turns, and ways to go on. The magics and the panel write to it too.

    Examples
    --------
    >>> from nbstream.chat.session import Session
    >>> talk = Session().conversation()
    >>> answer = talk.ask("hello", model="demo", options={"delay": 0})
    >>> [turn.status for turn in talk.turns]
    ['done']
    """

    def __init__(self, name: str, session: Session) -> None:
        self.name = name
        self.history = History()
        self._session = session
        self._running: WeakValueDictionary[str, Run] = WeakValueDictionary()

    @property
    def turns(self) -> list[Turn]:
        """The turns, oldest first."""
        return list(self.history.turns)

    def begin(
        self,
        prompt: str,
        *,
        cell: str | None = None,
        execution: str | None = None,
        fresh: bool = False,
        observer: Observer | None = None,
        **options: Any,
    ) -> tuple[Turn, Run]:
        """A new turn and its run, not yet started. `options` are those of `nbstream.stream`.

        Nothing changes in the history when the call cannot be put together.
        """
        if not isinstance(prompt, str):  # what was said before comes from the history, not from a list
            raise fail("config.message", given=type(prompt).__name__)
        call = self._session.call(prompt, **options)
        kept = {
            name: options[name] for name in ("temperature", "max_tokens") if options.get(name) is not None
        }
        turn = Turn(prompt, call.model, call.chat.system, kept, cell, fresh, execution=execution)
        self.history.begin(turn)
        if turn.replaced is not None and (before := self._running.get(turn.replaced.id)) is not None:
            before.cancel()  # its cell runs again: nobody will read the rest
        run = self._session.run(call.with_history(self.history.before(turn)), observer)
        run.when_done(lambda run, answer: self.history.finish(turn, answer))
        self._running[turn.id] = run
        return turn, run

    def stream(self, prompt: str, **options: Any) -> Stream:
        """Ask, with the conversation so far sent along; the turn joins it."""
        from .stream import Stream

        return Stream(self.begin(prompt, **options)[1])

    def ask(self, prompt: str, **options: Any) -> Answer:
        """The same, waiting for the whole answer."""
        return self.stream(prompt, **options).wait()

    def undo(self, count: int = 1) -> list[Turn]:
        """Take the last `count` turns out."""
        return self.history.undo(count)

    def reset(self) -> None:
        """Begin anew."""
        self.history.reset()

    def __repr__(self) -> str:
        return f"<Conversation {self.name!r}: {len(self.turns)} turns>"
