"""``nbstream tape check`` and ``nbstream tape show``."""

from __future__ import annotations

import argparse
from importlib import import_module

from ..magics.verbs.finding import MARKS
from ..show.cards import table
from ..show.console import put
from ..show.plaintext import plain
from . import BROKEN, GOOD


def check(options: argparse.Namespace) -> int:
    """Whether each tape is sound, and holds nothing that a tape may not; with 1 where one does not."""
    tapecheck = import_module("nbstream.teach.tapecheck")
    bad = False
    for number, path in enumerate(options.file):
        found = tapecheck.check(path)
        bad |= any(one.level == "bad" for one in found)
        rows = [[MARKS[one.level], one.what, one.said, one.fix] for one in found]
        put(("\n" if number else "") + f"{path}\n{plain(table([''] * 4, rows))}")
    return BROKEN if bad else GOOD


def show(options: argparse.Namespace) -> int:
    """What a tape holds, turn by turn."""
    put(plain(import_module("nbstream.teach.tapecheck").show(options.file)))
    return GOOD
