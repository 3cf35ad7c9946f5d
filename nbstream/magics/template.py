"""What a cell says becomes what is sent: ``{{variables}}`` are put in, ``-a`` files are taken along.

Expressions run in the user's namespace, each once, in the order in which they stand, before anything is
sent; what they give is text and is not looked into again. Only a cell's own text comes here: nothing that
a model said, and nothing that was restored.
"""

from __future__ import annotations

import builtins
import difflib
import re
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from IPython.core.getipython import get_ipython

from ..chat.session import session
from ..errors import NbstreamError, fail
from ..i18n import t
from ..messages import Attachment

if TYPE_CHECKING:
    from .braces import Expression
    from .files import Taken

LARGE = 100_000
"""Characters beyond which one is told how much goes out."""
LARGE_FILES = 4_000_000
MOST_SAID = 20_000
"""Characters of an error's own words that are looked at."""
HINTS = 3
"""Names that one is told about, of those that nobody knows."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A cell's prompt: as typed; as it goes out, where that differs; with what it takes along."""

    prompt: str
    sent: str | None = None
    attachments: tuple[Attachment, ...] = ()
    hints: tuple[str, ...] = ()
    """Sentences for the person who asks."""
    template: bool = False
    """Braces in the prompt are expressions: it is the text of a cell."""


def prepared(cell: str, options: Namespace, along: Taken | None = None) -> Prepared:
    """The prompt in `cell`, filled, and the files of the options, or those `along`.

    Raises `NbstreamError` (config) where an expression fails or a file is not there.
    """
    from .files import taken_along  # not at load

    prompt = cell.strip("\n")
    files = along or taken_along(getattr(options, "attach", None) or ())
    raw = bool(getattr(options, "raw", False))
    filling = _Filling() if raw else _filled(prompt)
    sent = "".join(filling.pieces) if filling.pieces else prompt
    if prompt.strip() or files.attachments:
        sent = "\n\n".join(filter(None, [sent, *files.texts]))
    attachments = (*filling.attachments, *files.attachments)
    hints = (*filling.hints, *_large(sent, attachments))
    return Prepared(prompt, sent if sent != prompt else None, attachments, hints, not raw)


@dataclass(slots=True)
class _Filling:
    pieces: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)


def _filled(text: str) -> _Filling:
    """`text` with what its expressions give."""
    shell = get_ipython()
    filling, at = _Filling(), 0
    if shell is None or "{{" not in text:
        return filling
    from .braces import expressions, fenced_names, template_names

    known = _Names(shell)
    unread: list[str] = []
    for one in expressions(text, unread):
        if unknown := [name for name in one.names if not known(name, alone=bool(one.name))]:
            filling.hints += [known.hint(one, unknown[0])] if len(filling.hints) < HINTS else []
            continue
        shown = _put_in(one, shell, filling, before=text[at : one.start], after=text[one.end :])
        filling.pieces += [text[at : one.start], shown]
        at = one.end
    if filling.pieces:
        filling.pieces.append(text[at:])
    for source in unread:  # of somebody's own variable, so it was meant
        if known(re.split(r"\W", source, maxsplit=1)[0], alone=True):
            filling.hints.append(t("template.unread", expression=_short(source)))
            break
    for names, case in ((fenced_names(text), "in_code"), (template_names(text), "whole")):
        if kept := [name for name in names if known(name, alone=True)]:
            filling.hints.append(t(f"template.{case}", name=kept[0]))
    return filling


def _put_in(one: Expression, shell: Any, filling: _Filling, *, before: str, after: str) -> str:
    """What stands in the place of `one`; pictures go along."""
    from ..images import picture
    from .previews import preview
    from .previews.bounds import fenced

    most = session().settings.longest_value
    try:
        value = eval(one.code, shell.user_global_ns, shell.user_ns)  # the user's own words, in their own cell
        images = list(_pictures(value, one.name or "image", picture))
        if images:
            filling.attachments += images
            return " ".join(f"[image: {image.name}]" for image in images)
        found = preview(value, one.name, most)
    except NbstreamError:
        raise
    except KeyboardInterrupt:
        raise fail("config.expression_stopped", expression=_short(one.source)) from None
    except BaseException as error:  # sys.exit(), a panic of a library in Rust
        raise _failed(one, error) from None
    if not found.block:
        return found.text
    text = found.text
    if found.code and not one.alone:
        text = fenced(text, found.code)
    # It has lines of its own, whatever stands beside it.
    opens = "" if one.alone or not before.rpartition("\n")[2].strip() else "\n\n"
    closes = "" if one.alone or not after.partition("\n")[0].strip() else "\n\n"
    return f"{opens}{text}{closes}"


def _pictures(value: Any, name: str, picture: Any) -> Iterator[Attachment]:
    """`value` as a picture, or the pictures that it is a list of."""
    if isinstance(value, list | tuple) and 0 < len(value) <= 20:
        made = [picture(one, f"{name}-{number}") for number, one in enumerate(value, 1)]
        if None not in made:
            yield from made
    elif (one := picture(value, name)) is not None:
        yield one


def _failed(one: Expression, error: BaseException) -> NbstreamError:
    try:
        said = session().keys.hide_in(str(error)[:MOST_SAID])
    except KeyboardInterrupt:
        raise fail("config.expression_stopped", expression=_short(one.source)) from None
    except BaseException:
        said = ""
    reason = f"{type(error).__name__}: {_short(said, 300)}".rstrip(": ")
    return fail("config.expression", expression=_short(one.source), reason=reason)


class _Names:
    """What is known in the user's namespace: what they made and imported, not what IPython put there."""

    def __init__(self, shell: Any) -> None:
        self.all = {**shell.user_global_ns, **shell.user_ns}
        self.hidden = shell.user_ns_hidden

    def __call__(self, name: str, *, alone: bool) -> bool:
        """Whether there is such a name; `alone`: it is all that is asked for.

        Then a function of Python's own does not count: ``{{input}}`` and ``{{id}}`` stand in templates.
        """
        if name in self.all:
            value = self.all[name]
            return not (alone and callable(value) and self.hidden.get(name) is value)
        return not alone and hasattr(builtins, name)

    def hint(self, one: Expression, name: str) -> str:
        """That `one` stays as it is, and which name is near."""
        own = [name for name in self.all if name not in self.hidden and not name.startswith("_")]
        near = difflib.get_close_matches(name, own, n=1, cutoff=0.7)
        facts = {"expression": _short(one.source), "name": name}
        return t("template.near", near=near[0], **facts) if near else t("template.unknown", **facts)


def _large(sent: str, attachments: tuple[Attachment, ...]) -> list[str]:
    """How much goes out, where it is much."""
    size = sum(len(one.data) for one in attachments)
    if len(sent) <= LARGE and size <= LARGE_FILES:
        return []
    parts = []
    if len(sent) > LARGE:
        facts = {"count": f"{len(sent):,}", "tokens": f"{_tokens(sent):,}"}
        parts.append(t("template.characters", **facts))
    if size > LARGE_FILES:
        parts.append(t("template.images", count=len(attachments), size=f"{size / 1e6:.1f}"))
    return [t("template.large", what=t("list.joint").join(parts))]


def _tokens(text: str) -> int:
    """About how many: four letters each, or one and a half Chinese characters. A guess, so it is rounded."""
    wide = sum(one > "\u2e7f" for one in text)
    return int(round((len(text) - wide) / 4 + wide / 1.5, -3))


def _short(text: str, most: int = 80) -> str:
    text = " ".join(text[: 4 * most].split())
    return text if len(text) <= most else text[: most - 1] + "…"
