"""The corpus as a panel leaves it in the notebook: nothing in a prompt or an answer is more than text.

All of a class stands in one transcript, so that what one answer opens another could close.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from nbstream.chat.kept import Turn
from nbstream.messages import Answer, Attachment
from nbstream.panel.saved import Told, saved
from tests.hostile import parsers
from tests.hostile.corpus import Entry, hostile
from tests.hostile.scan import Scan

KINDS = sorted({entry.kind for entry in hostile()} - {"bulk"})
HEADING = re.compile(r"<p><strong>(\d+) · You</strong></p>")


@pytest.fixture(scope="session")
def modules() -> Path:
    return parsers.node_modules()


def of_kind(kind: str) -> list[Entry]:
    return [entry for entry in hostile() if entry.kind == kind]


def transcript(kind: str) -> str:
    """Each answer of the class, and asked by itself; files and the conversation are called so, too."""
    turns = [
        Turn(
            entry.text,
            "demo",
            number=number,
            attachments=(Attachment("text/plain", b"", entry.text[:80]),),
            answer=Answer(entry.text, finish_reason="stop"),
        )
        for number, entry in enumerate(of_kind(kind), 1)
    ]
    name = "".join(filter(str.isprintable, turns[0].prompt))[:60]
    return saved([Told(name, turns)], footer=False)[0]["text/markdown"]


def findings(html: str, lab: bool = True) -> Counter[str]:
    scan = Scan(html, lab)
    bad = [link for link in scan.links if "javascript:" in link.lower()[:14]]
    return Counter([*scan.findings, *bad])


FOLDED = Counter(["tag <details>", "tag <summary>"])


@pytest.mark.parametrize("kind", KINDS)
def test_readers_that_let_html_through_see_nothing_live(kind: str) -> None:
    text = transcript(kind)
    for html in (parsers.with_markdown_it(text), parsers.with_nbconvert(text)):
        assert findings(html, lab=False) == FOLDED
        assert [int(number) for number in HEADING.findall(html)] == [*range(1, len(of_kind(kind)) + 1)]


def test_nor_does_jupyterlab(modules: Path) -> None:
    rendered: list[dict[str, Any]] = parsers.lab([transcript(kind) for kind in KINDS], modules)
    for kind, answer in zip(KINDS, rendered, strict=True):
        assert findings(answer["html"]) == FOLDED, kind
        assert len(HEADING.findall(answer["html"])) == len(of_kind(kind)), kind
