"""The files of ``-a``: text in whatever encoding, notebooks without outputs, and what cannot go along."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from nbstream.errors import NbstreamError
from nbstream.magics.files import taken_along

CHINESE = "三月的销售额比二月高出 12%，主要来自华东地区（上海、杭州）。"
FRENCH = "Le café coûte 3 € à Genève ; l'été, c'est moins cher."


def text(path: Path) -> str:
    [found] = taken_along([str(path)]).texts
    return found


def refused(path: Path) -> NbstreamError:
    with pytest.raises(NbstreamError) as caught:
        taken_along([str(path)])
    return caught.value


@pytest.mark.parametrize(
    ("said", "encoding"),
    [
        (CHINESE, "utf-8"),
        (CHINESE, "utf-8-sig"),
        (CHINESE, "utf-16"),
        (CHINESE, "gbk"),
        (CHINESE + "镕㐀", "gb18030"),
        (FRENCH, "utf-8"),
        (FRENCH, "cp1252"),
        ("plain", "ascii"),
        ("", "ascii"),
    ],
)
def test_text_is_read_whatever_its_encoding(tmp_path: Path, said: str, encoding: str) -> None:
    path = tmp_path / "a note.txt"
    path.write_bytes(said.encode(encoding))
    assert text(path) == f"a note.txt:\n\n```\n{said}\n```"


def test_code_is_fenced_as_code_and_no_fence_in_it_ends_ours(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_bytes(b'"""\r\n````\r\n"""\r\n')
    assert text(path) == 'x.py:\n\n`````python\n"""\n````\n"""\n`````'


def test_of_a_notebook_the_cells_go_along_and_not_the_outputs(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "text"]},
        {"cell_type": "code", "source": "1 + 1", "outputs": [{"data": {"image/png": "x" * 1_000}}]},
    ]
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    shown = "n.ipynb:\n\n```python\n# %% [markdown]\n# Title\ntext\n\n# %% [code]\n1 + 1\n```"
    assert text(path) == shown
    path.write_text("{}", encoding="utf-8")
    assert "{}" in text(path), "what is no notebook is text"


def test_a_long_text_is_bounded_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("line\n" * 100_000)
    assert len(text(path)) < 101_000 and "characters left out of 499,999" in text(path)


def test_a_picture_is_known_by_its_bytes_where_its_name_does_not_say_so(tmp_path: Path) -> None:
    out = io.BytesIO()
    Image.new("RGB", (2, 2)).save(out, "PNG")
    (tmp_path / "download").write_bytes(out.getvalue())
    [image] = taken_along([str(tmp_path / "download")]).attachments
    assert (image.media_type, image.name) == ("image/png", "download")


@pytest.mark.parametrize(
    ("begins", "said"),
    [(b"%PDF-1.7", "PDF"), (b"PK\x03\x04", "Office"), (b"\0\1\2", "BIN"), (b"PAR1x", "Parquet")],
)
def test_what_is_neither_is_told_with_the_way_round(tmp_path: Path, begins: bytes, said: str) -> None:
    path = tmp_path / "thing.bin"
    path.write_bytes(begins)
    error = refused(path)
    assert said in error.what + error.why and "{{" in error.fix and path.name in error.what


def test_home_is_written_with_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "a.txt").write_text("here")
    assert "here" in text(Path("~/a.txt"))


def test_a_missing_or_unreadable_file_is_a_card(tmp_path: Path) -> None:
    assert refused(tmp_path / "a.txt").case == "file_missing"
    assert refused(tmp_path).case == "file_folder"
    assert refused(tmp_path / ("x" * 5_000)).case == "file_unread"
    large = tmp_path / "large.csv"
    with large.open("wb") as file:
        file.truncate(30_000_000)
    assert refused(large).case == "file_size"
