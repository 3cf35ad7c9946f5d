"""Help that one can read: for ``%%llm``, for ``%llm`` and for each of its verbs, in the language in use.

Each comes as text, for a terminal and for IPython's own ``?``, and as Markdown, for a notebook: a browser's
Chinese letters are not two columns wide, so that only a table keeps its lines in columns there.
"""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width

from ..i18n import magic, sentences, t

if TYPE_CHECKING:
    from .verbs import Verb

GROUPS = {
    "talk": "chat history show edit retry continue undo redo reset branch version keep pin unpin",
    "answers": "code fix tools",
    "files": "save load restore export",
    "models": "status use models login logout policy",
    "teach": "record replay stream-vs-wait",
    "care": "why doctor stats log",
    "self": "lang help",
}
"""The verbs in the order in which people need them; one that stands in no group comes last."""

Rows = list[tuple[str, str]]
"""What one writes, and what it does."""
Help = tuple[dict[str, str], dict[str, Any]]
"""An output, as text and as Markdown, and its metadata."""


def _both(text: str, markdown: str) -> Help:
    return {"text/markdown": markdown, "text/plain": text}, {}


# --- the cell -----------------------------------------------------------------------------------------


def cell_help(parser: argparse.ArgumentParser) -> Help:
    """What ``%%llm --help`` shows."""
    rows = [(one.strip(), does) for one, does in _options(parser)]
    head, more = t("help.cell"), t("help.more")
    shown = f"```text\n{head}\n```\n\n{_table(t('help.options'), rows)}\n\n{more}"
    return _both(cell_text(parser), shown)


def cell_text(parser: argparse.ArgumentParser) -> str:
    """The same as text."""
    options = [f"  {line}" for line in _columns(_options(parser))]
    return "\n".join([t("help.cell"), "", t("help.options"), *options, "", t("help.more")])


def _options(parser: argparse.ArgumentParser) -> Rows:
    return [(_written(one), t(f"option.{one.dest}")) for one in parser._actions]


def _written(action: argparse.Action) -> str:
    """An option as one types it: ``-m, --model MODEL``."""
    names = sorted(action.option_strings, key=len)
    short = "" if any(not name.startswith("--") for name in names) else "    "
    return short + ", ".join(names) + _value(action)


def _value(action: argparse.Action) -> str:
    """What stands after an option, in the language in use."""
    if action.nargs == 0:
        return ""
    if action.choices:
        return " " + "|".join(map(str, action.choices))
    name = str(action.metavar or action.dest)
    return " " + (t(f"value.{name.lower()}") if len(name) > 1 else name)


# --- the line -----------------------------------------------------------------------------------------


def line_help(name: str | None = None) -> Help:
    """What ``%llm help`` shows, or ``%llm help VERB``. Raises `NbstreamError` for no verb of ours."""
    if name is None:
        rows = []
        for group, verbs in groups().items():
            rows += [(t(f"group.{group}"), ""), *map(_row, verbs)]
        return _both(line_text(), "\n\n".join([_table(rows[0][0], rows[1:]), *_footnotes()]))
    from ..show.cards import literal

    verb, rows, prose = _more(name)
    shown = _table("", [(verb.usage, t(f"verb.{verb.name}")), *rows])
    return _both(line_text(name), "\n\n".join([shown, *map(literal, prose)]))


def line_text(name: str | None = None) -> str:
    """The same as text: verbs in columns, under a heading for each group.

    >>> [line.split()[:2] for line in line_text().splitlines()[1:3]]
    [['%llm', 'chat'], ['%llm', 'history']]
    """
    if name is not None:
        verb, rows, prose = _more(name)
        more = ["", *("  " + line for line in [*_columns(rows), *prose])] if rows or prose else []
        return "\n".join([verb.usage, "", "  " + t(f"verb.{verb.name}"), *more])
    lines = iter(_columns(list(map(_row, ordered()))))
    parts = [
        "\n".join([t(f"group.{group}"), *("  " + next(lines) for _ in verbs)])
        for group, verbs in groups().items()
    ]
    return "\n\n".join([*parts, "\n".join(_footnotes())])


def groups() -> dict[str, list[Verb]]:
    """The verbs by what they are about."""
    from .verbs import VERBS

    found = {group: [VERBS[name] for name in names.split()] for group, names in GROUPS.items()}
    known = [verb for verbs in found.values() for verb in verbs]
    found["self"] += [verb for verb in VERBS.values() if verb not in known]
    return found


def ordered() -> list[Verb]:
    """The verbs, those first that people need most."""
    return [verb for verbs in groups().values() for verb in verbs]


def _row(verb: Verb) -> tuple[str, str]:
    """How a verb is written, without what is the same for all, or seldom needed; and what it does."""
    usage = re.sub(r" \[(-c|--)[^\]]*\]", "", verb.usage)
    if verb.name == "status":  # what is said when no verb is given
        usage = f"%{magic()}"
    return usage, t(f"verb.{verb.name}")


def _more(name: str) -> tuple[Verb, Rows, list[str]]:
    """What else there is to say of the verb `name`: lines to type with what they do, and sentences."""
    from .line import found

    verb = found(name)
    key = f"verb.{verb.name}.more"
    lines = t(key).splitlines() if key in sentences("en") else []
    typed = [re.split(r" {2,}", line, maxsplit=1) for line in lines if line.startswith("%")]
    rows = [(written, does[0] if does else "") for written, *does in typed]
    return verb, rows, [line for line in lines if not line.startswith("%")]


def _footnotes() -> list[str]:
    return t("help.verb").splitlines()


# --- columns ------------------------------------------------------------------------------------------


def _columns(rows: Rows) -> list[str]:
    """Lines in two columns; a Chinese character takes two.

    >>> _columns([("[命令]", "a"), ("-h", "b")])
    ['[命令]  a', '-h      b']
    """
    widths = [sum(2 if east_asian_width(one) in "WF" else 1 for one in left) for left, _ in rows]
    most = max(widths, default=0) + 2
    lines = [left + " " * (most - width) + right for (left, right), width in zip(rows, widths, strict=True)]
    return [line.rstrip() for line in lines]


def _table(head: str, rows: Rows) -> str:
    """The same as a table; a row that says nothing of what it does, and is nothing to type, is a heading."""
    from ..show.cards import literal  # loading must cost nothing
    from ..show.escape import html_text

    lines = [f"| {head} | |", "|:---|:---|"]
    for left, right in rows:
        heading = not right and not left.startswith(("%", "-"))
        shown = f"**{left}**" if heading else f"<code>{html_text(left)}</code>"
        lines.append(f"| {shown} | {literal(right)} |")
    return "\n".join(lines)
