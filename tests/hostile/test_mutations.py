"""Takes each rule of the serializer away, and sees that the corpus notices: no rule is there for show."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from nbstream.show.markdown import settle_with
from nbstream.show.rules import RULES, Rules
from tests.hostile import parsers
from tests.hostile.corpus import Entry, controls, hostile
from tests.hostile.outline import meant, outline
from tests.hostile.test_settled import CHANGED_ON_PURPOSE, findings, modules  # noqa: F401

# Bulk that tells in reasonable time that nobody bounds it.
BULK = {"nested quotations", "many dollars", "many spaced dollars"}


@cache
def _entries() -> list[Entry]:
    return [*(e for e in hostile() if e.kind != "bulk" or e.name in BULK), *controls()]


@cache
def _meant(entry: Entry) -> str | None:
    """What must be shown, of answers that are short enough and not changed on purpose."""
    if entry.kind == "bulk" or entry.name in CHANGED_ON_PURPOSE:
        return None
    return meant(entry.text) if entry.kind == "controls" or entry.id in _faithful() else None


@cache
def _faithful() -> frozenset[str]:
    """The hostile answers which, with all rules, are shown as they were meant: as harmless text."""
    entries = [entry for entry in hostile() if entry.kind != "bulk"]
    answers = parsers.lab([settle_with(RULES, entry.text) for entry in entries], parsers.node_modules())
    pairs = zip(entries, answers, strict=True)
    return frozenset(entry.id for entry, answer in pairs if outline(answer["html"]) == meant(entry.text))


def noticed(rules: Rules, folder: Path) -> Iterator[str]:
    """The answers that go wrong under `rules`, one by one: who needs only one asks no further."""
    settled = [settle_with(rules, entry.text) for entry in _entries()]
    if crowded := [text for text in settled if text.count("<span>") > 2_000]:
        yield from crowded  # no page has to freeze to show it
        return
    pairs = list(zip(_entries(), settled, strict=True))
    for some in (pairs[start : start + 150] for start in range(0, len(pairs), 150)):
        try:
            answers = parsers.lab([ours for _, ours in some], folder)
        except subprocess.TimeoutExpired:
            yield "an answer that hangs the page"
            return
        for (entry, ours), answer in zip(some, answers, strict=True):
            if _wrong(entry, ours, answer):
                yield entry.id


def _wrong(entry: Entry, ours: str, answer: dict[str, Any]) -> bool:
    if "error" in answer or findings(answer["html"]):
        return True
    if entry.kind == "bulk":
        return "x" in entry.text and "x" not in ours
    if findings(parsers.with_markdown_it(ours), lab=False) or findings(
        parsers.with_nbconvert(ours), lab=False
    ):
        return True
    shown = _meant(entry)
    return shown is not None and outline(answer["html"]) != shown


def test_with_all_rules_nothing_goes_wrong(modules: Path) -> None:  # noqa: F811
    assert list(noticed(RULES, modules)) == []


@pytest.mark.parametrize("rule", [field.name for field in fields(Rules)])
def test_each_rule_is_needed(rule: str, modules: Path) -> None:  # noqa: F811
    assert any(noticed(replace(RULES, **{rule: False}), modules))
