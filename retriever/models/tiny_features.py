"""Features of the ``tiny`` model: hashed words of a text; colours and edges of an image."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from nyxqa.schemas.errors import FormatError
from nyxqa.schemas.images.decode import ImageDecodeError, open_encoded
from nyxqa.schemas.words import words

GRID = 4  # patches per edge
_PIXELS = 48  # per edge; 12 per patch
_ANGLES = 4
_LEVELS = 4  # of each colour channel
# Mean and spread of three channels and a histogram of edge directions for each patch; shares of colours for the whole.
WIDTH = GRID * GRID * (6 + _ANGLES) + _LEVELS**3
Features = npt.NDArray[np.float32]


# 65,536 buckets: the sample has about 8,000 features, so few share one; a table of weights stays at 256 KiB.
BUCKETS = 1 << 16
# Character n-grams of three to five letters match inflected forms of a word.
_PIECES = (3, 4, 5)
KINDS = ("word", "pair", "piece")


@dataclass(frozen=True)
class TextFeatures:
    """Features of a text, each once.

    :param buckets: int64 [features].
    :param kinds: int64 [features], place in ``KINDS``.
    :param amounts: float32 [features], 1 + log of its number of occurrences.
    """

    buckets: npt.NDArray[np.int64]
    kinds: npt.NDArray[np.int64]
    amounts: npt.NDArray[np.float32]


@lru_cache(maxsize=16_384)
def text_features(text: str) -> TextFeatures:
    """Features of ``text``; the order of words counts only in pairs."""
    found = words(text)
    counts: Counter[tuple[int, str]] = Counter()
    counts.update((0, word) for word in found)
    counts.update((1, f"{one} {other}") for one, other in pairwise(found))
    for word, times in Counter(found).items():
        for piece in _pieces(word):
            counts[2, piece] += times
    ordered = sorted(counts.items())
    buckets = np.array([_bucket(kind, feature) for (kind, feature), _ in ordered], dtype=np.int64)
    kinds = np.array([kind for (kind, _), _ in ordered], dtype=np.int64)
    amounts = 1 + np.log(np.array([times for _, times in ordered], dtype=np.float32))
    return TextFeatures(buckets, kinds, amounts.astype(np.float32))


def _pieces(word: str) -> list[str]:
    marked = f"<{word}>"
    return sorted({marked[at : at + size] for size in _PIECES for at in range(len(marked) - size + 1)} - {marked})


@lru_cache(maxsize=262_144)
def _bucket(kind: int, feature: str) -> int:
    digest = blake2b(f"{KINDS[kind]}\x1f{feature}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % BUCKETS


def image_features(image: Any) -> Features:
    """Features of encoded bytes or a decoded picture, float32 [WIDTH], of length 1.

    :raises FormatError: If the bytes are not an image.
    """
    if isinstance(image, bytes):
        return _of_bytes(image)
    return _of_picture(image)


@lru_cache(maxsize=4_096)
def _of_bytes(data: bytes) -> Features:
    try:
        with open_encoded(data) as picture:
            return _of_picture(picture)
    except (ImageDecodeError, OSError, ValueError) as error:
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
    """``part`` scaled to length 1, so that no kind of feature outweighs another."""
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
