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


def data_uri(data: bytes, max_pixels: int) -> str:
    """``data`` as a data URI of at most ``max_pixels``, undecoded where it already is.

    :raises OSError: If the bytes are no image that can be read.
    """
    mime, fitting = fit(data, max_pixels)
    return f"data:{mime};base64,{base64.b64encode(fitting).decode('ascii')}"


def within(data: bytes, max_pixels: int) -> bool:
    """Whether the header of an image says that it can be sent as it is.

    :raises OSError: If the bytes are no image that can be read.
    """
    from PIL import Image

    with Image.open(BytesIO(data)) as image:
        return _fits(image, max_pixels)


def _fits(image: Image.Image, max_pixels: int) -> bool:
    return image.size[0] * image.size[1] <= max_pixels and image.format in _AS_THEY_ARE


def fit(data: bytes, max_pixels: int) -> tuple[str, bytes]:
    """MIME type and bytes of at most ``max_pixels``; a larger image is shrunk with its aspect kept.

    :raises OSError: If the bytes are no image that can be read.
    """
    from PIL import Image

    with Image.open(BytesIO(data)) as image:
        width, height = image.size
        kind = image.format or ""
        if _fits(image, max_pixels):
            return Image.MIME[kind], data
        scale = min(1.0, math.sqrt(max_pixels / (width * height)))
        size = (max(1, math.floor(width * scale)), max(1, math.floor(height * scale)))
        opaque = kind == "JPEG"
        shrunk = image.convert("RGB" if opaque else "RGBA").resize(size, Image.Resampling.LANCZOS)
        buffer = BytesIO()
        if opaque:
            shrunk.save(buffer, "JPEG", quality=_QUALITY)
        else:
            shrunk.save(buffer, "PNG")
        return ("image/jpeg" if opaque else "image/png"), buffer.getvalue()
