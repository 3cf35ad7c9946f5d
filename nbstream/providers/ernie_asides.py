"""What Baidu sends beside the text: the marks of its moderation, and the sources of a search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..i18n import t
from ..messages import Note
from .refusals import clean

MOST_SOURCES = 5
"""Sources of a search that are named below an answer."""

WITHDRAWN = (3, 4)
"""`flag` 3: must not be shown; 4: to be withdrawn. (1: mild, go on; 2: may be shown, but no more talk.)"""


@dataclass(slots=True)
class Asides:
    """What has stood beside the text of one answer so far."""

    filtered: bool = False
    """The end is ``content_filter``, whatever `finish_reason` says."""
    clear: bool = False
    """The history holds the offence: sent again, it offends again."""
    round: int = 0
    """In which round it is; -1: in this one."""
    sources: list[Any] = field(default_factory=list)

    def judged(self, holder: Mapping[str, Any]) -> bool:
        """Take in moderation's marks in `holder`; whether they withdraw the text."""
        flag, ban = holder.get("flag"), holder.get("ban_round")
        if type(ban) is int and ban != 0:
            self.round = ban
        self.clear = self.clear or holder.get("need_clear_history") is True or self.round != 0
        self.filtered = self.filtered or self.clear or (type(flag) is int and flag not in (0, 1))
        return type(flag) is int and flag in WITHDRAWN

    def found(self, holder: Any) -> None:
        """Take in the ``search_results`` in `holder`."""
        results = holder.get("search_results") if isinstance(holder, Mapping) else None
        if isinstance(results, list) and results:
            self.sources = results

    def notes(self) -> Iterator[Note]:
        """What a person should know, at the end."""
        if self.clear and self.round > 0:
            yield Note(t("note.clear_round", round=self.round))
        elif self.clear:
            yield Note(t("note.clear_history"))
        named = [
            clean(f"[{one.get('index', '?')}] {one.get('title') or ''} {one['url']}")
            for one in self.sources
            if isinstance(one, Mapping) and isinstance(one.get("url"), str)
        ]
        if named:
            yield Note(t("note.sources", sources=" · ".join(named[:MOST_SOURCES])))
