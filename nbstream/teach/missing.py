"""A tape that is not there: which one may have been meant, and where it may be."""

from __future__ import annotations

import difflib
import os
import re
from contextlib import suppress
from itertools import islice
from pathlib import Path

from .. import plainfiles
from ..errors import NbstreamError, fail, pasted
from ..i18n import magic, t

NEAR, LISTED = 0.65, 5
"""How much alike the name of a tape must be to be the one that was meant, and how many names are told."""
ABOVE = 4
"""How many folders above the notebook's are looked into."""


def missing(path: str, command: str = "") -> NbstreamError:
    """The error for a tape that is not there; the line that mends it takes one that is.

    `command` is what a tape's name follows in that line: ``%llm replay`` unless it was given in a shell, or,
    with "=" at its end, in the environment.
    """
    where = plainfiles.located(path)
    names, above, folder = list[str](), "", where.parent
    with suppress(OSError, ValueError):
        folder = where.parent.absolute()
        if where.name == path:  # a notebook in a folder below
            found = [one / path for one in islice(folder.parents, ABOVE) if (one / path).is_file()]
            above = os.path.relpath(found[0], folder) if found else ""
        names = sorted(one.stem for one in islice(where.parent.iterdir(), 5_000) if one.suffix == ".tape")
    near = difflib.get_close_matches(where.name.removesuffix(".tape"), names, n=1, cutoff=NEAR)
    if above:
        said = t("tape.above", file=above)
    elif near:
        said = t("tape.near", name=f"{near[0]}.tape")
    else:
        listed = t("list.joint").join(f"{one}.tape" for one in names[:LISTED])
        listed += " …" * (len(names) > LISTED)
        said = t("tape.others", names=listed) if names else t("tape.no_others")
    variable, command = command.endswith("="), command or f"%{magic()} replay"
    if above or names:
        instead = above or os.path.join(os.path.dirname(path), f"{(near or names)[0]}.tape")
        line = _line(command, instead)
    elif command.startswith("%"):
        line = t("tape.put_there", file=where.name, line=_line(command, f"/path/to/{where.name}"))
    else:
        line = t("tape.elsewhere")
    if not variable:
        return fail("config.tape_missing", path=path, others=said, line=line)
    with suppress(ValueError, RuntimeError):  # whose home it is, is nobody's business
        folder = Path("~") / folder.relative_to(Path.home())
    return fail("config.tape_variable", path=path, folder=str(folder), others=said, line=line)


def _line(command: str, path: str) -> str:
    if not command.endswith("="):
        return f"{command} {pasted(path)}"
    if re.fullmatch(r"[\w./\\ :~-]+", path):  # nothing is quoted behind %env, and {…} would be run
        return command + path
    return f"%{magic()} replay {pasted(path)}"
