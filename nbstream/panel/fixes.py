"""How a person mends an error from inside the panel: its fix as buttons, and in words that fit there."""

from __future__ import annotations

import re
from typing import Any

from ..chat.kept import Turn
from ..chat.resuming import unfinished
from ..errors import NbstreamError
from ..i18n import t
from ..show.words import is_line

AGAIN = frozenset(
    {"auth", "rate_limit", "overloaded", "server_error", "interrupted", "connection", "timeout", "protocol"}
)
"""Kinds of errors after which the same question may well be answered."""
OTHER_MODEL = frozenset({"permission", "quota_exhausted", "not_found", "server_error", "context_length"})
OTHER_WORDS = frozenset({"tape_prompt", "tape_prompts"})
"""What is asked is not on the tape, whichever model is asked: something else may be."""
BEFORE = "failed_before"
"""It failed before the kernel was restarted: only its kind is known."""
NO_MODEL = ("tape_", "policy_max_tokens")
"""Where another model does not help."""
BUTTONS = frozenset({"login", "use", "models", "reset"})
"""Verbs that a panel has a button for: their line need not be pasted."""
_VERB = re.compile(r"%\w+ (\w+)(?: ([\w-]+))?")
_ASK = re.compile(r"%%\w+ -m ([\w./:@-]+)$")
_MOST = re.compile(r"%%\w+ .*--max-tokens (\d+)$")
_CELLS = {
    r"\bRun (?:the|this|its) cell again": "Try again",
    r"\brun (?:the|this|its) cell again": "try again",
    r"再(?:重新)?运行(?:一次)?(?:该|这个|本)?单元格": "再试一次",
    r"重新运行(?:该|这个|本|它的)?单元格|(?<=请)重新运行(?=[；，])": "重试",
}
"""In the panel no cell runs again."""


def fixes(error: NbstreamError, turn: Turn | None = None) -> list[dict[str, Any]]:
    """The buttons that mend `error`: what each is called, and what it wishes or copies.

    `turn` is the one that failed with it; None where nothing was asked. ``openkey``, ``choosemodel`` and
    ``edit`` are wishes that the view fulfils itself.
    """
    found: list[dict[str, Any]] = []

    def wish(label: str, do: str, **facts: Any) -> None:
        found.append({"label": label, "wish": {"do": do, **facts}})

    verb = _VERB.match(error.fix)
    does, name = verb.groups() if verb else (None, None)
    if turn is not None and unfinished(turn) and error.kind != "content_filter":
        wish(t("fix.continue"), "continue", turn=turn.id)
    if does == "login":
        at = {"turn": turn.id} if turn is not None else {}
        wish(t("fix.key"), "openkey", provider=error.provider or name, **at)
    again = error.kind in AGAIN or error.case == BEFORE
    if turn is not None and (again or (error.kind == "context_length" and _shortens(turn))):
        wish(t("fix.retry"), "retry", turn=turn.id)
    if deed := _deed(error):
        wish(deed[0], turn=turn and turn.id, **deed[1])
    if turn is not None and (error.kind == "content_filter" or error.case in OTHER_WORDS):
        wish(t("fix.edit"), "edit", turn=turn.id)
    elsewhere = error.kind in OTHER_MODEL and not error.case.startswith(NO_MODEL)
    if elsewhere or error.case == "tape_model" or does in ("use", "models"):
        wish(t("fix.model"), "choosemodel", turn=turn and turn.id, use=True)
    if does == "reset" or (error.kind == "context_length" and turn is not None and turn.number > 1):
        wish(t("fix.new"), "talk", op="new", name="")
    if is_line(error.fix) and not deed and (not found or does not in BUTTONS):
        found.append({"label": t("fix.copy"), "copy": error.fix.partition("   #")[0]})
    return found


def _shortens(turn: Turn) -> bool:
    """Whether less is sent along when `turn` is asked again: what the model reads is known by now."""
    return turn.context is not None and turn.context.sent > 1


def _deed(error: NbstreamError) -> tuple[str, dict[str, Any]] | None:
    """What is done here where the fix is a line for a cell: what its button says, and what it wishes."""
    if error.case == "tape_model" and (found := _ASK.match(error.fix)):
        return t("fix.ask_model", model=found[1]), {"do": "retry", "model": found[1], "use": True}
    if error.case == "policy_max_tokens" and (found := _MOST.match(error.fix)):
        return t("fix.longest", most=found[1]), {"do": "longest", "tokens": found[1]}
    return None


def told(error: NbstreamError) -> NbstreamError:
    """`error` with a fix that speaks of no cell.

    >>> from nbstream.errors import fail
    >>> told(fail("interrupted.no_end", provider="x", label="X")).fix
    'Try again.'
    """
    said = error.copy()
    if error.case == "key_in_prompt":
        said.fix = t("fix.no_key_in")
    if deed := _deed(error):
        said.fix = deed[0]
    if error.case == BEFORE:  # a panel's own question has no cell
        said.why = t("fix.kind_kept")
    for words, instead in _CELLS.items():
        said.fix = re.sub(words, instead, said.fix)
    return said
