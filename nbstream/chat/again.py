"""How an answer can be asked for again: ``answer.retry(model="…")``."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import fail
from ..messages import Answer, Message
from ..providers import registry
from . import structured

if TYPE_CHECKING:
    from .call import Call
    from .conversation import Conversation
    from .engine import Run
    from .history import Turn
    from .session import Session


class Again:
    """The question of an answer, and a weak link to the conversation that it stood in.

    It holds what was asked and how, but no key: that is looked up anew. It is not pickled: whoever loads
    an answer has the answer.

    Parameters
    ----------
    session : Session
    provider : str
        Who was asked.
    question : tuple of Message
    options : mapping
        As for `Session.call`.
    talk, turn : Conversation and Turn, optional
        What stood before the question is sent along, as long as they are there.
    """

    def __init__(
        self,
        session: Session,
        provider: str,
        question: tuple[Message, ...],
        options: Mapping[str, Any],
        talk: Conversation | None = None,
        turn: Turn | None = None,
    ) -> None:
        self._session, self._provider, self._question = session, provider, question
        self._keyed = bool(options.get("credentials"))
        self._options = {name: value for name, value in options.items() if name != "credentials"}
        self._talk = weakref.ref(talk) if talk is not None else None
        self._turn = weakref.ref(turn) if turn is not None else None
        self._alone = turn is None or turn.number == 1 or turn.fresh

    def __call__(self, model: str | None = None, **changes: Any) -> Answer:
        """Ask again and wait. Raises `NbstreamError` if the turn fails, or what stood before is gone."""
        options = self._options | ({} if model is None else {"model": model})
        # An address and its keys go together, and to nobody else.
        if model is not None and registry.split(model)[0].name != self._provider:
            options.pop("base_url", None)
        elif self._keyed and not changes.get("credentials"):
            raise fail("config.retry_keys", provider=self._provider)
        options |= changes
        call = self._session.call(self._question, **options)
        talk = self._talk() if self._talk is not None else None
        turn = self._turn() if self._turn is not None else None
        run = self._session.run(call if self._alone else _told(call, talk, turn))
        run.progress.again = Again(
            self._session, call.provider.name, self._question, options, talk, None if self._alone else turn
        )
        return waited(self._session, run, options.get("schema"))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()


def _told(call: Call, talk: Conversation | None, turn: Turn | None) -> Call:
    """`call` with what stood before the question."""
    from .context import fitted

    if talk is None or turn is None or not _in(talk, turn):
        raise fail("config.retry_gone")
    return call.with_history(fitted(talk.history, turn, call)[0])


def _in(talk: Conversation, turn: Turn) -> bool:
    """Whether `turn` still stands in the conversation: it may have been undone, or all of it reset."""
    parent = turn.parent
    while parent is not None and any(one is turn for one in parent.children):
        turn, parent = parent, parent.parent
    return turn is talk.history.root


def waited(session: Session, run: Run, schema: Any = None) -> Answer:
    """The whole answer of `run`; with `schema` in JSON that fits it, asked for once more if it does not."""
    from .stream import Stream

    def go_on(messages: tuple[Message, ...]) -> Answer:
        chat = replace(run.call.chat, messages=run.call.chat.messages + messages)
        second = session.run(replace(run.call, chat=chat))
        second.progress.again = run.progress.again
        return Stream(second).wait()

    answer = Stream(run).wait()
    return answer if schema is None else structured.settled(answer, structured.shape(schema), go_on)
