"""A picture as services take it: a format that all know, not too large, and without metadata."""

from __future__ import annotations

import io
import re
import warnings
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

from ..attachment import Attachment
from ..errors import NbstreamError, fail
from .strip import stripped

SIDE = 1_568
"""The longest side in pixels: services scale down what is larger, and charge for it. [Anthropic: vision]"""
PIXELS = 50_000_000
"""Of a picture that is unpacked at all: 200 MB. A small file may claim any number of them."""
MOST = 3_700_000
"""Bytes of one picture: in base64 just below the 5 MB that Anthropic takes."""
SENT = ("image/png", "image/jpeg", "image/webp")
"""What every service with eyes reads."""
ALWAYS_READ = (*SENT, "image/gif", "image/bmp")
"""What every Pillow reads; for others its plugin or library may be missing."""
_BEGINS = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
    b"II*\0": "image/tiff",
    b"MM\0*": "image/tiff",
}
_BRANDS = {b"avif": "image/avif", b"heic": "image/heic", b"heix": "image/heic", b"mif1": "image/heic"}

_TURNED = {
    **{2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_270"},
    **{7: "TRANSVERSE", 8: "ROTATE_90"},
}
"""What sets a picture upright, by its EXIF orientation."""


def kind(data: bytes) -> str | None:
    """The media type of a picture by how its bytes begin; None: no picture that we know.

    >>> kind(b"GIF89a..."), kind(b"hello")
    ('image/gif', None)
    """
    for begin, media_type in _BEGINS.items():
        if data.startswith(begin):
            return media_type
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:8] == b"ftyp":
        return _BRANDS.get(bytes(data[8:12]))
    # "BM" alone begins many a text: its header repeats the file's length.
    if data[:2] == b"BM" and int.from_bytes(data[2:6], "little") == len(data):
        return "image/bmp"
    return None


def fitted(data: bytes, name: str) -> Attachment:
    """The picture in `data`, as it is sent. Raises `NbstreamError` (config) where it cannot be."""
    media_type = kind(data)
    if media_type is None:
        raise fail("config.image_broken", name=name, reason="?")
    if find_spec("PIL") is not None:
        return _by_pillow(data, media_type, name)
    if media_type not in SENT:
        raise fail("config.image_kind", name=name, kind=media_type.removeprefix("image/").upper())
    if len(data) > MOST:
        raise fail("config.image_size", name=name, size=f"{len(data) / 1e6:.1f}", limit=f"{MOST / 1e6:.1f}")
    return Attachment(media_type, _bare(data, media_type, name), name)


def _bare(data: bytes, media_type: str, name: str) -> bytes:
    try:
        return stripped(data, media_type)
    except ValueError as error:
        raise fail("config.image_broken", name=name, reason=str(error)) from None


def _by_pillow(data: bytes, media_type: str, name: str) -> Attachment:
    from PIL import Image, UnidentifiedImageError

    try:
        with _opened(data) as image:
            size = image.size
            image.draft(None, (SIDE, SIDE))  # a photograph is not unpacked larger than it need be
            if image.width * image.height > PIXELS:
                raise _too_many(name, image.width * image.height)
            turned = image.getexif().get(0x0112, 1) not in (0, 1)
            good = media_type in SENT and max(size) <= SIDE and len(data) <= MOST
            if good and not turned and getattr(image, "n_frames", 1) == 1:
                image.load()  # a broken one is found here, not by the service
                return Attachment(media_type, _bare(data, media_type, name), name)
            return drawn(image, name, photo=media_type in ("image/jpeg", "image/heic", "image/avif"))
    except UnidentifiedImageError as error:
        if media_type in ALWAYS_READ:
            raise fail("config.image_broken", name=name, reason=type(error).__name__) from None
        raise fail("config.image_kind", name=name, kind=media_type.removeprefix("image/").upper()) from None
    except Image.DecompressionBombError as error:
        counted = re.search(r"\d+", str(error))  # it says so nowhere else
        raise _too_many(name, int(counted[0]) if counted else PIXELS) from None
    except (OSError, SyntaxError, ValueError) as error:
        raise fail("config.image_broken", name=name, reason=str(error)[:200] or "?") from None


def _opened(data: bytes) -> Any:
    from PIL import Image

    with warnings.catch_warnings():  # of so many pixels: they are counted next
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(io.BytesIO(data))


def _too_many(name: str, pixels: int) -> NbstreamError:
    mega, most = (f"{count / 1e6:.0f}" for count in (pixels, PIXELS))
    return fail("config.image_pixels", name=name, count=mega, limit=most, side=f"{SIDE:,}")


def drawn(image: Any, name: str, *, photo: bool = False) -> Attachment:
    """A picture of Pillow's, within bounds: JPEG for photographs, PNG for what has edges or holes."""
    from PIL import Image

    image.load()  # some formats turn themselves, and forget that they stood otherwise
    turned = getattr(Image.Transpose, _TURNED.get(image.getexif().get(0x0112, 1), ""), None)
    holes = "A" in image.getbands() or "transparency" in image.info
    if max(image.size) > SIDE:  # before anything else: every step below makes a copy
        scale = SIDE / max(image.size)
        size = tuple(max(1, round(side * scale)) for side in image.size)
        mode = "RGBA" if holes else "RGB"
        whole = image if image.mode == mode else image.convert(mode)
        image = whole.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    if turned is not None:
        image = image.transpose(turned)
    image = image.convert("RGBA" if holes else "L" if image.mode in ("1", "L") else "RGB")
    for quality in (90, 75, 50) if photo and not holes else (None, 90, 75, 50):
        out = io.BytesIO()
        if quality is None:
            image.save(out, "PNG")
        else:
            _on_white(image).save(out, "JPEG", quality=quality)
        if out.tell() <= (MOST if quality else MOST // 2):
            break
    media_type = "image/jpeg" if quality else "image/png"
    return Attachment(media_type, _bare(out.getvalue(), media_type, name), named(name, media_type))


def _on_white(image: Any) -> Any:
    from PIL import Image

    if image.mode != "RGBA":
        return image
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def named(name: str, media_type: str) -> str:
    """`name` with the ending of what it has become.

    >>> named("scan.tiff", "image/png"), named("photo.jpeg", "image/jpeg"), named("fig", "image/png")
    ('scan.png', 'photo.jpeg', 'fig.png')
    """
    endings = {"image/jpeg": ("jpg", "jpeg"), "image/png": ("png",), "image/webp": ("webp",)}[media_type]
    stem, dot, ending = name.rpartition(".")
    with suppress(ValueError):
        endings.index(ending.lower() if dot else "")
        return name
    return f"{stem if dot and len(ending) <= 4 else name}.{endings[0]}"
