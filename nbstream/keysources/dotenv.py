"""Keys in a file of variables, such as ``.env``: read where somebody named it, and never carried out.

A line is ``NAME=value``, perhaps behind ``export``, the value perhaps in quotation marks; what follows a
blank and ``#`` is a comment. Nothing is put in for ``$NAME`` or ``$(command)``: a key is what stands there.
"""

from __future__ import annotations

import os
import re

from ..credentials import Secret
from ..errors import fail
from ..i18n import t
from ..plainfiles import TooLarge, contents, located

LARGEST = 1024 * 1024
USUAL = ".env"
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_]\w*)\s*=(.*)", re.S)
_QUOTED = re.compile(r"""'([^']*)'|"((?:[^"\\]|\\.)*)\"""", re.S)


def read(path: str | os.PathLike[str] = USUAL) -> dict[str, Secret]:
    """The variables in the file `path`; the last line of a name wins, an empty value is none.

    Raises `NbstreamError` (config) for a file that is not there, not text, or far too large.
    """
    file = located(path)
    reason = t("env.no_lines")
    try:
        return parsed(contents(file, LARGEST).decode("utf-8-sig"))
    except FileNotFoundError:
        raise fail("config.no_env_file", path=str(file), folder=os.getcwd()) from None
    except TooLarge:
        pass
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except UnicodeDecodeError:
        pass
    raise fail("config.env_file", path=str(file), reason=reason)


def parsed(text: str) -> dict[str, Secret]:
    r"""The variables in `text`, which is thrown away.

    >>> {name: one.reveal() for name, one in parsed('export A=x y # z\nB="p\\"q#r"\nC=$(rm)').items()}
    {'A': 'x y', 'B': 'p"q#r', 'C': '$(rm)'}
    """
    found: dict[str, Secret] = {}
    for line in text.splitlines():
        if (match := _LINE.fullmatch(line)) is not None:
            found.pop(match[1], None)
            if secret := Secret(_value(match[2].strip())):
                found[match[1]] = secret
    return found


def _value(text: str) -> str:
    if (quoted := _QUOTED.match(text)) is not None:
        return quoted[1] or re.sub(r"\\(.)", r"\1", quoted[2] or "")
    return re.split(r"(?:^|\s)#", text, maxsplit=1)[0].rstrip()


def open_to_others(path: str | os.PathLike[str] = USUAL) -> bool:
    """Whether other people on this machine may read the file: it should be ``chmod 600``."""
    try:
        return os.name == "posix" and bool(located(path).stat().st_mode & 0o077)
    except OSError:
        return False
