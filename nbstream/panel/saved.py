"""What stays of a panel in its notebook: the conversation as folded Markdown, and what rebuilds it.

The text of the turns that no cell asked stands in ``text/plain``; a receipt for each of them, in the output's
metadata, says from where to where. Turns of ``%%llm`` cells are shown too, but kept by their own outputs.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from .._version import __version__
from ..chat.history import Turn
from ..chat.receipts import Found
from ..i18n import t
from ..messages import Answer
from ..show import words
from ..show.cards import literal
from ..show.clean import clean
from ..show.escape import html_text, tidy
from ..show.rules import RULES
from ..show.settled import bundle

MOST_BYTES = 400_000
"""Of one conversation's turns: a server passes on a million a second, and streams need their part."""
MOST_GONE = 1_000
"""Turns of which it is said that they were taken out."""
Bundle = tuple[dict[str, str], dict[str, Any]]

_settled: WeakKeyDictionary[Turn, tuple[Answer, bool, dict[str, str]]] = WeakKeyDictionary()
"""What is settled once: an answer does not change any more."""


@dataclass(frozen=True, slots=True)
class Told:
    """A conversation that is to be kept.

    Attributes
    ----------
    turns : sequence of Turn
        The branch in use, oldest first.
    others : sequence of Turn
        What stands on other branches.
    earlier : sequence of Found
        What the notebook holds of it, of a kernel before this one, as long as nobody has restored it.
    gone : sequence of str
        The ids of turns that were taken out: cells may still show them.
    """

    name: str
    turns: Sequence[Turn]
    others: Sequence[Turn] = ()
    earlier: Sequence[Found] = ()
    gone: Sequence[str] = ()

    def __bool__(self) -> bool:
        return bool(self.turns or self.others or self.earlier)


@dataclass(slots=True)
class _Entry:
    turn: Turn
    data: dict[str, str]
    place: dict[str, Any] = field(default_factory=dict)
    """What its receipt says other than the turn itself."""
    number: int = 0

    @property
    def size(self) -> int:
        texts = (*self.data.values(), self.turn.prompt, self.turn.prompt)
        return 500 + sum(len(text.encode("utf-8", "replace")) for text in texts)


class _Plain:
    """Text that grows, and knows how long it is."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self.length = 0

    def add(self, text: str) -> None:
        self._parts.append(text)
        self.length += len(text)

    def __str__(self) -> str:
        return "".join(self._parts)


def saved(talks: Sequence[Told], *, footer: bool = True, now: float | None = None) -> Bundle:
    """The data and metadata of the output that keeps `talks`, the one that is shown first."""
    markdown: list[str] = []
    plain = _Plain()
    receipts: list[dict[str, Any]] = []
    for told in filter(None, talks):
        used = list(_used(told, footer))
        others = [_Entry(turn, _data(turn, footer), number=turn.number) for turn in told.others]
        kept = _newest([*reversed(used), *sorted(others, key=lambda one: -one.turn.created)])
        shown = [one for one in used if id(one) in kept]
        beside = [one for one in others if id(one) in kept]
        left = len(used) + len(others) - len(kept)
        markdown.append(_markdown(told.name, shown, len(used), len(beside), left, now))
        plain.add(f"{clean(told.name)}\n\n")
        for entry in (*shown, *beside):
            receipts += _kept(entry, told.name, plain)
    facts: dict[str, Any] = {"version": __version__, "panel": True, "turns": receipts}
    ends = {told.name: end for told in talks if (end := _end(told)) is not None}
    if ends:
        facts["ends"] = {"at": round(time.time() if now is None else now, 3), "talks": ends}
    gone = [id for told in talks for id in told.gone][-MOST_GONE:]
    if gone:
        facts |= {"undone": gone, "at": round(time.time() if now is None else now, 3)}
    data = {"text/markdown": "\n\n".join(markdown), "text/plain": str(plain).removesuffix("\n\n")}
    return data, {"nbstream": facts} if markdown or gone else {}


def _end(told: Told) -> str | None:
    """The newest turn of the branch in use that has ended."""
    return next((turn.id for turn in reversed(told.turns) if turn.answer is not None), None)


def _used(told: Told, footer: bool) -> Iterator[_Entry]:
    """The branch in use, behind what an earlier kernel asked."""
    count = 0
    for count, found in enumerate(told.earlier, 1):
        place = {"number": found.number, "parent": found.parent, "parent_cell": found.parent_cell}
        place |= {"filled": True} if found.receipt.holds("filled") else {}
        yield _Entry(found.turn, _data(found.turn, footer), place, count)
    for number, turn in enumerate(told.turns, count + 1):
        yield _Entry(turn, _data(turn, footer), number=number)


def _data(turn: Turn, footer: bool) -> dict[str, str]:
    """What a cell of its own would show of `turn`."""
    answer = turn.answer
    if answer is None:
        return {"text/markdown": f"*{t('turn.running')}*", "text/plain": ""}
    known = _settled.get(turn)
    if known is None or known[0] is not answer or known[1] != footer:
        known = _settled[turn] = answer, footer, bundle(turn, answer, None, footer=footer)[0]
    return known[2]


def _newest(entries: Sequence[_Entry]) -> set[int]:
    """As many as there is room for, whole; the first one in any case."""
    kept: set[int] = set()
    spent = 0
    for entry in entries:
        spent += entry.size
        if kept and spent > MOST_BYTES:
            break
        kept.add(id(entry))
    return kept


def _markdown(
    name: str, shown: Sequence[_Entry], turns: int, beside: int, left: int, now: float | None
) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(now))
    summary = t("saved.summary", name=name, count=turns, time=when)
    parts = [f"<details><summary>{_folded(summary)}</summary>"]
    parts.append(f"*{t('saved.go_on')}*")  # who opens the notebook another day finds no panel
    if left:
        parts.append(f"*{t('saved.left_out', count=left)}*")
    for place, entry in enumerate(shown):
        parts += ["---"] if place else []
        parts += [f"**{entry.number} · {t('export.you')}**", _quoted(entry.turn.prompt)]
        if names := [literal(one.name or one.media_type) for one in entry.turn.attachments]:
            parts.append(t("export.files", names=" · ".join(names)))
        parts.append(entry.data["text/markdown"])
    if beside:
        parts += ["---", f"*{t('saved.beside', count=beside)}*"]
    return "\n\n".join(filter(None, [*parts, "</details>"]))


def _folded(text: str) -> str:
    """Text for our own ``<summary>``; what could begin math stands alone, where no page sees math in it."""
    return re.sub(r"&#(?:36|92);", r"<span>\g<0></span>", html_text(tidy(text, RULES)))


def _quoted(prompt: str) -> str:
    """What a person typed, to the letter and line by line, as a quotation."""
    lines = [_line(line) for line in clean(prompt).expandtabs(4).strip("\n").split("\n")]
    text = "\n".join(f"> {line}  " if line and after else f"> {line}" for line, after in _pairs(lines))
    return "\n".join(line if line.strip() != ">" else ">" for line in text.split("\n"))


def _pairs(lines: list[str]) -> Iterator[tuple[str, str]]:
    return zip(lines, [*lines[1:], ""], strict=True)


def _line(line: str) -> str:
    indent = len(line) - len(line.lstrip(" "))
    return "\u00a0" * indent + literal(line) if line.strip() else ""


def _kept(entry: _Entry, name: str, plain: _Plain) -> Iterator[dict[str, Any]]:
    """The receipt of a turn that no cell keeps; its text goes to the others'."""
    turn, answer = entry.turn, entry.turn.answer
    plain.add(f"{entry.number} · {t('export.you')}: {clean(turn.prompt)}\n\n")
    start = plain.length
    plain.add(entry.data["text/plain"])
    end = plain.length
    plain.add("\n\n")
    if answer is None or turn.cell is not None:
        return
    facts = words.receipt(turn, answer, name)["nbstream"] | entry.place
    for known in ("version", "cell"):
        del facts[known]
    # Half a character cannot be sent; a prompt's hash takes it as "?", too.
    whole = {name: text.encode("utf-8", "replace").decode() for name, text in _typed(turn)}
    yield facts | whole | {"panel": True, "start": start, "end": end}


def _typed(turn: Turn) -> Iterator[tuple[str, str]]:
    yield "prompt", turn.prompt
    if turn.system:
        yield "system", turn.system
