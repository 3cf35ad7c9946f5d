"""One question to several models at once: a turn that holds their answers, until one of them is kept.

The turn stands in the history like any other, with no answer, so that nothing of it is sent along. `keep`
makes one of the answers its own, and may be called again for another.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import NbstreamError, fail
from ..i18n import magic, t
from ..messages import Answer, Message, Timing
from .again import Again
from .call import Call
from .context import fitted
from .kept import Turn, new_id

if TYPE_CHECKING:
    from .conversation import Conversation
    from .engine import Observer, Run

MOST = 6
"""Models that are asked at once: more columns nobody reads."""
Asked = Call | NbstreamError
"""What is to be asked of one model, or why it cannot be."""


def names_in(given: str) -> list[str]:
    """The models in ``a,b,c``. Raises `NbstreamError` (config) for fewer than two or too many.

    >>> names_in("spark,ernie， deepseek:deepseek-chat")
    ['spark', 'ernie', 'deepseek:deepseek-chat']
    """
    found = [name.strip() for name in given.replace("，", ",").split(",")]
    found = [name for name in found if name]
    if len(found) < 2:
        raise fail("config.compare_one", model=found[0] if found else "demo")
    if len(found) > MOST:
        raise fail("config.compare_many", count=len(found), most=MOST, models=",".join(found[:MOST]))
    return found


def calls(
    talk: Conversation, asked: Message, models: Sequence[str], options: Mapping[str, Any]
) -> list[Asked]:
    """What each of `models` is to be asked; for one that there is not, or that has no key, its error."""
    found: list[Asked] = []
    for model in models:
        try:
            found.append(talk._session.call(asked, **{**options, "model": model}))
        except NbstreamError as error:
            found.append(error)
    return found


def begin(
    talk: Conversation,
    prompt: str,
    models: Sequence[str],
    asked: Sequence[Asked],
    observers: Sequence[Observer],
    options: dict[str, Any],
    /,
    at: Turn | None = None,
    **facts: Any,
) -> tuple[Turn, list[Run | None]]:
    """The turn that holds the answers, and their runs, not yet started; None for what cannot be asked.

    `options` are those of `calls`, `facts` those of `Turn`; `at` is as for `Conversation.begin`.
    """
    session = talk._session
    named = [_name(talk, one, model) for one, model in zip(asked, models, strict=True)]
    turn = talk._made(prompt, ",".join(named), options, **facts)
    runs: list[Run | None] = []
    with talk.lock:
        talk.history.begin(turn, at)
        turn.candidates = tuple(
            replace(turn, model=name, id=new_id(), children=[], replaced=None) for name in named
        )
        for candidate, one, observer in zip(turn.candidates, asked, observers, strict=True):
            if isinstance(one, NbstreamError):
                candidate.answer = Answer(model=candidate.model, error=one)
                runs.append(None)
                continue
            earlier, candidate.context = fitted(talk.history, candidate, one, session.sizes)
            run = session.run(one.with_history(earlier, candidate.context), observer)
            given = talk._given(turn)
            run.progress.again = Again(session, one.provider.name, (turn.question(),), given, talk, turn)
            run.when_done(_keeper(talk, candidate))
            talk._running[candidate.id] = run
            runs.append(run)
    if turn.replaced is not None:
        talk.stop(turn.replaced)
    session.audit_attachments((turn.question(),))
    talk._album.add(turn)
    talk.watchers.changed()
    return turn, runs


def _name(talk: Conversation, asked: Asked, model: str) -> str:
    return asked.model if isinstance(asked, Call) else talk._session.keys.masked(model)


def _keeper(talk: Conversation, candidate: Turn) -> Any:
    history = talk.history

    def done(run: Run, answer: Answer) -> None:
        candidate.answer = answer
        if answer.error is not None and answer.error.kind == "context_length":
            from .overflow import advise

            advise(answer.error, history, candidate, run.call, talk._session.sizes, talk.name)
        talk.watchers.changed()

    return done


def finish(talk: Conversation, turn: Turn) -> NbstreamError | None:
    """All have answered, or failed: the turn is over. Gives an error if none has answered."""
    answers = [candidate.answer for candidate in turn.candidates if candidate.answer is not None]
    failed = [answer.error for answer in answers if answer.error is not None and not answer.text.strip()]
    error = failed[0] if len(failed) == len(turn.candidates) else None
    ended = [one.timing.started + (one.timing.duration or 0.0) for one in answers if one.timing.started]
    stopped = all(answer.finish_reason == "cancelled" for answer in answers)
    if turn.kept is None:
        turn.answer = Answer(
            finish_reason=None if error else "cancelled" if stopped else "stop",
            model=turn.model,
            notes=(undecided(turn, talk.name),),
            timing=Timing(turn.created, None, max(ended, default=turn.created) - turn.created),
            error=error,
        )
    talk.watchers.changed()
    return error


def keep(talk: Conversation, turn: Turn, which: int) -> Turn:
    """Make the `which`-th answer (from 1) that of `turn`; another that was kept gives way.

    Raises `NbstreamError` (config) for one that is not there, still comes, or says nothing.
    """
    if not 1 <= which <= len(turn.candidates):
        raise fail("config.keep_number", given=which, count=len(turn.candidates))
    chosen = turn.candidates[which - 1]
    if chosen.answer is None:
        raise fail("config.keep_running", number=which)
    if not chosen.answer.text.strip():
        raise fail("config.keep_empty", number=which, model=chosen.model)
    with talk.lock:
        turn.model, turn.answer, turn.context, turn.kept = chosen.model, chosen.answer, chosen.context, which
    talk.watchers.changed()
    return turn


def compared(talk: Conversation) -> Turn | None:
    """The last turn of the branch in use that several models answered."""
    return next((turn for turn in reversed(talk.turns) if turn.candidates), None)


def keep_line(turn: Turn, conversation: str) -> str:
    """The line that keeps one of the answers, the first, which praises none; "" where none can be kept."""
    named = [] if conversation == "main" else ["-c", conversation]
    found = turn.choices
    return f"%{magic()} {shlex.join(['keep', str(found[0]), *named])}" if found else ""


def undecided(turn: Turn, conversation: str) -> str:
    """What stands in the place of the answer as long as none is kept."""
    if line := keep_line(turn, conversation):
        return t("compare.undecided_keep", count=len(turn.choices), line=line)
    return t("compare.undecided", count=len(turn.candidates))
