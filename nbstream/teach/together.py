"""Several models asked at once, from Python."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..chat.session import Prompt, session
from ..chat.stream import Stream
from ..errors import NbstreamError
from ..messages import Answer, Message


def compare(prompt: Prompt, models: Iterable[str], **options: Any) -> list[Answer]:
    """Ask several models the same at once, and wait for all. Stateless: no history is read or written.

    Parameters
    ----------
    prompt : str, Message, dict, or list of these
    models : iterable of str
        As for ``%%llm -m``; the same one may stand there twice.
    **options
        Those of `nbstream.stream`.

    Returns
    -------
    list of Answer
        In the order of `models`. One that failed has its ``error``, and what came before that.

    Examples
    --------
    >>> [answer.model for answer in compare("hello", ["demo", "demo"], options={"delay": 0})]
    ['demo', 'demo']
    """
    from ..api import stream

    messages = Message.many(prompt)
    asked: list[Stream | Answer] = []
    for model in models:
        try:
            one = stream(messages, model=model, **options)
            one._run.start()
            asked.append(one)
        except NbstreamError as error:
            asked.append(Answer(model=session().keys.masked(model), error=error))
    return [_answer(one) for one in asked]


def _answer(one: Stream | Answer) -> Answer:
    if isinstance(one, Answer):
        return one
    try:
        return one.wait()
    except NbstreamError:
        return one.answer
