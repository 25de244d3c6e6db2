"""PNG, WebP and JPEG files without decoding: what is needed to show the picture, and nothing else."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Chunks that decide pixels and their colours, with the lengths that the specification allows. Of each but IDAT the
# first counts, as in every decoder.
_PICTURE: dict[bytes, range] = {
    b"IHDR": range(13, 14),
    b"PLTE": range(3, 769, 3),
    b"IDAT": range(1 << 31),
    b"IEND": range(1),
    b"tRNS": range(1, 257),
    b"gAMA": range(4, 5),
    b"cHRM": range(32, 33),
    b"sRGB": range(1, 2),
    b"cICP": range(4, 5),
    b"iCCP": range(1 << 31),
}
_END = b"IEND\xae\x42\x60\x82"  # with its checksum
_EXIF = b"eXIf"
_APNG = b"acTL"
MAX_PROFILE = 1 << 20  # bytes of an ICC profile; a longer one keeps Pillow, and so most readers, from opening a PNG
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
# First column and row, and steps, of the seven passes of an interlaced picture.
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_STEP = 1 << 20  # bytes inflated at once

Chunk = tuple[bytes, bytes]  # name, and the entire chunk with its header

_WEBP_PICTURE = frozenset((b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ICCP"))
_ANIMATION = frozenset((b"ANIM", b"ANMF"))
_METADATA_FLAGS = 0x0C  # of EXIF and XMP, in the first byte of chunk VP8X
_WEBP_ICC = 0x20

_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD8)))  # TEM and restart markers
_START, _JPEG_END, _SCAN = 0xD8, 0xD9, 0xDA
# Frames, Huffman and arithmetic tables, quantisation tables, restart interval, number of lines.
_JPEG_PICTURE = frozenset((*range(0xC0, 0xD0), 0xDB, 0xDC, 0xDD)) - {0xC8}
_JFIF, _ICC, _ADOBE = (0xE0, b"JFIF\0"), (0xE2, b"ICC_PROFILE\0"), (0xEE, b"Adobe")
_JFIF_BYTES = 16  # of the segment without the thumbnail behind it
_ADOBE_BYTES = 14
# A marker within the entropy-coded pixels: neither a stuffed zero nor a restart marker.
_MARKER = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")


def png_chunks(data: bytes) -> Iterator[Chunk]:
    """Chunks of a PNG file up to its end."""
    offset = len(SIGNATURE)
    while offset + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, offset)
        name = data[offset + 4 : offset + 8]
        yield name, data[offset : offset + 12 + length]
        if name == b"IEND":
            return
        offset += 12 + length


def png_is_whole(data: bytes) -> bool:
    """Whether the file has its end and as many pixels as its header says, which Pillow does not look at."""
    expected = _pixel_bytes(data)
    return any(name == b"IEND" for name, _ in png_chunks(data)) and _inflated(data, expected)[0] >= expected


def png_has_exif(data: bytes) -> bool:
    """Whether the file has an EXIF block."""
    return any(name == _EXIF for name, _ in png_chunks(data))


def png_to_read(data: bytes) -> bytes:
    """The picture and its EXIF block alone; a decoder may refuse a file for chunks that it does not need."""
    return _with(data, _EXIF)


def png_without_metadata(data: bytes) -> bytes | None:
    """The picture alone; None if it has to be encoded again.

    That is so if it is animated or of 16 bits, or if its compressed pixels hold more than the picture.
    """
    if data[24] > 8 or any(name == _APNG for name, _ in png_chunks(data)):
        return None
    clean, expected = _with(data), _pixel_bytes(data)
    return clean if clean.endswith(_END) and _inflated(clean, expected) == (expected, False) else None


def _with(data: bytes, *more: bytes) -> bytes:
    kept, seen = [SIGNATURE], set()
    for name, chunk in png_chunks(data):
        if name in seen or not (name in more or name in _PICTURE):
            continue
        if name[:1].islower() and not _is_sound(name, chunk):  # browsers, too, ignore a damaged chunk that is ancillary
            continue
        if name != b"IDAT":
            seen.add(name)
        kept.append(chunk)
    return b"".join(kept)


def _is_sound(name: bytes, chunk: bytes) -> bool:
    """Whether an ancillary chunk has its checksum and a length that its kind allows."""
    body = chunk[8:-4]
    if len(chunk) < 12 or chunk[-4:] != struct.pack(">I", zlib.crc32(chunk[4:-4])):
        return False
    if name == b"iCCP":
        return _has_profile(body)
    return name not in _PICTURE or len(body) in _PICTURE[name]


def _has_profile(body: bytes) -> bool:
    """Whether an ICC chunk holds one profile of bounded length, and nothing behind it."""
    _, zero, packed = body.partition(b"\0")
    inflate = zlib.decompressobj()
    try:
        profile = inflate.decompress(packed[1:], MAX_PROFILE)
    except zlib.error:
        return False
    return bool(zero and profile) and inflate.eof and not inflate.unused_data


def _inflated(data: bytes, most: int) -> tuple[int, bool]:
    """Bytes of the pixel data, counted a little beyond ``most``, and whether anything follows their end."""
    inflate, size = zlib.decompressobj(), 0
    for name, chunk in png_chunks(data):
        rest = chunk[8:-4] if name == b"IDAT" else b""
        while rest:
            if inflate.eof or size > most:
                return size, True
            try:
                size += len(inflate.decompress(rest, _STEP))
            except zlib.error:
                return size, True
            rest = inflate.unconsumed_tail or inflate.unused_data
    return size, False


def _pixel_bytes(data: bytes) -> int:
    """Bytes of all rows with their filter bytes, before compression."""
    width, height, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    bits = depth * _CHANNELS.get(colour, 4)
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    total = 0
    for left, top, across, down in passes:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total


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
        if name in _WEBP_PICTURE and name not in kept:
            kept[name] = chunk
    rest = b"".join(_with_true_flags(chunk, b"ICCP" in kept) for chunk in kept.values())
    return b"RIFF" + struct.pack("<I", len(rest) + 4) + b"WEBP" + rest


def webp_is_lossy(data: bytes) -> bool:
    """Whether a WebP has a lossy bitstream, in the frames of an animation too."""
    return any(name == b"VP8 " or (name == b"ANMF" and b"VP8 " in chunk) for name, chunk in webp_chunks(data))


def _with_true_flags(chunk: bytes, has_profile: bool) -> bytes:
    if chunk[:4] != b"VP8X" or len(chunk) < 9:
        return chunk
    flags = chunk[8] & ~_METADATA_FLAGS & (0xFF if has_profile else ~_WEBP_ICC)
    return chunk[:8] + bytes([flags & 0xFF]) + chunk[9:]


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
        if marker == _JPEG_END:
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
    if marker in _JPEG_PICTURE or marker == _SCAN:
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
