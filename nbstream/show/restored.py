"""What a restore took and what it left, as Markdown."""

from __future__ import annotations

import shlex
import time

from ..chat.restore import Restored, Row
from ..i18n import magic, t
from .cards import code, literal, table
from .turns import short
from .when import ago

FEW = 40
"""Cells up to which each has a row; of more, those have one of which there is something to say."""
MOST = 200
"""Rows."""
FRESH = 5.0
"""Seconds after which there may be something in the page that is not in the file."""


def restored_markdown(restored: Restored, now: float | None = None) -> str:
    """A sentence on the file, a row for each cell that asked, and what else there is to know."""
    file, age = literal(str(restored.path)), ago(restored.saved, now)
    if not restored.rows:
        return t("restore.nothing", file=file, ago=age)
    several = len(restored.turns) > 1
    said = [
        t(
            f"restore.{_became(restored)}",
            file=file,
            ago=age,
            count=sum(_beside(row) for row in _new(restored)),
            talks=t("list.joint").join(
                t("restore.talk", name=literal(name), count=count) for name, count in restored.turns.items()
            )
            or t("line.none"),
        )
    ]
    head = [t("restore.cell"), t("restore.outcome"), t("line.prompt"), t("line.model")]
    head += [t("line.conversation")] if several else []
    rows = [row for row in restored.rows if len(restored.rows) <= FEW or row.notes or row.outcome != "taken"]
    if rows:
        said.append(table(head, (_row(row, several) for row in rows[:MOST])))
    if len(rows) < len(restored.rows):
        said.append(t("restore.as_they_were", count=len(restored.rows) - len(rows)))
    if len(rows) > MOST:
        said.append(t("restore.more", count=len(rows) - MOST))
    if restored.moved:
        said.append(t("restore.order"))
    if any(row.outcome == "edited" for row in restored.rows):
        said.append(t("restore.run_again"))
    if any(_beside(row) for row in restored.rows):
        said.append(t("restore.branch", lines=_switches(restored)))
    if any("filled" in row.notes for row in restored.rows):
        said.append(t("restore.filled"))
    if restored.missing:
        said.append(t("restore.missing", count=restored.missing))
    if restored.since:
        said.append(t("restore.since"))
    if (time.time() if now is None else now) - restored.saved > FRESH:
        said.append(t("restore.older"))
    return "\n\n".join(said)


def _became(restored: Restored) -> str:
    """Whether something was restored, or all of it was here, or what was not went beside what is in use."""
    new = _new(restored)
    if any(row.outcome == "here" for row in restored.rows):
        if not new:
            return "all_here"
        if all(map(_beside, new)):
            return "beside"
    return "done"


def _new(restored: Restored) -> list[Row]:
    """The cells whose turns this kernel did not have."""
    return [row for row in restored.rows if row.outcome in ("taken", "edited")]


def _beside(row: Row) -> bool:
    """Whether it is a turn that is not sent along now, since another branch is in use."""
    return row.turn is not None and "branch" in row.notes


def _switches(restored: Restored) -> str:
    """The lines that list the versions, at the first place of each conversation that has some."""
    first: dict[str, int] = {}
    for row in restored.rows:
        if row.turn is not None and _beside(row):
            name = row.conversation or "main"
            first[name] = min(first.get(name, row.turn.number), row.turn.number)
    talks = {name: "" if name == "main" else f" -c {shlex.quote(name)}" for name in first}
    lines = [code(f"%{magic()} version {number}{talks[name]}") for name, number in first.items()]
    return t("list.joint").join(lines[:3])


def _row(row: Row, several: bool) -> list[str]:
    cell = "—" if row.count is None else f"[{row.count}]"
    talk = [row.conversation or ""] if several else []
    return [cell, _outcome(row), short(row.prompt), row.model, *talk]


def _outcome(row: Row) -> str:
    number = row.turn.number if row.turn is not None else ""
    notes = [t(f"restored_note.{note}", now=row.now) for note in row.notes]
    return " · ".join([t(f"restored.{row.outcome}", number=number), *notes])
