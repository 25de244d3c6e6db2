"""The 64-bit perceptual hash (pHash) of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

_SIDE = 32  # imagehash.phash: hash size 8 times high-frequency factor 4
_LOW = 8
_REDUCING_GAP = 3.0  # averaging stops at this many times the final size; Pillow documents 3 as indistinguishable
# Coefficients of a symmetric image are zero; floating point leaves about 1e-9, depending on the platform.
_DIGITS = 6


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
