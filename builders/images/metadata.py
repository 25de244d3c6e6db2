"""What image files hold besides pixels, read from their bytes, and how it is taken out without decoding."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
)
_PNG_METADATA = frozenset((b"tEXt", b"zTXt", b"iTXt", b"eXIf"))
_JPEG_METADATA = frozenset((0xE1, 0xED, 0xFE))  # EXIF and XMP, IPTC, comments
_JPEG_BARE = frozenset((0x01, *range(0xD0, 0xD9)))  # markers without a length
_WEBP_METADATA = frozenset((b"EXIF", b"XMP "))
_WEBP_METADATA_FLAGS = 0x0C  # of EXIF and XMP, in the first byte of chunk VP8X

Chunk = tuple[bytes, bytes]  # name, and the whole chunk with its header


def guess_format(data: bytes) -> str | None:
    """Name of the format that the first bytes promise, if it is one we read."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:12] in (b"ftypavif", b"ftypavis"):
        return "AVIF"
    return next((name for magic, name in _MAGIC if data.startswith(magic)), None)


def ends_early(data: bytes) -> bool:
    """Whether a RIFF file, as WebP is, is shorter than its header says."""
    return data[:4] == b"RIFF" and len(data) >= 8 and struct.unpack_from("<I", data, 4)[0] + 8 > len(data)


def png_chunks(data: bytes) -> Iterator[Chunk]:
    """Chunks of a PNG file up to its end."""
    place = 8
    while place + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        name = data[place + 4 : place + 8]
        yield name, data[place : place + 12 + length]
        if name == b"IEND":
            return
        place += 12 + length


def webp_chunks(data: bytes) -> Iterator[Chunk]:
    """Chunks of a WebP file."""
    place = 12
    while place + 8 <= len(data):
        (length,) = struct.unpack_from("<I", data, place + 4)
        end = place + 8 + length + length % 2
        yield data[place : place + 4], data[place:end]
        place = end


def png_without_metadata(data: bytes) -> bytes | None:
    """A PNG without text and EXIF, itself if it has none; nothing if it is animated or of 16 bits."""
    chunks = list(png_chunks(data))
    names = {name for name, _ in chunks}
    if b"acTL" in names or data[24] > 8:
        return None
    if _PNG_METADATA.isdisjoint(names):
        return data
    return data[:8] + b"".join(chunk for name, chunk in chunks if name not in _PNG_METADATA)


def webp_without_metadata(data: bytes) -> bytes | None:
    """A WebP without EXIF and XMP, itself if it has none; nothing if it is animated."""
    chunks = list(webp_chunks(data))
    names = {name for name, _ in chunks}
    if b"ANIM" in names or b"ANMF" in names:
        return None
    if _WEBP_METADATA.isdisjoint(names):
        return data
    kept = b"".join(_unflagged(chunk) for name, chunk in chunks if name not in _WEBP_METADATA)
    return b"RIFF" + struct.pack("<I", len(kept) + 4) + b"WEBP" + kept


def jpeg_without_metadata(data: bytes) -> bytes | None:
    """A JPEG without EXIF, XMP, IPTC and comments, itself if it has none; nothing if its segments are in disorder."""
    place, kept = 2, [data[:2]]
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # a fill byte
            place += 1
            continue
        if marker == 0xDA:  # the picture itself
            return data if sum(map(len, kept)) == place else b"".join(kept) + data[place:]
        end = place + 2
        if marker not in _JPEG_BARE:
            end += struct.unpack_from(">H", data, place + 2)[0]
        if marker not in _JPEG_METADATA:
            kept.append(data[place:end])
        place = end
    return None


def webp_is_lossy(data: bytes) -> bool:
    """Whether a WebP holds a lossy bitstream, be it in the frames of an animation."""
    return any(name == b"VP8 " or (name == b"ANMF" and b"VP8 " in chunk) for name, chunk in webp_chunks(data))


def _unflagged(chunk: bytes) -> bytes:
    if chunk[:4] != b"VP8X":
        return chunk
    return chunk[:8] + bytes([chunk[8] & ~_WEBP_METADATA_FLAGS]) + chunk[9:]
