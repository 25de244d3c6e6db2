"""Crafted image files, each with its expected end: what is stored, or why the image is dead."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import pytest
from PIL import Image

from nyxqa.builders.images.decode import stored_image
from nyxqa.builders.images.errors import DeadImageError
from nyxqa.schemas.images.decode import MAX_PIXELS, ImageDecodeError, open_encoded
from tests.support.ingest import decoded, encoded, picture

LIMIT = 1_000_000
SECRET = b"SECRET PLACE"
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(name: bytes, body: bytes, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return struct.pack(">I", size) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int = 8, height: int = 8, depth: int = 8, colour: int = 2, rows: bytes | None = None) -> bytes:
    """A PNG whose header says one thing and whose rows may be another."""
    body = b"".join(b"\0" + b"\x40\x80\xc0" * 8 for _ in range(8)) if rows is None else rows
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0" + b"\0\0\0\xff\xff\xff" + b",\0\0\0\0"


def bmp(width: int, height: int) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + head


def webp(size: int, *chunks: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", size) + b"WEBP" + b"".join(chunks)


def tiff(tags: list[tuple[int, int, int, int]]) -> bytes:
    body = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + body + b"\0\0\0\0"


JPEG = encoded(picture(), "JPEG")
BOMB = zlib.compress(b"\0" * 60_000_000)
DAMAGED, UNKNOWN = {"truncated", "unreadable"}, {"unsupported_format"}
DEAD: dict[str, tuple[bytes, set[str]]] = {
    "empty": (b"", {"truncated"}),
    "one byte": (b"\xff", UNKNOWN),
    "zeros": (bytes(10_000), UNKNOWN),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(a) (w) file\n", UNKNOWN),
    "eps with a binary header": (b"\xc5\xd0\xd3\xc6" + bytes(60), UNKNOWN),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", UNKNOWN),
    "svg that bites": (b"<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>", UNKNOWN),
    "html": (b"<!DOCTYPE html><title>404</title>", UNKNOWN),
    "pdf": (b"%PDF-1.7\n", UNKNOWN),
    "zip": (b"PK\x03\x04" + bytes(40), UNKNOWN),
    "wmf": (b"\xd7\xcd\xc6\x9a" + bytes(60), UNKNOWN),
    "ico": (b"\0\0\1\0\1\0" + bytes(60), UNKNOWN),
    "psd": (b"8BPS\0\1" + bytes(60), UNKNOWN),
    "icns": (b"icns" + bytes(60), UNKNOWN),
    "dds": (b"DDS " + bytes(128), UNKNOWN),
    "fits": (b"SIMPLE  =                    T" + bytes(2880), UNKNOWN),
    "gzip of a fits": (b"\x1f\x8b" + bytes(60), UNKNOWN),
    "qoi": (b"qoif" + struct.pack(">II", 9, 9) + bytes(60), UNKNOWN),
    "text": (b"an image, honestly\n" * 50, UNKNOWN),
    "png of 10^18 pixels": (png(1 << 30, 1 << 30), {"too_many_pixels"}),
    "png one over the limit": (png(1_000_001, 1), {"too_many_pixels"}),
    "png of no pixels": (png(0, 8), DAMAGED),
    "png a pixel high": (png(8, 1), {"too_small"}),
    "png with few rows": (png(8, 800), DAMAGED),
    "png of an unknown colour": (png(colour=5), DAMAGED),
    "png of an unknown depth": (png(depth=7), DAMAGED),
    "png without rows": (SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)), DAMAGED),
    "png without a header": (SIGNATURE + chunk(b"IDAT", b""), DAMAGED),
    "png signature alone": (SIGNATURE, {"truncated"}),
    "png chunk of 2 GB": (SIGNATURE + chunk(b"IHDR", bytes(13), 0x7FFFFFFF), DAMAGED),
    "gif of 4 Gpx": (gif(65535, 65535), {"too_many_pixels", "truncated", "unreadable"}),
    "gif without a frame": (gif(8, 8), DAMAGED),
    "bmp of 4 Gpx": (bmp(65535, 65535), {"too_many_pixels"}),
    "bmp of a negative width": (bmp(-8, 8), {"truncated", "unreadable", "too_small", "too_many_pixels"}),
    "bmp without pixels": (bmp(8, 8), DAMAGED),
    "webp header alone": (webp(4), DAMAGED),
    "webp that ends early": (webp(4000, b"VP8 " + struct.pack("<I", 3900)), DAMAGED),
    "webp chunk of 4 GB": (webp(20, b"VP8L" + b"\xff\xff\xff\xff" + bytes(8)), DAMAGED),
    "tiff that points to itself": (b"II*\0\x08\0\0\0\0\0\x08\0\0\0", DAMAGED),
    "tiff without tags": (tiff([]), DAMAGED),
    "tiff of 4 Gpx": (tiff([(256, 4, 1, 65535), (257, 4, 1, 65535), (258, 3, 1, 8)]), {"too_many_pixels", *DAMAGED}),
    "tiff with 4 billion tags": (tiff([(256, 4, 0xFFFFFFFF, 8)]), DAMAGED),
    "jpeg start alone": (b"\xff\xd8\xff", {"truncated"}),
    "jpeg of fill bytes": (b"\xff\xd8" + b"\xff" * 50_000, DAMAGED),
    "jpeg without a picture": (b"\xff\xd8\xff\xd9" + bytes(50), {"truncated", "unreadable", "unsupported_format"}),
    "jpeg with a segment of length 0": (JPEG[:2] + b"\xff\xe1\0\0" + JPEG[2:400], DAMAGED),
    "jpeg cut in its tables": (JPEG[:200], DAMAGED),
    "avif header alone": (b"\0\0\0\x1cftypavif" + bytes(16), DAMAGED),
    "jpeg 2000 header alone": (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40), DAMAGED),
}  # fmt: skip


@pytest.mark.parametrize(("data", "reasons"), DEAD.values(), ids=DEAD.keys())
def test_dead(data: bytes, reasons: set[str]) -> None:
    with pytest.raises(DeadImageError) as one:
        stored_image(data, LIMIT)
    assert one.value.reason in reasons
    assert one.value.detail and "\n" not in one.value.detail
    if "unsupported_format" in reasons:
        with pytest.raises(ImageDecodeError):
            open_encoded(data)


def animated() -> bytes:
    return encoded(picture(), "GIF", save_all=True, append_images=[picture(n) for n in range(40)])


ALIVE: dict[str, Callable[[], bytes]] = {
    "jpeg with text for its end": lambda: JPEG[:-2] + SECRET,
    "jpeg behind which is a program": lambda: JPEG + b"\x7fELF" + SECRET,
    "jpeg behind which is an archive": lambda: JPEG + b"PK\x03\x04" + SECRET,
    "jpeg with 5,000 comments": lambda: JPEG[:2] + (b"\xff\xfe\0\x0e" + SECRET) * 5000 + JPEG[2:],
    "jpeg with 5,000 fill bytes": lambda: JPEG[:2] + b"\xff" * 5000 + JPEG[2:] + SECRET,
    "png with 20,000 chunks": lambda: png()[:33] + chunk(b"prVt", SECRET) * 20_000 + png()[33:],
    "png whose text is a bomb": lambda: png()[:33] + chunk(b"zTXt", b"a\0\0" + BOMB) + png()[33:] + SECRET,
    "png whose profile is a bomb": lambda: png()[:33] + chunk(b"iCCP", b"a\0\0" + BOMB) + png()[33:] + SECRET,
    "png whose rows are a bomb": lambda: png(rows=b"\0" * 60_000_000) + SECRET,
    "png whose profile is none": lambda: png()[:33] + chunk(b"iCCP", SECRET) + png()[33:],
    "png with a chunk without a name": lambda: png()[:33] + chunk(b"\0\0\0\0", SECRET) + png()[33:],
    "png behind which is a page": lambda: png() + b"<script>" + SECRET,
    "webp with an odd private chunk": lambda: webp_with(b"ODD " + struct.pack("<I", 13) + SECRET + b"!\0"),
    "webp behind which is a film": lambda: encoded(picture(), "WEBP") + b"ftypmp42" + SECRET,
    "gif of 41 frames": lambda: animated() + SECRET,
    "bmp with text behind it": lambda: encoded(picture(), "BMP") + SECRET,
    "tiff with text behind it": lambda: encoded(picture(), "TIFF") + SECRET,
}  # fmt: skip


def webp_with(more: bytes) -> bytes:
    plain = encoded(picture(), "WEBP")
    return plain[:4] + struct.pack("<I", len(plain) - 8 + len(more)) + plain[8:] + more


@pytest.mark.parametrize("make", ALIVE.values(), ids=ALIVE.keys())
def test_stored_without_what_came_along(make: Callable[[], bytes]) -> None:
    data = make()
    stored = stored_image(data, LIMIT).data
    assert SECRET not in stored
    assert len(stored) < 10_000
    assert decoded(stored).format in ("JPEG", "PNG", "WEBP")
    assert stored_image(stored, LIMIT).data == stored


def test_no_reader_decodes_more_pixels_than_the_cap() -> None:
    side = 9_460
    data = io.BytesIO()
    Image.new("1", (side, side)).save(data, "PNG")
    assert side * side > MAX_PIXELS
    with pytest.warns(Image.DecompressionBombWarning), pytest.raises(ImageDecodeError, match="too_many_pixels"):
        open_encoded(data.getvalue())
