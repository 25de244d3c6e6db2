"""What image files hold besides pixels, read from their bytes: chunks that decide whether bytes are kept."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_PNG_METADATA = frozenset((b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"acTL"))
_WEBP_METADATA = frozenset((b"EXIF", b"XMP ", b"ANIM", b"ANMF"))
_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
)


def guess_format(data: bytes) -> str | None:
    """Name of the format that the first bytes promise, if it is one we read."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:12] in (b"ftypavif", b"ftypavis"):
        return "AVIF"
    return next((name for magic, name in _MAGIC if data.startswith(magic)), None)


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Name and data offset of each PNG chunk."""
    place = 8
    while place + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        yield data[place + 4 : place + 8], place + 8
        place += 12 + length


def png_is_plain(data: bytes) -> bool:
    """Whether a PNG is still, of 8 bits at most, and holds neither text nor EXIF."""
    names = {name for name, _ in png_chunks(data)}
    return data[24] <= 8 and _PNG_METADATA.isdisjoint(names)


def png_is_whole(data: bytes) -> bool:
    """Whether a PNG goes on to its last chunk."""
    return any(name == b"IEND" for name, _ in png_chunks(data))


def webp_chunks(data: bytes) -> Iterator[bytes]:
    """Names of the chunks of a WebP file."""
    place = 12
    while place + 8 <= len(data):
        (length,) = struct.unpack_from("<I", data, place + 4)
        yield data[place : place + 4]
        place += 8 + length + length % 2


def webp_is_plain(data: bytes) -> bool:
    """Whether a WebP is still and holds neither EXIF nor XMP."""
    return _WEBP_METADATA.isdisjoint(webp_chunks(data))


def webp_is_lossy(data: bytes) -> bool:
    """Whether a WebP holds a lossy bitstream, also as the frames of an animation."""
    return b"VP8 " in data[:64] or b"VP8 " in set(webp_chunks(data)) or b"VP8 " in data
