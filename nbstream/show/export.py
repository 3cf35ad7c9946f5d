"""A conversation for others: Markdown to read, a notebook to run, or messages for a program.

What is exported is the branch in use. The text of a model goes out as it is settled in a notebook, and so
does that of a person: GitHub, nbconvert and Jupyter show it, and nothing in it runs.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shlex
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .._version import __version__
from ..chat.conversation import Conversation
from ..chat.history import Turn
from ..chat.notebook import sha256
from ..chat.store import MOST_BYTES, encoded, occupied, place, quoted, write
from ..errors import fail
from ..i18n import t
from ..messages import Message
from ..plainfiles import contents
from .cards import literal
from .settled import bundle, prose

MARK = "nbstream export"
_CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def export(talk: Conversation, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write `talk` to `path`; its ending says how. A file that is no export of ours is kept.

    Raises `NbstreamError` (config) for an unknown ending, an empty conversation, and a file in the way.
    """
    target = place(path)
    kind = KINDS.get(target.suffix.lower())
    if kind is None:
        raise fail("config.export_kind", file=target.name, line=f"%llm export {quoted(target.stem + '.md')}")
    turns = talk.turns
    if not turns:
        raise fail("config.nothing_to_save", name=talk.name)
    content = kind(talk.name, turns)
    if occupied(target) and not overwrite and not _spent(target, content):
        raise fail("config.file_exists", file=target.name, line=f"%llm export {quoted(path)} --overwrite")
    write(target, content)
    return target


def _spent(path: Path, content: bytes) -> bool:
    """Whether nothing is lost if `content` takes the place of what is in the file.

    That is an export of ours just as it was written: somebody may have gone on writing in it. Messages
    cannot say whose they are; they may go if they are the first of the new ones.
    """
    try:
        raw = contents(path, MOST_BYTES)
        if path.suffix.lower() == ".md":
            mark, _, body = raw.partition(b"\n")
            return mark == _mark(body)
        found = json.loads(raw)
        if path.suffix.lower() == ".ipynb":
            return bool(found["metadata"]["nbstream"]["made_by"] == f"{MARK} {_digest_of(found['cells'])}")
    except (OSError, ValueError, RecursionError, LookupError, TypeError):
        return False
    new = json.loads(content)
    return isinstance(found, list) and bool(found) and found == new[: len(found)]


def _mark(body: bytes) -> bytes:
    """The first line of an export in Markdown, which is seen in its source only."""
    return f"<!-- {MARK} {hashlib.sha256(body).hexdigest()[:16]} -->".encode()


def _digest_of(cells: list[dict[str, Any]]) -> str:
    return hashlib.sha256(json.dumps(cells, sort_keys=True).encode()).hexdigest()[:16]


# --- Markdown ---------------------------------------------------------------------------------------


def as_markdown(name: str, turns: Sequence[Turn]) -> bytes:
    """The turns, one below the other: what was asked as a quotation, then the answer and its footer."""
    when = time.strftime("%Y-%m-%d %H:%M")
    about = t("export.about", count=len(turns), time=when, version=__version__)
    parts = [f"# {literal(name)}", f"*{about}*"]
    for turn in turns:
        parts += ["---", f"**{turn.number} · {t('export.you')}**", _quoted(prose(turn.prompt))]
        if names := [literal(one.name or one.media_type) for one in turn.attachments]:
            parts.append(t("export.files", names=" · ".join(names)))
        parts.append(f"**{literal(turn.model.replace(':', ' ', 1))}**")
        if turn.answer is None:
            parts.append(f"*{t('turn.running')}*")
        else:
            parts.append(bundle(turn, turn.answer, name)[0]["text/markdown"])
    body = ("\n" + "\n\n".join(filter(None, parts)) + "\n").encode("utf-8", "replace")
    return _mark(body) + b"\n" + body


def _quoted(markdown: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in markdown.splitlines())


# --- a notebook -------------------------------------------------------------------------------------


def as_notebook(name: str, turns: Sequence[Turn]) -> bytes:
    """A cell for each turn, with its answer below it: it can be read, run, and restored from."""
    cells, taken = [_code("nbstream", "%load_ext nbstream", [])], {"nbstream"}
    for turn in turns:
        id = next(one for one in (turn.cell, turn.id, f"turn-{turn.number}") if _free(one, taken))
        taken.add(str(id))
        outputs = []
        if turn.answer is not None:
            data, metadata = bundle(turn, turn.answer, name)
            metadata["nbstream"] |= {"cell": id, "prompt_sha256": sha256(turn.words)}
            outputs = [{"output_type": "display_data", "data": data, "metadata": metadata}]
        cells.append(_code(str(id), f"{_line(turn, name)}\n{turn.words}", outputs))
    python = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    made_by = {"made_by": f"{MARK} {_digest_of(cells)}"}
    metadata = {"kernelspec": python, "language_info": {"name": "python"}, "nbstream": made_by}
    return encoded({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def _free(id: str | None, taken: set[str]) -> bool:
    return id is not None and bool(_CELL_ID.fullmatch(id)) and id not in taken


def _code(id: str, source: str, outputs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": id,
        "execution_count": None,
        "metadata": {},
        "outputs": outputs,
        "source": source,
    }


def _line(turn: Turn, name: str) -> str:
    """The magic line that asks the same; an option that does not fit on a line is left out."""
    options: list[tuple[str, Any]] = [
        ("-m", turn.model),
        ("-s", turn.system),
        ("-t", turn.options.get("temperature")),
        ("--max-tokens", turn.options.get("max_tokens")),
        ("-c", None if name == "main" else name),
    ]
    words = [
        f"{option} {shlex.quote(str(value))}"
        for option, value in options
        if value is not None and str(value) and str(value).isprintable()
    ]
    words += ["--new"] if turn.fresh else []
    return " ".join(["%%llm", *words, *(["--raw"] if turn.literal else [])])


# --- messages ---------------------------------------------------------------------------------------


def as_messages(name: str, turns: Sequence[Turn]) -> bytes:
    """What another turn would send along, as the list that OpenAI's API has for it."""
    system = turns[-1].system
    messages = [{"role": "system", "content": system}] if system else []
    for turn in turns:
        messages += [_message(one) for one in turn.messages() or (turn.question(),)]
    return encoded(messages)


def _message(message: Message) -> dict[str, Any]:
    found: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.attachments:
        parts = [{"type": "text", "text": message.content}] if message.content else []
        found["content"] = [*parts, *map(_part, message.attachments)]
    if message.tool_calls:
        found["tool_calls"] = [
            {"id": one.id, "type": "function", "function": {"name": one.name, "arguments": one.arguments}}
            for one in message.tool_calls
        ]
    if message.tool_call_id is not None:
        found["tool_call_id"] = message.tool_call_id
    return found


def _part(attachment: Any) -> dict[str, Any]:
    data = base64.b64encode(attachment.data).decode("ascii")
    url = f"data:{attachment.media_type};base64,{data}"
    if attachment.media_type.startswith("image/"):
        return {"type": "image_url", "image_url": {"url": url}}
    return {"type": "file", "file": {"filename": attachment.name, "file_data": url}}


KINDS: dict[str, Callable[[str, Sequence[Turn]], bytes]] = {
    ".md": as_markdown,
    ".ipynb": as_notebook,
    ".json": as_messages,
}
"""How an ending is written."""
