"""Putting the magics in, and taking them out."""

from __future__ import annotations

import re
import sys
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from ..errors import NbstreamError
from ..i18n import magic, set_magic, t
from ..show.console import put
from ..show.subshells import wake_for_every_request
from . import complete, help, ran
from .cell import llm
from .line import llm_line
from .surface import surface

NAMES = ("llm", "nbstream")
MAGICS = {"cell": llm, "line": llm_line}


def load(shell: InteractiveShell) -> None:
    """Register the magics; as ``%nbstream`` where another extension owns ``%llm`` (llm-jupyter does)."""
    registered = shell.magics_manager.magics
    if any(registered["cell"].get(name) is llm for name in NAMES):
        return
    taken = "llm" in registered["cell"] or "llm" in registered["line"]
    name = "nbstream" if taken else "llm"
    for kind, function in MAGICS.items():
        shell.magics_manager.register_function(function, kind, name)
    shell.input_transformers_cleanup.extend(OURS)
    ran.watch(shell)
    complete.install(shell)
    wake_for_every_request()
    from ..chat.session import session
    from ..chat.tap import at_work

    try:
        session().settings.update_config(shell.config)
    except NbstreamError as error:  # a setting in a profile: worth a word, not the extension
        put(str(error))
    model = session().default_model()
    choice = session().ready() if model == "demo" else []
    if len(choice) > 1 and not taken:
        put(t("load.choose", names=t("list.joint").join(choice), first=choice[0]))
    else:
        put(t("load.taken" if taken else "load.ready", model=model))
    for said in at_work(session()):
        put(t("load.tape", said=said) if isinstance(said, str) else str(said))
    set_magic(name)
    describe()


def unload(shell: InteractiveShell) -> None:
    """Take out all that `load` put in."""
    for kind, function in MAGICS.items():
        registered: dict[str, Any] = shell.magics_manager.magics[kind]
        for name in NAMES:
            if registered.get(name) is function:
                del registered[name]
    for transform in OURS:
        if transform in shell.input_transformers_cleanup:
            shell.input_transformers_cleanup.remove(transform)
    complete.uninstall(shell)
    set_magic()
    ran.rest(shell)
    if panels := sys.modules.get("nbstream.panel.panel"):
        panels.close_all()
    if background := sys.modules.get("nbstream.chat.background"):
        background.shut_down()
    if control := sys.modules.get("nbstream.show.control"):
        control.uninstall()


def describe(*, verbs: bool = False) -> None:
    """Have ``%%llm?`` say it in the language in use; with `verbs` also ``%llm?``, which costs more."""
    llm.__doc__ = help.cell_text(llm.parser)
    llm_line.__doc__ = help.line_text() if verbs else t("help.line")


def lone_line(lines: list[str]) -> list[str]:
    """Give a ``%%llm …`` line without a body an empty one: IPython rejects it otherwise.

    In a terminal only where help is asked for: there the body is still to be typed.

    >>> lone_line(["%%llm --help"])
    ['%%llm --help\\n', '\\n']
    """
    if len(lines) != 1 or not re.match(r"\?{0,2}%%?(llm|nbstream)\b", lines[0]):
        return lines
    if re.search(r"^\?|%\w+\?", lines[0]):
        describe(verbs=True)
        return lines
    if not lines[0].startswith("%%"):
        return lines
    if surface() == "terminal" and not re.search(r"\s(-h|--help)\s*$", lines[0]):
        return lines
    return [lines[0].rstrip("\n") + "\n", "\n"]


def question(lines: list[str]) -> list[str]:
    """Keep a line of ours that ends in "?" from IPython, which would look for help on its last word.

    >>> question(["%llm stream-vs-wait Why?\\n"])
    ["get_ipython().run_line_magic('llm', 'stream-vs-wait Why?')\\n"]
    >>> question(["%llm?\\n"]), question(["%%llm\\n", "%llm use it?\\n"])
    (['%llm?\\n'], ['%%llm\\n', '%llm use it?\\n'])
    """
    if "".join(lines).lstrip().startswith("%%"):
        return lines
    name = magic()
    ours = re.compile(rf"%{name} +(\S+ +\S.*\w\?+)\s*")
    return [
        f"get_ipython().run_line_magic({name!r}, {found[1]!r})\n" if (found := ours.fullmatch(line)) else line
        for line in lines
    ]


OURS = (lone_line, question)
"""What looks at a cell before IPython does."""
