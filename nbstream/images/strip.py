"""Pictures without what cameras and programs wrote into them: place, time, owner, comments. Pure.

The pixels are not touched: whole parts of the file are left out, and what stands behind its end too.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

PNG = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = {b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD", b"pHYs"}
"""Of the parts that a PNG can do without, those that say how it looks."""
_MARKER = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")
"""In the picture data of a JPEG: what is no escaped byte and no restart."""
_WEBP_PRIVATE = {b"EXIF": 0x08, b"XMP ": 0x04}
"""Parts of a WebP, and the flags that announce them."""


def stripped(data: bytes, media_type: str) -> bytes:
    """`data` without its metadata. Raises `ValueError` where it is no such picture."""
    try:
        return {"image/png": _png, "image/jpeg": _jpeg, "image/webp": _webp}[media_type](data)
    except (IndexError, struct.error) as error:
        raise ValueError(str(error)) from None


def _png(data: bytes) -> bytes:
    out, at = [PNG], len(PNG)
    while True:
        size, name = struct.unpack_from(">I4s", data, at)
        whole = data[at : at + size + 12]
        if len(whole) < size + 12:
            raise ValueError("a PNG that is cut off")
        if name[:1].isupper() or name in _PNG_KEPT:  # a capital: it cannot do without
            out.append(whole)
        at += size + 12
        if name == b"IEND":
            return b"".join(out)


def _jpeg(data: bytes) -> bytes:
    out, at = [data[:2]], 2
    while True:
        found = _MARKER.match(data, at)
        if found is None:
            raise ValueError("a JPEG that is cut off")
        marker, start = data[found.end() - 1], found.end()
        if marker == 0xD9:
            return b"".join([*out, b"\xff\xd9"])
        (size,) = struct.unpack_from(">H", data, start)
        at = start + size
        if marker == 0xDA:  # the picture itself follows, up to the next marker
            following = _MARKER.search(data, at)
            at = following.start() if following else len(data)
        if _jpeg_kept(marker, data[start + 2 : start + 14]):
            out += [b"\xff", data[start - 1 : at]]


def _jpeg_kept(marker: int, begins: bytes) -> bool:
    """APP0 and APP14 say how to read the colours, APP2 may hold their profile; the others are notes."""
    if marker == 0xE2:
        return begins.startswith(b"ICC_PROFILE\0")
    return not (0xE0 <= marker <= 0xEF or marker == 0xFE) or marker in (0xE0, 0xEE)


def _webp(data: bytes) -> bytes:
    out = []
    for name, body in _webp_parts(data):
        if name in _WEBP_PRIVATE:
            continue
        if name == b"VP8X":
            body = bytes([body[0] & ~sum(_WEBP_PRIVATE.values())]) + body[1:]
        out.append(name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2))
    inside = b"WEBP" + b"".join(out)
    return b"RIFF" + struct.pack("<I", len(inside)) + inside


def _webp_parts(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    (size,) = struct.unpack_from("<I", data, 4)
    at, end = 12, min(len(data), size + 8)
    while at + 8 <= end:
        name, length = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 8 + length]
        if len(body) < length:
            raise ValueError("a WebP that is cut off")
        yield name, body
        at += 8 + length + length % 2
