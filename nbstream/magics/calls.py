"""The tools that an answer calls for: each call is shown, allowed or refused, and carried out in turn."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import takewhile
from types import CodeType
from typing import TYPE_CHECKING, Any

from IPython.core.getipython import get_ipython

from ..chat.session import session
from ..chat.toolbox import Entry, names, toolbox
from ..errors import NbstreamError
from ..i18n import t
from ..messages import Answer, Message, ToolCall

if TYPE_CHECKING:
    from ..show.calls import CallCard
    from .asking import Asking

REFUSED = (400, 404, 422, 501)
IN_VAIN = 2
"""Times that a model may repeat a call which cannot be made; then it is told so, and then it is ended."""
YES = {"y", "yes", "ok", "是", "好", "可以", "行", "允许"}
ALWAYS = {"a", "always", "总是", "一直", "始终"}


def offered() -> tuple[Mapping[str, Any], ...]:
    """The tools that a cell's model is told of: each as its function is now."""
    box = toolbox()
    if box.busy or not any(box):
        return ()
    refresh()
    return box.schemas()


def refresh() -> None:
    """Take functions that were defined anew since they were added.

    One whose code has changed asks first again: what was allowed is not there any more. Raises
    `NbstreamError` for one that cannot be described as it is now.
    """
    from ..chat.tools import described

    box = toolbox()
    for entry in box:
        now = look_up(entry.path)
        old = entry.tool.function
        if now is old or not callable(now):  # gone, or the name is something else's: as it was
            continue
        same = _substance(now) == _substance(old)
        entry.tool = described(now, entry.tool.name)
        entry.unasked = entry.unasked and same


def _substance(function: Any) -> Any:
    """What a function does, wherever it stands: a cell that runs again changes nothing."""
    code = getattr(function, "__code__", None)
    if code is None:
        return function
    return _unplaced(code), repr(function.__defaults__), repr(function.__kwdefaults__)


def _unplaced(code: CodeType) -> CodeType:
    inner = tuple(_unplaced(one) if isinstance(one, CodeType) else one for one in code.co_consts)
    return code.replace(co_filename="", co_firstlineno=1, co_linetable=b"", co_consts=inner)


def look_up(path: str) -> Any:
    """What the dotted name `path` is in the notebook; None for nothing."""
    first, *rest = path.split(".")
    found = getattr(get_ipython(), "user_ns", {}).get(first)
    for name in rest:
        found = getattr(found, name, None)
    return found


def called(asking: Asking, answer: Answer) -> tuple[Message, ...] | None:
    """The answer and the results of the calls in it, to go on with; None where there are none.

    Whoever presses Stop ends the turn: what came is kept, and the rest of the calls is not made.
    """
    if answer.error is not None:
        _explain(asking, answer.error)
    if not (asking.sink.rounds and answer.tool_calls) or answer.error is not None:
        return None
    if answer.finish_reason in ("cancelled", "length", "content_filter"):
        return None
    made = sum(bool(message.tool_calls) for message in asking.turn.rounds)
    bound = session().settings.tool_rounds
    if made > bound:
        note = t("note.tool_rounds", bound=bound)
        asking.turn.answer = replace(answer, notes=(*answer.notes, note))
        return None
    calls = tuple(answer.tool_calls)
    stuck = _in_vain(asking, calls)
    if stuck > IN_VAIN:
        asking.turn.answer = replace(answer, notes=(*answer.notes, t("note.tool_stuck")))
        return None
    refused = t("tool.bound") if made == bound else t("tool.stuck") if stuck == IN_VAIN else ""
    said = Message("assistant", answer.text, answer.reasoning, calls, opaque=answer.opaque)
    results: list[str] = []
    stopped = False
    try:
        for call in calls:
            results.append(_one(asking, call, refused=refused))
    except KeyboardInterrupt:
        stopped = True
    results += [t("tool.stopped")] * (len(calls) - len(results))
    answers = [
        Message("tool", text, tool_call_id=call.id or call.name)
        for call, text in zip(calls, results, strict=True)
    ]
    if stopped or asking.sink.stopped:
        asking.talk.break_off(asking.turn, (said, *answers))
        return None
    return (said, *answers)


def _in_vain(asking: Asking, calls: tuple[ToolCall, ...]) -> int:
    """In how many rounds running a model has made just these calls before, none of which can be made."""
    from ..chat.shapes import Misfit

    for call in calls:
        entry = toolbox().find(call.name)
        with suppress(Misfit):
            if entry is not None:
                entry.tool.bound(call.arguments)
                return 0
    these = [(call.name, call.arguments) for call in calls]
    rounds = [message.tool_calls for message in reversed(asking.turn.rounds) if message.tool_calls]
    same = takewhile(lambda made: [(call.name, call.arguments) for call in made] == these, rounds)
    return sum(1 for _ in same)


def _explain(asking: Asking, error: NbstreamError) -> None:
    """A model that knows no tools refuses them: then the line that mends it is another."""
    offered = bool(asking.run.call.chat.tools)
    said = error.why
    # Not what is wrong with the calls in the history: "a call is missing its signature", "must be followed".
    if re.search(r"signature|missing|follow|respon[sd]", said, re.I):
        return
    if offered and error.status in REFUSED and re.search(r"\btools?\b|function.?call", said, re.I):
        error.fix = t("tool.unknown_to_model.fix")


def _one(asking: Asking, call: ToolCall, refused: str) -> str:
    """Show one call, have it allowed, carry it out; what the model is told of it."""
    from ..chat.calling import Interruptible
    from ..show.calls import by_name
    from ..show.calls import card as card_of

    entry = toolbox().find(call.name)
    card = card_of(call, names())
    word, result = "stopped", t("tool.stopped")
    asking.sink.call(card)
    try:
        with Interruptible() as hold:
            asking.sink.on_stop = hold.interrupt
            try:
                if asking.sink.stopped:  # before there was anything to interrupt
                    raise KeyboardInterrupt
                word, result = ("refused", refused) if refused else _allowed(asking, entry, call, card)
            finally:
                asking.sink.on_stop = None
    finally:
        asking.sink.call(replace(card, result=by_name(result, names())))
        facts = {"provider": asking.turn.model.partition(":")[0], "model": asking.turn.model}
        session().audit("tool", **facts, tool=card.name[:80], outcome=word)
    return result


def _allowed(asking: Asking, entry: Entry | None, call: ToolCall, card: CallCard) -> tuple[str, str]:
    """How the call ended, and what the model is told of it."""
    from ..chat.calling import outcome
    from ..chat.shapes import Misfit

    if entry is None:
        known = ", ".join(one.tool.wire for one in toolbox()) or "—"
        return "unknown", t("tool.none", name=call.name[:80], known=known)
    tool = entry.tool
    try:
        ahead, named = tool.bound(call.arguments)
    except Misfit as misfit:  # nobody is asked about a call that cannot be made
        return "invalid", session().keys.hide_in(t("tool.bad_call", reason=str(misfit)))
    if not entry.unasked and (no := _asked(asking, entry, card)):
        return "refused", no
    asking.sink.doing(t("status.tool", name=card.name, s="{s}"))
    s = session().settings
    with toolbox().at_work():
        well, text = outcome(
            lambda: tool.function(*ahead, **named),
            timeout=s.tool_timeout, most=s.tool_result, hide=session().keys.hide_in,
        )  # fmt: skip
    return "done" if well else "failed", text


def _asked(asking: Asking, entry: Entry, card: CallCard) -> str:
    """Ask whether the call may be made; "" for yes, else what the model is told."""
    if asking.where == "headless":
        return t("tool.nobody")
    asking.sink.doing(t("status.tool_asks", name=card.name))
    try:
        said = input(t("tool.ask", call=card.line)).strip().lower()
    except (EOFError, NotImplementedError):  # no terminal; a front end that takes no input after all
        return t("tool.nobody")
    if said in ALWAYS:
        entry.unasked = True
    return "" if said in YES | ALWAYS else t("tool.refused")
