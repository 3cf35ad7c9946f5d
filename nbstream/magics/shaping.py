"""``-f json --schema NAME``: what the options want, and what is said to an answer that does not fit."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from IPython.core.getipython import get_ipython

from ..chat.session import session
from ..messages import Answer, Message

if TYPE_CHECKING:
    from ..chat.fitting import Shape
    from .asking import Asking


def wanted(options: Namespace) -> Shape | None:
    """What the answer must fit; None for a plain answer.

    A schema is looked up once: what the answer is checked by is what the model was told.
    """
    if getattr(options, "shape", None) is not None:
        return options.shape  # type: ignore[no-any-return]
    name = getattr(options, "schema", None)
    if name is None and getattr(options, "format", None) != "json":
        return None
    from ..chat import fitting

    shell = get_ipython()
    names = shell.user_ns if shell is not None else {}
    options.shape = fitting.Shape() if name is None else fitting.named(name, names)
    return options.shape  # type: ignore[no-any-return]


def json_round(asking: Asking, answer: Answer) -> tuple[Message, ...] | None:
    """What to say to an answer that does not fit, once. Else its object joins it, or the error does."""
    if (shape := wanted(asking.options)) is None or answer.tool_calls:
        return None
    from ..chat import structured
    from ..chat.failure import Failure

    corrections = sum(message.role == "user" for message in asking.turn.rounds)
    found = structured.judged(answer, shape, 1 + corrections)
    if isinstance(found, tuple):
        return found
    asking.turn.rounds = structured.uncorrected(asking.turn.rounds)
    asking.turn.answer = found
    if found.error is not None:
        here = session()
        here.last_error, here.last_failure = found.error, Failure.of(asking.run, found, found.error)
    return None


def worth(options: Namespace, answer: Answer) -> object:
    """What ``-o`` binds: the object of an answer that fits, else the answer."""
    fits = answer.error is None and answer.finish_reason not in (None, "cancelled", "content_filter")
    return answer.object if fits and getattr(options, "shape", None) is not None else answer
