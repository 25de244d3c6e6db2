"""A decoded picture made ready to be encoded: upright, 8 bits a channel, no metadata but its ICC profile."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

ORIENTATION = 0x0112  # EXIF tag
_BROKEN_EXIF = (OSError, SyntaxError, ValueError, KeyError, TypeError, struct.error, ZeroDivisionError)
_KEPT_MODES = frozenset(("1", "L", "LA", "P", "RGB", "RGBA"))


def orientation(picture: Image) -> int:
    """EXIF orientation, 1 to 8; 1, which is upright, if there is none or its block is broken."""
    try:
        found = picture.getexif().get(ORIENTATION, 1)
    except _BROKEN_EXIF:
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def upright(picture: Image) -> Image:
    """``picture`` turned as its EXIF orientation says."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    turn = turns.get(orientation(picture))
    if turn is None:
        return picture
    turned = picture.transpose(turn)
    turned.info = dict(picture.info)
    return turned


def eight_bit(picture: Image) -> tuple[Image, bytes | None]:
    """``picture`` in a mode that PNG stores in at most 8 bits a channel, without metadata, and its ICC profile."""
    profile: bytes | None = picture.info.get("icc_profile")
    if picture.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        picture, profile = _to_rgb(picture, profile), None
    elif picture.mode.startswith("I;16"):
        picture = _from_array(np.asarray(picture).astype(np.uint16) >> 8)
    elif picture.mode in ("I", "F"):
        picture = _stretched(picture)
    elif picture.mode not in _KEPT_MODES:
        picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    if picture.mode in ("LA", "RGBA") and picture.getchannel("A").getextrema() == (255, 255):
        picture = picture.convert(picture.mode[:-1])
    clean = picture.copy()
    clean.info = {key: value for key, value in picture.info.items() if key == "transparency"}
    return clean, profile or None


def _to_rgb(picture: Image, profile: bytes | None) -> Image:
    """Colours through the picture's own profile to sRGB where it has a valid one."""
    if profile:
        from PIL import ImageCms

        try:
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            turned = ImageCms.profileToProfile(picture, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            return picture.convert("RGB")
        if turned is not None:
            return turned
    return picture.convert("RGB")


def _stretched(picture: Image) -> Image:
    """A picture of 32-bit numbers, which have no fixed white, from its least number as black to its greatest."""
    values = np.nan_to_num(np.asarray(picture, dtype=np.float64))
    low, high = float(values.min()), float(values.max())
    scale = 255 / (high - low) if high > low else 0.0
    return _from_array((values - low) * scale)


def _from_array(values: np.ndarray[Any, Any]) -> Image:
    from PIL import Image

    return Image.fromarray(values.astype(np.uint8))
