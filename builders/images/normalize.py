"""A decoded image prepared for encoding: rotated, 8 bits a channel, no metadata but its ICC profile."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

ORIENTATION = 0x0112  # EXIF tag
_DAMAGED_EXIF = (OSError, SyntaxError, ValueError, KeyError, TypeError, struct.error, ZeroDivisionError)
_PNG_MODES = frozenset(("1", "L", "LA", "P", "RGB", "RGBA"))


def orientation(image: Image) -> int:
    """EXIF orientation, 1 to 8; 1, which needs no rotation, if it is missing or its block is damaged."""
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except _DAMAGED_EXIF:
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def apply_orientation(image: Image) -> Image:
    """``image`` rotated or mirrored as its EXIF orientation says."""
    from PIL.Image import Transpose

    transpositions = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    transposition = transpositions.get(orientation(image))
    if transposition is None:
        return image
    transposed = image.transpose(transposition)
    transposed.info = dict(image.info)
    return transposed


def to_eight_bit(image: Image) -> tuple[Image, bytes | None]:
    """``image`` in a mode that PNG stores in at most 8 bits a channel, without metadata, and its ICC profile."""
    profile: bytes | None = image.info.get("icc_profile")
    if image.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        image, profile = _to_rgb(image, profile), None
    elif image.mode.startswith("I;16"):
        image = _from_array(np.asarray(image).astype(np.uint16) >> 8)
    elif image.mode in ("I", "F"):
        image = _min_max_scaled(image)
    elif image.mode not in _PNG_MODES:
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.mode in ("LA", "RGBA") and image.getchannel("A").getextrema() == (255, 255):
        image = image.convert(image.mode[:-1])
    clean = image.copy()
    clean.info = {key: value for key, value in image.info.items() if key == "transparency"}
    return clean, profile or None


def _to_rgb(image: Image, profile: bytes | None) -> Image:
    """Colours converted to sRGB by the image's own ICC profile, where it has a valid one."""
    if profile:
        from PIL import ImageCms

        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            return image.convert("RGB")
        if converted is not None:
            return converted
    return image.convert("RGB")


def _min_max_scaled(image: Image) -> Image:
    """A image of 32-bit numbers, which have no fixed white point, scaled from its minimum to its maximum."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float64))
    low, high = float(values.min()), float(values.max())
    scale = 255 / (high - low) if high > low else 0.0
    return _from_array((values - low) * scale)


def _from_array(values: np.ndarray[Any, Any]) -> Image:
    from PIL import Image

    return Image.fromarray(values.astype(np.uint8))
