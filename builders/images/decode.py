"""From the bytes of an image file to the bytes that are stored: decoded once, whole, and clean."""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nyxqa.builders.images.errors import DeadImageError, Reason
from nyxqa.builders.images.metadata import (
    ends_early,
    guess_format,
    jpeg_without_metadata,
    png_chunks,
    png_without_metadata,
    webp_is_lossy,
    webp_without_metadata,
)
from nyxqa.builders.images.normalize import eight_bit, orientation, upright
from nyxqa.builders.images.phash import perceptual_hash
from nyxqa.schemas.ids import image_id

if TYPE_CHECKING:
    from PIL.Image import Image

# Formats that pixels are read from; others run helper programs (EPS) or draw (WMF), or are not on the web.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000")
MIN_SIDE = 2  # pixels; thinner ones are tracking pixels and spacers
_JPEG_QUALITY = 90
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, IndexError, KeyError, TypeError)


@dataclass(frozen=True, slots=True)
class StoredImage:
    """The bytes to store, their id and their perceptual hash."""

    data: bytes
    image_id: str
    phash: int


def stored_image(data: bytes, max_pixels: int) -> StoredImage:
    """The stored form of an image file.

    JPEG, PNG and WebP that stand upright keep their bytes, less the segments that hold EXIF, XMP, IPTC or text,
    unless they are animated, CMYK or of 16 bits. All else is turned upright and encoded once: lossy pictures
    without transparency as JPEG, the others as PNG.

    :param max_pixels: Pixels an image may have; checked before it is decoded.
    :raises DeadImageError: If it is no image we read, broken, too large or too small.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Pillow warns of is refused below, or harmless
        picture = _opened(data, max_pixels)
        name = picture.format or ""
        _load(picture, data)
        kept = _kept_bytes(picture, data)
        if kept is not None:
            return StoredImage(kept, image_id(kept), perceptual_hash(picture))
        lossy = name in ("JPEG", "MPO", "AVIF", "JPEG2000") or (name == "WEBP" and webp_is_lossy(data))
        return _reencoded(picture, lossy)


def _opened(data: bytes, max_pixels: int) -> Image:
    """The file with its header read.

    :raises DeadImageError: If that fails, or the header tells of too many or too few pixels.
    """
    from PIL import Image, UnidentifiedImageError

    promised = guess_format(data)
    if not data:
        raise DeadImageError("truncated", "0 bytes")
    try:
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise DeadImageError("too_many_pixels", str(error)) from error
    except UnidentifiedImageError as error:
        if promised is None:
            raise DeadImageError("unsupported_format", _looks_like(data)) from error
        raise DeadImageError("truncated", f"{promised} whose header cannot be read, {len(data)} bytes") from error
    except _BROKEN as error:
        raise DeadImageError(_broken(error, data), f"{promised or 'image'} header: {_said(error)}") from error
    width, height = picture.size
    if width * height > max_pixels:
        raise DeadImageError("too_many_pixels", f"{width} x {height} pixels, at most {max_pixels} in all")
    if min(width, height) < MIN_SIDE:
        raise DeadImageError("too_small", f"{width} x {height} pixels, each side needs {MIN_SIDE}")
    return picture


def _load(picture: Image, data: bytes) -> None:
    """Decode all pixels.

    :raises DeadImageError: If the file ends early or is broken.
    """
    from PIL import Image

    name = picture.format
    try:
        picture.load()
    except Image.DecompressionBombError as error:
        raise DeadImageError("too_many_pixels", str(error)) from error
    except _BROKEN as error:
        raise DeadImageError(_broken(error, data), f"{name}: {_said(error)}") from error
    if name == "PNG" and all(chunk != b"IEND" for chunk, _ in png_chunks(data)):
        raise DeadImageError("truncated", "PNG without its end")


def _broken(error: Exception, data: bytes) -> Reason:
    cut = isinstance(error, EOFError | struct.error) or "truncated" in str(error).lower() or ends_early(data)
    return "truncated" if cut else "unreadable"


def _said(error: Exception) -> str:
    """An error's text without memory addresses, which would differ from run to run."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", str(error))


def _kept_bytes(picture: Image, data: bytes) -> bytes | None:
    """The file less its metadata, or nothing if it must be encoded anew."""
    if orientation(picture) != 1:
        return None
    if picture.format == "PNG":
        return png_without_metadata(data)
    if picture.format == "WEBP":
        return webp_without_metadata(data)
    return jpeg_without_metadata(data) if picture.format == "JPEG" and picture.mode in ("L", "RGB") else None


def _reencoded(picture: Image, lossy: bool) -> StoredImage:
    picture, profile = eight_bit(upright(picture))
    out = io.BytesIO()
    lossy = lossy and not picture.has_transparency_data
    try:
        if lossy:
            flat = picture if picture.mode in ("L", "RGB") else picture.convert("RGB")
            flat.save(out, "JPEG", quality=_JPEG_QUALITY, icc_profile=profile)
        else:
            picture.save(out, "PNG", icc_profile=profile)
    except _BROKEN as error:
        raise DeadImageError("unreadable", f"cannot be encoded: {_said(error)}") from error
    data = out.getvalue()
    if lossy:  # the hash is one of the stored bytes, so that equal bytes have equal hashes
        from PIL import Image

        picture = Image.open(io.BytesIO(data))
    return StoredImage(data, image_id(data), perceptual_hash(picture))


def _looks_like(data: bytes) -> str:
    start = data[:1000].lstrip().lower()
    if b"<svg" in start:
        return "SVG"
    if start.startswith((b"<!doctype html", b"<html")):
        return "HTML"
    return f"no known image format, first bytes {data[:8].hex()}"
