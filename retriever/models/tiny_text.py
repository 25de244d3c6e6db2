"""What ``tiny`` reads in a text: its words, pairs of words and pieces of words, hashed into buckets."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from nyxqa.schemas.words import words

# 65,536 buckets: the sample has about 8,000 features, so few share one; a table of weights stays at 256 KiB.
BUCKETS = 1 << 16
# Pieces of three to five letters are where inflected forms of a word agree.
_PIECES = (3, 4, 5)
KINDS = ("word", "pair", "piece")


@dataclass(frozen=True)
class TextFeatures:
    """Features of a text, each once.

    :param buckets: int64 [features].
    :param kinds: int64 [features], place in ``KINDS``.
    :param amounts: float32 [features], 1 + log of how often each stands there.
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
