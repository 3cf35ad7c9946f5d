"""The values that travel along the road: messages in, events back, an answer at the end.

Everything here is frozen and does no I/O.

    Message, ChatRequest      what is asked
    TextDelta … Finish        the stream events that a provider yields
    Usage, Timing, Answer     what is left when the stream has ended
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .attachment import Attachment as Attachment  # it is one of these values, with a file of its own
from .errors import NbstreamError, fail

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "cancelled", "other"]
ROLES = ("system", "user", "assistant", "tool")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function that the model wants called; `arguments` is JSON text, as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Opaque:
    """State of one provider (a thinking signature, say): kept in the turn, sent back only to `provider`."""

    provider: str
    data: Any


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation, in no provider's dialect.

    Parameters
    ----------
    role : {"system", "user", "assistant", "tool"}
    content : str
    reasoning : str
        What the model thought before it answered; sent back only where a provider wants it.
    tool_calls : tuple of ToolCall
        On assistant messages.
    tool_call_id : str or None
        On tool messages: the call that `content` answers.
    attachments : tuple of Attachment
        On user messages: pictures, ``Message("user", "What is this?", attachments=(Attachment.of(path),))``.
    """

    role: str
    content: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    opaque: tuple[Opaque, ...] = ()
    attachments: tuple[Attachment, ...] = ()

    @classmethod
    def many(cls, prompt: str | Message | Answer | Mapping[str, Any] | Iterable[Any]) -> tuple[Message, ...]:
        """A prompt, a message, a ``{"role", "content"}`` dict, or a list of these, as messages.

        An `Answer` is the assistant's message, with its tool calls and what its provider wants back. A dict
        may have ``tool_calls`` and ``tool_call_id``, as with OpenAI.

        >>> Message.many("hi")[0].role
        'user'
        """
        if isinstance(prompt, str):
            return (cls("user", prompt),)
        if isinstance(prompt, Message):
            return (prompt,)
        if isinstance(prompt, Answer):
            calls = tuple(prompt.tool_calls)
            return (cls("assistant", prompt.text, prompt.reasoning, calls, opaque=prompt.opaque),)
        if isinstance(prompt, Mapping):
            return (cls._from(prompt),)
        if isinstance(prompt, Iterable):
            return tuple(message for item in prompt for message in cls.many(item))
        raise fail("config.message", given=type(prompt).__name__)

    @classmethod
    def _from(cls, given: Mapping[str, Any]) -> Message:
        role, content, id_ = given.get("role"), given.get("content"), given.get("tool_call_id")
        listed = given.get("tool_calls") or ()
        calls = tuple(_call(one) for one in (listed if isinstance(listed, list | tuple) else [listed]))
        if content is None and calls:  # OpenAI's own answers have it so
            content = ""
        if role not in ROLES or not isinstance(content, str):
            raise fail("config.message", given=f"{{'role': {role!r}, 'content': {type(content).__name__}}}")
        return cls(str(role), content, tool_calls=calls, tool_call_id=None if id_ is None else str(id_))


def _call(given: Any) -> ToolCall:
    """A tool call, or the dict that OpenAI has for one, as a tool call."""
    if isinstance(given, ToolCall):
        return given
    function = given.get("function") if isinstance(given, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise fail("config.message", given=f"{{'tool_calls': [{type(given).__name__}]}}")
    arguments = function.get("arguments") or ""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False, default=str)
    return ToolCall(str(given.get("id") or ""), function["name"], text)


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What is asked of a model. `model` is the provider's own name for it; None means "not said".

    `schema` is a JSON schema that the answer must fit: dialects with structured output send it.
    """

    messages: tuple[Message, ...]
    model: str
    system: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    tools: tuple[Mapping[str, Any], ...] = ()
    base_url: str | None = field(default=None, repr=False)  # a password may stand in it
    allow_insecure: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    schema: Mapping[str, Any] | None = None
    stream: bool = True
    """False: the whole answer at once, where the service can."""


# --- the events of a stream -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """A piece of what the model thinks before it answers."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of tool call number `index`: id and name come once, `arguments` in fragments of JSON text."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, as the provider counted them; None where it did not say (never 0 for unknown).

    `output_tokens` includes `reasoning_tokens`; `input_tokens` includes `cached_tokens`.
    In a stream the last one counts: they are never added up.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Retract:
    """Moderation withdraws all shown so far, reasoning too; `reason` is a sentence or the provider's word."""

    reason: str


@dataclass(frozen=True, slots=True)
class Note:
    """Something a person should know about this answer: a sentence, shown with it and in ``.notes``."""

    text: str
    tape: str = ""
    """The file that the answer is played from, where it is."""


@dataclass(frozen=True, slots=True)
class Finish:
    """The end mark. `raw_reason` is the provider's own word."""

    reason: FinishReason
    raw_reason: str | None = None


Event = TextDelta | ReasoningDelta | ToolCallDelta | Usage | Retract | Opaque | Note | Finish


# --- what is left ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Timing:
    """When things happened. Durations are seconds from the start of the turn; None: did not happen."""

    started: float = 0.0
    """Seconds since the epoch."""
    first_token: float | None = None
    duration: float | None = None
    pieces: int = 0
    """Deltas of text and reasoning: about as many as tokens, where the provider does not count."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a turn cost, at list price, in one currency (ISO 4217)."""

    amount: float
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class Context:
    """What of the conversation went along with a prompt."""

    sent: int
    """Turns that were sent, the new one counted."""
    turns: int
    """Turns that there are."""
    tokens: int | None = None
    """Of all that was sent, as estimated."""
    window: int | None = None
    """The most that the model reads, where that is known."""
    cut: bool = False
    """Whether turns were left out because they do not fit."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A model's answer, whole or as far as it came. ``str(answer)`` is its text.

    `finish_reason` is None while the stream runs and after an error.
    """

    text: str = ""
    reasoning: str = ""
    tool_calls: list[ToolCall] = field(default_factory=list)
    finish_reason: FinishReason | None = None
    raw_finish_reason: str | None = None
    usage: Usage | None = None
    notes: tuple[str, ...] = ()
    model: str = ""
    timing: Timing = field(default_factory=Timing)
    error: NbstreamError | None = field(default=None, repr=False, compare=False)
    cost: Cost | None = None
    context: Context | None = field(default=None, repr=False)
    opaque: tuple[Opaque, ...] = field(default=(), repr=False)
    object: Any = field(default=None, repr=False)
    """What the answer says in JSON, where that was asked for: by a pydantic model one of its objects."""
    again: Callable[..., Answer] | None = field(default=None, repr=False, compare=False)
    """How `retry` asks; None in an answer that was loaded or made by hand."""
    tape: str | None = field(default=None, repr=False, compare=False)
    """The file that it was played from; None: a service gave it."""

    @property
    def code(self) -> str:
        """The contents of the answer's fenced code blocks of one language, a blank line between; "" if none.

        Python's, where there is some: a line for a shell beside it is none.

        >>> Answer("Try:\\n```python\\nprint(1)\\n```\\n").code
        'print(1)\\n'
        """
        from .parts import of_one_language

        return "\n".join(content for _, content in of_one_language(self.blocks))

    @property
    def blocks(self) -> list[tuple[str, str]]:
        """The answer's fenced code blocks: language ("" where none is given) and content."""
        from .parts import fences

        return fences(self.text)

    @property
    def tables(self) -> list[list[dict[str, str]]]:
        """The answer's tables, each a list of rows, each row a dict: ``pandas.DataFrame(answer.tables[0])``.

        >>> Answer("|a|b|\\n|-|-|\\n|1|2|").tables
        [[{'a': '1', 'b': '2'}]]
        """
        from .parts import tables

        return tables(self.text)

    def retry(self, model: str | None = None, **options: Any) -> Answer:
        """Ask the same again, with what stood before it, and wait; `model` may be another.

        The conversation stays as it is (``%llm retry`` puts the new answer into it). `options` are those of
        `nbstream.ask`.
        """
        if self.again is None:
            raise fail("config.no_retry")
        return self.again(model, **options)

    def __str__(self) -> str:
        return self.text
