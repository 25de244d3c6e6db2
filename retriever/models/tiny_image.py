"""What ``tiny`` sees in an image: colours and edges of a grid of patches, and a histogram of colours."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from nyxqa.schemas.errors import FormatError

GRID = 4  # patches a side
_PIXELS = 48  # a side; 12 a patch
_ANGLES = 4
_LEVELS = 4  # of each colour channel
# Mean and spread of three channels and a histogram of edge directions for each patch; shares of colours for the whole.
WIDTH = GRID * GRID * (6 + _ANGLES) + _LEVELS**3

Features = npt.NDArray[np.float32]


def image_features(image: Any) -> Features:
    """Features of encoded bytes or a decoded picture, float32 [WIDTH], of length 1.

    :raises FormatError: If the bytes are no picture.
    """
    if isinstance(image, bytes):
        return _of_bytes(image)
    return _of_picture(image)


@lru_cache(maxsize=4_096)
def _of_bytes(data: bytes) -> Features:
    import PIL.Image

    try:
        with PIL.Image.open(io.BytesIO(data)) as picture:
            return _of_picture(picture)
    except (OSError, ValueError) as error:
        raise FormatError(f"an image of {len(data)} bytes cannot be decoded: {error}") from error


def _of_picture(picture: Any) -> Features:
    import PIL.Image

    white = PIL.Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture.convert("RGBA"))
    small = white.convert("RGB").resize((_PIXELS, _PIXELS), PIL.Image.Resampling.BOX)
    pixels: Features = np.asarray(small, dtype=np.float32) / np.float32(255)
    parts = [_centred(part) for part in (_colours(pixels), _edges(pixels), _shares(pixels))]
    return np.concatenate(parts).astype(np.float32) / np.float32(np.sqrt(len(parts)))


def _centred(part: Features) -> Features:
    """``part`` of length 1, so that no kind of feature drowns another."""
    return part / max(float(np.linalg.norm(part)), 1e-6)


def _patches(pixels: Features) -> Features:
    """float32 [patches, pixels of a patch, channels]."""
    size = _PIXELS // GRID
    blocks = pixels.reshape(GRID, size, GRID, size, -1).swapaxes(1, 2)
    return blocks.reshape(GRID * GRID, size * size, -1)


def _colours(pixels: Features) -> Features:
    """Distance of each patch's mean from white, and its spread, channel by channel: most pages are white."""
    patches = _patches(pixels)
    colours: Features = np.concatenate([1 - patches.mean(axis=1), patches.std(axis=1)], axis=1).ravel()
    return colours


def _edges(pixels: Features) -> Features:
    grey = pixels.mean(axis=2)
    down, across = np.gradient(grey)
    strength = np.hypot(down, across)
    angle = np.minimum((np.arctan2(down, across) % np.pi) / np.pi * _ANGLES, _ANGLES - 1).astype(int)
    strengths = np.stack([strength * (angle == number) for number in range(_ANGLES)], axis=2)
    summed: Features = _patches(strengths.astype(np.float32)).sum(axis=1).ravel()
    return summed


def _shares(pixels: Features) -> Features:
    levels = np.minimum((pixels * _LEVELS).astype(int), _LEVELS - 1)
    codes = (levels[..., 0] * _LEVELS + levels[..., 1]) * _LEVELS + levels[..., 2]
    shares: Features = np.sqrt(np.bincount(codes.ravel(), minlength=_LEVELS**3) / codes.size).astype(np.float32)
    return shares
