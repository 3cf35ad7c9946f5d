"""What to do when a model refuses a conversation as too long: the line that mends just that."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import NbstreamError
from ..i18n import t
from ..providers.facts import at_home, facts, larger
from .context import fitted
from .pins import pinned
from .sizes import size_of_messages, size_of_request, window_in

if TYPE_CHECKING:
    from .call import Call
    from .history import History, Turn
    from .sizes import Sizes


def advise(
    error: NbstreamError, history: History, turn: Turn, call: Call, sizes: Sizes, name: str = "main"
) -> None:
    """Give `error` the fix for this turn of the conversation `name`.

    `sizes` have learned from it: the next run leaves turns out. Where what always goes along does not fit,
    the fix names the part of it that is to blame.
    """
    alone = _alone(call)
    sent, said = sizes.of_request(call), window_in(error.why)
    reads = sizes.reads(call) or sent
    pins = list(pinned(turn))
    own, always = sizes.of_request(alone), sum(sizes.of_turn(call.model, one) for one in pins)
    _, next_time = fitted(history, turn, alone, sizes)
    out = (call.context.sent if call.context else 1) - next_time.sent
    bigger = ""
    if at_home(call.chat.base_url, call.provider.base_url):
        bigger = larger(call.provider.name, call.chat.model, round(1.2 * sent))
    known = {
        "model": f"{call.provider.name}:{bigger}",
        "window": _thousands(facts(call.provider.name, bigger).reads or 0),
    }
    if said and (spare := _spare(call, sent, said)):
        error.fix = t("overflow.answer", most=spare, reads=_thousands(said))
    elif own + always <= reads and out >= 1:
        stays_out = t("overflow.oldest_one" if out == 1 else "overflow.oldest", count=out)
        error.fix = t("overflow.larger_or_again" if bigger else "overflow.again", out=stays_out, **known)
    else:
        parts = _parts(call, alone, always, sizes)
        fits = said is not None and own <= reads  # if only nothing were pinned
        part = "pinned" if pins and fits else max(parts, key=lambda one: parts[one])
        tokens = _thousands(round(parts[part] * _counted(error.why, call, sent, said) / max(1, sent)))
        error.fix = t(
            f"overflow_larger.{part}" if bigger else f"overflow.{part}",
            tokens=tokens,
            reads=t("overflow.reads", reads=_thousands(said)) if said else "",
            line=_unpinning(pins, call, sizes, name),
            **known,
        )


def _alone(call: Call) -> Call:
    """`call` without what came before its prompt."""
    messages = call.chat.messages
    last = max((place for place, one in enumerate(messages) if one.role == "user"), default=0)
    return replace(call, chat=replace(call.chat, messages=messages[last:]), context=None)


def _parts(call: Call, alone: Call, always: int, sizes: Sizes) -> dict[str, int]:
    """The tokens of all that goes along however little is sent; where two are equal, the first is named."""
    chat = alone.chat
    described = size_of_request(replace(chat, messages=(), system=None))
    spoken = size_of_request(replace(chat, messages=(), tools=(), schema=None))
    found = {
        "prompt": size_of_messages(chat.messages[:1]),
        "system": spoken,
        "rounds": size_of_messages(chat.messages[1:]),
        "tools": described,
    }
    return {name: sizes.tokens(call.model, size) for name, size in found.items()} | {"pinned": always}


def _spare(call: Call, sent: int, window: int) -> int:
    """The tokens to ask for instead, where it is the answer asked for that does not fit; else 0."""
    asked = call.chat.max_tokens or 0
    room = window - round(1.1 * sent)
    if room < 16 or asked <= max(room, window // 2):
        return 0
    return room - room % (10 if room < 1_000 else 100)


def _counted(message: str, call: Call, sent: int, window: int | None) -> int:
    """How many tokens the service found: as it says, else as estimated, but never fewer than it reads."""
    if window is None:
        return sent
    numbers = [int(one.replace(",", "")) for one in re.findall(r"\d[\d,]{2,9}", message)]
    told = [one for one in numbers if window < one <= 100 * window and not call.chat.max_tokens]
    return max(told) if told else max(sent, window)


def _unpinning(pins: list[Turn], call: Call, sizes: Sizes, name: str) -> str:
    """The words that unpin the longest of the turns."""
    if not pins:
        return ""
    longest = max(pins, key=lambda one: sizes.of_turn(call.model, one))
    return f"unpin {longest.number}" + ("" if name == "main" else f" -c {shlex.quote(name)}")


def _thousands(tokens: int) -> str:
    return f"{tokens:,}"
