"""A conversation: history that can be asked to go on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from ..errors import fail
from ..messages import Answer, Attachment, Message
from .context import fitted
from .history import History, Turn

if TYPE_CHECKING:
    from .call import Call
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
        """The turns of the branch in use, oldest first."""
        return self.history.turns

    def begin(
        self,
        prompt: str,
        *,
        cell: str | None = None,
        execution: str | None = None,
        fresh: bool = False,
        at: Turn | None = None,
        sent: str | None = None,
        attachments: tuple[Attachment, ...] = (),
        observer: Observer | None = None,
        **options: Any,
    ) -> tuple[Turn, Run]:
        """A new turn and its run, not yet started. `options` are those of `nbstream.stream`.

        `sent` is the prompt as it goes out, where variables were put into what was typed; `at` a turn whose
        place the new one takes, on a branch of its own. Nothing changes in the history when the call cannot
        be put together.
        """
        if not isinstance(prompt, str):  # what was said before comes from the history, not from a list
            raise fail("config.message", given=type(prompt).__name__)
        asked = Message("user", prompt if sent is None else sent, attachments=attachments)
        call = self._session.call(asked, **options)
        kept = {
            name: options[name] for name in ("temperature", "max_tokens") if options.get(name) is not None
        }
        turn = Turn(
            prompt, call.model, call.chat.system, kept, cell, fresh, sent, attachments, execution=execution
        )
        self.history.begin(turn, at)
        if turn.replaced is not None and (before := self._running.get(turn.replaced.id)) is not None:
            before.cancel()  # its cell runs again: nobody will read the rest
        earlier, turn.context = fitted(self.history, turn, call)
        return turn, self._run(turn, call.with_history(earlier), observer)

    def go_on(self, turn: Turn, messages: tuple[Message, ...], observer: Observer | None = None) -> Run:
        """Another round of the same turn: what it answered, and what is said to that, in `messages`.

        They join ``turn.rounds``, and the turn runs again. Its last run must still be held by somebody.
        """
        call = self._running[turn.id].call
        call = replace(call, chat=replace(call.chat, messages=call.chat.messages + messages))
        turn.rounds += messages
        turn.answer = None
        return self._run(turn, call, observer)

    def _run(self, turn: Turn, call: Call, observer: Observer | None) -> Run:
        run = self._session.run(call, observer)
        run.when_done(lambda run, answer: self.history.finish(turn, answer))
        self._running[turn.id] = run
        return run

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
