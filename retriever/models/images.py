"""Images as models take them: decoded, RGB, of bounded shape."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from nyxqa.schemas.errors import WorldError
from nyxqa.schemas.images.decode import ImageDecodeError, open_encoded

if TYPE_CHECKING:
    from PIL.Image import Image

# Qwen2.5-VL takes images whose longer side is under 200 times the shorter.
_MOST_RATIO = 199


def pil_image(image: Any) -> Image:
    """The picture behind encoded bytes, read as far as its header; a decoded picture as it is.

    :raises WorldError: If the bytes are no image.
    """
    from PIL import Image

    if isinstance(image, Image.Image):
        return image
    try:
        return open_encoded(image)
    except ImageDecodeError as error:
        raise WorldError(f"an image of {len(image)} bytes cannot be read: {error}; build the dataset again") from error


def rgb_image(image: Any) -> Image:
    """The decoded picture in RGB, what is transparent on white; one too long for a model is stretched across.

    :raises WorldError: If it cannot be decoded.
    """
    from PIL import Image

    picture = pil_image(image)
    try:
        if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
            layered = picture.convert("RGBA")
            picture = Image.new("RGB", layered.size, "white")
            picture.paste(layered, mask=layered.getchannel("A"))
        else:
            picture = picture.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise WorldError(f"an image cannot be decoded: {error}; build the dataset again") from error
    size = bounded_shape(*picture.size)
    return picture if size == picture.size else picture.resize(size)


def bounded_shape(width: int, height: int) -> tuple[int, int]:
    """Width and height with the shorter side raised to what models take."""
    least = math.ceil(max(width, height) / _MOST_RATIO)
    return max(width, least), max(height, least)


def shrink(picture: Image, max_pixels: int) -> Image:
    """The picture at no more than ``max_pixels``, its shape kept."""
    width, height = picture.size
    if width * height <= max_pixels:
        return picture
    scale = math.sqrt(max_pixels / (width * height))
    return picture.resize((max(1, math.floor(width * scale)), max(1, math.floor(height * scale))))
