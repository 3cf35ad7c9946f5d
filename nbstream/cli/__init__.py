"""The ``nbstream`` command: what one may want before a notebook is open, or in a script.

    nbstream demo                open the quickstart in JupyterLab
    nbstream doctor              what may stand between a question and its answer
    nbstream providers           who can be asked, and what each needs
    nbstream tape check FILE     whether a tape is sound and holds no secrets

It ends with 0; with 1 where something is broken; with 2 where it was not understood.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from .._version import __version__
from ..errors import NbstreamError, fail
from ..i18n import language, set_language
from ..show.console import put

GOOD, BROKEN, MISUSED, INTERRUPTED = 0, 1, 2, 130


def main(words: Sequence[str] | None = None) -> int:
    """Run the command that `words` (default: those of the shell) name; what to exit with."""
    if language() == "zh" and not _writes("中"):
        set_language("en")  # rows of question marks help nobody
    try:
        return _run(list(sys.argv[1:] if words is None else words))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # `nbstream providers | head`: enough has been read
        # What is still buffered must not fail once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN
    except NbstreamError as error:
        return _failed(error)
    except Exception as error:  # a traceback is for who mends nbstream, not for who runs it
        if os.environ.get("NBSTREAM_DEBUG"):
            raise
        return _failed(fail("config.command_broken", reason=f"{type(error).__name__}: {error}"[:300]))


def _run(words: list[str]) -> int:
    from .arguments import COMMANDS, called, read
    from .help import about, overview

    if words[:1] in (["--version"], ["-V"]):
        put(f"nbstream {__version__}")
        return GOOD
    if not words or (words[0] in ("-h", "--help", "help") and len(words) == 1):
        put(overview())
        return GOOD
    if words[0] == "help":
        words = [*words[1:], "--help"]
    name, rest = called(words)
    if "-h" in rest or "--help" in rest:
        put(about(name) if name in COMMANDS else overview(name))
        return GOOD
    options = read(name, rest)
    return COMMANDS[name].run(options)


def _failed(error: NbstreamError) -> int:
    lines = [f"✗ {error.what}", error.why, f"→ {error.fix}" if error.fix else ""]
    put("\n  ".join(filter(None, lines)), file=sys.stderr)
    return MISUSED if error.case.startswith("usage_") else BROKEN


def _writes(text: str) -> bool:
    """Whether what we are read on has these characters."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (LookupError, UnicodeError):
        return False
    return True
