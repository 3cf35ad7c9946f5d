"""What was going on when a turn failed: facts for ``%llm why``, without any content and without keys."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..credentials import Secret
from ..errors import NbstreamError
from ..messages import Answer
from ..wire.address import shown
from .call import Call

if TYPE_CHECKING:
    from .engine import Run


@dataclass(frozen=True, slots=True)
class Failure:
    """A turn that failed, as far as it may be told to anybody.

    Times are seconds; None: not known, or it never came to that.
    """

    error: NbstreamError
    model: str
    host: str
    """Scheme, host and port; "" where nothing went over a wire."""
    messages: int
    characters: int
    """Of all messages together, system message included."""
    options: tuple[str, ...]
    """The names of those that were set."""
    retries: int
    request_id: str | None
    started: float
    first_token: float | None
    duration: float | None
    arrived: int
    """Characters of the answer that had come."""
    tape: str | None = None
    """The tape that it was played from; "" where a tape had no answer. Nothing was sent then."""

    @classmethod
    def of(cls, run: Run, answer: Answer, error: NbstreamError) -> Failure:
        call = run.call
        chat, timing = call.chat, answer.timing
        texts = [chat.system or "", *(message.content for message in chat.messages)]
        named = ("temperature", "max_tokens", "tools", "schema")
        options = [name for name in named if getattr(chat, name, None) not in (None, (), {})]
        tape = "" if error.case.startswith("tape_") else answer.tape
        return cls(
            error, call.model, "" if tape is not None else _host(call),
            len(chat.messages) + bool(chat.system), sum(map(len, texts)),
            (*options, *map(str, chat.options)), run.progress.retries,
            run.progress.request_id or error.request_id,
            timing.started, timing.first_token, timing.duration, len(answer.text),
            tape,
        )  # fmt: skip


def _host(call: Call) -> str:
    """Where the request went: no path, since in a path or a query there may be a key."""
    with suppress(Exception):  # what could be made once can be made again, but this is no place to fail
        url = call.provider.request(call.chat, call.credentials).url
        return shown(url.reveal() if isinstance(url, Secret) else url) if url else ""
    return ""
