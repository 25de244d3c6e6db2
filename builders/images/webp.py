"""WebP files on the level of chunks, without decoding: what is needed to show the picture, and nothing else."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from nyxqa.builders.images.metadata import Chunk

_PICTURE = frozenset((b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ICCP"))
_ANIMATION = frozenset((b"ANIM", b"ANMF"))
_METADATA_FLAGS = 0x0C  # of EXIF and XMP, in the first byte of chunk VP8X
_ICC_FLAG = 0x20


def webp_chunks(data: bytes) -> Iterator[Chunk]:
    """Chunks of a WebP file up to the end that its header states."""
    (size,) = struct.unpack_from("<I", data, 4)
    offset, file_end = 12, min(len(data), 8 + size)
    while offset + 8 <= file_end:
        (length,) = struct.unpack_from("<I", data, offset + 4)
        end = offset + 8 + length + length % 2
        yield data[offset : offset + 4], data[offset : min(end, file_end)]
        offset = end


def webp_without_metadata(data: bytes) -> bytes | None:
    """The picture alone; None if it is animated, so that it has to be encoded again."""
    chunks = list(webp_chunks(data))
    names = {name for name, _ in chunks}
    if not _ANIMATION.isdisjoint(names):
        return None
    kept: dict[bytes, bytes] = {}
    for name, chunk in chunks:
        if name in _PICTURE and name not in kept:
            kept[name] = chunk
    rest = b"".join(_with_true_flags(chunk, b"ICCP" in kept) for chunk in kept.values())
    return b"RIFF" + struct.pack("<I", len(rest) + 4) + b"WEBP" + rest


def webp_is_lossy(data: bytes) -> bool:
    """Whether a WebP has a lossy bitstream, in the frames of an animation too."""
    return any(name == b"VP8 " or (name == b"ANMF" and b"VP8 " in chunk) for name, chunk in webp_chunks(data))


def _with_true_flags(chunk: bytes, has_profile: bool) -> bytes:
    if chunk[:4] != b"VP8X" or len(chunk) < 9:
        return chunk
    flags = chunk[8] & ~_METADATA_FLAGS & (0xFF if has_profile else ~_ICC_FLAG)
    return chunk[:8] + bytes([flags & 0xFF]) + chunk[9:]
