"""The files of ``-a``: pictures go along as pictures, text goes into the prompt under the file's name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..chat.session import session
from ..errors import fail
from ..messages import Attachment
from ..plainfiles import located
from .previews.bounds import fenced, middle_out

MOST = 20_000_000
"""Bytes of a text file that are read at all."""
MOST_NAME = 120
"""Characters of the name of a file that somebody dropped."""
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_LANGUAGES = {
    **{".py": "python", ".ipynb": "python", ".js": "javascript", ".ts": "typescript", ".md": "markdown"},
    **{".sh": "bash", ".r": "r", ".sql": "sql", ".json": "json", ".yaml": "yaml", ".yml": "yaml"},
    **{".toml": "toml", ".html": "html", ".css": "css", ".c": "c", ".cpp": "cpp", ".java": "java"},
    **{".rs": "rust", ".go": "go", ".jl": "julia", ".csv": "csv", ".tex": "latex", ".xml": "xml"},
}
_KNOWN = {
    **{b"%PDF": "PDF", b"PK\x03\x04": "ZIP / Office", b"\xd0\xcf\x11\xe0": "Office"},
    **{b"\x1f\x8b": "gzip", b"PAR1": "Parquet", b"\x89HDF": "HDF5", b"SQLite": "SQLite"},
    **{b"ID3": "MP3", b"RIFF": "WAV / AVI", b"OggS": "Ogg", b"\x7fELF": "ELF"},
}


@dataclass(slots=True)
class Taken:
    """What was taken along: text to stand behind the prompt, and the files."""

    texts: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)


def taken_along(names: Iterable[str]) -> Taken:
    """The files with these names. Raises `NbstreamError` (config) for one that cannot go along."""
    from ..images import SUFFIXES, of_file, read

    taken = Taken()
    for name in names:
        path = located(name)
        if path.suffix.lower() in SUFFIXES:
            taken.attachments.append(of_file(path))
        else:
            _take(taken, path, read(path, MOST))
    return taken


def taken_in(given: Iterable[tuple[str, bytes]]) -> Taken:
    """Files that came with a message: their names and what is in them. Raises as `taken_along` does."""
    from ..images import SUFFIXES
    from ..images.fit import fitted

    taken = Taken()
    for name, data in given:
        path = Path("".join(filter(str.isprintable, Path(name).name))[-MOST_NAME:] or "file")
        if path.suffix.lower() in SUFFIXES:
            taken.attachments.append(fitted(data, path.name))
        else:
            _take(taken, path, data)
    return taken


def _take(taken: Taken, path: Path, data: bytes) -> None:
    """Put what `path` holds with the rest: text, or a picture whose name does not say so."""
    if (image := _image(data, path.name)) is not None:
        taken.attachments.append(image)
        return
    text = middle_out(_text(data, path).rstrip("\n"), session().settings.longest_value)
    taken.texts.append(_fenced(path.name, text, path.suffix.lower()))
    # What is sent is in the prompt; this is for the receipt.
    taken.attachments.append(Attachment("text/plain", text.encode("utf-8", "replace"), path.name))


def taken_again(attachments: Iterable[Attachment], sent: str) -> Taken:
    """What went along with a prompt that went out as `sent`, for another prompt in its place.

    Pictures that braces put in are left out: those of the new prompt do so anew.
    """
    taken = Taken()
    for one in attachments:
        if one.media_type == "text/plain":
            text, suffix = one.data.decode("utf-8", "replace"), Path(one.name).suffix.lower()
            taken.texts.append(_fenced(one.name, text, suffix))
        elif f"[image: {one.name}]" in sent:
            continue
        taken.attachments.append(one)
    return taken


def _image(data: bytes, name: str) -> Attachment | None:
    """A picture whose name does not say so."""
    from ..images import picture

    return picture(data, name)


def _text(data: bytes, path: Path) -> str:
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), None)
    if encoding is None and (b"\0" in data[:100_000] or data.startswith(tuple(_KNOWN))):
        raise _no_text(data, path)
    for one in [encoding] if encoding else ["utf-8", _guessed(data)]:
        try:
            text = data.decode(one).replace("\r\n", "\n")
            return _cells(text) if path.suffix.lower() == ".ipynb" else text
        except UnicodeDecodeError:
            continue
    raise _no_text(data, path)


def _guessed(data: bytes) -> str:
    """The encoding of what is no UTF-8: Chinese has high bytes in twos, Western languages have one alone."""
    runs = [len(run) for run in re.findall(rb"[\x80-\xff]+", data[:1_000_000])]
    return "gb18030" if 3 * runs.count(1) < sum(runs) else "cp1252"


def _no_text(data: bytes, path: Path) -> Exception:
    kind = next((kind for mark, kind in _KNOWN.items() if data.startswith(mark)), "")
    if kind == "PDF":
        return fail("config.file_pdf", name=path.name, path=path.as_posix())
    return fail("config.file_kind", name=path.name, kind=kind or path.suffix.lstrip(".").upper() or "?")


def _cells(text: str) -> str:
    """A notebook's cells without their outputs, which may be anything and large."""
    try:
        cells = json.loads(text)["cells"]
        return "\n\n".join(f"# %% [{one['cell_type']}]\n{_joined(one['source'])}" for one in cells)
    except (ValueError, KeyError, TypeError, RecursionError):
        return text


def _joined(source: Any) -> str:
    return source if isinstance(source, str) else "".join(source)


def _fenced(name: str, text: str, suffix: str) -> str:
    return f"{name}:\n\n{fenced(text, _LANGUAGES.get(suffix, ''))}"
