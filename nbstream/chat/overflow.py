"""What to do when a model refuses a conversation as too long: the line that mends just that."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import NbstreamError
from ..i18n import t
from ..providers.facts import at_home, facts, larger
from .context import fitted

if TYPE_CHECKING:
    from .call import Call
    from .history import History, Turn
    from .sizes import Sizes


def advise(error: NbstreamError, history: History, turn: Turn, call: Call, sizes: Sizes) -> None:
    """Give `error` the fix for this turn. `sizes` have learned from it: the next run leaves turns out."""
    alone = _alone(call)
    own, sent = sizes.of_request(alone), sizes.of_request(call)
    reads = sizes.reads(call) or sent
    _, next_time = fitted(history, turn, alone, sizes)
    out = (call.context.sent if call.context else 1) - next_time.sent
    bigger = ""
    if at_home(call.chat.base_url, call.provider.base_url):
        bigger = larger(call.provider.name, call.chat.model, round(1.2 * sent))
    if own > reads or out < 1:
        case = "larger" if bigger else "shorten"
    else:
        case = "larger_or_again" if bigger else "again"
    error.fix = t(
        f"overflow.{case}",
        model=f"{call.provider.name}:{bigger}",
        window=_thousands(facts(call.provider.name, bigger).reads or 0),
        own=_thousands(own),
        reads=_thousands(reads),
        out=t("overflow.oldest_one" if out == 1 else "overflow.oldest", count=out),
    )


def _alone(call: Call) -> Call:
    """`call` without what came before its prompt."""
    messages = call.chat.messages
    last = max((place for place, one in enumerate(messages) if one.role == "user"), default=0)
    return replace(call, chat=replace(call.chat, messages=messages[last:]), context=None)


def _thousands(tokens: int) -> str:
    return f"{tokens:,}"
