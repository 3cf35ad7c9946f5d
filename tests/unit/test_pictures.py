"""Pictures as they are sent: within bounds, in a format that all services read, without what cameras note."""

from __future__ import annotations

import importlib.util
import io
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageOps, PngImagePlugin

from nbstream import images
from nbstream.errors import ConfigError, NbstreamError
from nbstream.images import fit
from nbstream.images.strip import stripped
from nbstream.messages import Attachment

SECRET = b"secret-place"


def exif(orientation: int = 1) -> Image.Exif:
    made = Image.Exif()
    made[0x010E] = SECRET.decode()  # a description
    made[0x0112] = orientation
    return made


def saved(kind: str, size: tuple[int, int] = (40, 20), mode: str = "RGB", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert(mode).save(out, kind, **options)
    return out.getvalue()


def noted(kind: str) -> bytes:
    """A picture with notes wherever the format has room for them, and something behind its end."""
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_text("Author", SECRET.decode())
        data = saved(kind, pnginfo=info, exif=exif())
    elif kind == "JPEG":
        data = saved(kind, exif=exif(), comment=SECRET, progressive=True)
    else:
        data = saved(kind, exif=exif(), xmp=b"<x>" + SECRET + b"</x>")
    return data if kind == "WEBP" else data + SECRET


def opened(image: Attachment | bytes) -> Image.Image:
    return Image.open(io.BytesIO(image if isinstance(image, bytes) else image.data))


def refused(value: Any, name: str = "it") -> NbstreamError:
    with pytest.raises(NbstreamError) as caught:
        images.picture(value, name)
    return caught.value


@pytest.fixture(params=["with Pillow", "without Pillow"])
def pillow(request: Any, monkeypatch: pytest.MonkeyPatch) -> bool:
    if request.param == "without Pillow":
        there = importlib.util.find_spec
        monkeypatch.setattr(fit, "find_spec", lambda name: None if name == "PIL" else there(name))
    return bool(request.param == "with Pillow")


# --- without notes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_notes_are_not_sent_and_the_pixels_are_those_of_before(kind: str, pillow: bool) -> None:
    data = noted(kind)
    assert SECRET in data
    sent = images.picture(data, "a")
    assert sent is not None and SECRET not in sent.data
    assert not opened(sent).getexif() and opened(sent).format == kind
    assert opened(sent).tobytes() == opened(data).tobytes()
    if sent.data[12:16] == b"VP8X":
        assert not sent.data[20] & 0b1100, "a WebP announces its notes: what is announced must be there"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_that_is_cut_off_is_no_picture_wherever_the_cut(kind: str) -> None:
    data, media_type = noted(kind), f"image/{kind.lower()}"
    whole = stripped(data, media_type)
    for end in range(12, len(whole)):
        try:
            made = stripped(whole[:end], media_type)
        except ValueError:
            continue
        assert len(made) <= len(whole) and SECRET not in made


def test_colours_stay_what_they_were_said_to_be() -> None:
    profile = b"not a real profile, but kept"
    for kind in ("PNG", "JPEG"):
        sent = images.picture(saved(kind, icc_profile=profile), "a")
        assert sent is not None and opened(sent).info["icc_profile"] == profile


def test_a_picture_that_was_taken_sideways_stands_upright() -> None:
    sent = images.picture(saved("JPEG", (40, 20), exif=exif(orientation=6)), "a")
    assert sent is not None and opened(sent).size == (20, 40) and not opened(sent).getexif()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(40, 20), (3_200, 1_600)])
def test_a_picture_stands_upright_as_pillow_has_it(
    kind: str, orientation: int, size: tuple[int, int]
) -> None:
    """Scaled down or not; each corner has a grey of its own."""
    flat = Image.new("L", (2, 2))
    flat.putdata([0, 80, 160, 240])
    out = io.BytesIO()
    flat.resize(size, Image.Resampling.NEAREST).save(out, kind, exif=exif(orientation=orientation))
    wanted = ImageOps.exif_transpose(opened(out.getvalue())).convert("L").resize((2, 2))
    sent = images.picture(out.getvalue(), "a")
    assert sent is not None
    found = opened(sent).convert("L")
    assert (found.width > found.height) == (orientation < 5)
    pairs = zip(found.resize((2, 2)).tobytes(), wanted.tobytes(), strict=True)
    assert all(abs(one - other) < 12 for one, other in pairs)


# --- within bounds ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_large_picture_is_scaled_down_whatever_its_format(kind: str) -> None:
    sent = images.picture(saved(kind, (3_000, 30)), "wide")
    assert sent is not None and sent.media_type in fit.SENT
    assert opened(sent).size == (fit.SIDE, 16)


@pytest.mark.parametrize("side", [8_000, 13_000, 50_000])
def test_a_small_file_of_a_huge_picture_is_not_unpacked(side: int) -> None:
    row = zlib.compress(b"")
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", row) + chunk(b"IEND", b"")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ConfigError, match="million pixels") as error:
            images.picture(bomb, "bomb.png")
    assert f" {side * side // 10**6} million" in error.value.what


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_a_large_photograph_is_not_unpacked_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "PIXELS", 4_000_000)
    sent = images.picture(saved("JPEG", (4_000, 3_200)), "photo.jpg")
    assert sent is not None and opened(sent).size == (fit.SIDE, 1_254)


def test_what_no_bound_lets_through_as_png_goes_as_jpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "MOST", 40_000)
    noise = Image.effect_noise((300, 300), 80).convert("RGB")
    sent = images.picture(noise, "noise")
    assert sent is not None and len(sent.data) <= 40_000
    assert (sent.media_type, sent.name) == ("image/jpeg", "noise.jpg")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I", "F", "I;16"])
def test_a_picture_of_pillows_goes_whatever_its_mode(mode: str) -> None:
    sent = images.picture(Image.new(mode, (4, 3)), "it")
    assert sent is not None and (sent.media_type, sent.name) == ("image/png", "it.png")
    assert opened(sent).size == (4, 3)


def test_holes_stay_holes() -> None:
    sent = images.picture(Image.new("RGBA", (3_000, 3), (0, 0, 0, 0)), "it")
    assert sent is not None and opened(sent).getextrema()[3] == (0, 0)


def test_without_pillow_a_large_picture_and_a_rare_format_are_refused_with_the_line_that_helps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fit, "find_spec", lambda name: None)
    for data, said in ((saved("GIF"), "GIF"), (saved("PNG") + b"x" * fit.MOST, "MB")):
        error = refused(data)
        assert said in error.what and error.fix == "%pip install pillow"


def test_a_broken_picture_is_told_before_it_is_sent() -> None:
    data = saved("PNG", (200, 200))
    for broken in (data[:60], data[:-30], data[:8] + b"x" * 100):
        assert refused(broken, "photo.png").what == "photo.png cannot be read as an image."
    bomb = struct.pack(">II5B", 90_000, 90_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + bomb
    head = data[:8] + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    assert "photo.png" in refused(head + data[33:], "photo.png").what, "a few bytes that unfold to gigabytes"


# --- what is a picture --------------------------------------------------------------------------------


def test_files_bytes_and_pictures_are_pictures_and_other_values_are_none(tmp_path: Path) -> None:
    path = tmp_path / "图 1.png"
    path.write_bytes(saved("PNG"))
    for value in (path, path.read_bytes(), bytearray(path.read_bytes()), opened(path.read_bytes())):
        assert isinstance(images.picture(value, "it"), Attachment)
    assert images.picture(path, "it").name == "图 1.png"  # type: ignore[union-attr]
    for other in (b"text", b"BM is how this begins", b"", "a.png", Path("notes.txt"), None, object(), Image):
        assert images.picture(other, "it") is None


def test_a_missing_file_is_told_with_those_that_are_called_nearly_so(tmp_path: Path) -> None:
    (tmp_path / "chart-2024.png").write_bytes(saved("PNG"))
    error = refused(tmp_path / "chart_2024.png")
    assert "chart-2024.png" in error.why and str(tmp_path / "chart-2024.png") in error.fix
    assert "folder" in refused(Path("nowhere/at/all.png")).why
    (tmp_path / "folder.png").mkdir()
    assert "is a folder" in refused(tmp_path / "folder.png").what


def test_python_makes_an_attachment_of_what_is_a_picture() -> None:
    made = Attachment.of(saved("JPEG"), "x.jpg")
    assert (made.media_type, made.name) == ("image/jpeg", "x.jpg")
    with pytest.raises(NbstreamError) as caught:
        Attachment.of(3)
    assert "int" in caught.value.what
    assert "data" not in repr(made)
