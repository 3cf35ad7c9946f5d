"""``nbstream tape check`` and ``nbstream tape show``."""

from __future__ import annotations

import argparse

from ..i18n import t
from ..show.console import put
from ..show.plaintext import plain
from . import BROKEN, GOOD


def check(options: argparse.Namespace) -> int:
    """Whether each tape is sound, and holds nothing that a tape may not; with 1 where one does not."""
    from ..teach.tapecheck import check as looked_at

    bad = False
    for path in options.file:
        found = looked_at(path)
        bad |= bool(found)
        if not found:
            put(t("command.tape_check.clean", file=path))
            continue
        put(f"✗ {path}")
        for one in found:
            put(
                "  "
                + (t("command.tape_check.line", number=one.line, what=one.what) if one.line else one.what)
            )
            put(f"    → {one.fix}" if one.fix else "", end="\n" if one.fix else "")
    return BROKEN if bad else GOOD


def show(options: argparse.Namespace) -> int:
    """What a tape holds, answer by answer."""
    from ..teach.tapecheck import show as told

    put(plain(told(options.file)))
    return GOOD
