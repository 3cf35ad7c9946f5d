"""How many tokens a text will be: learned from what the models counted, with no tokenizer.

A model's tokenizer is known by two numbers, the tokens of a Latin character and those of a Chinese one.
They begin high, so that too much is rather left out than refused, and move with each answer that says how
many tokens its prompt had. What a model said of its own window is remembered as well.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from ..messages import Answer, ChatRequest, Message
from ..providers.facts import facts

if TYPE_CHECKING:
    from .call import Call
    from .history import Turn

T = TypeVar("T")
EACH = 5
"""Tokens that a message has beside its text: its role, its ends."""
PICTURE = 1_600
"""Tokens of an image: services count between 85 and about 1,600 for one of ordinary size."""
MODELS = 64
"""Models that are remembered, of those that were asked; the oldest is forgotten first."""
LATIN, WIDE = 0.34, 1.1
"""Tokens of a character before anything is known: English prose has 0.22, code 0.35; Chinese 0.6 to 1.0."""
SURE = 0.5
"""How much the beginning values weigh against one answer."""
FADES = 0.9
"""What an answer weighs when the next one has come."""


class Size(NamedTuple):
    """A text as its tokens are estimated: characters of each kind, and tokens that do not depend on them."""

    latin: float = 0.0
    wide: float = 0.0
    fixed: float = 0.0

    def plus(self, other: Size) -> Size:
        return Size(self.latin + other.latin, self.wide + other.wide, self.fixed + other.fixed)


def size_of(text: str) -> Size:
    """The characters of `text` by kind, told apart by their length in UTF-8, which takes no loop.

    >>> size_of("hello"), size_of("你好")
    (Size(latin=5.0, wide=0.0, fixed=0.0), Size(latin=0.0, wide=2.0, fixed=0.0))
    """
    if text.isascii():
        return Size(float(len(text)))
    wide = (len(text.encode("utf-8", "surrogatepass")) - len(text)) / 2
    return Size(max(0.0, len(text) - wide), wide)


def about(size: Size) -> int:
    """How many tokens a text of `size` will be for a model of which nothing is known: at least one.

    >>> about(size_of("The sky is blue.")), about(size_of("天空是蓝色的，因为散射。"))
    (5, 13)
    """
    return max(1, round(_BEGINNING.tokens(size)))


def size_of_messages(messages: Iterable[Message]) -> Size:
    """What these messages come to. Reasoning is left out: hardly anybody is sent it back."""
    whole = Size()
    for message in messages:
        whole = whole.plus(size_of(message.content))
        for call in message.tool_calls:
            whole = whole.plus(size_of(call.name + call.arguments))
        pictures = sum(1 for one in message.attachments if one.media_type.startswith("image/"))
        whole = whole.plus(Size(0, 0, EACH + PICTURE * pictures))
    return whole


def size_of_request(chat: ChatRequest) -> Size:
    """What a request comes to: its messages, the system message, tools and schema."""
    whole = size_of_messages(chat.messages)
    more = [chat.system or ""]
    more += [json.dumps(dict(tool), ensure_ascii=False, default=str) for tool in chat.tools]
    if chat.schema is not None:
        more.append(json.dumps(dict(chat.schema), ensure_ascii=False, default=str))
    for text in filter(None, more):
        whole = whole.plus(size_of(text)).plus(Size(0, 0, EACH))
    return whole


@dataclass(slots=True)
class Ratio:
    """Tokens of a character of each kind for one model: the least squares of its answers' relative errors.

    >>> ratio = Ratio()
    >>> for _ in range(20):
    ...     ratio.learn(Size(4000.0, 0.0), 1000)
    >>> round(ratio.latin, 2)
    0.25
    """

    latin: float = LATIN
    wide: float = WIDE
    _ll: float = SURE
    _lw: float = 0.0
    _ww: float = SURE
    _lt: float = SURE
    _wt: float = SURE

    def tokens(self, size: Size) -> float:
        return self.latin * size.latin + self.wide * size.wide + size.fixed

    def learn(self, size: Size, tokens: int) -> None:
        """What the provider counted for a text of `size`."""
        rest = tokens - size.fixed
        if rest <= 0 or size.latin + size.wide < 200:  # so little says nothing of the characters
            return
        latin, wide = LATIN * size.latin / rest, WIDE * size.wide / rest  # in units of the beginning values
        self._ll = FADES * self._ll + latin * latin
        self._lw = FADES * self._lw + latin * wide
        self._ww = FADES * self._ww + wide * wide
        self._lt = FADES * self._lt + latin
        self._wt = FADES * self._wt + wide
        # The beginning values stay in the sum with a little weight: a kind never seen keeps its own.
        ll, ww = self._ll + 0.02, self._ww + 0.02
        lt, wt = self._lt + 0.02, self._wt + 0.02
        room = ll * ww - self._lw * self._lw
        self.latin = LATIN * _within((lt * ww - wt * self._lw) / room)
        self.wide = WIDE * _within((wt * ll - lt * self._lw) / room)


def _within(factor: float) -> float:
    return min(4.0, max(0.2, factor))


class Sizes:
    """What this kernel knows of the models' tokens and windows."""

    def __init__(self) -> None:
        self._ratios: OrderedDict[str, Ratio] = OrderedDict()
        self._windows: OrderedDict[str, int] = OrderedDict()
        self._turns: WeakKeyDictionary[Turn, tuple[Answer | None, Size]] = WeakKeyDictionary()

    def tokens(self, model: str, size: Size) -> int:
        """How many tokens a text of `size` will be for `model`."""
        return round(self._ratios.get(model, _BEGINNING).tokens(size))

    def of_request(self, call: Call) -> int:
        """How many tokens all that `call` sends will be."""
        from . import tokenizer  # not at load

        exact = tokenizer.count(call.provider.name, call.chat)
        return exact if exact is not None else self.tokens(call.model, size_of_request(call.chat))

    def of_turn(self, model: str, turn: Turn) -> int:
        """How many tokens an earlier turn will be: its characters are counted once."""
        answer, size = self._turns.get(turn, (None, Size()))
        if answer is None or answer is not turn.answer:
            size = size_of_messages(turn.messages())
            self._turns[turn] = turn.answer, size
        return self.tokens(model, size)

    def learn(self, call: Call, answer: Answer) -> None:
        """What an answer tells: how many tokens its prompt had, or how many the model reads."""
        if answer.error is not None:
            if answer.error.kind == "context_length":
                self._keep(self._windows, _place(call), self._refused(call, window_in(answer.error.why)))
        elif answer.usage is not None and answer.usage.input_tokens:
            ratio = self._ratios.get(call.model) or Ratio()
            ratio.learn(size_of_request(call.chat), answer.usage.input_tokens)
            self._keep(self._ratios, call.model, ratio)

    def _refused(self, call: Call, said: int | None) -> int:
        """The window to reckon with after a refusal: as the server said, if that explains it, else less."""
        sent = self.of_request(call)
        if said is not None and sent > said - _reserve(said, call):
            return said
        return round(0.75 * sent) + _reserve(sent, call)

    @staticmethod
    def _keep(kept: OrderedDict[str, T], name: str, value: T) -> None:
        kept[name] = value
        kept.move_to_end(name)
        if len(kept) > MODELS:
            kept.popitem(last=False)

    def learned(self, call: Call) -> int | None:
        """What the model's server said of its window when it refused a prompt."""
        return self._windows.get(_place(call))

    def reads(self, call: Call) -> int | None:
        """The most tokens that `call` may send, room for the answer left; None: nobody knows."""
        known = facts(call.provider.name, call.chat.model)
        said = self.learned(call) or _asked_for(call)
        if said is not None:
            return said - _reserve(said, call)
        bounds = []
        if known.max_input is not None:
            bounds.append(known.max_input)
        if known.window is not None:
            bounds.append(known.window - _reserve(known.window, call))
        return min(bounds, default=None)


_BEGINNING = Ratio()


def _place(call: Call) -> str:
    """A model at an address: behind the same name there may be another one elsewhere."""
    return f"{call.model} {call.chat.base_url or ''}"


def _asked_for(call: Call) -> int | None:
    """The window that the call itself sets: Ollama cuts silently what does not fit into it."""
    inner = call.chat.options.get("options")
    for given in (call.chat.options, inner if isinstance(inner, dict) else {}):
        if call.provider.name == "ollama" and isinstance(size := given.get("num_ctx"), int) and size > 0:
            return size
    return None


def _reserve(window: int, call: Call) -> int:
    """Tokens of a window to leave for the answer."""
    if call.chat.max_tokens:
        return min(call.chat.max_tokens, window // 2)
    known = facts(call.provider.name, call.chat.model)
    return min(known.max_output or 4_096, 8_192, window // 4)


_SAID = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        r"context (?:length|window|size)[^\d]{0,60}?(\d[\d,]{2,9})",
        r"\d\s*(?:tokens\s*)?>\s*(\d[\d,]{2,9})",
        r"(?:maximum|limit|at most|no more than|up to)[^\d]{0,50}?(\d[\d,]{2,9})\)?(?: input)? tokens?",
        r"(?:maximum|max\.?) (?:input )?(?:number of )?tokens[^\d]{0,30}?(\d[\d,]{2,9})",
        r"(?:最大|上限|不超过|不能超过|限制)[^\d]{0,20}?(\d[\d,]{2,9})",
    )
)


def window_in(message: str) -> int | None:
    """The window that a refusal names.

    >>> window_in("This model's maximum context length is 8,192 tokens. However, you requested 9000 tokens.")
    8192
    >>> window_in("prompt is too long: 212000 tokens > 200000 maximum"), window_in("too long")
    (200000, None)
    """
    for pattern in _SAID:
        if found := pattern.search(message):
            size = int(found[1].replace(",", ""))
            if 256 <= size <= 20_000_000:
                return size
    return None
