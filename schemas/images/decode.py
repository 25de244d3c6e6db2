"""Decoding image bytes: only formats that are safe to read, and only as many pixels as the caller allows."""

from __future__ import annotations

import io
import re
import struct
import zlib
from typing import TYPE_CHECKING, Literal

from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.images.formats import PILLOW_FORMATS, format_hint, image_format

if TYPE_CHECKING:
    from PIL.Image import Image

DecodeReason = Literal["too_many_pixels", "truncated", "unreadable", "unsupported_format"]

# Most pixels that anything here decodes, and that a recipe may allow: above it Pillow warns of a decompression bomb.
MAX_PIXELS = 89_478_485
# What Pillow's plugins raise for damaged files.
DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    zlib.error,
    IndexError,
    KeyError,
    TypeError,
    ArithmeticError,
    RuntimeError,  # of the AVIF plugin
    AssertionError,  # of the PNG plugin, where a chunk occurs twice
)


class ImageDecodeError(WorldError):
    """Image bytes that cannot be decoded; the cause, if any, is Pillow's error.

    :param reason: Why, as a ledger reason.
    :param detail: One line about it.
    """

    def __init__(self, reason: DecodeReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: DecodeReason = reason
        self.detail = detail


def open_encoded(data: bytes, max_pixels: int = MAX_PIXELS) -> Image:
    """The image with its header read and its pixels not yet decoded.

    :param max_pixels: Most pixels in all.
    :raises ImageDecodeError: If the format is not in ``FORMATS``, the header is damaged, or it declares more pixels.
    """
    from PIL import Image, UnidentifiedImageError

    announced = image_format(data)
    try:
        image = Image.open(io.BytesIO(data), formats=PILLOW_FORMATS)
    except Image.DecompressionBombError as error:
        raise ImageDecodeError("too_many_pixels", str(error)) from error
    except UnidentifiedImageError as error:
        if not data:
            raise ImageDecodeError("truncated", "0 bytes") from error
        if announced is None:
            raise ImageDecodeError("unsupported_format", format_hint(data)) from error
        detail = f"{announced.name} whose header cannot be read, {len(data)} bytes"
        raise ImageDecodeError("truncated", detail) from error
    except DAMAGED as error:
        detail = f"{announced.name if announced else 'image'} header: {stable_text(error)}"
        raise ImageDecodeError(_damage(error, data), detail) from error
    width, height = image.size
    if width * height > max_pixels:
        raise ImageDecodeError("too_many_pixels", f"{width} x {height} pixels, at most {max_pixels} in all")
    return image


def decode_pixels(image: Image, data: bytes) -> None:
    """Decode all pixels of ``image``, which was opened from ``data``.

    :raises ImageDecodeError: If the file ends early or is damaged.
    """
    from PIL import Image

    try:
        image.load()
    except Image.DecompressionBombError as error:
        raise ImageDecodeError("too_many_pixels", str(error)) from error
    except DAMAGED as error:
        raise ImageDecodeError(_damage(error, data), f"{image.format}: {stable_text(error)}") from error


def stable_text(error: Exception) -> str:
    """The text of ``error`` without memory addresses, which differ from run to run."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", str(error))


def _damage(error: Exception, data: bytes) -> DecodeReason:
    cut = isinstance(error, EOFError | struct.error) or "truncated" in str(error).lower() or _riff_ends_early(data)
    return "truncated" if cut else "unreadable"


def _riff_ends_early(data: bytes) -> bool:
    """Whether a RIFF file, as WebP is, is shorter than its header says."""
    return data[:4] == b"RIFF" and len(data) >= 8 and struct.unpack_from("<I", data, 4)[0] + 8 > len(data)
