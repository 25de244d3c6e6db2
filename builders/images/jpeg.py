"""JPEG files on the level of segments, without decoding: what is needed to show the picture, and nothing else."""

from __future__ import annotations

import re
import struct

_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD8)))  # TEM and restart markers
_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
# Frames, Huffman and arithmetic tables, quantisation tables, restart interval, number of lines.
_PICTURE = frozenset((*range(0xC0, 0xD0), 0xDB, 0xDC, 0xDD)) - {0xC8}
_JFIF, _ICC, _ADOBE = (0xE0, b"JFIF\0"), (0xE2, b"ICC_PROFILE\0"), (0xEE, b"Adobe")
_JFIF_BYTES = 16  # of the segment without the thumbnail behind it
_ADOBE_BYTES = 14
# A marker within the entropy-coded pixels: neither a stuffed zero nor a restart marker.
_MARKER = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")


def jpeg_without_metadata(data: bytes) -> bytes | None:
    """A JPEG up to the end of its first picture, with only the segments that decoding needs.

    :returns: None if its segments are malformed or its end is missing, so that it has to be encoded again.
    """
    offset, kept = 2, [data[:2]]
    while offset + 2 <= len(data) and data[offset] == 0xFF:
        marker = data[offset + 1]
        if marker == 0xFF:  # a fill byte
            offset += 1
            continue
        if marker == _END:
            kept.append(b"\xff\xd9")
            return b"".join(kept)
        end = _segment_end(data, offset)
        if end is None:
            return None
        kept.append(_kept(marker, data[offset:end]))
        offset = end
        if marker == _SCAN:
            found = _MARKER.search(data, offset)
            if found is None:
                return None
            kept.append(data[offset : found.start()])
            offset = found.start()
    return None


def _segment_end(data: bytes, offset: int) -> int | None:
    """Where the segment at ``offset`` ends; None if it cannot be one."""
    marker = data[offset + 1]
    if marker in (0x00, _START):
        return None
    if marker in _WITHOUT_LENGTH:
        return offset + 2
    if offset + 4 > len(data):
        return None
    (length,) = struct.unpack_from(">H", data, offset + 2)
    end = offset + 2 + length
    return end if length >= 2 and end <= len(data) else None


def _kept(marker: int, segment: bytes) -> bytes:
    """What stays of a segment; empty if nothing does."""
    if marker in _PICTURE or marker == _SCAN:
        return segment
    body = segment[4:]
    if marker == _JFIF[0] and body.startswith(_JFIF[1]) and len(segment) >= _JFIF_BYTES + 2:
        if len(segment) == _JFIF_BYTES + 2 and segment[-2:] == b"\0\0":
            return segment
        return segment[:2] + struct.pack(">H", _JFIF_BYTES) + segment[4:_JFIF_BYTES] + b"\0\0"
    if marker == _ICC[0] and body.startswith(_ICC[1]):
        return segment
    if marker == _ADOBE[0] and body.startswith(_ADOBE[1]) and len(segment) >= _ADOBE_BYTES + 2:
        return segment[:2] + struct.pack(">H", _ADOBE_BYTES) + segment[4 : _ADOBE_BYTES + 2]
    return b""
