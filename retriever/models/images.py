"""Images as model input: decoded, RGB, of bounded shape."""

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
    """The image in encoded bytes, of which only the header is read; a decoded image is returned unchanged.

    :raises WorldError: If the bytes are not an image.
    """
    from PIL import Image

    if isinstance(image, Image.Image):
        return image
    try:
        return open_encoded(image)
    except ImageDecodeError as error:
        raise WorldError(f"an image of {len(image)} bytes cannot be read: {error}; build the dataset again") from error


def rgb_image(image: Any) -> Image:
    """The image decoded to RGB over white; one too narrow for a model is widened.

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
    """Width and height, the shorter side raised to the minimum that models accept."""
    least = math.ceil(max(width, height) / _MOST_RATIO)
    return max(width, least), max(height, least)


def shrink(picture: Image, max_pixels: int) -> Image:
    """The image with at most ``max_pixels``, its aspect ratio unchanged."""
    width, height = picture.size
    if width * height <= max_pixels:
        return picture
    scale = math.sqrt(max_pixels / (width * height))
    return picture.resize((max(1, math.floor(width * scale)), max(1, math.floor(height * scale))))
