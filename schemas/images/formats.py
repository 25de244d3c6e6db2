"""The image formats that nyxqa reads, and how to recognise them by their first bytes."""

from __future__ import annotations

from typing import NamedTuple


class ImageFormat(NamedTuple):
    """A file format.

    :param name: As Pillow names it.
    :param extension: Of file names, without a dot.
    """

    name: str
    extension: str
    mime_type: str


JPEG = ImageFormat("JPEG", "jpg", "image/jpeg")
PNG = ImageFormat("PNG", "png", "image/png")
WEBP = ImageFormat("WEBP", "webp", "image/webp")
GIF = ImageFormat("GIF", "gif", "image/gif")
BMP = ImageFormat("BMP", "bmp", "image/bmp")
TIFF = ImageFormat("TIFF", "tif", "image/tiff")
AVIF = ImageFormat("AVIF", "avif", "image/avif")
JPEG2000 = ImageFormat("JPEG2000", "jp2", "image/jp2")

# Other formats run helper programs (EPS), draw (WMF) or are not in use on the web.
FORMATS = (JPEG, PNG, WEBP, GIF, BMP, TIFF, AVIF, JPEG2000)
PILLOW_FORMATS = tuple(each.name for each in FORMATS)

_MAGIC = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF8", GIF),
    (b"BM", BMP),
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"\0\0\0\x0cjP  \r\n\x87\n", JPEG2000),
)


def image_format(data: bytes) -> ImageFormat | None:
    """The format that the first bytes of ``data`` announce; None if it is not one of ``FORMATS``."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WEBP
    if data[4:12] in (b"ftypavif", b"ftypavis"):
        return AVIF
    return next((known for magic, known in _MAGIC if data.startswith(magic)), None)


def format_hint(data: bytes) -> str:
    """What bytes in no known format look like, for messages."""
    start = data[:1000].lstrip().lower()
    if b"<svg" in start:
        return "SVG"
    if start.startswith((b"<!doctype html", b"<html")):
        return "HTML"
    return f"no known image format, first bytes {data[:8].hex()}"
