"""The Python face: a handful of functions over this kernel's session."""

from __future__ import annotations

import builtins
import difflib
import inspect
import warnings
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from .chat.again import Again, waited
from .chat.conversation import Conversation
from .chat.engine import Run
from .chat.keys import Seats
from .chat.session import Prompt, Session, session
from .chat.stats import ProviderStats
from .chat.stream import Stream
from .credentials import Secret, guard
from .errors import NbstreamError, fail
from .i18n import t
from .messages import Answer, Message
from .show.console import put

config = session().settings
"""This kernel's settings, such as ``config.max_streams = {"spark": 2}``; see `Settings`."""

_OPTIONS = [
    name
    for name in inspect.signature(Session.call).parameters
    if name not in ("self", "prompt", "taps", "player")
]


def stream(prompt: Prompt, *, model: str | None = None, system: str | None = None, **options: Any) -> Stream:
    """Ask a model and get its answer as it comes. Stateless: no history is read or written.

    Parameters
    ----------
    prompt : str, Message, dict, or list of these
    model : str, optional
        ``provider`` or ``provider:model``; else this kernel's default.
    system : str, optional
        The system message.
    temperature : float, optional
    max_tokens : int, optional
        Bound on the answer, in tokens.
    tools : list of function or dict, optional
        Functions, told by signature and docstring, or schemas in the OpenAI form. What the model wants called
        stands in ``answer.tool_calls``; nothing is run. (``%llm tools`` runs them, and asks first.)
    base_url : str, optional
    credentials : dict, optional
        Field name to key, as for `login`.
    timeout : float or dict, optional
        Seconds without a byte; or ``{"connect": 10, "first": 600, "idle": 120}``.
    retries : int, optional
        Repeats before the first token; 2 unless set.
    allow_insecure : bool, optional
        Allow plain ``http://`` to another machine.
    options : dict, optional
        Passed to the provider as it is.
    stream : bool, optional
        False: ask for the whole answer at once, where the service can; nothing comes before its end.
    schema : type or dict, optional
        A pydantic model, a dataclass, a TypedDict, or a JSON schema (``{}``: any) that the answer must fit.

    Returns
    -------
    Stream
        Sends nothing before it is iterated (``for`` or ``async for``), waited for or awaited.

    Raises
    ------
    NbstreamError
        At once for what is wrong with the call (kind ``config``), while iterating for the rest.

    Examples
    --------
    >>> for text in stream("hello", model="demo", options={"delay": 0}):
    ...     pass
    """
    # The options are spelled out in `Session.call`.
    if unknown := [name for name in options if name not in _OPTIONS]:
        close = difflib.get_close_matches(unknown[0], _OPTIONS, n=1)
        raise fail("config.argument", name=unknown[0][:40], known=", ".join(_OPTIONS),
                   line=f"{close[0]}=…" if close else f'options={{"{unknown[0][:40]}": …}}')  # fmt: skip
    if model is None and (line := session().undecided()) is not None:
        warnings.warn(line, stacklevel=2)
    options["credentials"] = _guarded(options.get("credentials"))
    return Stream(_run(prompt, {"model": model, "system": system, **options}))


def ask(prompt: Prompt, *, model: str | None = None, system: str | None = None, **options: Any) -> Answer:
    """Ask a model and wait for the whole answer. Options as for `stream`.

    With `schema` the answer is JSON: what does not fit is asked for once more, and what does is
    ``answer.object``.

    >>> ask("hello", model="demo", options={"delay": 0}).finish_reason
    'stop'
    """
    options["credentials"] = _guarded(options.get("credentials"))
    asked = stream(prompt, model=model, system=system, **options)
    return waited(session(), asked._run, options.get("schema"))


def compare(prompt: Prompt, models: Iterable[str], **options: Any) -> list[Answer]:
    """Ask several models the same at once, and wait for all. Stateless: no history is read or written.

    Parameters
    ----------
    prompt : str, Message, dict, or list of these
    models : iterable of str
        As for `stream`; the same one may stand there twice.
    **options
        Those of `stream`.

    Returns
    -------
    list of Answer
        In the order of `models`. One that failed has its ``error``, and what came before that.

    Examples
    --------
    >>> [answer.model for answer in compare("hello", ["demo", "demo"], options={"delay": 0})]
    ['demo', 'demo']
    """
    messages = Message.many(prompt)
    asked: list[Stream | Answer] = []
    for model in models:
        try:
            one = stream(messages, model=model, **options)
            one._run.start()
            asked.append(one)
        except NbstreamError as error:
            asked.append(Answer(model=session().keys.masked(model), error=error))
    return [answer if isinstance(answer, Answer) else _whole(answer) for answer in asked]


def _whole(one: Stream) -> Answer:
    try:
        return one.wait()
    except NbstreamError:
        return one.answer


def _run(prompt: Prompt, options: dict[str, Any]) -> Run:
    here, messages = session(), Message.many(prompt)
    call = here.call(messages, **options)
    here.audit_attachments(messages)
    run = here.run(call)
    run.progress.again = Again(here, call.provider.name, messages, options)
    return run


def _guarded(credentials: Mapping[str, Any] | None) -> dict[str, Secret] | None:
    """Keys as secrets from the first frame on: %xmode Verbose shows the variables of every frame."""
    if credentials is None:
        return None
    return {name: _guard(one) for name, one in credentials.items()}


def login(provider: str, seats: Seats | None = None, /, **credentials: str | Secret) -> None:
    """Keep a provider's credentials in this kernel; nothing given: asks with a hidden prompt.

    Several keys or addresses share the load: a new stream goes to the least busy, and one that answers 429,
    5xx or nothing rests. ``stats()[provider].seats`` shows how each fares.

    Parameters
    ----------
    provider : str
    seats : list of dict or str, optional
        Credentials by name, each with a ``base_url`` if it has one of its own; or plain keys.
    **credentials : str
        The fields of one, by name; ``base_url`` too.
    """
    guarded = {name: _guard(one) for name, one in credentials.items()}
    several, literal = _guarded_seats(seats), bool(credentials or seats)
    del credentials, seats  # %xmode Verbose shows the variables of every frame
    name = session().login(provider, several, **guarded)[0]
    if literal and "get_ipython" in vars(builtins):
        _warn_once(name)


def _guarded_seats(seats: Any) -> Any:
    if isinstance(seats, Mapping):
        return {name: one if name == "base_url" else _guard(one) for name, one in seats.items()}
    if isinstance(seats, list | tuple):
        return [_guarded_seats(one) for one in seats]
    return _guard(seats) if isinstance(seats, str) else seats


def _guard(key: Any) -> Secret:
    return key if isinstance(key, Secret) else guard(str(key))


@cache
def _warn_once(provider: str) -> None:
    """A literal key works, but it stays where it was typed: say so, once."""
    put(t("login.literal", provider=provider))


def use(model: str) -> str:
    """Make ``provider:model`` this kernel's default model, and give its full name.

    >>> use("demo")
    'demo'
    """
    return session().use(model)


def conversation(name: str = "main") -> Conversation:
    """The conversation `name` of this kernel: ``.turns .stream() .ask() .undo() .redo() .reset()``."""
    return session().conversation(name)


def stats() -> dict[str, ProviderStats]:
    """What this kernel's turns took, per provider."""
    return session().statistics()
