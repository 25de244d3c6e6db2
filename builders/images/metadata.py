"""Metadata of image files, found and removed on the level of bytes, without decoding."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_PNG_METADATA = frozenset((b"tEXt", b"zTXt", b"iTXt", b"eXIf"))
_JPEG_METADATA = frozenset((0xE1, 0xED, 0xFE))  # EXIF and XMP, IPTC, comments
_JPEG_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD9)))  # markers
_WEBP_METADATA = frozenset((b"EXIF", b"XMP "))
_WEBP_METADATA_FLAGS = 0x0C  # of EXIF and XMP, in the first byte of chunk VP8X

Chunk = tuple[bytes, bytes]  # name, and the entire chunk with its header


def png_chunks(data: bytes) -> Iterator[Chunk]:
    """Chunks of a PNG file up to its end."""
    offset = 8
    while offset + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, offset)
        name = data[offset + 4 : offset + 8]
        yield name, data[offset : offset + 12 + length]
        if name == b"IEND":
            return
        offset += 12 + length


def webp_chunks(data: bytes) -> Iterator[Chunk]:
    """Chunks of a WebP file."""
    offset = 12
    while offset + 8 <= len(data):
        (length,) = struct.unpack_from("<I", data, offset + 4)
        end = offset + 8 + length + length % 2
        yield data[offset : offset + 4], data[offset:end]
        offset = end


def png_without_metadata(data: bytes) -> bytes | None:
    """A PNG without text and EXIF, unchanged if it has neither; None if it is animated or of 16 bits."""
    chunks = list(png_chunks(data))
    names = {name for name, _ in chunks}
    if b"acTL" in names or data[24] > 8:
        return None
    if _PNG_METADATA.isdisjoint(names):
        return data
    return data[:8] + b"".join(chunk for name, chunk in chunks if name not in _PNG_METADATA)


def webp_without_metadata(data: bytes) -> bytes | None:
    """A WebP without EXIF and XMP, unchanged if it has neither; None if it is animated."""
    chunks = list(webp_chunks(data))
    names = {name for name, _ in chunks}
    if b"ANIM" in names or b"ANMF" in names:
        return None
    if _WEBP_METADATA.isdisjoint(names):
        return data
    rest = b"".join(_clear_metadata_flags(chunk) for name, chunk in chunks if name not in _WEBP_METADATA)
    return b"RIFF" + struct.pack("<I", len(rest) + 4) + b"WEBP" + rest


def jpeg_without_metadata(data: bytes) -> bytes | None:
    """A JPEG without EXIF, XMP, IPTC and comments, unchanged if it has none; None if its segments are malformed."""
    offset, segments = 2, [data[:2]]
    while offset + 4 <= len(data) and data[offset] == 0xFF:
        marker = data[offset + 1]
        if marker == 0xFF:  # a fill byte
            offset += 1
            continue
        if marker == 0xDA:  # start of scan: the image itself
            return data if sum(map(len, segments)) == offset else b"".join(segments) + data[offset:]
        end = offset + 2
        if marker not in _JPEG_WITHOUT_LENGTH:
            end += struct.unpack_from(">H", data, offset + 2)[0]
        if marker not in _JPEG_METADATA:
            segments.append(data[offset:end])
        offset = end
    return None


def webp_is_lossy(data: bytes) -> bool:
    """Whether a WebP has a lossy bitstream, in the frames of an animation too."""
    return any(name == b"VP8 " or (name == b"ANMF" and b"VP8 " in chunk) for name, chunk in webp_chunks(data))


def _clear_metadata_flags(chunk: bytes) -> bytes:
    if chunk[:4] != b"VP8X":
        return chunk
    return chunk[:8] + bytes([chunk[8] & ~_WEBP_METADATA_FLAGS]) + chunk[9:]
