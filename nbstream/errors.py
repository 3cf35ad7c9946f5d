"""What can go wrong, and what to do about it.

Every error is an `NbstreamError` with one of these kinds; catch the class or look at ``.kind``::

    NbstreamError
    ├── ConfigError            config             a setting, model, option or missing key: mend the call
    ├── AuthError              auth               key, secret, token or clock is wrong
    ├── PermissionRefused      permission         the key is good but not entitled
    ├── QuotaExhausted         quota_exhausted    nothing left to spend; waiting does not help
    ├── RateLimited            rate_limit         too fast; repeated with back-off
    ├── Overloaded             overloaded         the service is busy; repeated with back-off
    ├── ServerError            server_error       the service failed; repeated a few times
    ├── InvalidRequest         invalid_request    the service refused a parameter or the messages
    ├── NotFound               not_found          no such model or address
    ├── ContextTooLong         context_length     the conversation does not fit the model
    ├── ContentFiltered        content_filter     moderation refused the prompt or the answer
    ├── Interrupted            interrupted        the stream ended before its end mark
    ├── ProtocolError          protocol           the peer does not speak the dialect
    ├── ConnectionFailed       connection         no connection: refused, DNS, TLS, proxy
    └── TimedOut               timeout            no connection, first token or byte in time

Errors are made by `fail`, from a key whose first word is the kind and whose three sentences stand in
the locale files: ``fail("connection.refused", provider="openai", address="127.0.0.1:9")``.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, ClassVar

from .i18n import renamed, t

if TYPE_CHECKING:
    from .messages import Answer


class NbstreamError(Exception):
    """Something went wrong, in three sentences: what happened, why, and the line that mends it.

    Attributes
    ----------
    kind : str
        One word of the list above.
    what, why, fix : str
        Three different sentences in the user's language. `fix` is, where there is one, a line to paste.
    provider : str or None
    status : int or None
        HTTP (or handshake) status.
    code : str or None
        The provider's own error code.
    retry_after : float or None
        Seconds which the provider asked to wait.
    request_id : str or None
    case : str
        What tells it from others of its kind: the second word of the key that it was made from.
    retryable : bool
        Whether the same request may work when it is sent again.
    answer : Answer
        What had arrived before the error; empty if nothing had.
    """

    kind: ClassVar[str] = "config"

    def __init__(
        self,
        what: str,
        why: str = "",
        fix: str = "",
        *,
        provider: str | None = None,
        status: int | None = None,
        code: str | int | None = None,
        retry_after: float | None = None,
        request_id: str | None = None,
        answer: Answer | None = None,
    ) -> None:
        super().__init__(what)
        self.what, self.why, self.fix = what, why, fix
        self.provider = provider
        self.status = status
        self.code = None if code is None else str(code)
        self.retry_after = retry_after
        self.request_id = request_id
        self.case = ""
        self._answer = answer
        self.retryable = self.kind in RETRYABLE

    @property
    def answer(self) -> Answer:
        if self._answer is None:
            from .messages import Answer

            self._answer = Answer(error=self)
        return self._answer

    @answer.setter
    def answer(self, answer: Answer) -> None:
        self._answer = answer

    def copy(self) -> NbstreamError:
        """The same error anew, without an answer: for another turn that it befell."""
        new = type(self)(
            self.what, self.why, self.fix,
            provider=self.provider, status=self.status, code=self.code,
            retry_after=self.retry_after, request_id=self.request_id,
        )  # fmt: skip
        new.retryable, new.case = self.retryable, self.case
        return new

    def __str__(self) -> str:
        return "\n".join(sentence for sentence in (self.what, self.why, self.fix) if sentence)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.what!r})"

    def _render_traceback_(self) -> list[str]:
        # IPython asks for this instead of a traceback: a person can mend these, and the frames below
        # could show credentials under %xmode Verbose.
        return [f"{type(self).__name__} ({self.kind}): {self}"]


class ConfigError(NbstreamError):
    kind = "config"


class AuthError(NbstreamError):
    kind = "auth"


class PermissionRefused(NbstreamError):
    kind = "permission"


class QuotaExhausted(NbstreamError):
    kind = "quota_exhausted"


class RateLimited(NbstreamError):
    kind = "rate_limit"


class Overloaded(NbstreamError):
    kind = "overloaded"


class ServerError(NbstreamError):
    kind = "server_error"


class InvalidRequest(NbstreamError):
    kind = "invalid_request"


class NotFound(NbstreamError):
    kind = "not_found"


class ContextTooLong(NbstreamError):
    kind = "context_length"


class ContentFiltered(NbstreamError):
    kind = "content_filter"


class Interrupted(NbstreamError):
    kind = "interrupted"


class ProtocolError(NbstreamError):
    kind = "protocol"


class ConnectionFailed(NbstreamError):
    kind = "connection"


class TimedOut(NbstreamError):
    kind = "timeout"


KINDS: dict[str, type[NbstreamError]] = {cls.kind: cls for cls in NbstreamError.__subclasses__()}
RETRYABLE = frozenset({"rate_limit", "overloaded", "server_error", "interrupted", "connection", "timeout"})


NAMES = ("path", "model", "models", "near", "nearest", "instead")
"""Facts that are one word of a line to paste, whatever a person or a file calls them."""


def pasted(text: str) -> str:
    """`text` as one word of a line to paste.

    >>> pasted("课.tape"), pasted("my lesson.tape"), pasted("x\\n!rm")
    ('课.tape', "'my lesson.tape'", 'x…!rm')
    """
    text = "".join(sign if sign.isprintable() else "…" for sign in text)
    return shlex.quote(text) if set(text) & set(" \"'\\#") else text


def fail(
    key: str,
    /,
    *,
    provider: str | None = None,
    status: int | None = None,
    code: str | int | None = None,
    retry_after: float | None = None,
    request_id: str | None = None,
    **facts: Any,
) -> NbstreamError:
    """Make the error `key` (``"<kind>.<case>"``), its sentences filled from `facts`; the caller raises it.

    The templates may also use ``{provider}``, ``{status}`` and ``{code}``.

    >>> error = fail("config.empty_prompt", provider="openai")
    >>> error.kind, error.provider
    ('config', 'openai')
    """
    kind, _, case = key.partition(".")
    cls = KINDS[kind]
    facts |= {"provider": provider or "", "status": status, "code": code}
    what, why = (t(f"error.{key}.{part}", **facts) for part in ("what", "why"))
    words = {name: pasted(value) for name, value in facts.items() if name in NAMES and isinstance(value, str)}
    line = t(f"error.{key}.fix", **facts)
    fix = t(f"error.{key}.fix", **facts | words) if line.startswith("%") else line
    error = cls(
        what, why, renamed(fix),
        provider=provider, status=status, code=code, retry_after=retry_after, request_id=request_id,
    )  # fmt: skip
    error.case = case
    return error
