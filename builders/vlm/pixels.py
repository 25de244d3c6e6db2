"""Images as a server takes them: within the pixel budget, as data URIs."""

from __future__ import annotations

import base64
import math
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

_QUALITY = 90
_AS_THEY_ARE = frozenset({"JPEG", "PNG", "WEBP"})


class TooLargeError(Exception):
    """An image beyond the pixel budget that was not to be shrunk here."""


def data_uri(data: bytes, max_pixels: int, *, shrink: bool = True) -> str:
    """``data`` as a data URI of at most ``max_pixels``, undecoded where it already is.

    :raises OSError: If the bytes are no image that can be read.
    :raises TooLargeError: If it would have to be shrunk and ``shrink`` is false.
    """
    mime, fitting = fit(data, max_pixels, shrink=shrink)
    return f"data:{mime};base64,{base64.b64encode(fitting).decode('ascii')}"


def fit(data: bytes, max_pixels: int, *, shrink: bool = True) -> tuple[str, bytes]:
    """MIME type and bytes of at most ``max_pixels``; a larger image is shrunk with its aspect kept.

    :raises OSError: If the bytes are no image that can be read.
    :raises TooLargeError: If it would have to be shrunk and ``shrink`` is false.
    """
    from PIL import Image

    with Image.open(BytesIO(data)) as image:
        kind = image.format or ""
        if image.width * image.height <= max_pixels and kind in _AS_THEY_ARE:
            return Image.MIME[kind], data
        if not shrink:
            raise TooLargeError
        return _shrunk(image, max_pixels)


def _shrunk(image: Image.Image, max_pixels: int) -> tuple[str, bytes]:
    from PIL import Image

    scale = min(1.0, math.sqrt(max_pixels / (image.width * image.height)))
    size = (max(1, math.floor(image.width * scale)), max(1, math.floor(image.height * scale)))
    opaque = image.format == "JPEG"
    small = image.convert("RGB" if opaque else "RGBA").resize(size, Image.Resampling.LANCZOS)
    buffer = BytesIO()
    if opaque:
        small.save(buffer, "JPEG", quality=_QUALITY)
    else:
        small.save(buffer, "PNG")
    return ("image/jpeg" if opaque else "image/png"), buffer.getvalue()
