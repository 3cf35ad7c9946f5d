"""A name may lead anywhere: to a device without an end, a pipe without a writer, nowhere at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbstream import plainfiles
from nbstream.chat import fitting, notebook, store
from nbstream.chat.session import Session
from nbstream.errors import ConfigError
from nbstream.images import picture
from nbstream.keysources import dotenv
from nbstream.magics.files import taken_along
from nbstream.messages import Answer
from nbstream.show.export import export
from tests.unit.test_export import asked

posix = pytest.mark.skipif(os.name != "posix", reason="no such files here")


def talk() -> Any:
    talk = Session().conversation()
    asked(talk, "Hello", Answer("Hi", model="openai:words", finish_reason="stop"))
    return talk


READERS: dict[str, Callable[[Path], Any]] = {
    "attached.txt": lambda path: taken_along([str(path)]),
    "attached.png": lambda path: taken_along([str(path)]),
    "inserted.png": lambda path: picture(path / "x.png" if path == Path("/") else path),
    "load.json": store.load,
    "restore.ipynb": notebook.read,
    ".env": dotenv.read,
    "schema.json": lambda path: fitting.named(str(path), {}),
}
WRITERS: dict[str, Callable[[Path], Any]] = {
    "save.json": lambda path: store.save(talk().history, "main", path),
    "overwritten.json": lambda path: store.save(talk().history, "main", path, overwrite=True),
    "export.md": lambda path: export(talk(), path),
    "export.ipynb": lambda path: export(talk(), path, overwrite=True),
}


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@posix
@pytest.mark.parametrize("made", [a_pipe, a_device])
@pytest.mark.parametrize("name", [*READERS, *WRITERS])
def test_what_is_no_file_is_neither_read_nor_replaced(
    name: str, made: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / name
    made(path)
    before = os.lstat(path)
    with pytest.raises(ConfigError):
        {**READERS, **WRITERS}[name](path)
    assert os.lstat(path) == before and Path("/dev/zero").is_char_device()


@posix
def test_the_reason_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        taken_along(["/dev/zero"])
    assert "device" in error.value.why


@posix
def test_a_file_that_says_it_is_empty_is_read_up_to_the_bound(tmp_path: Path) -> None:
    status = Path("/proc/self/status")
    if not status.exists() or status.stat().st_size:
        pytest.skip("no such file system here")
    assert b"Name:" in plainfiles.contents(status, 100_000)
    with pytest.raises(plainfiles.TooLarge):
        plainfiles.contents(status, 10)


def test_a_file_may_be_as_large_as_the_bound_and_not_a_byte_more(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"12345")
    assert plainfiles.contents(path, 5) == b"12345"
    with pytest.raises(plainfiles.TooLarge) as error:
        plainfiles.contents(path, 4)
    assert error.value.size == 5


@pytest.mark.parametrize("odd", ["~nobody-of-this-name/x", "x" * 300, "a\0b", "/"])
@pytest.mark.parametrize("name", [*READERS, *WRITERS])
def test_an_odd_name_is_a_card_and_not_a_traceback(name: str, odd: str) -> None:
    with pytest.raises(ConfigError):
        {**READERS, **WRITERS}[name](Path(odd + ("" if odd == "/" else Path(name).suffix)))
