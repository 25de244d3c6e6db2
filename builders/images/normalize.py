"""A decoded image prepared for encoding (rotated, 8 bits a channel, no metadata but ICC), and its perceptual hash."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

ORIENTATION = 0x0112  # EXIF tag
_DAMAGED_EXIF = (OSError, SyntaxError, ValueError, KeyError, TypeError, struct.error, ZeroDivisionError)
_PNG_MODES = frozenset(("1", "L", "LA", "P", "RGB", "RGBA"))

_SIDE = 32  # imagehash.phash: hash size 8 times high-frequency factor 4
_LOW = 8
_REDUCING_GAP = 3.0  # averaging stops at this many times the final size; Pillow documents 3 as indistinguishable
# Coefficients of a symmetric image are zero; floating point leaves about 1e-9, depending on the platform.
_DIGITS = 6


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


def _dct_matrix() -> NDArray[np.float64]:
    """The first 8 rows of the unnormalised type-II DCT of length 32."""
    frequency, position = np.arange(_LOW)[:, None], np.arange(_SIDE)[None, :]
    return 2 * np.cos(np.pi * frequency * (2 * position + 1) / (2 * _SIDE))


_DCT = _dct_matrix()


def perceptual_hash(image: Image) -> int:
    """The hash as a signed 64-bit integer: which of the 64 lowest DCT coefficients are above their median.

    The definition is that of ``imagehash.phash``, which needs SciPy, with two differences. Transparent pixels count as
    white; otherwise all black drawings on a transparent background would have the same hash. And an image with sides
    of more than 192 pixels is first reduced by an integer factor, which takes a third of the time and changes at most
    a few bits.
    """
    from PIL.Image import Resampling

    grey = grey_on_white(image).resize((_SIDE, _SIDE), Resampling.LANCZOS, reducing_gap=_REDUCING_GAP)
    pixels = np.asarray(grey, dtype=np.float64)
    low = np.round(_DCT @ pixels @ _DCT.T, _DIGITS)
    bits = np.packbits(low > np.median(low))
    return int.from_bytes(bits.tobytes(), "big", signed=True)


def grey_on_white(image: Image) -> Image:
    """``image`` in grey levels, with transparent pixels white."""
    from PIL import Image

    if not image.has_transparency_data:
        return image.convert("L")
    rgba = image.convert("RGBA")
    grey, alpha = rgba.convert("L"), rgba.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return grey
    background = Image.new("L", rgba.size, 255)
    background.paste(grey, mask=alpha)
    return background
