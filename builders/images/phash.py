"""The 64-bit perceptual hash of a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

_SIDE = 32  # imagehash.phash: hash size 8 times high-frequency factor 4
_LOW = 8
_GAP = 3.0  # averaging stops at this many times the final size; Pillow holds 3 to be as good as none
# A coefficient of a picture with a symmetry is zero; floating point leaves some 1e-9 of it, by platform.
_DIGITS = 6


def _dct_matrix() -> NDArray[np.float64]:
    """The first 8 rows of the unnormalised type-II DCT of length 32."""
    frequency, place = np.arange(_LOW)[:, None], np.arange(_SIDE)[None, :]
    return 2 * np.cos(np.pi * frequency * (2 * place + 1) / (2 * _SIDE))


_DCT = _dct_matrix()


def perceptual_hash(picture: Image) -> int:
    """The hash as a signed 64-bit integer: which low DCT coefficients lie above their median.

    The definition is that of ``imagehash.phash``, which needs SciPy, but for two things. Transparent pixels count as
    white, for otherwise all drawings in black on a transparent ground would be alike. And a picture with sides of more
    than 192 pixels is first brought near by whole-number averaging, which takes a third of the time and moves at most a
    few of the 64 bits.
    """
    from PIL.Image import Resampling

    grey = grey_on_white(picture).resize((_SIDE, _SIDE), Resampling.LANCZOS, reducing_gap=_GAP)
    pixels = np.asarray(grey, dtype=np.float64)
    low = np.round(_DCT @ pixels @ _DCT.T, _DIGITS)
    bits = np.packbits(low > np.median(low))
    return int.from_bytes(bits.tobytes(), "big", signed=True)


def grey_on_white(picture: Image) -> Image:
    """``picture`` in grey, transparent pixels white."""
    from PIL import Image

    if not picture.has_transparency_data:
        return picture.convert("L")
    clear = picture.convert("RGBA")
    grey, alpha = clear.convert("L"), clear.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return grey
    ground = Image.new("L", clear.size, 255)
    ground.paste(grey, mask=alpha)
    return ground
