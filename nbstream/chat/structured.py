"""Asking for an answer in JSON, and once more if it does not fit. Pure.

The provider's own structured output does most of the work where there is one (``providers/structured.py``).
Here is what holds everywhere: the question in words, and what is said to an answer that does not fit
(``fitting.py`` finds out).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..errors import NbstreamError, fail
from ..i18n import t
from ..messages import Answer, ChatRequest, Message
from .fitting import Misfit, Shape
from .fitting import shape as shape


def shaped(chat: ChatRequest, schema: Mapping[str, Any]) -> ChatRequest:
    """`chat` asking for JSON: by the provider's own means, and in words behind its last question."""
    *before, last = chat.messages
    if last.role == "user":
        last = replace(last, content=f"{last.content}\n\n{request(schema)}")
    return replace(chat, schema=schema, messages=(*before, last))


def request(schema: Mapping[str, Any]) -> str:
    """The request for JSON in words. The word JSON must be in it: some services insist."""
    if not schema:
        return t("json.ask")
    return t("json.ask_schema", schema=json.dumps(schema, ensure_ascii=False, default=str))


def correction(misfit: Misfit, schema: Mapping[str, Any]) -> str:
    """What the model is told about an answer that did not fit."""
    return t("json.again", faults=str(misfit), request=request(schema))


def judged(answer: Answer, shape: Shape, tries: int) -> Answer | tuple[Message, ...]:
    """`answer` with its object; or what to go on with, so that it may fit; or `answer` with an error.

    An answer that was stopped, cut or withheld is not asked for again: it would end in the same way.
    """
    if answer.error is not None or answer.finish_reason in (None, "cancelled", "content_filter"):
        return answer
    try:
        return replace(answer, object=shape.fit(answer.text))
    except Misfit as misfit:
        if answer.finish_reason == "length":
            error = fail("protocol.json_cut", provider=_provider(answer))
        elif tries < 2 and answer.text.strip():
            said = Message("assistant", answer.text, reasoning=answer.reasoning, opaque=answer.opaque)
            return said, Message("user", correction(misfit, shape.schema))
        else:
            error = fail(
                "protocol.misfit", provider=_provider(answer), name=shape.name[:60], faults=str(misfit)
            )
    except NbstreamError as unsound:  # the schema
        error = unsound
    error.answer = answer = replace(answer, error=error)
    return answer


def settled(answer: Answer, shape: Shape, go_on: Callable[[tuple[Message, ...]], Answer]) -> Answer:
    """`answer` with its object, asked for once more if it does not fit. Raises `NbstreamError` (protocol)."""
    found = judged(answer, shape, 1)
    if isinstance(found, tuple):
        found = judged(go_on(found), shape, 2)
    assert isinstance(found, Answer)
    if found.error is not None:
        raise found.error
    return found


def uncorrected(rounds: tuple[Message, ...]) -> tuple[Message, ...]:
    """`rounds` without what did not fit, and what was said to it: neither is sent again."""
    first = next((place for place, said in enumerate(rounds) if said.role == "user"), None)
    return rounds if first is None else rounds[: max(0, first - 1)]


def _provider(answer: Answer) -> str:
    return answer.model.partition(":")[0]
