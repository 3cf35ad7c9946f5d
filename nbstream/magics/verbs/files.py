"""Conversations and files: ``%llm save``, ``load``, ``export``, ``restore``."""

from __future__ import annotations

from contextlib import suppress

from ...chat.session import session
from ...errors import fail
from ...i18n import magic, t
from ...plainfiles import located
from ...show.cards import literal
from ...show.when import ago
from .registry import Shown, verb


def _ended(file: str) -> str:
    """The name of a save, which ends in ``.json`` where nothing else was said."""
    path = located(file)
    with suppress(OSError, ValueError):  # odd names are refused by who opens them
        if path.name and not path.suffix and not path.exists():
            return f"{file}.json"
    return file


@verb("save")
def save(file: str, *, conversation: str = "main", overwrite: bool = False) -> Shown:
    talk = session().conversations.get(conversation)
    if talk is None or not any(talk.history.every()):
        raise fail("config.nothing_to_save", name=conversation)
    saved = talk.save(_ended(file), overwrite=overwrite)
    session().audit("export", conversation=conversation, file=saved.path.name)
    said = [t("save.done", name=literal(saved.name), count=saved.in_use, file=literal(str(saved.path)))]
    if more := saved.turns - saved.in_use:
        said.append(t("save.versions", count=more))
    if (before := saved.replaced) is not None:
        said.append(t("save.replaced", name=literal(before.name), count=before.turns, ago=ago(before.saved)))
    if saved.running:
        said.append(t("save.running", count=saved.running))
    if saved.left_out:
        said.append(t("save.left_out", names=literal(", ".join(saved.left_out))))
    return "\n\n".join(said)


@verb("load")
def load(file: str, *, conversation: str | None = None) -> Shown:
    from ...chat.loading import load as loading

    loaded = loading(session(), _ended(file), conversation)
    said = [
        t(
            "load_file.done",
            name=literal(loaded.name),
            count=loaded.saved.turns,
            file=literal(loaded.saved.path.name),
            ago=ago(loaded.saved.saved),
        )
    ]
    if loaded.kept_as is not None:
        said.append(t("load_file.kept", name=literal(loaded.kept_as), count=loaded.kept))
    if loaded.name != "main":
        said.append(t("load_file.go_on", line=f"`%%{magic()} -c {literal(loaded.name)}`"))
    return "\n\n".join(said)


@verb("restore")
def restore(file: str | None = None) -> Shown:
    from ...show.restored import restored_markdown

    return restored_markdown(session().restore(file))


@verb("export")
def export(file: str, *, conversation: str = "main", overwrite: bool = False) -> Shown:
    from ...show.export import export as write

    here = session().conversations.get(conversation)
    if here is None:
        raise fail("config.nothing_to_save", name=conversation)
    path = write(here, file, overwrite=overwrite)
    session().audit("export", conversation=conversation, file=path.name)
    return t("export.done", name=literal(conversation), count=len(here.turns), file=literal(str(path)))
